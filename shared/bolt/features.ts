// Feature bits (BOLT 9): a bitmap whose last byte holds bits 0 to 7. Bits come in pairs: the even one demands a
// feature, the odd one offers it.

import { BoltFault } from "./fault.ts";

/** An assigned feature. */
export interface Feature {
  /** Its even bit; the odd one is next. */
  readonly bit: number;
  /** Its name in BOLT 9. */
  readonly name: string;
  /** Even bit of the feature that it cannot be without. */
  readonly needs?: number;
}

/** The features that BOLT 9 assigns. */
export const FEATURES: readonly Feature[] = [
  { bit: 0, name: "option_data_loss_protect" },
  { bit: 4, name: "option_upfront_shutdown_script" },
  { bit: 6, name: "gossip_queries" },
  { bit: 8, name: "var_onion_optin" },
  { bit: 10, name: "gossip_queries_ex" },
  { bit: 12, name: "option_static_remotekey" },
  { bit: 14, name: "payment_secret" },
  { bit: 16, name: "basic_mpp", needs: 14 },
  { bit: 18, name: "option_support_large_channel" },
  { bit: 22, name: "option_anchors" },
  { bit: 24, name: "option_route_blinding" },
  { bit: 26, name: "option_shutdown_anysegwit" },
  { bit: 28, name: "option_dual_fund" },
  { bit: 34, name: "option_quiesce" },
  { bit: 36, name: "option_attribution_data" },
  { bit: 38, name: "option_onion_messages" },
  { bit: 42, name: "option_provide_storage" },
  { bit: 44, name: "option_channel_type" },
  { bit: 46, name: "option_scid_alias" },
  { bit: 48, name: "option_payment_metadata" },
  { bit: 50, name: "option_zeroconf", needs: 46 },
  { bit: 60, name: "option_simple_close", needs: 26 },
  { bit: 62, name: "option_splice" },
];

const ASSIGNED = new Set(FEATURES.map((feature) => feature.bit));

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
 *
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

/** Even bits that no feature has: BOLT 1 has their receiver close the connection. */
export function unknownEvenBits(bitmap: Uint8Array): number[] {
  return featureBits(bitmap).filter((bit) => bit % 2 === 0 && !ASSIGNED.has(bit));
}

/** Features that are there without the one they need: BOLT 1 has their receiver close the connection. */
export function missingDependencies(bitmap: Uint8Array): Feature[] {
  return FEATURES.filter(({ bit, needs }) =>
    needs !== undefined && hasFeature(bitmap, bit) && !hasFeature(bitmap, needs)
  );
}
