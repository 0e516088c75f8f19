// What DuckDB alone makes of the same rows: `INSERT … SELECT` into a table of the same schema in another file, with the
// memory and threads that the archiver has.

import { ARCHIVER_MEMORY, ARCHIVER_THREADS } from "./bench_archiver.ts";
import { runChild } from "./children.ts";
import type { SqlOptions, SqlTimes } from "./sql_process.ts";

/** Copies an archive's receipts, and forgets the copy. @returns receipts a second until they were committed. */
export async function insertSelect(archive: string, dir: string, rows: number): Promise<number> {
  const copy = `${dir}/copy.duckdb`;
  const options: SqlOptions = {
    path: archive,
    memoryLimit: ARCHIVER_MEMORY,
    threads: ARCHIVER_THREADS,
    statements: [
      `ATTACH '${copy}' AS copy`,
      "CREATE TABLE copy.receipts AS FROM hot_receipts LIMIT 0",
      "INSERT INTO copy.receipts SELECT * FROM hot_receipts",
    ],
  };
  const { seconds } = await runChild<SqlTimes>("sql_process.ts", options);
  await Deno.remove(copy);
  return rows / seconds[2];
}
