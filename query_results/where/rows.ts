import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";

/** Rows as objects; integers are bigints. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  values: Record<string, DuckDBValue> = {},
  types: Record<string, DuckDBType> = {},
): Promise<Record<string, DuckDBValue>[]> {
  return (await connection.runAndReadAll(sql, values, types)).getRowObjects();
}

/** A value as a number; null stays null. */
export function numberOrNull(value: DuckDBValue): number | null {
  return value === null ? null : Number(value);
}

/** A value as text; null stays null. */
export function textOrNull(value: DuckDBValue): string | null {
  return value === null ? null : String(value);
}
