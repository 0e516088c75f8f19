/**
 * Rateless invertible Bloom lookup tables per link and interval: coded symbols flow until the difference is found.
 *
 * @module
 */
import * as v from "valibot";
import { CODED_SYMBOL_BYTES } from "../../algorithms/riblt.ts";
import type { ProtocolFile } from "../protocol.ts";
import { type Codec, HEADER_BYTES, ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";
import { wireBytes } from "../simulation.ts";

/** Symbols per difference (measured by reconciliation.md §4 on the reference implementation). */
const MEASURED = [[1, 2], [5, 1.89], [10, 1.46], [50, 1.53], [100, 1.44], [500, 1.39]];
/** Symbols in the first message; each later one doubles what was sent. */
const FIRST_SYMBOLS = 32;
/** Microseconds per coded symbol and end: about ten elements are mixed into each (Yang et al. 2024, figure 9). */
const SYMBOL_US = 1;

/** Mean number of coded symbols until `difference` elements are found, between the measured points. */
export function codedSymbols(difference: number): number {
  if (difference === 0) return 1;
  const above = MEASURED.findIndex(([d]) => d >= difference);
  if (above < 0) return MEASURED.at(-1)![1] * difference;
  const [high, highRatio] = MEASURED[above], [low, lowRatio] = MEASURED[Math.max(0, above - 1)];
  const share = high === low ? 0 : (difference - low) / (high - low);
  return (lowRatio + share * (highRatio - lowRatio)) * difference;
}

const codec: Codec = {
  find(_simulation, _edge, { size }, isBad) {
    const needed = codedSymbols(size.reduce((a, b) => a + b, 0));
    let sent = FIRST_SYMBOLS, ways = 1;
    let sketchBytes = wireBytes(HEADER_BYTES + CODED_SYMBOL_BYTES * sent);
    // Wrong symbols never decode: given up at four times what would have done.
    while (sent < (isBad ? 4 : 1) * needed) {
      sketchBytes += wireBytes(HEADER_BYTES + CODED_SYMBOL_BYTES * sent) + wireBytes(HEADER_BYTES);
      sent *= 2;
      ways += 2;
    }
    return {
      sketchBytes,
      fallbackBytes: 0,
      failed: isBad,
      ways,
      cpuMs: 2 * sent * SYMBOL_US / 1000,
    };
  },
};

export default {
  summary: "RIBLT symbols per link and interval, as many as it takes",
  options: v.strictObject(ROUND_OPTIONS),
  create: (options: RoundOptions) => new Rounds(options, codec),
} satisfies ProtocolFile;
