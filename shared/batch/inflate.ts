// Raw deflate (RFC 1951) back into as many bytes as a header says.
//
// Deno's own `inflateRawSync` is four times as fast as JavaScript, but whenever it throws it keeps its memory, some 27 KB
// a time (Deno 2.9.6): broken batches would fill the archiver's. So after a few of them it is used no more.

import { Inflate } from "fflate";
import { inflateRawSync } from "node:zlib";
import { errorText } from "../errors.ts";
import { BatchFault } from "./fault.ts";

/** So often the native one may fail in a process. */
const MAX_NATIVE_FAILURES = 64;
/** zlib takes no smaller chunk. */
const MIN_CHUNK_BYTES = 64;
/** Inflated at a time: at deflate's most of 1032 to 1, a bomb gets 16 MiB far before it is noticed. */
const CHUNK_BYTES = 16 * 1024;

let nativeFailures = 0;

/**
 * The `length` bytes that `packed` inflates to. Bytes after the end of the stream are passed over.
 * @throws {BatchFault} `bad_compression` when it is not a deflate stream, or inflates to another length.
 */
export function inflate(packed: Uint8Array, length: number): Uint8Array {
  return inflateNatively(packed, length) ?? inflateInScript(packed, length);
}

/** @returns null when it fails, or has failed too often: {@link inflateInScript} knows better why. */
function inflateNatively(packed: Uint8Array, length: number): Uint8Array | null {
  if (nativeFailures >= MAX_NATIVE_FAILURES) return null;
  const chunkSize = Math.max(length, MIN_CHUNK_BYTES);
  try {
    // zlib wants a most of one byte at least.
    const body = inflateRawSync(packed, { chunkSize, maxOutputLength: Math.max(length, 1) });
    // A plain array rather than Node's kind of one.
    if (body.length === length) return new Uint8Array(body.buffer, body.byteOffset, length);
  } catch {
    // Counted below.
  }
  nativeFailures++;
  return null;
}

/** {@link inflate} in JavaScript: what broken streams take is given back. */
export function inflateInScript(packed: Uint8Array, length: number): Uint8Array {
  const body = new Uint8Array(length);
  let at = 0;
  const inflater = new Inflate((chunk) => {
    if (at + chunk.length > length) {
      throw new Error(`it inflates past the ${length} bytes its header says`);
    }
    body.set(chunk, at);
    at += chunk.length;
  });
  try {
    for (let start = 0; start < packed.length; start += CHUNK_BYTES) {
      const end = start + CHUNK_BYTES;
      inflater.push(packed.subarray(start, end), end >= packed.length);
    }
  } catch (error) {
    throw new BatchFault("bad_compression", `batch body: ${errorText(error)}`, { cause: error });
  }
  if (at === length) return body;
  throw new BatchFault(
    "bad_compression",
    `batch body: inflates to ${at} bytes, its header says ${length}`,
  );
}
