/**
 * Range-based reconciliation (negentropy v1) per link and interval.
 *
 * @module
 */
import * as v from "valibot";
import type { ProtocolFile } from "../protocol.ts";
import { type Codec, ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";
import { FRAME_BYTES } from "../simulation.ts";

/** Ranges that a range splits into. */
const BUCKETS = 16;
/** Bytes per range: its bound, mode and 16-byte fingerprint. */
const RANGE_BYTES = 22;
/** Sets below this are listed as ids of 32 bytes. */
const LISTED = 2 * BUCKETS;
const LISTED_BYTES = 32;
/** Elements that both ends have had for long: the mainnet's channels, directed updates and nodes. */
const OLD_ELEMENTS = 140_000;
/** Microseconds per range, when a tree keeps sums. */
const RANGE_US = 1;

/**
 * Bytes and ways when the `difference` lies among the newest of `elements`, as gossip's does: one range per level differs,
 * and one end lists its part of the last. Within 8 % of the three sizes measured in reconciliation.md §4.
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

const codec: Codec = {
  find({ setSize, graph }, edge, { size }, isBad) {
    const node = 3 * graph.source[edge];
    const elements = OLD_ELEMENTS + setSize[node] + setSize[node + 1] + setSize[node + 2];
    const { bytes, ways } = rangeCost(elements, size.reduce((a, b) => a + b, 0));
    const sketchBytes = Math.ceil(bytes) + ways * FRAME_BYTES;
    const cpuMs = 2 * ways * BUCKETS * RANGE_US / 1000;
    return { sketchBytes, fallbackBytes: 0, failed: isBad, ways, cpuMs };
  },
};

export default {
  summary: "range fingerprints per link and interval, split until they agree",
  options: v.strictObject(ROUND_OPTIONS),
  create: (options: RoundOptions) => new Rounds(options, codec),
} satisfies ProtocolFile;
