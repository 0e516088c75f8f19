// Runs sets of queries when they are due, one run at a time. Missed runs are caught up, the newest first; those too long
// ago are logged.

import type { Window } from "../../query_results/catalog/parameters.ts";
import { errorText, firstLine, Refusal, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { pause } from "../../shared/waiting.ts";
import { dayStart } from "../../shared/time.ts";
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
import { type RunDependencies, type RunProgress, runSet, tidyWork } from "./run_set.ts";
import { nextDue, planRuns, windowAt, windowKey, windowName } from "./schedule.ts";
import { type AnalyticsStatus, analyticsStatus, type SetState } from "./status.ts";

const MAX_REST_MS = 3_600_000;
/** How often, and how long at most, a window is held back while its receipts still arrive. */
const HOLD_MS = 30_000;
const MAX_HOLD_US = 3_600_000_000;
const RETRY_MS = 60_000;

const log = logger("archiver", "analytics");

export interface AnalyticsDependencies extends RunDependencies {
  readonly store: RunDependencies["store"] & RunReader;
}

interface Scheduled {
  readonly set: QuerySet;
  readonly state: SetState;
  /** Windows tried since {@link triedSince}, when the set was last due; each is tried once per due time. */
  readonly tried: Set<string>;
  triedSince: number | null;
}

/** Scheduled analytics. Disposing stops the current run. */
export class Analytics implements AsyncDisposable {
  readonly #stop = new AbortController();
  #current: Promise<unknown> | null = null;
  #halted: string | null = null;
  #held: { readonly key: string; readonly since: number } | null = null;
  #loop: Promise<void> = Promise.resolve();

  private constructor(
    private readonly config: AnalyticsConfig,
    private readonly dependencies: AnalyticsDependencies,
    private readonly sets: readonly Scheduled[],
  ) {}

  /**
   * Clears up what an interrupted process left, and begins.
   * @throws {UserError} when a folder that the config names cannot be used, or the worker's source cannot be read.
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
    return analyticsStatus(this.#halted, this.sets, this.dependencies.clock.now());
  }

  /**
   * Runs a set now, even if its window was done before.
   * @param day the window's first day, `YYYY-MM-DD`; by default the window due now.
   * @throws {Refusal} when there is no such set or day, or another run is under way.
   * @throws {Error} when the archiver stops meanwhile.
   */
  async runNow(name: string, day?: string): Promise<FinishedRun> {
    const scheduled = this.sets.find(({ set }) => set.name === name);
    if (scheduled === undefined) {
      const names = this.sets.map(({ set }) => set.name).join(", ") || "none";
      throw new Refusal(`there is no such set; the config's analytics.sets are: ${names}`);
    }
    const now = this.dependencies.clock.now();
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
    const { clock } = this.dependencies;
    const { signal } = this.#stop;
    const { settle } = this.config;
    if (settle > 0) await pause(clock, settle, signal);
    while (!signal.aborted && this.#halted === null) {
      try {
        await this.#current;
        const next = await this.#plan();
        if (next === null) await pause(clock, this.#restMs(), signal);
        else if (await this.#isHeld(next.scheduled, next.window)) {
          await pause(clock, HOLD_MS, signal);
        } else await this.#start(next.scheduled, next.window);
      } catch (error) {
        if (signal.aborted || this.#halted !== null) return;
        if (error instanceof Refusal) continue;
        log.warning("Cannot run what is due, retrying: {error}", { error: firstLine(error) });
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  /** Whether a run should wait because its window's receipts still arrive. */
  async #isHeld({ set }: Scheduled, window: Window): Promise<boolean> {
    const { store, clock } = this.dependencies;
    const key = `${set.name} ${windowKey(window)}`;
    if (!await isArriving(store, window, clock.now())) return false;
    if (this.#held?.key !== key) {
      this.#held = { key, since: clock.now() };
      const what = { set: set.name, window: windowName(window) };
      log.info("{set} {window}: waiting for receipts that still arrive", what);
    }
    return clock.now() - this.#held.since < MAX_HOLD_US;
  }

  #restMs(): number {
    const now = this.dependencies.clock.now();
    const due = this.sets.map(({ set }) => nextDue(set, now) ?? Infinity);
    return Math.min(MAX_REST_MS, (Math.min(...due) - now) / 1000);
  }

  async #plan() {
    const { store, clock } = this.dependencies;
    for (const scheduled of this.sets) {
      const { set, state, tried } = scheduled;
      const known = await readKnownWindows(store, set.name);
      const plan = planRuns(set, known, clock.now(), this.config.catch_up);
      if (plan.dueAt !== scheduled.triedSince) {
        scheduled.triedSince = plan.dueAt;
        tried.clear();
      }
      state.waiting = plan.due.filter((window) => !tried.has(windowKey(window)));
      const missed = plan.missed.filter((name) => !state.missed.includes(name));
      if (missed.length > 0) {
        const values = { set: set.name, missed: missed.join(", ") };
        log.warning("{set}: missed and too old to catch up: {missed}", values);
      }
      state.missed = plan.missed;
    }
    const scheduled = this.sets.find(({ state }) => state.waiting.length > 0);
    return scheduled ? { scheduled, window: scheduled.state.waiting[0] } : null;
  }

  /** @throws {Refusal} when a run is under way. */
  #start(scheduled: Scheduled, window: Window): Promise<FinishedRun> {
    if (this.#halted !== null) throw new Refusal(this.#halted);
    if (this.#current) throw new Refusal("a run is under way; one at a time");
    const run = this.#runSet(scheduled, window);
    this.#current = run.catch(() => {}).then(() => this.#current = null);
    return run;
  }

  async #runSet({ set, state, tried }: Scheduled, window: Window): Promise<FinishedRun> {
    const { clock } = this.dependencies;
    const { signal } = this.#stop;
    tried.add(windowKey(window));
    state.waiting = state.waiting.filter((other) => windowKey(other) !== windowKey(window));
    const progress = { step: "copying", done: 0, count: 0 };
    const running = state.running = { window, startedAt: clock.now(), progress };
    const what = { set: set.name, window: windowName(window) };
    log.info("{set} {window}: begun", what);
    try {
      const onProgress = (progress: RunProgress) => {
        running.progress = progress;
        log.debug("{set} {window}: {step}, {done} of {count} queries", { ...what, ...progress });
      };
      const run = await runSet(this.config, set, window, this.dependencies, signal, onProgress);
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
        this.#halted = `${set.name} ${what.window} hung and could not be stopped; nothing runs ` +
          "until the archiver restarts";
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
      if (count > 0) log.info("Removed {count} old reports from {folder}", { count, folder });
    } catch (error) {
      log.warning("Cannot remove old reports: {error}", { error: firstLine(error) });
    }
  }
}

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

/** The window of a set that begins with a day. @throws {Refusal} when it is not a day, or not over. */
function windowOfDay({ window }: QuerySet, day: string, now: number): Window {
  const from = dayStart(day);
  if (Number.isNaN(from)) throw new Refusal("day should be a date such as 2026-11-22");
  const to = from + window * 1000;
  if (to > now) {
    throw new Refusal(`the window ${windowName({ from, to })} is not over yet`);
  }
  return { from, to };
}
