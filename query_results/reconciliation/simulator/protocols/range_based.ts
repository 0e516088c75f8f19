// Range-based reconciliation (negentropy v1) per link and interval.

import { BUCKETS, FRAME_BYTES, OLD_ELEMENTS, rangeCost } from "../../algorithms/wire.ts";
import * as v from "valibot";
import type { ProtocolFile } from "../protocol.ts";
import { type Codec, idsOfBoth, ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";

/** Microseconds per range, when a tree keeps sums. */
const RANGE_US = 1;

const codec: Codec = {
  find({ setSize, graph }, edge, difference, isBad) {
    const { size } = difference;
    const node = 3 * graph.source[edge];
    const elements = OLD_ELEMENTS + setSize[node] + setSize[node + 1] + setSize[node + 2];
    const { bytes, ways } = rangeCost(elements, size.reduce((a, b) => a + b, 0));
    const sketchBytes = Math.ceil(bytes) + ways * FRAME_BYTES;
    const cpuMs = 2 * ways * BUCKETS * RANGE_US / 1000;
    return {
      sketchBytes,
      fallbackBytes: isBad ? idsOfBoth(difference) : 0,
      failed: isBad,
      ways,
      cpuMs,
    };
  },
};

export default {
  summary: "range fingerprints per link and interval, split until they agree",
  options: v.strictObject(ROUND_OPTIONS),
  create: (options: RoundOptions) => new Rounds(options, codec),
} satisfies ProtocolFile;
