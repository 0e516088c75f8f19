// The archive's list of its Parquet files, and the views that read them.

import { BIGINT, type DuckDBConnection, INTEGER, VARCHAR } from "@duckdb/node-api";
import { type Row, rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literal } from "../store/sql.ts";
import { isFile } from "./files.ts";
import { type ColumnSum, type DayTable, MESSAGES, SUMMARIES } from "./layout.ts";
import type { Interval } from "./plan.ts";

/** `copied`: its rows are hot, too. `cold`: the views read them from it. `dropped`: it is removed. */
export type FileState = "copied" | "cold" | "dropped";

/** A row of `day_files`. Instants are µs since the Unix epoch. */
export interface DayFile {
  readonly id: number;
  readonly table: string;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly part: number;
  readonly state: FileState;
  /** Absolute. */
  readonly path: string;
  readonly interval: Interval;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly copiedAt: number;
}

/** A file as copied; `first` and `last` are the instants of its rows. */
export interface CopiedFile extends Omit<DayFile, "id" | "state"> {
  readonly first: number;
  readonly last: number;
  /** Receipts by collector_id; empty for other tables. */
  readonly receipts: readonly (readonly [collectorId: number, receipts: number])[];
}

const SELECT = `SELECT file_id, table_name, CAST(day AS TEXT) AS day, part, state, path,
  epoch_us(covers_from) AS covers_from, epoch_us(covers_to) AS covers_to, row_count, bytes, sha256,
  epoch_us(copied_at) AS copied_at
FROM day_files`;

/** All files, or those of a table, by day and part. */
export async function readDayFiles(
  connection: DuckDBConnection,
  table?: DayTable,
): Promise<DayFile[]> {
  const rows = table === undefined
    ? await rowsOf(connection, `${SELECT} ORDER BY table_name DESC, day, part`)
    : await rowsOf(connection, `${SELECT} WHERE table_name = $1 ORDER BY day, part`, [table.name]);
  return rows.map(dayFile);
}

function dayFile(row: Row): DayFile {
  return {
    id: Number(row.file_id),
    table: String(row.table_name),
    day: String(row.day),
    part: Number(row.part),
    state: row.state as FileState,
    path: String(row.path),
    interval: { from: Number(row.covers_from), to: Number(row.covers_to) },
    rows: Number(row.row_count),
    bytes: Number(row.bytes),
    sha256: String(row.sha256),
    copiedAt: Number(row.copied_at),
  };
}

