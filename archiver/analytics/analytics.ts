// Runs sets of queries when they are due, one run at a time. What was missed is made up for, the newest first; what is
// too long ago is told.

import type { Window } from "../../query_results/catalog/parameters.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { pause } from "../../shared/waiting.ts";
import { dayStart } from "../../shared/time.ts";
import { firstLine } from "../intake/failure.ts";
import type { AnalyticsConfig, QuerySet } from "./config.ts";
import { pruneReports, type ReportRun, tidyReports } from "./folders.ts";
import {
  type FinishedRun,
  isArriving,
  readKnownWindows,
  readLastRun,
  readReportRuns,
  type RunReader,
} from "./results.ts";
import { checkRights, WorkerHung } from "./query_worker.ts";
import { type RunDependencies, runSet, tidyWork } from "./run_set.ts";
import { nextDue, planRuns, windowAt, windowKey, windowName } from "./schedule.ts";
import { type AnalyticsStatus, type SetState, setStatus } from "./status.ts";

/** The longest that is waited before what is due is looked at again. */
const MAX_REST_MILLISECONDS = 3_600_000;
/** How often a window whose receipts still come in is looked at, and how long it waits at most. */
const HOLD_MILLISECONDS = 30_000;
const MAX_HOLD_MICROSECONDS = 3_600_000_000;
/** After the archive could not be read. */
const RETRY_MILLISECONDS = 60_000;

const log = logger("archiver", "analytics");

/** Why a run on demand does not begin; its user can mend it. */
export class AnalyticsRefusal extends Error {
  override readonly name = "AnalyticsRefusal";
}

/** What scheduled analytics need of the world. */
export interface AnalyticsDependencies extends RunDependencies {
  readonly store: RunDependencies["store"] & RunReader;
}

/** A set and what is known of its runs. */
interface Scheduled {
  readonly set: QuerySet;
  readonly state: SetState;
  /** Windows that were tried since {@link triedSince}: they are tried again when the set is due again. */
  readonly tried: Set<string>;
  triedSince: number | null;
}

/** A run that is due. */
interface Due {
  readonly scheduled: Scheduled;
  readonly window: Window;
}

/** Scheduled analytics that are running. Disposing stops the run under way. */
export class Analytics implements AsyncDisposable {
  readonly #config: AnalyticsConfig;
  readonly #dependencies: AnalyticsDependencies;
  readonly #sets: readonly Scheduled[];
  readonly #stop = new AbortController();
  #current: Promise<unknown> | null = null;
  #halted: string | null = null;
  #held: { readonly key: string; readonly since: number } | null = null;
  #loop: Promise<void> = Promise.resolve();

