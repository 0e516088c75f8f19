// Whether a window needs catalog/several_processes.sql, or the shorter catalog/one_process.sql is enough. DuckDB plans a
// branch that brings no rows worse than none.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";
import { valuesOf } from "./database.ts";
import { at } from "./sql.ts";

/** Whether one clock stamped all in a window, and no peer was held by two processes; so it is then in each part of it. */
export async function isOneProcess(
  connection: DuckDBConnection,
  { from, to }: Window,
): Promise<boolean> {
  const span = `${at(from)}, ${at(to)}`;
  const [[isOne]] = await valuesOf(
    connection,
    `SELECT NOT EXISTS (FROM several_clocks(${span})) AND NOT EXISTS (FROM shared_days(${span}))`,
  );
  return isOne === true;
}
