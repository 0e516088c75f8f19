// Which text of some macros a window needs: catalog/several_processes.sql, or the shorter catalog/one_process.sql. DuckDB
// plans a branch that brings no rows worse than none.

import type { DuckDBConnection } from "@duckdb/node-api";
import { ONE_PROCESS, SEVERAL_PROCESSES } from "../catalog/catalog.ts";
import type { Window } from "../catalog/parameters.ts";
import { at } from "./sql.ts";

/** Whether what is asked of a window, or of a part of it, gets the shorter text; sets it. @param window null: it does not. */
export async function useProcesses(
  connection: DuckDBConnection,
  window: Window | null,
): Promise<boolean> {
  const isOne = window !== null && await isOneProcess(connection, window);
  await connection.run(isOne ? ONE_PROCESS : SEVERAL_PROCESSES);
  return isOne;
}

/** Whether one clock stamped all, and no peer was held by two processes. */
async function isOneProcess(connection: DuckDBConnection, window: Window): Promise<boolean> {
  const span = `${at(window.from)}, ${at(window.to)}`;
  const reader = await connection.runAndReadAll(
    `SELECT NOT EXISTS (FROM several_clocks(${span})) AND NOT EXISTS (FROM shared_days(${span}))`,
  );
  return reader.getRows()[0][0] === true;
}
