// What two copies of a day's rows must agree on (count, bounds, a sum per column, a hash over whole rows), the manifest
// that keeps it beside a Parquet file, and whether the file is still what the archive recorded.

import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";
import * as v from "valibot";
import { firstLine, UserError } from "../../shared/errors.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import type { DayFile } from "./day_files.ts";
import { digest, sizeOf } from "./files.ts";
import {
  type ColumnSum,
  type DayTable,
  dayTable,
  manifestPath,
  TABLE_NAMES,
  type TableName,
} from "./layout.ts";
import type { Interval, RowCount } from "./plan.ts";

export interface Sums {
  readonly rows: number;
  /** The earliest instant, µs since the Unix epoch; null when there are no rows. */
  readonly first: number | null;
  readonly last: number | null;
  readonly columns: Readonly<Record<string, { of: ColumnSum; sum: string; nulls: number }>>;
  /** Over DuckDB's hash of each row: catches swapped values. Differs between versions of DuckDB, so it is never kept. */
  readonly together: string;
}

/** A Parquet file as SQL reads it. */
export function parquetRelation(path: string): string {
  return `read_parquet(${literal(path)})`;
}

/** The condition that a row is in an interval: $1 and $2 are its bounds in µs. */
export function within(table: DayTable): string {
  return `${table.time} >= make_timestamptz($1) AND ${table.time} < make_timestamptz($2)`;
}

/** An interval as values of $1 and $2. */
export function bounds({ from, to }: Interval): bigint[] {
  return [BigInt(from), BigInt(to)];
}

/** Sums the rows of a relation (as in FROM) within an interval. */
export async function readSums(
  connection: DuckDBConnection,
  table: DayTable,
  relation: string,
  interval: Interval,
): Promise<Sums> {
  const columns = Object.entries(table.columns);
  const sums = columns.map(([name, of]) =>
    `CAST(coalesce(sum(${summand(name, of)}), 0) AS TEXT) AS sum_${name},
      count(*) - count(${name}) AS nulls_${name}`
  );
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) AS row_count, epoch_us(min(${table.time})) AS first, epoch_us(max(${table.time})) AS last,
      ${sums.join(", ")},
      CAST(coalesce(sum(hash(${Object.keys(table.columns).join(", ")})), 0) AS TEXT) AS together
    FROM ${relation} WHERE ${within(table)}`,
    bounds(interval),
    [BIGINT, BIGINT],
  );
  return {
    rows: Number(row.row_count),
    first: row.first === null ? null : Number(row.first),
    last: row.last === null ? null : Number(row.last),
    columns: Object.fromEntries(columns.map(([name, of]) => {
      const [sum, nulls] = [String(row[`sum_${name}`]), Number(row[`nulls_${name}`])];
      return [name, { of, sum, nulls }];
    })),
    together: String(row.together),
  };
}

const SPLIT_US = 1_000_000;

/** Counts a table's rows by second. @param relation where they are. */
export async function countRows(
  connection: DuckDBConnection,
  table: DayTable,
  interval: Interval,
  relation = table.hot,
): Promise<RowCount[]> {
  const rows = await rowsOf(
    connection,
    `SELECT epoch_us(${table.time}) // ${SPLIT_US} * ${SPLIT_US} AS begin_us, count(*) AS row_count
    FROM ${relation} WHERE ${within(table)} GROUP BY begin_us ORDER BY begin_us`,
    bounds(interval),
    [BIGINT, BIGINT],
  );
  return rows.map(({ begin_us, row_count }) => ({
    // The first second may begin before the interval.
    at: Math.max(Number(begin_us), interval.from),
    rows: Number(row_count),
  }));
}

function summand(column: string, of: ColumnSum): string {
  if (of === "microseconds") return `epoch_us(${column})`;
  return of === "md5" ? `md5_number_lower(${column})` : `CAST(${column} AS BIGINT)`;
}

/** How two copies differ, in words; null when they agree. `together` is compared where both have it. */
export function difference(
  a: Omit<Sums, "together"> & { readonly together?: string },
  b: Omit<Sums, "together"> & { readonly together?: string },
): string | null {
  if (a.rows !== b.rows) return `${a.rows} rows and ${b.rows} rows`;
  if (a.first !== b.first || a.last !== b.last) return "other bounds of time";
  for (const name of new Set([...Object.keys(a.columns), ...Object.keys(b.columns)])) {
    const [x, y] = [a.columns[name], b.columns[name]];
    if (x?.of !== y?.of || x.sum !== y.sum || x.nulls !== y.nulls) return `another sum of ${name}`;
  }
  const compared = a.together !== undefined && b.together !== undefined;
  return compared && a.together !== b.together ? "values that go together otherwise" : null;
}

const FORMAT = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const instant = v.pipe(v.number(), v.safeInteger());

const ManifestSchema = v.strictObject({
  format: v.literal(FORMAT),
  table: v.picklist(TABLE_NAMES),
  day: v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}$/)),
  part: count,
  schema_version: count,
  covers_from_us: instant,
  covers_to_us: instant,
  rows: count,
  first_us: v.nullable(instant),
  last_us: v.nullable(instant),
  columns: v.record(
    v.string(),
    v.strictObject({
      of: v.picklist(["microseconds", "value", "md5"]),
      sum: v.pipe(v.string(), v.regex(/^-?\d{1,40}$/)),
      nulls: count,
    }),
  ),
  receipts_by_collector: v.record(v.string(), count),
  bytes: count,
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/** What a manifest says. Instants are µs since the Unix epoch. */
export type Manifest = v.InferOutput<typeof ManifestSchema>;

export interface ManifestParts {
  readonly table: TableName;
  readonly day: string;
  readonly part: number;
  readonly schemaVersion: number;
  readonly interval: Interval;
  readonly sums: Sums;
  /** Receipts by the collector's name; empty for other tables. */
  readonly receiptsByCollector: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly sha256: string;
}

/** Makes a manifest. */
export function makeManifest(parts: ManifestParts): Manifest {
  const { table, day, part, schemaVersion, interval, sums, receiptsByCollector } = parts;
  return {
    ...{ format: FORMAT, table, day, part },
    schema_version: schemaVersion,
    covers_from_us: interval.from,
    covers_to_us: interval.to,
    rows: sums.rows,
    first_us: sums.first,
    last_us: sums.last,
    columns: { ...sums.columns },
    receipts_by_collector: { ...receiptsByCollector },
    bytes: parts.bytes,
    sha256: parts.sha256,
  };
}

/** A manifest as text. */
export function manifestText(manifest: Manifest): string {
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** Reads a manifest. @param path names it in errors. @throws {UserError} when the text is not a manifest. */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not a manifest: it is not JSON`, { cause: error });
  }
  const result = v.safeParse(ManifestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UserError(
    `${path} is not a manifest: ${v.getDotPath(issue) ?? "(top level)"}: ${issue.message}`,
  );
}

