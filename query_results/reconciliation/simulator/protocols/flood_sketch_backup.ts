// Flooding as today, with sketches that find what it missed: for partitions rather than for bandwidth.

import * as v from "valibot";
import { duration } from "../../../../shared/config.ts";
import type { ProtocolFile } from "../protocol.ts";
import { ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";
import { SKETCH_OPTIONS, SketchCodec, type SketchOptions } from "../sketch_codec.ts";

export default {
  summary: "flooding as today, and a sketch now and then as a backup",
  options: v.strictObject({
    ...ROUND_OPTIONS,
    ...SKETCH_OPTIONS,
    interval: v.optional(duration(1000, 86_400_000), "10m"),
  }),
  create: (options: RoundOptions & SketchOptions) =>
    new Rounds(options, new SketchCodec(options), () => {}),
} satisfies ProtocolFile;
