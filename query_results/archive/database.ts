// A DuckDB for one reader, and its rows.

import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";

/** A connection with its instance: disposing closes both. */
export interface OpenDatabase extends Disposable {
  readonly connection: DuckDBConnection;
  /** One more: a connection streams one result at a time. */
  connect(): Promise<DuckDBConnection>;
}

/**
 * Opens a file, or a database in memory. All extensions in use but a lake's are linked in: nothing is ever downloaded by
 * itself. @param settings in DuckDB's own words.
 */
export async function openDatabase(
  path = ":memory:",
  settings: Readonly<Record<string, string>> = {},
): Promise<OpenDatabase> {
  const instance = await DuckDBInstance.create(path, {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    ...settings,
  });
  const connection = await instance.connect();
  return {
    connection,
    connect: () => instance.connect(),
    [Symbol.dispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A row by column, in DuckDB's own values: integers of 64 bits are bigints. */
export type Row = Record<string, DuckDBValue>;

/** Runs a query and returns all its rows. */
export async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  values?: DuckDBValue[] | Record<string, DuckDBValue>,
  types?: DuckDBType[] | Record<string, DuckDBType>,
): Promise<Row[]> {
  return (await connection.runAndReadAll(sql, values, types)).getRowObjects();
}

/** The same with each row as the list of its values. */
export async function valuesOf(
  connection: DuckDBConnection,
  sql: string,
): Promise<DuckDBValue[][]> {
  return (await connection.runAndReadAll(sql)).getRows();
}

/** A value as a number; null stays null. */
export function numberOrNull(value: DuckDBValue): number | null {
  return value === null ? null : Number(value);
}

/** A value as text; null stays null. */
export function textOrNull(value: DuckDBValue): string | null {
  return value === null ? null : String(value);
}
