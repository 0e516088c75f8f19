// Days of a running archive: passes over them by the clock and on demand, one at a time, and what there is to tell.

import type { DuckDBConnection } from "@duckdb/node-api";
import { resolve } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import type { SideWork } from "../store/database.ts";
import type { OnStep } from "../store/crash_points.ts";
import { changeUnless, type DaysContext } from "./context.ts";
import { type DaysOptions, requestedPlan, type RolloverRequest, scheduledPlan } from "./plan.ts";
import { pruneNumbers } from "./files.ts";
import { recover, type UnreadableFiles } from "./recover.ts";
import { rollOver, type RolloverAction, type RolloverLine, type RolloverPlan } from "./rollover.ts";

/** The first pass after the start, and the time between two. */
const FIRST_PASS_MILLISECONDS = 60_000;
/** See {@link FIRST_PASS_MILLISECONDS}. */
const PASS_MILLISECONDS = 3_600_000;
/** After a pass that failed, for instance on a full disk. */
const RETRY_MILLISECONDS = 600_000;
/** A pass that takes longer is stopped; the next goes on where it was. */
const MAX_PASS_MILLISECONDS = 6 * 3_600_000;
/** Lines of the last pass that are kept, at most. */
const MAX_LINES = 1000;
/**
 * A file's rows leave the hot store in one transaction, for which DuckDB keeps 8 bytes each in memory: 159 million at
 * once did not fit into 1 GiB, 17 million took 0.5 s of CPU and 130 MB.
 */
const MAX_FILE_ROWS = 2 ** 25;
/** So that those 8 bytes are no more than a quarter of DuckDB's memory. */
const MEMORY_BYTES_PER_ROW = 32;

export type { DaysOptions, RolloverRequest };

const log = logger("archiver", "days");

/** The archive, as far as days go. */
export interface DaysStore {
  /** See `Store.beside`. */
  beside<T>(work: SideWork<T>): Promise<T>;
  /** See `Store.change`. */
  change(work: (connection: DuckDBConnection) => Promise<void>): Promise<void>;
}

/** What days need of the world. */
export interface DaysDependencies {
  readonly store: DaysStore;
  readonly clock: Clock;
  /** For tests; see `steps.ts`. */
  readonly onStep?: OnStep;
}

/** Why no pass is done now; its user can mend it. */
export class RolloverRefusal extends Error {
  override readonly name = "RolloverRefusal";
}

/** How the passes went. */
export interface DaysProgress {
  readonly isRunning: boolean;
  /** When the last one ended that came to its end, µs since the Unix epoch; null before. */
  readonly lastAt: number | null;
  readonly lines: readonly RolloverLine[];
  /** Why the last one failed, and when in µs since the Unix epoch; null when it did not. */
  readonly failure: { readonly at: number; readonly reason: string } | null;
  /** What the clock would drop now, if it may not: days that end before these instants in µs; null for none. */
  readonly due: Pick<RolloverPlan, "dropHotBefore" | "dropFilesBefore">;
  readonly unreadable: UnreadableFiles;
  readonly counts: ReadonlyMap<RolloverAction, number>;
  readonly failures: number;
}

/** Rolls days over on a schedule and on demand. Disposing stops the pass under way. */
export class Days implements AsyncDisposable {
  readonly #options: DaysOptions;
  readonly #dependencies: DaysDependencies;
  readonly #stop = new AbortController();
  readonly #counts = new Map<RolloverAction, number>();
  #running: Promise<unknown> | null = null;
  #watching: Promise<void> | null = null;
  #lastAt: number | null = null;
  #lines: RolloverLine[] = [];
  #failure: DaysProgress["failure"] = null;
  #failures = 0;
  #unreadable: UnreadableFiles = { missing: [], damaged: [] };

