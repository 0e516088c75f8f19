// The tables that receipts and messages are read with, as a published day has them: their rows of that day, and `day`.

import { isUndecided } from "./sql.ts";

/**
 * How the rows of several days make one table. `whole`: each day has all that there was, so the one written last holds.
 * `keyed`: a row of a day written later replaces one of the same key. `distinct`: rows never change.
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
 * The days in the order in which they were written, the last one first: late rows write a day again. As SQL, a list.
 * @param epochs relation of the days' rows of `epochs`.
 */
export function daysWritten(epochs: string): string {
  return `(SELECT list(day ORDER BY committed_at DESC, day DESC)
    FROM (SELECT day, max(last_commit_at) AS committed_at FROM ${epochs} GROUP BY day))`;
}

/**
 * The rows of a table out of those of several days.
 * @param relation as in FROM; it has the column `day`.
 * @param days SQL of {@link daysWritten}.
 */
export function contextRows(table: string, relation: string, days: string): string {
  const rule = CONTEXT_TABLES[table];
  if (rule.kind === "whole") {
    return `SELECT * EXCLUDE (day) FROM ${relation} WHERE day = ${days}[1]`;
  }
  if (rule.kind === "distinct") return `SELECT DISTINCT * EXCLUDE (day) FROM ${relation}`;
  return `SELECT * EXCLUDE (day) FROM ${relation}
    QUALIFY row_number() OVER (PARTITION BY ${rule.key} ORDER BY list_position(${days}, day)) = 1`;
}

/** The older messages that receipts of several days name, once each, as the day that knows most has them. */
export function earlierRows(earlier: string): string {
  return `SELECT * EXCLUDE (first_seen, verdict), arg_min(verdict, ${
    isUndecided("verdict")
  }) OVER own AS verdict,
      min(first_seen) OVER own AS first_seen
    FROM ${earlier} WINDOW own AS (PARTITION BY message_id)
    QUALIFY row_number() OVER own = 1`;
}

/** What `earlier` knows better of messages first seen on the days: a receipt that came late, a verdict. */
export function messageChanges(messages: string, earlier: string): string {
  return `SELECT e.message_id, e.verdict, e.first_seen FROM ${earlier} e JOIN ${messages} m ON m.message_id = e.message_id
    WHERE e.first_seen < m.first_seen OR (${isUndecided("m.verdict")} AND NOT ${
    isUndecided("e.verdict")
  })`;
}

/** Messages as {@link messageChanges} correct them. */
export function correctedMessages(messages: string, changes: string): string {
  return `SELECT m.* REPLACE (
      CASE WHEN ${
    isUndecided("m.verdict")
  } THEN coalesce(c.verdict, m.verdict) ELSE m.verdict END AS verdict,
      least(m.first_seen, c.first_seen) AS first_seen)
    FROM ${messages} m LEFT JOIN ${changes} c ON c.message_id = m.message_id`;
}
