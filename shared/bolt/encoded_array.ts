// The arrays in BOLT 7's query messages: an encoding byte, then the items. Only encoding 0, uncompressed, may be
// used; encoding 1 was zlib and is refused unread, so no peer can make us inflate anything.

import { readBigSize, writeBigSize } from "./bigsize.ts";
import { BoltFault } from "./fault.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const UNCOMPRESSED = 0;
const ZLIB = 1;

/** Two values of one channel: of node 1's channel_update and of node 2's; 0 where there is none. */
export type UpdatePair = readonly [number, number];

/** Reads the encoding byte, which an empty field may lack. @throws {BoltFault} `compressed` for zlib, `unknown_encoding` for any other but 0. */
function readEncoding(reader: Reader): void {
  if (reader.remaining === 0) return;
  const encoding = reader.u8();
  if (encoding === ZLIB) {
    throw new BoltFault("compressed", "array encoding 1 (zlib) must not be used; 0 should be");
  }
  if (encoding !== UNCOMPRESSED) {
    throw new BoltFault("unknown_encoding", `array encoding ${encoding}; 0 should be used`);
  }
}

/**
 * Reads `encoded_short_ids` after its u16 length. Their order is not checked.
 * @throws {BoltFault} also `truncated` when they are not a whole number of scids.
 */
export function readScids(reader: Reader): bigint[] {
  const list = new Reader(reader.sized16(), "encoded_short_ids");
  readEncoding(list);
  const scids: bigint[] = [];
  while (list.remaining > 0) scids.push(list.u64());
  return scids;
}

/** Writes `encoded_short_ids` after its u16 length. */
export function writeScids(writer: Writer, scids: readonly bigint[]): void {
  const list = new Writer("encoded_short_ids");
  list.u8(UNCOMPRESSED);
  for (const scid of scids) list.u64(scid);
  writer.sized16(list.finish());
}

/**
 * Reads a BigSize meant as a set of flags.
 * @throws {BoltFault} `out_of_range` above 2^53 - 1: BOLT 7 assigns five bits.
 */
export function readFlags(reader: Reader): number {
  const flags = readBigSize(reader);
  if (flags > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new BoltFault("out_of_range", `flags ${flags} should be below 2^53`);
  }
  return Number(flags);
}

/** Writes flags as a BigSize. */
export function writeFlags(writer: Writer, flags: number): void {
  if (!Number.isSafeInteger(flags) || flags < 0) {
    throw new BoltFault("out_of_range", `flags ${flags} should be an integer from 0 to 2^53 - 1`);
  }
  writeBigSize(writer, BigInt(flags));
}

/** Reads `encoded_query_flags` to the end of the field. */
export function readFlagList(reader: Reader): number[] {
  readEncoding(reader);
  const flags: number[] = [];
  while (reader.remaining > 0) flags.push(readFlags(reader));
  return flags;
}

/** Writes `encoded_query_flags`. */
export function writeFlagList(writer: Writer, flags: readonly number[]): void {
  writer.u8(UNCOMPRESSED);
  for (const each of flags) writeFlags(writer, each);
}

/** Reads pairs of u32 to the end of the field; `encoded`: whether an encoding byte comes first. */
export function readPairs(reader: Reader, encoded: boolean): UpdatePair[] {
  if (encoded) readEncoding(reader);
  const pairs: UpdatePair[] = [];
  while (reader.remaining > 0) pairs.push([reader.u32(), reader.u32()]);
  return pairs;
}

/** Writes pairs of u32, after an encoding byte when `encoded`. */
export function writePairs(writer: Writer, pairs: readonly UpdatePair[], encoded: boolean): void {
  if (encoded) writer.u8(UNCOMPRESSED);
  for (const [one, two] of pairs) {
    writer.u32(one);
    writer.u32(two);
  }
}

/** Holds a list against its scids. @throws {BoltFault} `count_mismatch` unless there is one item for each. */
export function checkCount(what: string, count: number, scids: number): void {
  if (count !== scids) {
    throw new BoltFault("count_mismatch", `${count} ${what} for ${scids} scids; as many should be`);
  }
}
