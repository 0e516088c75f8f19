// What two copies of a day's rows must agree on (count, bounds, a sum per column, a hash over whole rows), and the
// manifest that keeps it beside a Parquet file.

import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";
import * as v from "valibot";
import { UserError } from "../../shared/errors.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import type { ColumnSum, DayTable } from "./layout.ts";
import type { Interval } from "./plan.ts";

export interface SummedColumn {
  readonly of: ColumnSum;
  readonly sum: string;
  readonly nulls: number;
}

export interface Sums {
  readonly rows: number;
  /** The earliest instant, µs since the Unix epoch; null when there are no rows. */
  readonly first: number | null;
  readonly last: number | null;
  readonly columns: Readonly<Record<string, SummedColumn>>;
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
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) AS row_count, epoch_us(min(${table.time})) AS first, epoch_us(max(${table.time})) AS last,
      ${
      columns.map(([name, of]) =>
        `CAST(coalesce(sum(${summand(name, of)}), 0) AS TEXT) AS sum_${name},
      count(*) - count(${name}) AS nulls_${name}`
      ).join(",\n      ")
    },
      CAST(coalesce(sum(hash(${columns.map(([name]) => name).join(", ")})), 0) AS TEXT) AS together
    FROM ${relation} WHERE ${within(table)}`,
    bounds(interval),
    [BIGINT, BIGINT],
  );
  return {
    rows: Number(row.row_count),
    first: row.first === null ? null : Number(row.first),
    last: row.last === null ? null : Number(row.last),
    columns: Object.fromEntries(
      columns.map(([name, of]) => [name, {
        of,
        sum: String(row[`sum_${name}`]),
        nulls: Number(row[`nulls_${name}`]),
      }]),
    ),
    together: String(row.together),
  };
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
  table: v.picklist(["receipts", "messages"]),
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
  readonly table: "receipts" | "messages";
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
  const { table, day, part, schemaVersion, interval, sums, receiptsByCollector, bytes, sha256 } =
    parts;
  return {
    format: FORMAT,
    table,
    day,
    part,
    schema_version: schemaVersion,
    covers_from_us: interval.from,
    covers_to_us: interval.to,
    rows: sums.rows,
    first_us: sums.first,
    last_us: sums.last,
    columns: { ...sums.columns },
    receipts_by_collector: { ...receiptsByCollector },
    bytes,
    sha256,
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
