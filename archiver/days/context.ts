// What work on days needs, and its transactions.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Clock } from "../../shared/clock.ts";
import { unlessAborted } from "../../shared/waiting.ts";
import type { OnStep } from "../store/crash_points.ts";
import type { DayFile } from "./day_files.ts";
import type { RolloverLine, RolloverPlan } from "./rollover.ts";

export interface DaysContext {
  readonly connection: DuckDBConnection;
  /** Runs a transaction between two commits: one beside a commit fails when both change the same rows. */
  readonly change: (work: (connection: DuckDBConnection) => Promise<void>) => Promise<void>;
  /** Whether all files are there and whole: summaries are made of them. */
  readonly isReadable: () => boolean;
  /** The folder of the files, absolute. */
  readonly folder: string;
  readonly maxFileRows: number;
  /** Absent where days are not published. */
  readonly publisher?: DayPublisher;
  readonly clock: Clock;
  readonly onStep: OnStep;
  readonly signal: AbortSignal;
}

/** Publishes in one pass. */
export interface DayPublisher {
  /** Publishes what is due. */
  publish(
    context: DaysContext,
    plan: RolloverPlan,
    onLine: (line: RolloverLine) => void,
  ): Promise<void>;
  /** Why retention must keep a file that should be published first; null when it need not. */
  reasonToKeep(context: DaysContext, file: DayFile): Promise<string | null>;
}

/** Runs a transaction; it is rolled back when `work` throws. */
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
 * Makes a change, but does not wait for it once `signal` aborts, nor begin it after that: an archive that closes after a
 * failed commit waits for the pass, so the pass must not wait for the next commit.
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
