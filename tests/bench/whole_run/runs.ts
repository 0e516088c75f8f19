/**
 * The runs that are archived: the real run of 2025-09-26, or its first tenth, and what comes in live after it.
 *
 * @module
 */
import { REAL_RUN } from "../../simnet/real_run.ts";
import type { PlannedRun } from "../planned_batches.ts";

/** 2025-09-26 20:31:10 UTC, when the real run began. */
const STARTED_AT = Date.UTC(2025, 8, 26, 20, 31, 10) * 1000;
/** How much of the run is taken unless all of it is. */
const PART = 0.1;
/** After its last message a part goes on this long: else a tenth of its deliveries would be cut off. */
const PART_TAIL_SECONDS = 3600;
/** Between the run and the live traffic. */
const PAUSE_SECONDS = 3600;

/** The whole run, or its first tenth. */
export function wholeRun(full: boolean): PlannedRun {
  const seconds = REAL_RUN.seconds * (full ? 1 : PART);
  return {
    collector: "bench",
    startedAt: STARTED_AT,
    traffic: {
      seed: "whole run",
      peers: REAL_RUN.peers,
      seconds,
      cutSeconds: full ? seconds : seconds + PART_TAIL_SECONDS,
      peersLeave: true,
    },
  };
}

/** Another collector with peers of its own, after `run`. */
export function liveRun(run: PlannedRun, seconds: number): PlannedRun {
  const pause = Math.ceil(run.traffic.cutSeconds!) + PAUSE_SECONDS;
  return {
    collector: "bench-live",
    startedAt: run.startedAt + pause * 1e6,
    traffic: { seed: "live", peers: REAL_RUN.peers, seconds, cutSeconds: seconds },
  };
}
