// What work on days needs.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Clock } from "../../shared/clock.ts";
import { unlessAborted } from "../../shared/waiting.ts";
import type { OnStep } from "../store/crash_points.ts";

export interface DaysContext {
  readonly connection: DuckDBConnection;
  /**
   * Runs a transaction on the connection that commits, between two commits: what changes rows that commits change, too,
   * would fail beside them.
   */
  readonly change: (work: (connection: DuckDBConnection) => Promise<void>) => Promise<void>;
  /** The folder of the files, absolute. */
  readonly folder: string;
  /** Rows of a file, at most. */
  readonly maxFileRows: number;
  readonly clock: Clock;
  readonly onStep: OnStep;
  readonly signal: AbortSignal;
}

/** Runs a transaction on `connection`; it is rolled back when `work` throws. */
export async function transaction<T>(
  connection: DuckDBConnection,
  work: () => Promise<T>,
): Promise<T> {
  await connection.run("BEGIN");
  try {
    const result = await work();
    await connection.run("COMMIT");
    return result;
  } catch (error) {
    await connection.run("ROLLBACK").catch(() => {});
    throw error;
  }
}

/**
 * A change of the archive that is not waited for once `signal` aborts, and not made if it was not begun by then. An
 * archive that closes after a failed commit waits for the pass to end, which must not wait for what comes after that.
 */
export async function changeUnless(
  signal: AbortSignal,
  change: DaysContext["change"],
  work: Parameters<DaysContext["change"]>[0],
): Promise<void> {
  signal.throwIfAborted();
  const changed = change((connection) => signal.aborted ? Promise.resolve() : work(connection));
  await unlessAborted(changed, signal);
}
