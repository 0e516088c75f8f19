// Files out of a bucket or off a web server: resumed where they broke off, and in place only when they are whole.

import { dirname } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import type { Bucket } from "../../shared/s3/bucket.ts";
import { reason } from "../../shared/s3/bucket.ts";
import { printable } from "../../shared/text.ts";
import { pause } from "../../shared/waiting.ts";
import { digest, putInPlace, removeFile, sizeOf, sync } from "../days/files.ts";
import { PARTIAL } from "../days/layout.ts";

/** Attempts that bring nothing; one that brings something is not counted. */
const MAX_IDLE_ATTEMPTS = 4;
const RETRY_MS = 500;
/** Without a byte. */
const IDLE_MS = 60_000;
/** Of a file whose size nobody says. */
const MAX_FILE_BYTES = 1024 ** 4;

/** Where days come from. */
export interface DaySource {
  /** As people name it. */
  readonly shown: string;
  /** An object from a byte on; null when there is none. @throws {UserError} in one line. */
  get(key: string, from?: number): Promise<Response | null>;
}

/** Days in a bucket. */
export function bucketSource(bucket: Bucket): DaySource {
  return {
    shown: bucket.shown,
    get: (key, from = 0) => bucket.find(key, { headers: rangeFrom(from) }),
  };
}

/** Days on a web server. @param url of the folder. */
export function webSource(url: string, signal: AbortSignal): DaySource {
  const shown = url.replace(/\/+$/, "");
  return {
    shown,
    async get(key, from = 0) {
      let response: Response;
      try {
        response = await fetch(`${shown}/${key}`, { headers: rangeFrom(from), signal });
      } catch (error) {
        signal.throwIfAborted();
        throw new UserError(`Cannot reach ${shown}: ${reason(error)}`, { cause: error });
      }
      if (response.ok) return response;
      await response.body?.cancel();
      if (response.status === 404) return null;
      throw new UserError(`${shown} answers ${response.status} to ${printable(key)}`);
    },
  };
}

function rangeFrom(from: number): Record<string, string> {
  return from === 0 ? {} : { range: `bytes=${from}-` };
}

export interface Download {
  readonly key: string;
  readonly path: string;
  /** Null: whatever comes. */
  readonly expected: { readonly bytes: number; readonly sha256: string } | null;
  readonly signal: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

/** What a source has is not what was announced. */
export class WrongBytes extends UserError {}

/**
 * Brings a file, unless it is there.
 * @returns false when the source has none.
 * @throws {WrongBytes} when its checksum is another; what came is removed.
 * @throws {UserError} when the source cannot be reached; what came stays for the next call.
 */
export async function download(source: DaySource, file: Download): Promise<boolean> {
  const { key, path, expected, signal, onBytes = () => {} } = file;
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
  source: DaySource,
  { key, path, expected, signal, onBytes = () => {} }: Download,
  partial: string,
  from: number,
): Promise<"whole" | "missing" | "there"> {
  const response = await source.get(key, from);
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
  const reader = response.body?.getReader();
  const begin = at;
  for (;;) {
    const chunk = await nextChunk(reader, signal);
    if (chunk === undefined) break;
    at += chunk.length;
    if (at > most) {
      await reader?.cancel();
      await removeFile(partial);
      throw new WrongBytes(
        `${source.shown}/${key} has more than the ${most} bytes that its index says`,
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

async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new UserError("no byte came for a minute")), IDLE_MS);
  const onAbort = () => late.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return (await Promise.race([reader?.read(), late.promise]))?.value;
  } catch (error) {
    await reader?.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