  private constructor(
    config: AnalyticsConfig,
    dependencies: AnalyticsDependencies,
    sets: readonly Scheduled[],
  ) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#sets = sets;
  }

  /**
   * Clears up what a process that was ended half way left, and begins.
   *
   * @throws {UserError} when a folder that the config names cannot be used, or the worker's source not be read.
   * @throws {Error} when the archive cannot be read.
   */
  static async start(
    config: AnalyticsConfig,
    dependencies: AnalyticsDependencies,
  ): Promise<Analytics> {
    const sets = await Promise.all(config.sets.map(async (set): Promise<Scheduled> => {
      const last = await readLastRun(dependencies.store, set.name);
      const counts = { runs: 0, failures: 0, seconds: 0 };
      const state = { last, running: null, waiting: [], missed: [], ...counts };
      return { set, state, tried: new Set(), triedSince: null };
    }));
    const analytics = new Analytics(config, dependencies, sets);
    if (sets.length > 0) {
      await checkRights();
      await tidy(config, dependencies.store);
      analytics.#loop = analytics.#run();
    }
    return analytics;
  }

  status(): AnalyticsStatus {
    const now = this.#dependencies.clock.now();
    return {
      halted: this.#halted,
      sets: this.#sets.map(({ set, state }) => setStatus(set, state, nextDue(set, now))),
    };
  }

  /**
   * Runs a set now, whether its window was done before or not.
   *
   * @param day the window's first day, `YYYY-MM-DD`; when it is absent, the window that would be due now.
   * @throws {AnalyticsRefusal} when there is no such set or day, or a run is under way.
   * @throws {Error} when the archiver stops meanwhile.
   */
  async runNow(name: string, day?: string): Promise<FinishedRun> {
    const scheduled = this.#sets.find(({ set }) => set.name === name);
    if (scheduled === undefined) {
      const names = this.#sets.map(({ set }) => set.name).join(", ") || "none";
      throw new AnalyticsRefusal(
        `there is no such set; analytics.sets of the config has: ${names}`,
      );
    }
    const now = this.#dependencies.clock.now();
    const window = day === undefined
      ? windowAt(scheduled.set, now)
      : windowOfDay(scheduled.set, day, now);
    return await this.#start(scheduled, window);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the archiver stops"));
    await this.#loop;
    await this.#current;
  }

  async #run(): Promise<void> {
    const { clock } = this.#dependencies;
    const { signal } = this.#stop;
    const { settle } = this.#config;
    if (settle > 0) await pause(clock, settle, signal);
    while (!signal.aborted && this.#halted === null) {
      try {
        await this.#current;
        const next = await this.#plan();
        if (next === null) await clock.sleep(this.#restMilliseconds(), signal);
        else if (await this.#isHeld(next)) await clock.sleep(HOLD_MILLISECONDS, signal);
        else await this.#start(next.scheduled, next.window);
      } catch (error) {
        if (signal.aborted || this.#halted !== null) return;
        if (error instanceof AnalyticsRefusal) continue;
        log.warning("Cannot run what is due, trying again: {error}", { error: firstLine(error) });
        await pause(clock, RETRY_MILLISECONDS, signal);
      }
    }
  }

  /** Whether a run should wait because its window's receipts still come in. */
  async #isHeld({ scheduled: { set }, window }: Due): Promise<boolean> {
    const { store, clock } = this.#dependencies;
    const key = `${set.name} ${windowKey(window)}`;
    if (!await isArriving(store, window, clock.now())) return false;
    if (this.#held?.key !== key) {
      this.#held = { key, since: clock.now() };
      const what = { set: set.name, window: windowName(window) };
      log.info("{set} {window}: waits for receipts that still come in", what);
    }
    return clock.now() - this.#held.since < MAX_HOLD_MICROSECONDS;
  }

  #restMilliseconds(): number {
    const now = this.#dependencies.clock.now();
    const due = this.#sets.map(({ set }) => nextDue(set, now) ?? Infinity);
    return Math.min(MAX_REST_MILLISECONDS, (Math.min(...due) - now) / 1000);
  }

  async #plan(): Promise<Due | null> {
    const { store, clock } = this.#dependencies;
    for (const scheduled of this.#sets) {
      const { set, state, tried } = scheduled;
      const known = await readKnownWindows(store, set.name);
      const plan = planRuns(set, known, clock.now(), this.#config.catch_up);
      if (plan.dueAt !== scheduled.triedSince) {
        scheduled.triedSince = plan.dueAt;
        tried.clear();
      }
      state.waiting = plan.due.filter((window) => !tried.has(windowKey(window)));
      const missed = plan.missed.filter((name) => !state.missed.includes(name));
      if (missed.length > 0) {
        log.warning("{set}: missed and too long ago to be made up for: {missed}", {
          set: set.name,
          missed: missed.join(", "),
        });
      }
      state.missed = plan.missed;
    }
    const scheduled = this.#sets.find(({ state }) => state.waiting.length > 0);
    return scheduled ? { scheduled, window: scheduled.state.waiting[0] } : null;
  }

  /** Runs a set, unless one is run already. @throws {AnalyticsRefusal} in that case. */
  #start(scheduled: Scheduled, window: Window): Promise<FinishedRun> {
    if (this.#halted !== null) throw new AnalyticsRefusal(this.#halted);
    if (this.#current) throw new AnalyticsRefusal("a run is under way; one at a time");
    const run = this.#runSet(scheduled, window);
    this.#current = run.catch(() => {}).then(() => this.#current = null);
    return run;
  }

  async #runSet({ set, state, tried }: Scheduled, window: Window): Promise<FinishedRun> {
    const { clock } = this.#dependencies;
    const { signal } = this.#stop;
    tried.add(windowKey(window));
    state.waiting = state.waiting.filter((other) => windowKey(other) !== windowKey(window));
    const progress = { step: "copying", done: 0, count: 0 };
    const running = state.running = { window, startedAt: clock.now(), progress };
    const what = { set: set.name, window: windowName(window) };
    log.info("{set} {window}: begun", what);
    try {
      const run = await runSet(
        this.#config,
        set,
        window,
        this.#dependencies,
        signal,
        (progress) => {
          running.progress = progress;
          log.debug("{set} {window}: {step}, {done} of {count} queries", { ...what, ...progress });
        },
      );
      state.last = run;
      const seconds = (run.finishedAt - run.startedAt) / 1_000_000;
      if (run.end.outcome === "failed") {
        log.warning("{set} {window}: failed: {error}", { ...what, error: run.end.error });
        state.failures++;
      } else {
        log.info("{set} {window}: {folder} in {seconds} s", { ...what, seconds, ...run.end });
        state.runs++;
        await this.#prune(set);
      }
      return run;
    } catch (error) {
      if (error instanceof WorkerHung) {
        state.failures++;
        this.#halted = `${set.name} ${what.window} hung and could not be stopped; nothing is run ` +
          "until the archiver is started again";
        log.error("{reason}", { reason: this.#halted });
      }
      throw error;
    } finally {
      state.seconds += (clock.now() - running.startedAt) / 1_000_000;
      state.running = null;
    }
  }

  async #prune({ folder, window, keep }: QuerySet): Promise<void> {
    try {
      const count = await pruneReports(folder, window, keep);
      if (count > 0) log.info("{count} old reports removed from {folder}", { count, folder });
    } catch (error) {
      log.warning("Cannot remove old reports: {error}", { error: firstLine(error) });
    }
  }
}

/** Makes and tidies the folders. */
async function tidy(config: AnalyticsConfig, store: RunReader): Promise<void> {
  const known = new Map<string, ReportRun[]>();
  for (const { name } of config.sets) known.set(name, await readReportRuns(store, name));
  try {
    await Deno.mkdir(config.work_folder, { recursive: true });
    await tidyWork(config);
    for (const { name, folder, window } of config.sets) {
      await Deno.mkdir(folder, { recursive: true });
      await tidyReports(folder, window, known.get(name) ?? []);
    }
  } catch (error) {
    throw new UserError(`Cannot use a folder of analytics: ${errorText(error)}`, { cause: error });
  }
}

/** The window of a set that begins with a day. @throws {AnalyticsRefusal} when it is none, or not over. */
function windowOfDay({ window }: QuerySet, day: string, now: number): Window {
  const from = dayStart(day);
  if (Number.isNaN(from)) throw new AnalyticsRefusal("a day should be one such as 2026-11-22");
  const to = from + window * 1000;
  if (to > now) {
    throw new AnalyticsRefusal(`the window ${windowName({ from, to })} is not over yet`);
  }
  return { from, to };
}
