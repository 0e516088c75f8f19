// Runs and their results as rows of the archive.

import {
  BIGINT,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { Cell, ColumnKind, Table } from "../../query_results/format/table.ts";
import { rowsOf } from "../store/database.ts";
import { instant, RowBuffer } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import type { ReportRun } from "./folders.ts";
import { type KnownWindows, windowKey, windowName } from "./schedule.ts";

/** The first rows of a query's result. */
export interface KeptResult {
  readonly query: string;
  readonly resultRows: number;
  readonly table: Table;
}

export type RunOutcome =
  | { readonly outcome: "done"; readonly folder: string }
  | { readonly outcome: "failed"; readonly error: string };

/** A finished run, as the archive keeps it. Instants are µs since the Unix epoch. */
export interface FinishedRun {
  readonly set: string;
  readonly window: Window;
  readonly settings: Readonly<Record<string, string>>;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly end: RunOutcome;
}

/** The first `most` rows of a result. */
export function keepRows(query: string, table: Table, most: number): KeptResult {
  const rows = table.rows.slice(0, most);
  return { query, resultRows: table.rows.length, table: { columns: table.columns, rows } };
}

/**
 * Writes a run within the connection's transaction. A successful one replaces all of the same set and window, a failed
 * one only failed ones.
 * @returns its number.
 */
export async function writeRun(connection: DuckDBConnection, run: FinishedRun): Promise<bigint> {
  const { set, window, end } = run;
  const older = await rowsOf(
    connection,
    `SELECT run_id FROM analytics_runs
    WHERE set_name = $1 AND window_from = $2 AND window_to = $3 AND outcome IN ('failed', $4)`,
    [set, instant(window.from), instant(window.to), end.outcome],
    [VARCHAR, TIMESTAMPTZ, TIMESTAMPTZ, VARCHAR],
  );
  for (const { run_id } of older) {
    for (const table of ["analytics_runs", "analytics_queries", "analytics_results"]) {
      await connection.run(`DELETE FROM ${table} WHERE run_id = $1`, [run_id], [BIGINT]);
    }
  }
  const [{ last }] = await rowsOf(
    connection,
    "SELECT COALESCE(max(run_id), 0) AS last FROM analytics_runs",
  );
  const id = BigInt(last as bigint) + 1n;
  const rows = new RowBuffer("analytics_runs");
  rows.push(
    ...[id, set, instant(window.from), instant(window.to), JSON.stringify(run.settings)],
    ...[instant(run.startedAt), instant(run.finishedAt), end.outcome],
    end.outcome === "failed" ? end.error : null,
    end.outcome === "done" ? end.folder : null,
  );
  await rows.append(connection);
  return id;
}

/** Writes results of a run within the connection's transaction. */
export async function writeResults(
  connection: DuckDBConnection,
  runId: bigint,
  results: readonly KeptResult[],
): Promise<void> {
  const queries = new RowBuffer("analytics_queries");
  const values = new RowBuffer("analytics_results");
  for (const { query, resultRows, table } of results) {
    queries.push(runId, query, BigInt(resultRows), BigInt(table.rows.length));
    table.rows.forEach((row, i) => {
      table.columns.forEach(({ name, kind }, j) => {
        if (row[j] !== null) values.push(runId, query, i + 1, name, ...value(row[j], kind));
      });
    });
  }
  await queries.append(connection);
  await values.append(connection);
}

/** value_number, value_time and value_text: one is set; two for an integer beyond a double's precision. */
function value(cell: Exclude<Cell, null>, kind: ColumnKind) {
  if (kind === "instant") return [null, instant(Number(cell)), null];
  if (typeof cell === "number") return [cell, null, null];
  return [typeof cell === "bigint" ? Number(cell) : null, null, String(cell)];
}

export interface RunReader {
  read(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]>;
}

/** Reads which windows of a set were run. */
export async function readKnownWindows(store: RunReader, set: string): Promise<KnownWindows> {
  const runs = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to, outcome
    FROM analytics_runs WHERE set_name = $1`,
    [set],
    [VARCHAR],
  );
  const windows = runs.map(({ window_from, window_to, outcome }) => ({
    from: Number(window_from),
    to: Number(window_to),
    outcome,
  }));
  const [{ first }] = await store.read("SELECT epoch_us(min(started_at)) AS first FROM epochs");
  return {
    done: new Set(windows.filter(({ outcome }) => outcome === "done").map(windowKey)),
    firstRun: windows.length === 0 ? null : Math.min(...windows.map(({ from }) => from)),
    dataFrom: first === null ? null : Number(first),
  };
}

/** The successful runs of a set. */
export async function readReportRuns(store: RunReader, set: string): Promise<ReportRun[]> {
  const runs = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to,
      epoch_us(finished_at) AS finished_at
    FROM analytics_runs WHERE set_name = $1 AND outcome = 'done'`,
    [set],
    [VARCHAR],
  );
  return runs.map(({ window_from, window_to, finished_at }) => ({
    name: windowName({ from: Number(window_from), to: Number(window_to) }),
    finishedAt: Number(finished_at),
  }));
}

/** The last finished run of a set; null when there was none. */
export async function readLastRun(store: RunReader, set: string): Promise<FinishedRun | null> {
  const [row] = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to,
      epoch_us(started_at) AS started_at, epoch_us(finished_at) AS finished_at,
      outcome, error, folder, settings
    FROM analytics_runs WHERE set_name = $1 ORDER BY finished_at DESC, run_id DESC LIMIT 1`,
    [set],
    [VARCHAR],
  );
  if (row === undefined) return null;
  return {
    set,
    window: { from: Number(row.window_from), to: Number(row.window_to) },
    settings: JSON.parse(String(row.settings)),
    startedAt: Number(row.started_at),
    finishedAt: Number(row.finished_at),
    end: row.outcome === "done"
      ? { outcome: "done", folder: String(row.folder) }
      : { outcome: "failed", error: String(row.error) },
  };
}

/** A collector that delivered this recently may have more. */
const DELIVERING_US = 60_000_000;

/**
 * Whether receipts of a window still arrive: a collector is delivering and has not reached the window's end.
 * @param now µs since the Unix epoch.
 */
export async function isArriving(store: RunReader, window: Window, now: number): Promise<boolean> {
  const [{ behind }] = await store.read(
    `SELECT count(*) AS behind FROM epochs
    WHERE last_commit_at >= $1 AND COALESCE(last_receipt_at, started_at) < $2`,
    [instant(now - DELIVERING_US), instant(window.to)],
    [TIMESTAMPTZ, TIMESTAMPTZ],
  );
  return Number(behind) > 0;
}
