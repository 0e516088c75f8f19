// Feature bits (BOLT 9): a bitmap whose last byte holds bits 0 to 7. Bits come in pairs: the even one demands a
// feature, the odd one offers it.

import { BoltFault } from "./fault.ts";

/** Highest bit that a bitmap after a u16 length can have. */
const MAX_BIT = 65_535 * 8 - 1;

/** Whether a bit is set. */
export function hasBit(bitmap: Uint8Array, bit: number): boolean {
  const byte = bitmap.length - 1 - (bit >>> 3);
  return byte >= 0 && (bitmap[byte] >> (bit & 7) & 1) === 1;
}

/** Whether a feature is offered or demanded, named by either bit of its pair. */
export function hasFeature(bitmap: Uint8Array, bit: number): boolean {
  return hasBit(bitmap, bit & ~1) || hasBit(bitmap, bit | 1);
}

/** The bits that are set, ascending. */
export function featureBits(bitmap: Uint8Array): number[] {
  const bits: number[] = [];
  for (let byte = bitmap.length - 1, first = 0; byte >= 0; byte--, first += 8) {
    for (let i = 0; i < 8; i++) {
      if (bitmap[byte] >> i & 1) bits.push(first + i);
    }
  }
  return bits;
}

/**
 * The shortest bitmap with just these bits.
 * @throws {BoltFault} `out_of_range` for a bit that no bitmap on the wire has room for.
 */
export function featureBitmap(bits: readonly number[]): Uint8Array<ArrayBuffer> {
  const highest = bits.reduce((a, b) => Math.max(a, b), -1);
  if (highest > MAX_BIT || bits.some((bit) => !Number.isInteger(bit) || bit < 0)) {
    throw new BoltFault("out_of_range", `feature bits should be integers from 0 to ${MAX_BIT}`);
  }
  const bitmap = new Uint8Array(Math.ceil((highest + 1) / 8));
  for (const bit of bits) bitmap[bitmap.length - 1 - (bit >>> 3)] |= 1 << (bit & 7);
  return bitmap;
}

/** Two bitmaps or-ed, as init's two are; as long as the longer one. */
export function combineFeatures(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const combined = new Uint8Array(Math.max(a.length, b.length));
  combined.set(a, combined.length - a.length);
  const start = combined.length - b.length;
  for (let i = 0; i < b.length; i++) combined[start + i] |= b[i];
  return combined;
}
