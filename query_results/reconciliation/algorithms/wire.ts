// What protocols cost on the wire.

/** BOLT 8: an encrypted length with its tag, 18 bytes, and the tag of the message, 16. */
export const FRAME_BYTES = 34;
/** A message's longest payload (BOLT 1). */
export const MAX_MESSAGE_BYTES = 65_535;

/** Bytes on the wire of one message, or of several where `payload` is longer than one may be. */
export function wireBytes(payload: number): number {
  return payload + FRAME_BYTES * Math.max(1, Math.ceil(payload / MAX_MESSAGE_BYTES));
}

/** Bytes of an id on the wire. */
export const ID_BYTES = 8;
/** A request, a sketch: type, kind, count and set size. */
export const HEADER_BYTES = 9;
/** RIBLT's coded symbol: sum, hash, and one byte for how far the count is from its expected value. */
export const CODED_SYMBOL_BYTES = 17;

/** Symbols per difference (measured on the reference implementation). */
const MEASURED_SYMBOLS = [[1, 2], [5, 1.89], [10, 1.46], [50, 1.53], [100, 1.44], [500, 1.39]];
/** Ranges that a range splits into. */
export const BUCKETS = 16;
/** Bytes per range: its bound, mode and 16-byte fingerprint. */
const RANGE_BYTES = 22;
/** Sets below this are listed as ids of 32 bytes. */
const LISTED = 2 * BUCKETS;
const LISTED_BYTES = 32;
/** Elements that both ends have had for long: the mainnet's channels, directed updates and nodes. */
export const OLD_ELEMENTS = 140_000;
/** Mean number of coded symbols until `difference` elements are found, between the measured points. */
export function codedSymbols(difference: number): number {
  if (difference === 0) return 1;
  const above = MEASURED_SYMBOLS.findIndex(([d]) => d >= difference);
  if (above < 0) return MEASURED_SYMBOLS.at(-1)![1] * difference;
  const [high, highRatio] = MEASURED_SYMBOLS[above],
    [low, lowRatio] = MEASURED_SYMBOLS[Math.max(0, above - 1)];
  const share = high === low ? 0 : (difference - low) / (high - low);
  return (lowRatio + share * (highRatio - lowRatio)) * difference;
}

/**
 * Bytes and ways when the `difference` lies among the newest of `elements`, as gossip's does: one range per level differs,
 * and one end lists its part of the last. Within 8 % of the three sizes measured on the reference implementation.
 */
export function rangeCost(elements: number, difference: number): { bytes: number; ways: number } {
  let bytes = BUCKETS * RANGE_BYTES, ways = 1, inRange = elements / BUCKETS;
  if (difference === 0) return { bytes, ways };
  for (; inRange > LISTED; inRange /= BUCKETS) {
    bytes += BUCKETS * RANGE_BYTES;
    ways++;
  }
  return { bytes: bytes + LISTED_BYTES * Math.max(inRange, 0.625 * difference), ways: ways + 1 };
}
