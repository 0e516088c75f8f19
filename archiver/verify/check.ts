/**
 * What a check of an archive is and finds.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";

/** One thing to look at. */
export interface Check {
  /** What holds in a sound archive. */
  readonly claim: string;
  /** `contradiction`: the archive says two things. `loss`: it says itself that something is missing. */
  readonly kind: "contradiction" | "loss";
  /** Looks, on a connection to the archive. */
  readonly look: (connection: DuckDBConnection) => Promise<Finding>;
}

/** What a check finds. */
export interface Finding {
  /** Things that are not as claimed. */
  readonly misfits: number;
  /** Things looked at. */
  readonly seen: number;
  /** What is amiss with some of the misfits, one line each; absent when the count says all. */
  readonly details?: readonly string[];
}

/** A check by a query whose one row has the columns `misfits` and `seen`. */
export function sqlCheck(kind: Check["kind"], claim: string, sql: string): Check {
  const look = async (connection: DuckDBConnection) => {
    const [row] = (await connection.runAndReadAll(sql)).getRowObjects();
    return { misfits: Number(row.misfits), seen: Number(row.seen) };
  };
  return { claim, kind, look };
}
