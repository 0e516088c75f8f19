// Days of a running archive: scheduled and requested passes over them, one at a time, and their progress.

import type { DuckDBConnection } from "@duckdb/node-api";
import { resolve } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { firstLine, Refusal, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { pause } from "../../shared/waiting.ts";
import type { SideWork } from "../store/database.ts";
import type { OnStep } from "../store/crash_points.ts";
import { changeUnless, type DayPublisher, type DaysContext } from "./context.ts";
import { type DaysOptions, requestedPlan, type RolloverRequest, scheduledPlan } from "./plan.ts";
import { isReadable, pruneNumbers, recover, type UnreadableFiles } from "./recover.ts";
import { rollOver, type RolloverAction, type RolloverLine, type RolloverPlan } from "./rollover.ts";

/** From the start to the first pass. */
const FIRST_PASS_MS = 60_000;
const PASS_EVERY_MS = 3_600_000;
/** After a pass that failed, for instance on a full disk. */
const RETRY_MS = 600_000;
/** Longer passes are stopped; the next one continues. */
const MAX_PASS_MS = 6 * 3_600_000;
const MAX_LINES = 1000;
/**
 * A file's rows leave the hot store in one transaction, for which DuckDB keeps 8 bytes each in memory: 159 million rows
 * exceeded 1 GiB, 17 million took 0.5 s of CPU and 130 MB.
 */
const MAX_FILE_ROWS = 2 ** 25;
/** So that those 8 bytes take at most a quarter of DuckDB's memory. */
const MEMORY_BYTES_PER_ROW = 32;

export type { DaysOptions, RolloverRequest };

const log = logger("archiver", "days");

export interface DaysDependencies {
  readonly store: {
    beside<T>(work: SideWork<T>): Promise<T>;
    change(work: (connection: DuckDBConnection) => Promise<void>): Promise<void>;
  };
  readonly clock: Clock;
  /** Where finished days are published; absent: nowhere. */
  readonly newPublisher?: () => DayPublisher;
  /** For tests; see `crash_points.ts`. */
  readonly onStep?: OnStep;
}

export interface DaysProgress {
  readonly isRunning: boolean;
  /** End of the last complete pass, µs since the Unix epoch; null before the first. */
  readonly lastAt: number | null;
  readonly lines: readonly RolloverLine[];
  /** Of the last pass; null when it succeeded. `at` in µs since the Unix epoch. */
  readonly failure: { readonly at: number; readonly reason: string } | null;
  /** Without days.apply: what a scheduled pass would drop now (ends of days, µs); null for nothing. */
  readonly due: Pick<RolloverPlan, "dropHotBefore" | "dropFilesBefore">;
  readonly unreadable: UnreadableFiles;
  readonly counts: ReadonlyMap<RolloverAction, number>;
  readonly failures: number;
}

/** Rolls days over on a schedule and on demand. Disposing stops the pass under way. */
export class Days implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #counts = new Map<RolloverAction, number>();
  #running: Promise<unknown> | null = null;
  #watching: Promise<void> | null = null;
  #lastAt: number | null = null;
  #lines: RolloverLine[] = [];
  #failure: DaysProgress["failure"] = null;
  #failures = 0;
  #unreadable: UnreadableFiles = { missing: [], damaged: [] };

  constructor(
    private readonly options: DaysOptions,
    private readonly dependencies: DaysDependencies,
  ) {}

  /** The folder, absolute. */
  get folder(): string {
    return resolve(this.options.folder);
  }

  /**
   * Repairs what a crash or a move of the folder left. Call first.
   * @throws {UserError} when the folder cannot be used.
   */
  async recover(): Promise<void> {
    await this.dependencies.store.beside(async (connection) => {
      this.#unreadable = await recover(connection, this.folder);
    }).catch((error) => {
      const why = firstLine(error);
      throw new UserError(`Cannot use ${this.folder} (days.folder): ${why}`, { cause: error });
    });
    for (const [what, paths] of Object.entries(this.#unreadable)) {
      if (paths.length === 0) continue;
      const values = { count: paths.length, what, path: paths[0] };
      const text = "{count} day files are {what}, such as {path}; queries that read them will fail";
      log.error(text, values);
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
      due: this.options.apply
        ? { dropHotBefore: null, dropFilesBefore: null }
        : scheduledPlan(this.options, this.dependencies.clock.now()),
      unreadable: this.#unreadable,
      counts: this.#counts,
      failures: this.#failures,
    };
  }

  /**
   * Runs a pass.
   * @param onLine gets each line once it is done.
   * @returns all lines.
   * @throws {Refusal} while another runs.
   * @throws {Error} when a file cannot be written; what was done stays done.
   */
  async run(
    request: RolloverRequest,
    onLine: (line: RolloverLine) => void = () => {},
  ): Promise<RolloverLine[]> {
    const plan = requestedPlan(request, this.options, this.dependencies.clock.now());
    return await this.#pass(plan, onLine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the archiver stops"));
    await Promise.allSettled([this.#running, this.#watching]);
  }

  async #watch(): Promise<void> {
    const { clock } = this.dependencies;
    const { signal } = this.#stop;
    let waitMs = FIRST_PASS_MS;
    while (await pause(clock, waitMs, signal)) {
      if (this.#running === null) {
        // progress() reports the failure.
        await this.#pass(scheduledPlan(this.options, clock.now()), () => {}).catch(() => {});
      }
      waitMs = this.#failure ? RETRY_MS : PASS_EVERY_MS;
    }
  }

  async #pass(plan: RolloverPlan, onLine: (line: RolloverLine) => void): Promise<RolloverLine[]> {
    if (this.#running !== null) throw new Refusal("a rollover is already running");
    this.#stop.signal.throwIfAborted();
    const lines: RolloverLine[] = [];
    const { clock } = this.dependencies;
    const running = this.#work(plan, (line) => {
      lines.push(line);
      this.#count(line);
      onLine(line);
    });
    this.#running = running;
    try {
      await running;
      this.#lastAt = clock.now();
      this.#failure = null;
      return lines;
    } catch (error) {
      const reason = firstLine(error);
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

  async #work(plan: RolloverPlan, onLine: (line: RolloverLine) => void): Promise<void> {
    const { store, clock, onStep = () => {} } = this.dependencies;
    await store.beside(async (connection, closing) => {
      const timeout = AbortSignal.timeout(MAX_PASS_MS);
      const signal = AbortSignal.any([closing, this.#stop.signal, timeout]);
      const interrupt = () => connection.interrupt();
      signal.addEventListener("abort", interrupt);
      const memoryRows = Math.floor(this.options.memoryLimitBytes / MEMORY_BYTES_PER_ROW);
      const context: DaysContext = {
        ...{ connection, clock, onStep, signal },
        change: (work) => changeUnless(signal, (change) => store.change(change), work),
        folder: this.folder,
        publisher: this.dependencies.newPublisher?.(),
        maxFileRows: Math.min(MAX_FILE_ROWS, memoryRows),
        isReadable: () => isReadable(this.#unreadable),
      };
      try {
        this.#unreadable = await recover(connection, this.folder);
        await rollOver(context, plan, onLine);
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
