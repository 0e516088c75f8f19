// A sketch per link and interval, nothing else (but own messages in full, where asked for).

import * as v from "valibot";
import type { ProtocolFile } from "../protocol.ts";
import { ROUND_OPTIONS, type RoundOptions, Rounds } from "../rounds.ts";
import { SKETCH_OPTIONS, SketchCodec, type SketchOptions } from "../sketch_codec.ts";

export default {
  summary: "a sketch per link and interval",
  options: v.strictObject({ ...ROUND_OPTIONS, ...SKETCH_OPTIONS }),
  create: (options: RoundOptions & SketchOptions) => new Rounds(options, new SketchCodec(options)),
} satisfies ProtocolFile;
