// The draft extension BOLT "Minisketch Gossip": three sketches of 64-bit elements every 30 s per peer, own messages in full
// to direct peers, one update per channel direction and block.

import type { ProtocolFile } from "../protocol.ts";
import sketch from "./sketch.ts";

export default {
  ...sketch,
  summary: "the draft BOLT: sketches of k + D + c, own messages flooded, one update per block",
  onePerBlock: true,
} satisfies ProtocolFile;
