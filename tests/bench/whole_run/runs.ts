// The runs that are archived: the real run of 2025-09-26, or its first tenth, and what comes in live after it.

import { REAL_RUN } from "../../simnet/real_run.ts";
import type { PlannedRun } from "../planned_batches.ts";
import { DAY_MS } from "../../../shared/time.ts";

/** So many days ago the run's day is: it and the next one, of the live traffic, are over. */
const DAYS_AGO = 2;
/** How much of the run is taken unless all of it is. */
const PART = 0.1;
/** After its last message a part goes on this long: else a tenth of its deliveries would be cut off. */
const PART_TAIL_SECONDS = 3600;

/** The whole run, or its first tenth, all in one day (UTC). @param now ms since the Unix epoch. */
export function wholeRun(full: boolean, now: number): PlannedRun {
  const seconds = REAL_RUN.seconds * (full ? 1 : PART);
  const day = Math.floor(now / DAY_MS) - DAYS_AGO;
  return {
    collector: "bench",
    startedAt: day * DAY_MS * 1000,
    traffic: {
      seed: "whole run",
      peers: REAL_RUN.peers,
      seconds,
      cutSeconds: full ? seconds : seconds + PART_TAIL_SECONDS,
      peersLeave: true,
    },
  };
}

/** Another collector with peers of its own, on the day after `run`. */
export function liveRun(run: PlannedRun, seconds: number): PlannedRun {
  return {
    collector: "bench-live",
    startedAt: run.startedAt + DAY_MS * 1000,
    traffic: { seed: "live", peers: REAL_RUN.peers, seconds, cutSeconds: seconds },
  };
}
