// Resend requests as JSON: what an archive asks a collector to send again, over NATS or in the answer to an HTTP POST.

import * as v from "valibot";
import { errorText } from "../errors.ts";
import type { ResendRequest } from "./batch.ts";
import { BatchFault } from "./fault.ts";

/** Message numbers, and session numbers, in one request, at most; an archive that lacks more asks again. */
export const MAX_RESEND_NUMBERS = 10_000;
/** The longest request, in bytes of JSON: each number takes up to 10 digits and a comma. */
export const MAX_RESEND_REQUEST_BYTES = 256 * 1024;

const numbers = v.pipe(
  v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xffff_ffff))),
  v.maxLength(MAX_RESEND_NUMBERS),
);

const schema: v.GenericSchema<ResendRequest> = v.strictObject({
  epoch: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  messages: numbers,
  sessions: numbers,
});

/** The bytes of a resend request. */
export function encodeResendRequest(request: ResendRequest): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(request));
}

/** Checks a value that JSON gave. @throws {BatchFault} `bad_value` when it is not a resend request. */
export function checkResendRequest(value: unknown): ResendRequest {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "it";
  throw new BatchFault("bad_value", `resend request: ${path}: ${issue.message}`);
}

/** Reads a resend request. @throws {BatchFault} `too_large` or `bad_value` when the bytes are not one. */
export function decodeResendRequest(bytes: Uint8Array): ResendRequest {
  const { length } = bytes;
  if (length > MAX_RESEND_REQUEST_BYTES) {
    const problem = `${length} bytes, ${MAX_RESEND_REQUEST_BYTES} at most`;
    throw new BatchFault("too_large", `resend request: ${problem}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BatchFault("bad_value", `resend request: ${errorText(error)}`, { cause: error });
  }
  return checkResendRequest(value);
}
