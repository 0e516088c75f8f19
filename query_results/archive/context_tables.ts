// The tables that receipts and messages are read with, as a published day has them: their rows of that day, and `day`.

/**
 * How the rows of several days make one table. `whole`: each day has all that there was, so the latest holds. `keyed`: a
 * row of a later day replaces one of the same key. `distinct`: rows never change.
 */
export type ContextTable =
  | { readonly kind: "whole" }
  | { readonly kind: "distinct" }
  | { readonly kind: "keyed"; readonly key: string };

/** By name. */
export const CONTEXT_TABLES: Readonly<Record<string, ContextTable>> = {
  collectors: { kind: "whole" },
  sources: { kind: "whole" },
  epochs: { kind: "whole" },
  gaps: { kind: "whole" },
  dead_letters: { kind: "whole" },
  unresolved_receipts: { kind: "whole" },
  // A few thousand: to choose a day's own would take a scan of its receipts.
  peers: { kind: "whole" },
  sessions: { kind: "keyed", key: "session_id" },
  clock_samples: { kind: "distinct" },
  clock_steps: { kind: "distinct" },
  stalls: { kind: "distinct" },
  dial_outcomes: { kind: "distinct" },
  log_gaps: { kind: "distinct" },
  analytics_runs: { kind: "keyed", key: "run_id" },
  analytics_results: { kind: "distinct" },
};

/**
 * The rows of a table out of those of several days.
 * @param relation as in FROM; it has the column `day`.
 * @param lastDay SQL of the latest day there is, of any table.
 */
export function contextRows(table: string, relation: string, lastDay: string): string {
  const rule = CONTEXT_TABLES[table];
  if (rule.kind === "whole") {
    return `SELECT * EXCLUDE (day) FROM ${relation} WHERE day = ${lastDay}`;
  }
  if (rule.kind === "distinct") return `SELECT DISTINCT * EXCLUDE (day) FROM ${relation}`;
  return `SELECT * EXCLUDE (day) FROM ${relation}
    QUALIFY row_number() OVER (PARTITION BY ${rule.key} ORDER BY day DESC) = 1`;
}

/** The older messages that receipts of several days name. @param messages those first seen on these days, if any. */
export function earlierRows(earlier: string, messages: string | null): string {
  const others = messages === null
    ? ""
    : `WHERE message_id NOT IN (SELECT message_id FROM ${messages})`;
  return `SELECT * FROM ${earlier} ${others}
    QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY first_seen) = 1`;
}
