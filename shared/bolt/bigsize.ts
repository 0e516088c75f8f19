// BigSize (BOLT 1): an unsigned 64-bit integer in 1, 3, 5 or 9 bytes, big-endian, always in the fewest.

import { BoltFault } from "./fault.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Reads one BigSize. @throws {BoltFault} `truncated`, or `not_minimal` when fewer bytes would have held the value. */
export function readBigSize(reader: Reader): bigint {
  const first = reader.u8();
  if (first < 0xfd) return BigInt(first);
  const [value, least] = first === 0xfd
    ? [BigInt(reader.u16()), 0xfdn]
    : first === 0xfe
    ? [BigInt(reader.u32()), 0x10000n]
    : [reader.u64(), 0x100000000n];
  if (value < least) {
    throw new BoltFault("not_minimal", `BigSize ${value} is not in its shortest form`);
  }
  return value;
}

/** Writes one BigSize. @throws {BoltFault} `out_of_range` unless 0 ≤ value < 2^64. */
export function writeBigSize(writer: Writer, value: bigint): void {
  if (value < 0xfdn) {
    writer.u8(Number(value));
  } else if (value < 0x10000n) {
    writer.u8(0xfd);
    writer.u16(Number(value));
  } else if (value < 0x100000000n) {
    writer.u8(0xfe);
    writer.u32(Number(value));
  } else {
    writer.u8(0xff);
    writer.u64(value);
  }
}
