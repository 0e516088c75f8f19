// What two copies of a day's rows must agree on: count, bounds and a sum a column, and how columns go together.

import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import type { ColumnSum, DayTable } from "./day_table.ts";
import type { Interval } from "./split.ts";

/** What a column adds up to. */
export interface SummedColumn {
  /** What was summed; see {@link ColumnSum}. */
  readonly of: ColumnSum;
  readonly sum: string;
  /** How many values are null. */
  readonly nulls: number;
}

/** What rows add up to. */
export interface Sums {
  readonly rows: number;
  /** The earliest instant, µs since the Unix epoch; null when there are no rows. */
  readonly first: number | null;
  readonly last: number | null;
  readonly columns: Readonly<Record<string, SummedColumn>>;
  /**
   * Of DuckDB's hash of each whole row: what tells rows apart that have swapped values. It may differ between versions
   * of DuckDB, so it is compared at once and never kept.
   */
  readonly together: string;
}

/** A Parquet file as SQL reads it. */
export function parquetRelation(path: string): string {
  return `read_parquet(${literal(path)})`;
}

/** The condition that a row is in an interval whose bounds are $1 and $2 in µs. */
export function within(table: DayTable): string {
  return `${table.time} >= make_timestamptz($1) AND ${table.time} < make_timestamptz($2)`;
}

/** An interval as values of $1 and $2. */
export function bounds({ from, to }: Interval): bigint[] {
  return [BigInt(from), BigInt(to)];
}

/**
 * Reads all rows of a relation, or those in an interval, and adds them up.
 *
 * @param relation what SQL has behind FROM.
 */
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

/** In what two copies differ, in words; null when they agree. The whole rows are compared where both are given. */
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
