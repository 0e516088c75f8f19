// A parser with a mistake in it, which the fuzzer must find: else it is blind.

import type { Target } from "../target.ts";

/** Type-length-value records of which one kind is read past its end. */
export const canary: Target = {
  name: "canary",
  corpus: [Uint8Array.of(1, 2, 10, 20, 2, 1, 30, 3, 0)],
  maxBytes: 64,
  run(input) {
    let kinds = "";
    for (let at = 0; at < input.length;) {
      if (at + 2 > input.length) return "truncated";
      const kind = input[at];
      const length = input[at + 1];
      const value = input.subarray(at + 2, at + 2 + length);
      // The mistake: kind 3 is believed to be as long as it says.
      if (kind !== 3 && value.length < length) return "truncated";
      if (kind === 3 && length > 1 && kinds.endsWith("2121")) {
        new DataView(value.buffer, value.byteOffset, value.length).getUint8(length - 1);
      }
      kinds += kind < 4 ? kind : "";
      at += 2 + length;
    }
    return `ok ${kinds.slice(-4)}`;
  },
};
