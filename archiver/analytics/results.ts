// Results of runs as rows of the archive.

import { BIGINT, type DuckDBConnection, TIMESTAMPTZ, VARCHAR } from "@duckdb/node-api";
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { Cell, ColumnKind, Table } from "../../query_results/format/table.ts";
import { rowsOf } from "../store/database.ts";
import { instant, RowBuffer } from "../store/rows.ts";

/** The first rows of a query's result. */
export interface KeptResult {
  readonly query: string;
  readonly resultRows: number;
  readonly table: Table;
}

/** How a run ended. */
export type RunOutcome =
  | {
    readonly outcome: "done";
    readonly folder: string;
  }
  | {
    readonly outcome: "failed";
    readonly error: string;
  };

/** A run that ended, as the archive keeps it. Instants are µs since the Unix epoch. */
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
 * Writes a run within the connection's transaction. One that was done takes the place of all of the same set and window,
 * one that failed only of those that failed.
 *
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
    id,
    set,
    instant(window.from),
    instant(window.to),
    JSON.stringify(run.settings),
    instant(run.startedAt),
    instant(run.finishedAt),
    end.outcome,
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

/** A value as value_number, value_time and value_text: one of them, but for an integer that no double holds. */
function value(cell: Exclude<Cell, null>, kind: ColumnKind) {
  if (kind === "instant") return [null, instant(Number(cell)), null];
  if (typeof cell === "number") return [cell, null, null];
  return [typeof cell === "bigint" ? Number(cell) : null, null, String(cell)];
}