/** Records a copied file, in place of `replaced`, within the connection's transaction. */
export async function recordCopy(
  connection: DuckDBConnection,
  file: CopiedFile,
  replaced: DayFile | null,
): Promise<void> {
  if (replaced !== null) await forgetFile(connection, replaced.id);
  const [{ next }] = await rowsOf(
    connection,
    "SELECT coalesce(max(file_id), 0) + 1 AS next FROM day_files",
  );
  const id = replaced?.id ?? Number(next);
  await connection.run(
    `INSERT INTO day_files (file_id, table_name, day, part, state, path, covers_from, covers_to, row_count, first_at,
      last_at, bytes, sha256, copied_at)
    VALUES ($1, $2, CAST($3 AS DATE), $4, 'copied', $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      ...[id, file.table, file.day, file.part, file.path],
      ...[instant(file.interval.from), instant(file.interval.to), BigInt(file.rows)],
      ...[instant(file.first), instant(file.last), BigInt(file.bytes), file.sha256],
      instant(file.copiedAt),
    ],
  );
  for (const [collectorId, receipts] of file.receipts) {
    const values = [id, collectorId, BigInt(receipts)];
    const types = [INTEGER, INTEGER, BIGINT];
    await connection.run("INSERT INTO day_file_receipts VALUES ($1, $2, $3)", values, types);
  }
}

/** Unlists a copied file. */
export async function forgetFile(connection: DuckDBConnection, id: number): Promise<void> {
  await connection.run("DELETE FROM day_files WHERE file_id = $1", [id]);
  await connection.run("DELETE FROM day_file_receipts WHERE file_id = $1", [id]);
  await forgetKeys(connection, id);
}

/** Forgets the keys of a file's messages, which are hot. */
export async function forgetKeys(connection: DuckDBConnection, id: number): Promise<void> {
  await connection.run(
    `DELETE FROM message_changes WHERE message_id IN (
      SELECT message_id FROM cold_messages WHERE file_id = $1)`,
    [id],
  );
  await connection.run("DELETE FROM cold_messages WHERE file_id = $1", [id]);
}

/** Notes a file's new state. @param at µs since the Unix epoch. */
export async function setState(
  connection: DuckDBConnection,
  id: number,
  state: "cold" | "dropped",
  at: number,
): Promise<void> {
  await connection.run(
    `UPDATE day_files SET state = '${state}', ${state}_at = $2 WHERE file_id = $1`,
    [id, instant(at)],
  );
}

/** Notes a file's new path. */
export async function setPath(
  connection: DuckDBConnection,
  id: number,
  path: string,
): Promise<void> {
  const types = [INTEGER, VARCHAR];
  await connection.run("UPDATE day_files SET path = $2 WHERE file_id = $1", [id, path], types);
}

/** Columns that the view of messages corrects by message_changes. `f` is the file, `c` the change. */
const CHANGED: Readonly<Record<string, string>> = {
  verdict: "coalesce(c.verdict, f.verdict)",
  // least() ignores nulls.
  first_seen: "least(f.first_seen, c.first_seen)",
};

const TYPES: Readonly<Record<ColumnSum, string>> = {
  microseconds: "TIMESTAMPTZ",
  value: "BIGINT",
  md5: "TEXT",
};

/** @param cold the absolute paths of the table's cold files. */
function viewSql(table: DayTable, cold: readonly string[]): string {
  const columns = Object.keys(table.columns);
  if (SUMMARIES.includes(table)) {
    const empty = Object.entries(table.columns).map(([name, of]) =>
      `CAST(NULL AS ${name.startsWith("is_") ? "BOOLEAN" : TYPES[of]}) AS ${name}`
    );
    const select = cold.length > 0
      ? `${columns.join(", ")} FROM read_parquet([${cold.map(literal).join(", ")}])`
      : `${empty.join(", ")} WHERE false`;
    return `CREATE OR REPLACE VIEW main.${table.name} AS SELECT ${select}`;
  }
  const hot = `SELECT ${columns.join(", ")} FROM main.${table.hot}`;
  if (cold.length === 0) return `CREATE OR REPLACE VIEW main.${table.name} AS ${hot}`;
  const files = `read_parquet([${cold.map(literal).join(", ")}])`;
  const changed = columns.map((name) =>
    CHANGED[name] ? `${CHANGED[name]} AS ${name}` : `f.${name}`
  );
  const read = table === MESSAGES
    ? `SELECT ${changed.join(", ")} FROM ${files} f
      LEFT JOIN main.message_changes c ON c.message_id = f.message_id`
    : `SELECT ${columns.join(", ")} FROM ${files}`;
  return `CREATE OR REPLACE VIEW main.${table.name} AS ${hot} UNION ALL ${read}`;
}

/** Replaces a table's view after the list of files, keeping its comments, within the connection's transaction. */
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
  let cold = files.filter(({ state }) => state === "cold").map(({ path }) => path);
  // Those that are missing are made again, or reported.
  if (SUMMARIES.includes(table)) cold = await existing(cold);
  await connection.run(viewSql(table, cold));
  for (const { column_name: column, comment } of comments) {
    if (comment === null) continue;
    const what = column === null
      ? `VIEW main.${table.name}`
      : `COLUMN main.${table.name}.${String(column)}`;
    await connection.run(`COMMENT ON ${what} IS ${literal(String(comment))}`);
  }
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) if (await isFile(path)) found.push(path);
  return found;
}
