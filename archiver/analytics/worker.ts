// The worker that runs a set's queries: a thread with its own DuckDB, so that neither queries nor charts delay commits.

/// <reference lib="deno.worker" />
import type { DuckDBConnection } from "@duckdb/node-api";
import { openDatabase } from "../../query_results/archive/database.ts";
import { TREND_SOURCES } from "../../query_results/catalog/catalog.ts";
import { runQueries } from "../../query_results/run.ts";
import { errorText } from "../../shared/errors.ts";
import type { FromWorker, Job, ToWorker } from "./job.ts";
import { keepRows, type KeptResult, writeResults, writeRun } from "./results.ts";

const stopped = new AbortController();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "stop") stopped.abort(new Error("it was stopped"));
  else {work(data.job).then(() => post({ kind: "done" }), (error) => {
      post({ kind: "failed", error: errorText(error) });
    });}
};

function post(message: FromWorker): void {
  self.postMessage(message);
}

async function work(job: Job): Promise<void> {
  using database = await openDatabase(job.copy, {
    memory_limit: `${Math.ceil(job.memoryLimitBytes / 1024)}KiB`,
    threads: String(job.threads),
    temp_directory: job.tempFolder,
    max_temp_directory_size: `${Math.ceil(job.maxTempBytes / 1024)}KiB`,
  });
  await query(job, database.connection);
}

async function query(job: Job, connection: DuckDBConnection): Promise<void> {
  const keep = trendKeeper(job, connection);
  await runQueries({
    archive: connection,
    out: job.out,
    title: job.title,
    window: job.window,
    only: job.only,
    settings: job.settings,
    reference: job.reference ? { scale: 1 } : undefined,
    queryLimitMs: job.queryTimeoutMs,
    signal: stopped.signal,
    async onTable(name, table) {
      const result = keepRows(name, table, job.rowsKept);
      post({ kind: "result", result });
      await keep(result);
    },
    onProgress({ query, index, count, queryMs, drawMs }) {
      const durationMs = queryMs + drawMs;
      post({ kind: "progress", query, index, count, durationMs });
    },
  });
}

/** Puts results into the copy as well, so that this run's trends include them. */
function trendKeeper(job: Job, connection: DuckDBConnection) {
  let runId: bigint | undefined;
  return async (result: KeptResult) => {
    runId ??= await writeRun(connection, {
      set: job.set,
      window: job.window,
      settings: job.settings,
      startedAt: job.window.to,
      finishedAt: job.window.to,
      end: { outcome: "done", folder: job.out },
    });
    if (TREND_SOURCES.includes(result.query)) await writeResults(connection, runId, [result]);
  };
}
