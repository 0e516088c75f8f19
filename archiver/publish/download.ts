// Files out of a bucket or off a web server: resumed where they broke off, and in place only when they are whole.

import { dirname } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { type Bucket, S3Refusal } from "../../shared/s3/bucket.ts";
import { pause } from "../../shared/waiting.ts";
import { digest, putInPlace, removeFile, sizeOf, sync } from "../days/files.ts";
import { PARTIAL } from "../days/layout.ts";

/** Attempts that bring nothing; one that brings something is not counted. */
const MAX_IDLE_ATTEMPTS = 4;
const RETRY_MS = 500;
const RANGE_REFUSED = 416;
/** Of a file whose size nobody says. */
const MAX_FILE_BYTES = 1024 ** 4;

export interface Download {
  readonly key: string;
  readonly path: string;
  /** Null: whatever comes. */
  readonly expected: { readonly bytes: number; readonly sha256: string } | null;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/** What a source has is not what was announced. */
export class WrongBytes extends UserError {}

/**
 * Brings a file, unless it is there.
 * @returns false when the source has none.
 * @throws {WrongBytes} when its checksum is another; what came is removed.
 * @throws {UserError} when the source cannot be reached; what came stays for the next call.
 */
export async function download(source: Bucket, file: Download): Promise<boolean> {
  const { key, path, expected, signal, onBytes } = file;
  if (expected !== null && await isSame(path, expected, signal)) {
    onBytes(expected.bytes);
    return true;
  }
  await Deno.mkdir(dirname(path), { recursive: true });
  const partial = path + PARTIAL;
  onBytes(await sizeOf(partial) ?? 0);
  for (let idle = 0;;) {
    signal.throwIfAborted();
    const from = await sizeOf(partial) ?? 0;
    if (expected !== null && from === expected.bytes) break;
    const attempt = await receive(source, file, partial, from).catch((error) => ({ error }));
    if (attempt === "missing") return false;
    if (attempt === "there") return true;
    if (attempt === "whole") break;
    signal.throwIfAborted();
    if (attempt.error instanceof WrongBytes) throw attempt.error;
    idle = (await sizeOf(partial) ?? 0) > from ? 0 : idle + 1;
    if (idle >= MAX_IDLE_ATTEMPTS) throw attempt.error;
    await pause(systemClock, RETRY_MS * 2 ** idle, signal);
  }
  if (expected !== null && !await isSame(partial, expected, signal)) {
    await removeFile(partial);
    throw new WrongBytes(
      `${source.shown}/${key} is not the file that its index names: its SHA-256 is another; fetch it again, and if ` +
        "that does not help, tell its publisher",
    );
  }
  await sync(partial);
  await putInPlace(partial, path);
  return true;
}

async function isSame(
  path: string,
  { bytes, sha256 }: { readonly bytes: number; readonly sha256: string },
  signal: AbortSignal,
): Promise<boolean> {
  return await sizeOf(path) === bytes && (await digest(path, signal)).sha256 === sha256;
}

/** One attempt. `there`: a file of unknown checksum has the source's size already. */
async function receive(
  source: Bucket,
  { key, path, expected, onBytes }: Download,
  partial: string,
  from: number,
): Promise<"whole" | "missing" | "there"> {
  const headers: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-` };
  const response = await source.find(key, { headers }).catch(async (error) => {
    if (!(error instanceof S3Refusal && error.status === RANGE_REFUSED)) throw error;
    // What came so far is as long as the file, or longer: it was another.
    await removeFile(partial);
    if (expected === null) throw error;
    throw new WrongBytes(
      `${source.shown}/${key} has fewer than the ${expected.bytes} bytes that its index says; tell its publisher`,
    );
  });
  if (response === null) return "missing";
  const length = Number(response.headers.get("content-length") ?? NaN);
  if (expected === null && from === 0 && await sizeOf(path) === length) {
    await response.body?.cancel();
    return "there";
  }
  // A server that knows no ranges sends all of it.
  const isRest = from > 0 && response.status === 206;
  const most = expected?.bytes ?? MAX_FILE_BYTES;
  using out = await Deno.open(partial, { write: true, create: true, truncate: !isRest });
  let at = isRest ? await out.seek(0, Deno.SeekMode.End) : 0;
  const begin = at;
  for await (const chunk of response.body ?? []) {
    at += chunk.length;
    if (at > most) {
      await removeFile(partial);
      throw new WrongBytes(
        `${source.shown}/${key} has more than the ${most} bytes that its index says; tell its publisher`,
      );
    }
    for (let written = 0; written < chunk.length;) {
      written += await out.write(chunk.subarray(written));
    }
    onBytes(chunk.length);
  }
  const isWhole = expected !== null
    ? at === expected.bytes
    : Number.isNaN(length) || at - begin === length;
  if (isWhole) return "whole";
  throw new UserError(`${source.shown}/${key} broke off after ${at} bytes`);
}
