// The files of a source, found by DuckDB itself: a program's own rights need not reach there.

import type { DuckDBConnection } from "@duckdb/node-api";
import { firstLine, UserError } from "../../shared/errors.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { literal, literals } from "../store/sql.ts";

/**
 * `export`: what `EXPORT DATABASE` made of the first Gossip Observer's DuckDB file. `daily`: its successor's files, one
 * a table and day.
 */
export type Layout = "export" | "daily";

export const REQUIRED_TABLES = ["messages", "metadata", "timings"] as const;

/**
 * Tables that only the successor has: when each hash was first seen, and the hash of each message without its
 * signatures, which the message's bytes say themselves.
 */
export const OPTIONAL_TABLES = ["message_first_seen", "message_hashes"] as const;

export type SourceTable = typeof REQUIRED_TABLES[number] | typeof OPTIONAL_TABLES[number];

export interface SourceFile {
  readonly table: SourceTable;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  /** SHA-256, as hex, of what its footer says of each column of each row group: sizes, places, bounds. */
  readonly fingerprint: string;
  /** `YYYY-MM-DD` in the daily layout; else empty. */
  readonly day: string;
}

export interface Source {
  readonly folder: string;
  readonly layout: Layout;
  /** Its files that have rows, by name within each table; none of an optional table that it has not. */
  readonly files: Readonly<Record<SourceTable, readonly SourceFile[]>>;
}

/** Files of one table, at most: a century of days. */
const MAX_FILES = 40_000;

/** Looks what is there. @throws {UserError} when the folder is no source, or a file of it cannot be read. */
export async function findSource(connection: DuckDBConnection, given: string): Promise<Source> {
  const folder = given.replace(/(?<=.)\/+$/, "");
  if (/[*?[\]{}]/.test(folder)) {
    throw new UserError(`Cannot import from ${folder}: give it a path without any of *?[]{}`);
  }
  const paths = async (layout: Layout, table: SourceTable) => {
    const patterns = layout === "export"
      ? [`${folder}/${table}.parquet`, `${folder}/${table}.parquet/*.parquet`]
      : [`${folder}/${table}/*/*/*/${table}_*.parquet`];
    const found = await rowsOf(
      connection,
      `SELECT file FROM glob(${literals(patterns)}) ORDER BY file`,
    );
    return found.map(({ file }) => String(file));
  };
  for (const layout of ["export", "daily"] as const) {
    if ((await paths(layout, "timings")).length === 0) continue;
    const files: Partial<Record<SourceTable, SourceFile[]>> = {};
    for (const table of [...REQUIRED_TABLES, ...OPTIONAL_TABLES]) {
      const found = await paths(layout, table);
      if (found.length === 0 && !isOptional(table)) {
        throw new UserError(`Cannot import from ${folder}: it has timings but no ${table}`);
      }
      if (found.length > MAX_FILES) {
        throw new UserError(
          `Cannot import from ${folder}: ${table} has ${found.length} files, ${MAX_FILES} are the limit`,
        );
      }
      files[table] = found.length === 0
        ? []
        : await describeFiles(connection, folder, table, found);
    }
    return { folder, layout, files: files as Source["files"] };
  }
  throw new UserError(
    `Cannot import from ${folder}: it has neither timings.parquet (a DuckDB export) nor ` +
      "timings/YYYY/MM/DD/timings_YYYY-MM-DD.parquet (daily files)",
  );
}

function isOptional(table: SourceTable): boolean {
  return OPTIONAL_TABLES.some((optional) => optional === table);
}

async function describeFiles(
  connection: DuckDBConnection,
  folder: string,
  table: SourceTable,
  paths: readonly string[],
): Promise<SourceFile[]> {
  let rows: Row[];
  try {
    rows = await rowsOf(
      connection,
      `SELECT f.file_name AS path, f.file_size_bytes AS bytes, f.num_rows AS rows,
        sha256(concat_ws(';', f.footer_size, m.columns)) AS fingerprint
      FROM parquet_file_metadata(${literals(paths)}) f
      LEFT JOIN (
        SELECT file_name, string_agg(concat_ws(',', row_group_id, row_group_num_rows, path_in_schema, type,
            coalesce(stats_min_value, ''), coalesce(stats_max_value, ''), coalesce(data_page_offset, -1),
            total_compressed_size, total_uncompressed_size), ';' ORDER BY row_group_id, column_id) AS columns
        FROM parquet_metadata(${literals(paths)}) GROUP BY file_name
      ) m ON m.file_name = f.file_name
      ORDER BY path`,
    );
  } catch (error) {
    throw new UserError(
      `Cannot import from ${folder}: ${table}: ${firstLine(error)}`,
      { cause: error },
    );
  }
  return rows.map(({ path, bytes, rows, fingerprint }) => ({
    table,
    name: String(path).slice(folder.length + 1),
    path: String(path),
    bytes: Number(bytes),
    rows: Number(rows),
    fingerprint: String(fingerprint),
    day: String(path).match(/_(\d{4}-\d{2}-\d{2})\.parquet$/)?.[1] ?? "",
  })).filter(({ rows }) => rows > 0);
}

/** The rows of files, as SQL's FROM takes them. */
export function readParquet(files: readonly SourceFile[]): string {
  return `read_parquet(${literals(files.map(({ path }) => path))})`;
}

/** The columns of a file: type by name, in DuckDB's words. */
export async function columnTypes(
  connection: DuckDBConnection,
  file: SourceFile,
): Promise<ReadonlyMap<string, string>> {
  const rows = await rowsOf(
    connection,
    `DESCRIBE SELECT * FROM read_parquet(${literal(file.path)})`,
  );
  return new Map(rows.map((row) => [String(row.column_name), String(row.column_type)]));
}

const READ_COLUMNS: readonly string[] = [
  ...["hash", "raw", "first_seen", "type", "orig_node", "scid", "collector", "dir"],
  ...["recv_timestamp", "recv_peer", "net_timestamp", "peer"],
];

/**
 * Sees to it that the columns that are read are of the same types in all files of a table.
 * @throws {UserError} when they are not.
 */
export async function checkAlike(
  connection: DuckDBConnection,
  files: readonly SourceFile[],
): Promise<void> {
  if (files.length === 0) return;
  const rows = await rowsOf(
    connection,
    `SELECT file_name, string_agg(concat_ws(' ', name, type, converted_type, logical_type), ', ' ORDER BY name) AS columns
    FROM parquet_schema(${literals(files.map(({ path }) => path))})
    WHERE name IN (SELECT unnest(${literals(READ_COLUMNS)})) GROUP BY file_name ORDER BY file_name`,
  );
  const other = rows.find(({ columns }) => columns !== rows[0].columns);
  if (other === undefined) return;
  throw new UserError(
    `Cannot read ${other.file_name}: its columns (${other.columns}) are not those of ` +
      `${rows[0].file_name} (${rows[0].columns}); import files of one kind at a time`,
  );
}

/** The metadata of a file of messages, as SQL's list of paths: those of the same day, or all of an export. */
export function metadataOf(files: Source["files"], messages: SourceFile): string {
  const metadata = files.metadata.filter(({ day }) => day === messages.day);
  return literals(metadata.map(({ path }) => path));
}
