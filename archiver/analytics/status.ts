// Scheduled analytics in the JSON of `/status`.

import type { Window } from "../../query_results/catalog/parameters.ts";
import type { FinishedRun } from "./results.ts";
import type { RunProgress } from "./run_set.ts";
import { windowName } from "./schedule.ts";
import { isoTime, isoTimeOrNull } from "../../shared/time.ts";

/** A run that ended. Instants are ISO 8601. */
export interface EndedRunStatus {
  readonly window: string;
  /** `done` or `failed`. */
  readonly outcome: "done" | "failed";
  readonly started_at: string;
  readonly seconds: number;
  /** Where its report is; null when it failed. */
  readonly folder: string | null;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** One set. */
export interface SetStatus {
  readonly name: string;
  readonly cron: string;
  /** The run that ended last, in this process or an earlier one; null before the first. */
  readonly last: EndedRunStatus | null;
  /** The run under way; null when there is none. */
  readonly running: {
    readonly window: string;
    readonly started_at: string;
    readonly step: string;
    readonly queries_done: number;
    readonly queries: number;
  } | null;
  /** When it is due next; null when never. */
  readonly next_at: string | null;
  readonly waiting: readonly string[];
  /** Windows that should have been run and will not be, the newest first; `and earlier` where more may be. */
  readonly missed: readonly string[];
  readonly runs: number;
  readonly failures: number;
  readonly seconds: number;
}

/** Scheduled analytics. */
export interface AnalyticsStatus {
  /** Why nothing is run any more until the archiver is started again; null while it is. */
  readonly halted: string | null;
  readonly sets: readonly SetStatus[];
}

/** What is known of a set's runs. */
export interface SetState {
  last: FinishedRun | null;
  running: { readonly window: Window; readonly startedAt: number; progress: RunProgress } | null;
  waiting: readonly Window[];
  missed: readonly string[];
  /** See {@link SetStatus.runs}. */
  runs: number;
  /** See {@link SetStatus.failures}. */
  failures: number;
  /** See {@link SetStatus.seconds}. */
  seconds: number;
}

/** A set's status. @param nextAt when it is due next, in µs since the Unix epoch. */
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

/** An ended run's status. */
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
