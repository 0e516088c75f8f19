// Today: every message in full to every peer that asked for gossip, at its implementation's pace.

import * as v from "valibot";
import type { ProtocolFile } from "../protocol.ts";

export default {
  summary: "today: full messages to every peer that asked for them",
  options: v.strictObject({}),
  create: () => ({ start() {} }),
} satisfies ProtocolFile;
