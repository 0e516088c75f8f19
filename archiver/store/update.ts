// One UPDATE for many rows.

import {
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
} from "@duckdb/node-api";

/** Runs an UPDATE whose parameters are columns of one length, each with its type. */
export async function update(
  connection: DuckDBConnection,
  sql: string,
  ...columns: readonly (readonly [DuckDBType, DuckDBValue[]])[]
): Promise<void> {
  await connection.run(
    sql,
    columns.map(([, values]) => listValue(values)),
    columns.map(([type]) => LIST(type)),
  );
}
