// Scheduled analytics in the JSON of `/status`.

import type { Window } from "../../query_results/catalog/parameters.ts";
import type { QuerySet } from "./config.ts";
import type { FinishedRun } from "./results.ts";
import type { RunProgress } from "./run_set.ts";
import { nextDue, windowName } from "./schedule.ts";
import { isoTime, isoTimeOrNull } from "../../shared/time.ts";

/** A finished run. Instants are ISO 8601. */
export interface EndedRunStatus {
  readonly window: string;
  readonly outcome: "done" | "failed";
  readonly started_at: string;
  readonly seconds: number;
  readonly folder: string | null;
  readonly error: string | null;
}

export type SetStatus = ReturnType<typeof setStatus>;

export interface AnalyticsStatus {
  /** Why nothing runs until the archiver restarts; null while it does. */
  readonly halted: string | null;
  readonly sets: readonly SetStatus[];
}

export interface SetState {
  last: FinishedRun | null;
  running: { readonly window: Window; readonly startedAt: number; progress: RunProgress } | null;
  waiting: readonly Window[];
  missed: readonly string[];
  runs: number;
  failures: number;
  seconds: number;
}

/** The status of some sets. @param now µs since the Unix epoch. */
export function analyticsStatus(
  halted: string | null,
  sets: readonly { readonly set: QuerySet; readonly state: SetState }[],
  now: number,
): AnalyticsStatus {
  return { halted, sets: sets.map(({ set, state }) => setStatus(set, state, now)) };
}

function setStatus(set: QuerySet, state: SetState, now: number) {
  const { last, running, waiting, missed, runs, failures, seconds } = state;
  return {
    name: set.name,
    cron: set.cron,
    /** The last finished run, of any process; null before the first. */
    last: last && endedRunStatus(last),
    running: running && {
      window: windowName(running.window),
      started_at: isoTime(running.startedAt),
      step: running.progress.step,
      queries_done: running.progress.done,
      queries: running.progress.count,
    },
    next_at: isoTimeOrNull(nextDue(set, now)),
    waiting: waiting.map(windowName),
    /** Windows that will not be run, the newest first; `and earlier` where more may be. */
    missed,
    ...{ runs, failures, seconds },
  };
}

/** A finished run's status. */
export function endedRunStatus(run: FinishedRun): EndedRunStatus {
  const { window, startedAt, finishedAt, end } = run;
  return {
    window: windowName(window),
    outcome: end.outcome,
    started_at: isoTime(startedAt),
    seconds: (finishedAt - startedAt) / 1_000_000,
    folder: end.outcome === "done" ? end.folder : null,
    error: end.outcome === "failed" ? end.error : null,
  };
}
