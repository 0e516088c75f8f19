// Scheduled analytics in the JSON of `/status`.

import type { Window } from "../../query_results/catalog/parameters.ts";
import type { FinishedRun } from "./results.ts";
import type { RunProgress } from "./run_set.ts";
import { windowName } from "./schedule.ts";
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

export interface SetStatus {
  readonly name: string;
  readonly cron: string;
  /** The last finished run, of any process; null before the first. */
  readonly last: EndedRunStatus | null;
  readonly running: {
    readonly window: string;
    readonly started_at: string;
    readonly step: string;
    readonly queries_done: number;
    readonly queries: number;
  } | null;
  readonly next_at: string | null;
  readonly waiting: readonly string[];
  /** Windows that will not be run, the newest first; `and earlier` where more may be. */
  readonly missed: readonly string[];
  readonly runs: number;
  readonly failures: number;
  readonly seconds: number;
}

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

/** A set's status. @param nextAt next due time, µs since the Unix epoch. */
export function setStatus(
  set: { readonly name: string; readonly cron: string },
  state: SetState,
  nextAt: number | null,
): SetStatus {
  const { last, running } = state;
  return {
    name: set.name,
    cron: set.cron,
    last: last && endedRunStatus(last),
    running: running && {
      window: windowName(running.window),
      started_at: isoTime(running.startedAt),
      step: running.progress.step,
      queries_done: running.progress.done,
      queries: running.progress.count,
    },
    next_at: isoTimeOrNull(nextAt),
    waiting: state.waiting.map(windowName),
    missed: state.missed,
    runs: state.runs,
    failures: state.failures,
    seconds: state.seconds,
  };
}

/** A finished run's status. */
export function endedRunStatus(
  { window, startedAt, finishedAt, end }: FinishedRun,
): EndedRunStatus {
  return {
    window: windowName(window),
    outcome: end.outcome,
    started_at: isoTime(startedAt),
    seconds: (finishedAt - startedAt) / 1_000_000,
    folder: end.outcome === "done" ? end.folder : null,
    error: end.outcome === "failed" ? end.error : null,
  };
}
