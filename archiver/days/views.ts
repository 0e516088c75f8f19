// The views `receipts` and `messages`: hot rows, and those of the cold files.

import type { DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { type DayTable, MESSAGES } from "./day_table.ts";
import { readDayFiles } from "./day_files.ts";

/** What the view of a table reads of a cold file, where that is not the column as it is. `f` is the file. */
const CHANGED: Readonly<Record<string, string>> = {
  verdict: "coalesce(c.verdict, f.verdict)",
  // Nulls are passed over.
  first_seen: "least(f.first_seen, c.first_seen)",
};

/** The statement that makes a table's view. @param cold the paths of its cold files, absolute. */
export function viewSql(table: DayTable, cold: readonly string[]): string {
  const columns = Object.keys(table.columns);
  const hot = `SELECT ${columns.join(", ")} FROM main.${table.hot}`;
  if (cold.length === 0) return `CREATE OR REPLACE VIEW main.${table.name} AS ${hot}`;
  const files = `read_parquet([${cold.map(literal).join(", ")}])`;
  const isMessages = table === MESSAGES;
  const read = isMessages
    ? `SELECT ${
      columns.map((name) => CHANGED[name] ? `${CHANGED[name]} AS ${name}` : `f.${name}`).join(", ")
    } FROM ${files} f LEFT JOIN main.message_changes c ON c.message_id = f.message_id`
    : `SELECT ${columns.join(", ")} FROM ${files}`;
  return `CREATE OR REPLACE VIEW main.${table.name} AS ${hot} UNION ALL ${read}`;
}

/** Makes a table's view anew from the list of files, with its comments, within the connection's transaction. */
export async function replaceView(connection: DuckDBConnection, table: DayTable): Promise<void> {
  const comments = await rowsOf(
    connection,
    `SELECT NULL AS column_name, comment FROM duckdb_views()
    WHERE database_name = current_database() AND schema_name = 'main' AND view_name = $1
    UNION ALL
    SELECT column_name, comment FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = 'main' AND table_name = $1`,
    [table.name],
  );
  const files = await readDayFiles(connection, table);
  const cold = files.filter(({ state }) => state === "cold").map(({ path }) => path);
  await connection.run(viewSql(table, cold));
  for (const { column_name: column, comment } of comments) {
    if (comment === null) continue;
    const what = column === null
      ? `VIEW main.${table.name}`
      : `COLUMN main.${table.name}.${String(column)}`;
    await connection.run(`COMMENT ON ${what} IS ${literal(String(comment))}`);
  }
}
