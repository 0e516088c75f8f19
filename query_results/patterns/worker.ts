// Patterns as a query of the report: the table `pattern_findings`, and the findings as sentences.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Frame } from "../archive/frame.ts";
import { loadTable } from "../archive/load_table.ts";
import type { Summaries } from "../archive/summaries.ts";
import { readTable } from "../archive/read_table.ts";
import { columnValues } from "../format/table.ts";
import type { Markup } from "../report/tables.ts";
import { findPatterns, foundTable } from "./find.ts";
import { type Past, patternSection } from "./section.ts";
import history from "./queries/pattern_history.sql" with { type: "text" };

/** Leaves the table `pattern_findings` on `connection`. @returns the findings as the report shows them. */
export async function preparePatterns(
  connection: DuckDBConnection,
  { window }: Frame,
  summaries: Summaries,
): Promise<Markup> {
  const found = window.to > window.from ? await findPatterns(connection, window, summaries) : null;
  await loadTable(connection, "pattern_findings", foundTable(found));
  return patternSection(found, await readPast(connection, window.from));
}

/** What scheduled runs of windows before an instant found. */
async function readPast(connection: DuckDBConnection, before: number): Promise<Past> {
  const sql = history.replaceAll("$trend_days", "366").replaceAll(
    "$window_to",
    `make_timestamptz(${before})`,
  );
  const table = await readTable(connection, sql, { from: before, to: before });
  const [kind, entity, runs, isGone] = ["kind", "entity", "days_in_a_row", "is_gone"]
    .map((name) => columnValues(table, name));
  const last = [...kind.keys()].filter((i) => isGone[i] === false);
  return {
    hasRuns: kind.length > 0,
    runsInARow: new Map(last.map((i) => [`${kind[i]} ${entity[i]}`, Number(runs[i])])),
  };
}
