// What to do about a segment that is damaged in its midst. After a damaged length it is unknown where records begin: a
// guess could take for a record what a peer put into a message. So what follows is not delivered, but kept.

import { RECORD_HEADER_BYTES, recordBatch, recordLength } from "./record.ts";

/** Bytes searched after the damage: a segment of the usual size. */
export const MAX_SEARCHED_BYTES: number = 16 * 1024 * 1024;
/** Bytes summed up on the way, in a fraction of a second; only a forgery needs more. */
const MAX_SUMMED_BYTES = 512 * 1024 * 1024;
/** Damaged files kept beside the spool, which its cap does not count; the first ones, for one cause mostly harms many. */
const MAX_KEPT_FILES = 4;
const KEPT_SUFFIX = ".damaged";

/** Whether a whole record stands, or may stand, anywhere in the bytes: the torn end of a last write holds none. */
export function holdsRecord(bytes: Uint8Array): boolean {
  let summed = 0;
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; at++) {
    const length = recordLength(bytes.subarray(at, at + RECORD_HEADER_BYTES));
    if (length === null || at + length > bytes.length) continue;
    summed += length;
    const isRecord = recordBatch(bytes.subarray(at, at + length)) !== null;
    if (isRecord || summed > MAX_SUMMED_BYTES) return true;
  }
  return false;
}

/** Copies a damaged file beside itself; its path, or null when enough are kept. Throws what the file system throws. */
export function keepDamaged(path: string): string | null {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const kept = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(KEPT_SUFFIX));
  if (kept.length >= MAX_KEPT_FILES) return null;
  Deno.copyFileSync(path, path + KEPT_SUFFIX);
  return path + KEPT_SUFFIX;
}
