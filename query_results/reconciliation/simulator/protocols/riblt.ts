// Rateless invertible Bloom lookup tables per link and interval: coded symbols flow until the difference is found.

import {
  CODED_SYMBOL_BYTES,
  codedSymbols,
  HEADER_BYTES,
  wireBytes,
} from "../../algorithms/wire.ts";
import * as v from "valibot";
import type { ProtocolFile } from "../protocol.ts";
import { type Codec, idsOfBoth, ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";

/** Symbols in the first message; each later one doubles what was sent. */
const FIRST_SYMBOLS = 32;
/** Microseconds per coded symbol and end: about ten elements are mixed into each (Yang et al. 2024, figure 9). */
const SYMBOL_US = 1;

const codec: Codec = {
  find(_simulation, _edge, difference, isBad) {
    const { size } = difference;
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
      fallbackBytes: isBad ? idsOfBoth(difference) : 0,
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