  constructor(options: DaysOptions, dependencies: DaysDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** The folder, absolute. */
  get folder(): string {
    return resolve(this.#options.folder);
  }

  /**
   * Puts right what a crash or a move of the folder left; before anything else.
   *
   * @throws {UserError} when the folder cannot be used.
   */
  async recover(): Promise<void> {
    await this.#dependencies.store.beside(async (connection) => {
      this.#unreadable = await recover(connection, this.folder);
    }).catch((error) => {
      const why = errorText(error).split("\n")[0];
      throw new UserError(`Cannot use ${this.folder} (days.folder): ${why}`, { cause: error });
    });
    for (const [what, paths] of Object.entries(this.#unreadable)) {
      if (paths.length === 0) continue;
      log.error("{count} files of days are {what}, such as {path}: what needs them fails", {
        count: paths.length,
        what,
        path: paths[0],
      });
    }
  }

  start(): void {
    this.#watching ??= this.#watch();
  }

  progress(): DaysProgress {
    return {
      isRunning: this.#running !== null,
      lastAt: this.#lastAt,
      lines: this.#lines,
      failure: this.#failure,
      due: this.#options.apply
        ? { dropHotBefore: null, dropFilesBefore: null }
        : scheduledPlan(this.#options, this.#dependencies.clock.now()),
      unreadable: this.#unreadable,
      counts: this.#counts,
      failures: this.#failures,
    };
  }

  /**
   * Does a pass.
   *
   * @param tell is called with each line as soon as it is done.
   * @returns all lines.
   * @throws {RolloverRefusal} while one is under way.
   * @throws {Error} when a file cannot be written; what was done stays done.
   */
  async run(
    request: RolloverRequest,
    tell: (line: RolloverLine) => void = () => {},
  ): Promise<RolloverLine[]> {
    return await this.#pass(
      requestedPlan(request, this.#options, this.#dependencies.clock.now()),
      tell,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the archiver stops"));
    await Promise.allSettled([this.#running, this.#watching]);
  }

  async #watch(): Promise<void> {
    const { clock } = this.#dependencies;
    const { signal } = this.#stop;
    try {
      await clock.sleep(FIRST_PASS_MILLISECONDS, signal);
      while (!signal.aborted) {
        if (this.#running === null) {
          // It is kept, logged and told by progress().
          await this.#pass(scheduledPlan(this.#options, clock.now()), () => {}).catch(() => {});
        }
        await clock.sleep(this.#failure ? RETRY_MILLISECONDS : PASS_MILLISECONDS, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #pass(plan: RolloverPlan, tell: (line: RolloverLine) => void): Promise<RolloverLine[]> {
    if (this.#running !== null) throw new RolloverRefusal("a rollover is under way already");
    this.#stop.signal.throwIfAborted();
    const lines: RolloverLine[] = [];
    const { clock } = this.#dependencies;
    const running = this.#work(plan, (line) => {
      lines.push(line);
      this.#count(line);
      tell(line);
    });
    this.#running = running;
    try {
      await running;
      this.#lastAt = clock.now();
      this.#failure = null;
      return lines;
    } catch (error) {
      const reason = errorText(error).split("\n")[0];
      if (!this.#stop.signal.aborted) {
        this.#failure = { at: clock.now(), reason };
        this.#failures++;
        log.error("Rolling days over failed: {reason}", { reason });
      }
      throw error;
    } finally {
      this.#lines = lines.slice(0, MAX_LINES);
      this.#running = null;
    }
  }

  async #work(plan: RolloverPlan, tell: (line: RolloverLine) => void): Promise<void> {
    const { store, clock, onStep = () => {} } = this.#dependencies;
    await store.beside(async (connection, closing) => {
      const signal = AbortSignal.any([
        closing,
        this.#stop.signal,
        AbortSignal.timeout(MAX_PASS_MILLISECONDS),
      ]);
      const interrupt = () => connection.interrupt();
      signal.addEventListener("abort", interrupt);
      const context: DaysContext = {
        connection,
        change: (work) => changeUnless(signal, (change) => store.change(change), work),
        folder: this.folder,
        maxFileRows: Math.min(
          MAX_FILE_ROWS,
          Math.floor(this.#options.memoryLimitBytes / MEMORY_BYTES_PER_ROW),
        ),
        clock,
        onStep,
        signal,
      };
      try {
        this.#unreadable = await recover(connection, this.folder);
        await rollOver(context, plan, tell);
        signal.throwIfAborted();
        await pruneNumbers(connection, clock.now());
      } finally {
        signal.removeEventListener("abort", interrupt);
      }
    });
  }

  #count(line: RolloverLine): void {
    const { action, table, day, part, rows, reason } = line;
    this.#counts.set(action, (this.#counts.get(action) ?? 0) + 1);
    const text = "{day} {table} part {part}: {action}, {rows} rows{why}";
    const why = reason === null ? "" : ` (${reason})`;
    const values = { day, table, part, action, rows, why };
    if (action === "kept") log.warning(text, values);
    else if (action.startsWith("would")) log.debug(text, values);
    else log.info(text, values);
  }
}