/** The sums in a manifest. */
export function manifestSums(manifest: Manifest): Omit<Sums, "together"> {
  const { rows, first_us, last_us, columns } = manifest;
  return { rows, first: first_us, last: last_us, columns };
}

/**
 * Compares the archive's list, the manifest and the Parquet file: SHA-256, size, row count, time bounds and the sum of
 * each column.
 * @returns the file's sums, or a problem in words.
 */
export async function checkFile(
  connection: DuckDBConnection,
  file: DayFile,
  signal?: AbortSignal,
): Promise<{ readonly sums: Sums; readonly problem: null } | { readonly problem: string }> {
  try {
    const path = manifestPath(file.path);
    const manifest = parseManifest(await Deno.readTextFile(path), path);
    const { bytes, sha256 } = await digest(file.path, signal);
    const same = manifest.table === file.table && manifest.day === file.day &&
      manifest.part === file.part && manifest.rows === file.rows &&
      manifest.covers_from_us === file.interval.from && manifest.covers_to_us === file.interval.to;
    if (!same) return { problem: "its manifest is another file's" };
    for (const found of [manifest, { bytes, sha256 }]) {
      if (found.sha256 === file.sha256 && found.bytes === file.bytes) continue;
      const what = found === manifest ? "its manifest" : "the file";
      return { problem: `${what} has another SHA-256 or size than the archive recorded` };
    }
    const table = dayTable(file.table);
    const sums = await readSums(connection, table, parquetRelation(file.path), file.interval);
    const wrong = difference(manifestSums(manifest), sums);
    return wrong === null ? { sums, problem: null } : { problem: `manifest and file: ${wrong}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { problem: firstLine(error) };
  }
}

/** Judged without reading it: by its size, and by the SHA-256 in the manifest beside it, if there is one. */
export async function isListed(path: string, file: DayFile): Promise<boolean> {
  if (await sizeOf(path) !== file.bytes) return false;
  const sha256 = await manifestSha256(path);
  return sha256 === null || sha256 === file.sha256;
}

/** Whether the manifest at a path is that of the file. */
export async function isListedManifest(path: string, file: DayFile): Promise<boolean> {
  return await manifestSha256(path) === file.sha256;
}

/** Whether it is the file, or was before it was damaged: its manifest's or its own SHA-256 is the listed one. */
export async function wasListed(
  path: string,
  file: DayFile,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isListedManifest(path, file)) return true;
  return await sizeOf(path) === file.bytes && (await digest(path, signal)).sha256 === file.sha256;
}

async function manifestSha256(path: string): Promise<string | null> {
  try {
    const beside = manifestPath(path);
    return parseManifest(await Deno.readTextFile(beside), beside).sha256;
  } catch {
    return null;
  }
}
