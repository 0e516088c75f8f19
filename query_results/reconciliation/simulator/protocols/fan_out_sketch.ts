// Erlay's shape: messages in full on a few links of each node, sketches on all.

import * as v from "valibot";
import { integer } from "../../../../shared/config.ts";
import { FLOOD, type ProtocolFile } from "../protocol.ts";
import { quietLinks, ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";
import { SKETCH_OPTIONS, SketchCodec, type SketchOptions } from "../sketch_codec.ts";

export default {
  summary: "full messages on a few links per node, sketches on all",
  options: v.strictObject({
    ...ROUND_OPTIONS,
    ...SKETCH_OPTIONS,
    /** Links per node that it floods on. */
    fan_out: v.optional(integer(0, 1000), 2),
  }),
  create: (options: RoundOptions & SketchOptions & { fan_out: number }) => {
    const flooded = new Map<number, number>();
    const quiet = quietLinks(options);
    return new Rounds(options, new SketchCodec(options), (simulation, edge, back) => {
      quiet(simulation, edge, back);
      for (const out of [edge, back]) {
        const node = simulation.graph.source[out];
        const links = flooded.get(node) ?? 0;
        if (links >= options.fan_out) continue;
        flooded.set(node, links + 1);
        simulation.mode[out] = FLOOD;
      }
    });
  },
} satisfies ProtocolFile;
