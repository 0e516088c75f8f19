// Quoting for SQL.

import { identifier, literal, literals } from "../../query_results/archive/sql.ts";

export { identifier, literal, literals };

/** Verdicts that a later one replaces. */
export const UNDECIDED = ["unchecked", "unknown_signer", "rebuilt"] as const;

/** The condition that a column has one of {@link UNDECIDED}. */
export function isUndecided(column: string): string {
  return `${column} IN (${UNDECIDED.map(literal).join(", ")})`;
}
