// All that `deno task fuzz` tries.

import type { Target } from "../target.ts";
import {
  batchTarget,
  bodyTarget,
  digestTarget,
  eventsTarget,
  heartbeatTarget,
  journalTarget,
  resendRequestTarget,
} from "./batches.ts";
import { initTarget, messageTargets } from "./messages.ts";
import { nameTarget } from "./names.ts";
import { nodeLogTargets } from "./node_logs.ts";
import { framesTarget, handshakeTarget, transportTarget } from "./noise.ts";
import {
  postgresArrayTarget,
  postgresMessagesTarget,
  postgresOpeningTarget,
  postgresScramTarget,
} from "./postgres.ts";
import { codedSymbolsTarget, rangeTarget, sketchTarget } from "./reconciliation.ts";
import { indexTarget, s3AnswerTarget } from "./published.ts";
import { segmentTarget } from "./segment.ts";
import { wishTarget } from "./wishes.ts";

/** Makes all targets but the canary; their files are in `dir`, which is there. */
export function allTargets(dir: string): Target[] {
  return [
    handshakeTarget(),
    framesTarget(),
    transportTarget(),
    initTarget(),
    ...messageTargets(),
    ...nodeLogTargets(),
    nameTarget(),
    batchTarget(),
    bodyTarget(),
    digestTarget(),
    eventsTarget(),
    journalTarget(),
    segmentTarget(dir),
    resendRequestTarget(),
    heartbeatTarget(),
    postgresOpeningTarget(),
    postgresMessagesTarget(),
    postgresScramTarget(),
    postgresArrayTarget(),
    wishTarget(),
    sketchTarget(),
    codedSymbolsTarget(),
    rangeTarget(),
    indexTarget(),
    s3AnswerTarget(),
  ];
}
