// One run of a set: copy the window, query the copy in a worker, keep the results, publish the report.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import type { Window } from "../../query_results/catalog/parameters.ts";
import { firstLine } from "../../shared/errors.ts";
import type { Clock } from "../../shared/clock.ts";
import { startDeadline } from "../../shared/waiting.ts";
import type { AnalyticsConfig, QuerySet } from "./config.ts";
import { type CopySource, copyWindow } from "./window_copy.ts";
import {
  beginReport,
  dropReady,
  dropReport,
  publishReport,
  readyReport,
  removeTree,
} from "./folders.ts";
import type { FromWorker } from "./job.ts";
import { runJob, WorkerHung } from "./query_worker.ts";
import { type FinishedRun, type KeptResult, writeResults, writeRun } from "./results.ts";
import { windowName } from "./schedule.ts";

/** Folder of the current run's files within work_folder; removed at start. */
const RUN_FOLDER = "run";
const COPY = "window.duckdb";
const TEMP = "temp";

export interface RunDependencies {
  readonly store: CopySource & {
    change(work: (connection: DuckDBConnection) => Promise<void>): Promise<void>;
  };
  readonly clock: Clock;
  readonly script?: URL;
}

export interface RunProgress {
  /** `copying`, the current or last query, or `keeping`. */
  readonly step: string;
  readonly done: number;
  readonly count: number;
}

/** Removes what interrupted runs left. */
export async function tidyWork(config: AnalyticsConfig): Promise<void> {
  await removeTree(join(config.work_folder, RUN_FOLDER));
}

/**
 * Runs a set on a window.
 * @returns how it ended, as written to the archive if that worked.
 * @throws the signal's reason when that stopped it; then nothing is kept of it.
 * @throws {WorkerHung} when the worker could not be stopped; the archive lists the run as failed.
 */
export async function runSet(
  config: AnalyticsConfig,
  set: QuerySet,
  window: Window,
  dependencies: RunDependencies,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => void,
): Promise<FinishedRun> {
  const { store, clock } = dependencies;
  const name = windowName(window);
  const begun = { set: set.name, window, settings: set.settings, startedAt: clock.now() };
  const late = new Error(`the run took more than ${config.run_timeout / 1000} s`);
  await using limit = startDeadline(clock, config.run_timeout, signal, late);
  try {
    const results = await work(config, set, window, dependencies, limit.signal, onProgress);
    onProgress({ step: "keeping", done: results.length, count: results.length });
    const finishedAt = clock.now();
    const report = { name, finishedAt };
    const folder = await readyReport(set.folder, report);
    const run: FinishedRun = { ...begun, finishedAt, end: { outcome: "done", folder } };
    try {
      await store.change(async (connection) => {
        await writeResults(connection, await writeRun(connection, run), results);
      });
    } catch (error) {
      await dropReady(set.folder, report);
      throw error;
    }
    // The rows are committed. Should this fail, the next start publishes the report.
    await publishReport(set.folder, report);
    return run;
  } catch (error) {
    await dropReport(set.folder, name).catch(() => {});
    if (!(error instanceof WorkerHung)) signal.throwIfAborted();
    const end = { outcome: "failed", error: firstLine(error) } as const;
    const run: FinishedRun = { ...begun, finishedAt: clock.now(), end };
    await store.change(async (connection) => void await writeRun(connection, run)).catch(() => {});
    if (error instanceof WorkerHung) throw error;
    return run;
  } finally {
    await tidyWork(config).catch(() => {});
  }
}

async function work(
  config: AnalyticsConfig,
  set: QuerySet,
  window: Window,
  { store, clock, script }: RunDependencies,
  signal: AbortSignal,
  onProgress: (progress: RunProgress) => void,
): Promise<KeptResult[]> {
  onProgress({ step: "copying", done: 0, count: 0 });
  await tidyWork(config);
  const folder = join(config.work_folder, RUN_FOLDER);
  await Deno.mkdir(join(folder, TEMP), { recursive: true });
  const copy = join(await Deno.realPath(folder), COPY);
  await copyWindow(store, window, copy, config.max_copy, signal);
  const name = windowName(window);
  const results: KeptResult[] = [];
  const onMessage = (message: FromWorker) => {
    if (message.kind === "result") results.push(message.result);
    if (message.kind === "progress") {
      onProgress({ step: message.query, done: message.index, count: message.count });
    }
  };
  const job = {
    copy,
    tempFolder: join(await Deno.realPath(folder), TEMP),
    out: await beginReport(set.folder, name),
    set: set.name,
    window,
    title: `Lightning gossip, ${set.name}, ${name}`,
    only: set.only,
    settings: set.settings,
    reference: set.reference,
    threads: config.threads,
    memoryLimitBytes: config.memory_limit,
    maxTempBytes: config.max_copy,
    queryTimeoutMs: config.query_timeout,
    rowsKept: config.rows_kept,
  };
  await runJob(job, { clock, signal, onMessage, script });
  return results;
}
