import type { DuckDBConnection } from "@duckdb/node-api";
import { dayOf } from "../../shared/time.ts";

/**
 * Outdates the summaries of the day of an instant, and of later ones, within the connection's transaction; those of days
 * whose receipts are dropped stay. Call when something comes that is older than today.
 * @param since µs since the Unix epoch.
 */
export async function outdateSummaries(connection: DuckDBConnection, since: number): Promise<void> {
  await connection.run(
    `DELETE FROM summary_days WHERE day >= CAST($1 AS DATE) AND day NOT IN (
      SELECT day FROM day_files WHERE table_name = 'receipts' AND state = 'dropped')`,
    [dayOf(since)],
  );
}

/** Outdates the summaries of one day, `YYYY-MM-DD`, whose files cannot be read. */
export async function outdateSummary(connection: DuckDBConnection, day: string): Promise<void> {
  await connection.run("DELETE FROM summary_days WHERE day = CAST($1 AS DATE)", [day]);
}
