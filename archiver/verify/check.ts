// What a check of an archive is and finds.

import type { DuckDBConnection } from "@duckdb/node-api";

/** One thing to look at. */
export interface Check {
  readonly claim: string;
  /** `contradiction`: the archive says two things. `loss`: it says itself that something is missing. */
  readonly kind: "contradiction" | "loss";
  readonly look: (connection: DuckDBConnection) => Promise<Finding>;
}

/** What a check finds. */
export interface Finding {
  readonly misfits: number;
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
