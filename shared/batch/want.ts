/**
 * Wants as JSON: what an archive asks a collector to tell again, over NATS or in the answer to an HTTP POST.
 *
 * @module
 */
import * as v from "valibot";
import { errorText } from "../errors.ts";
import type { Want } from "./batch.ts";
import { BatchFault } from "./fault.ts";

/** Message numbers, and session numbers, in one want, at most; an archive that wants more asks again. */
export const MAX_WANT_NUMBERS = 10_000;
/** The longest want, in bytes of JSON: each number takes up to 10 digits and a comma. */
export const MAX_WANT_BYTES = 256 * 1024;

const numbers = v.pipe(
  v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xffff_ffff))),
  v.maxLength(MAX_WANT_NUMBERS),
);

const wantSchema: v.GenericSchema<Want> = v.strictObject({
  epoch: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  messages: numbers,
  sessions: numbers,
});

/** The bytes of a want. */
export function encodeWant(want: Want): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(want));
}

/** Checks a value that JSON gave. @throws {BatchFault} `bad_value` when it is no want. */
export function checkWant(value: unknown): Want {
  const result = v.safeParse(wantSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new BatchFault("bad_value", `want: ${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}

/** Reads a want. @throws {BatchFault} `too_large` or `bad_value` when the bytes are none. */
export function decodeWant(bytes: Uint8Array): Want {
  if (bytes.length > MAX_WANT_BYTES) {
    throw new BatchFault("too_large", `want: ${bytes.length} bytes, ${MAX_WANT_BYTES} at most`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BatchFault("bad_value", `want: ${errorText(error)}`, { cause: error });
  }
  return checkWant(value);
}
