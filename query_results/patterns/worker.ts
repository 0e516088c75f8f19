/**
 * Patterns as a query of the report: the table `pattern_findings`, and the findings as sentences.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Frame } from "../archive/frame.ts";
import { loadTable } from "../archive/load_table.ts";
import { readTable } from "../archive/read_table.ts";
import type { Column } from "../format/table.ts";
import type { Markup } from "../report/tables.ts";
import { findPatterns, type Found, foundRows } from "./find.ts";
import { type Past, patternSection } from "./section.ts";
import history from "./queries/pattern_history.sql" with { type: "text" };

const COLUMNS: readonly Column[] = [
  { name: "rank", kind: "integer" },
  { name: "kind", kind: "text" },
  { name: "entity", kind: "text" },
  { name: "from", kind: "instant" },
  { name: "until", kind: "instant" },
  { name: "observed", kind: "number" },
  { name: "expected", kind: "number" },
  { name: "q_value", kind: "number" },
  { name: "effect", kind: "number" },
  { name: "evidence_sql", kind: "text" },
  { name: "data_faults", kind: "text" },
];

/** Leaves the table `pattern_findings` on `connection`. @returns the findings as the report shows them. */
export async function preparePatterns(
  connection: DuckDBConnection,
  { window }: Frame,
): Promise<Markup> {
  const found: Found = window.to > window.from
    ? await findPatterns(connection, window)
    : { window, findings: [], explained: [], faults: [] };
  await loadTable(connection, "pattern_findings", { columns: COLUMNS, rows: foundRows(found) });
  return patternSection(found, await readPast(connection, window.from));
}

/** What scheduled runs of windows before this one found. */
async function readPast(connection: DuckDBConnection, before: number): Promise<Past> {
  const sql = history.replaceAll("$trend_days", "366").replaceAll(
    "$window_to",
    `make_timestamptz(${before})`,
  );
  const { rows, columns } = await readTable(connection, sql, { from: before, to: before });
  const place = (name: string) => columns.findIndex((column) => column.name === name);
  const [kind, entity, streak, isGone] = ["kind", "entity", "days_in_a_row", "is_gone"].map(place);
  const runsInARow = new Map<string, number>();
  for (const row of rows) {
    if (row[isGone] === false) runsInARow.set(`${row[kind]} ${row[entity]}`, Number(row[streak]));
  }
  return { hasRuns: rows.length > 0, runsInARow };
}
