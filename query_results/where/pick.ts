// The rows of an archive that one answer needs, in place of all of it: receipts of the wanted messages, and of a sample of
// their day's to compare with. All other figures are then made by the macros that all queries share.

import type { DuckDBConnection } from "@duckdb/node-api";
import { correctClocks, RECEIPT_SHIFTS } from "../archive/clocks.ts";
import { DAY_US } from "../../shared/time.ts";
import type { Window } from "../catalog/parameters.ts";
import type { FoundMessage } from "./find.ts";
import { rowsOf } from "../archive/database.ts";
import spread from "./spread.sql" with { type: "text" };

/**
 * The day's messages to compare with: all of a type up to SAMPLE, else STRETCHES runs of consecutive ones, each read for
 * STRETCH_US. All receipts of messages scattered over the day would take seconds.
 */
const SAMPLE = 408;
const STRETCHES = 8;
const STRETCH_US = 900_000_000;
/** Delays past it are late re-broadcasts, as in all queries. */
export const CAP_US = 3_600_000_000;
/** Receipts of the wanted message count as delivered for this long. */
const LATE_US = DAY_US;

/** Leaves the rows of the messages as views `messages` and `receipts` on `connection`, clocks corrected. */
export async function pickRows(
  connection: DuckDBConnection,
  top: FoundMessage,
  others: readonly FoundMessage[],
): Promise<void> {
  const day = Math.floor(top.firstSeen / DAY_US) * DAY_US;
  const ids = [top, ...others].map(({ id }) => id).join(", ");
  await connection.run(`CREATE TEMP TABLE sampled AS
    WITH numbered AS (
      SELECT message_id, first_seen, row_number() OVER (ORDER BY first_seen) - 1 AS number, count(*) OVER () AS messages
      FROM messages WHERE type = ${top.type} AND ${within("first_seen", day, day + DAY_US)}
    )
    SELECT message_id, first_seen,
      CASE WHEN messages > ${SAMPLE} THEN number // (messages // ${STRETCHES}) ELSE 0 END AS stretch
    FROM numbered
    WHERE messages <= ${SAMPLE} OR number % (messages // ${STRETCHES}) < ${SAMPLE / STRETCHES}
      AND number // (messages // ${STRETCHES}) < ${STRETCHES}`);
  await connection.run(`CREATE TEMP TABLE picked_messages AS
    SELECT * EXCLUDE (raw), true AS is_wanted, message_id IN (SELECT message_id FROM sampled) AS is_sampled
    FROM messages WHERE message_id IN (${ids})
    UNION ALL
    SELECT * EXCLUDE (raw), false, true FROM messages WHERE message_id IN (SELECT message_id FROM sampled)
      AND message_id NOT IN (${ids}) AND ${within("first_seen", day, day + DAY_US)}`);
  const stretches = await rowsOf(
    connection,
    `SELECT stretch, epoch_us(min(first_seen)) AS first, epoch_us(max(first_seen)) AS last
    FROM sampled GROUP BY stretch`,
  );
  // A wrong clock's receipts lie as far off as it is.
  const [shift] = await rowsOf(
    connection,
    `SELECT coalesce(max(abs(shift_us)), 0) AS us FROM (${RECEIPT_SHIFTS})`,
  );
  const around = Number(shift.us);
  // One message, and one range of time: DuckDB skips what lies outside by its zone maps, and reads the other columns of
  // just the rows that it needs.
  const part = (which: string, from: number, to: number) =>
    `SELECT * FROM receipts WHERE ${which} AND ${
      within("received_at", from - around, to + around)
    }`;
  const one = ({ id, firstSeen }: FoundMessage, us: number) =>
    part(`message_id = ${id}`, firstSeen, firstSeen + us);
  const parts = [
    one(top, LATE_US),
    ...others.map((message) => one(message, CAP_US)),
    ...stretches.map(({ stretch, first, last }) =>
      part(
        `message_id IN (SELECT message_id FROM sampled WHERE stretch = ${stretch} AND message_id NOT IN (${ids}))`,
        Number(first),
        Number(last) + STRETCH_US,
      )
    ),
  ];
  await connection.run(`CREATE TEMP TABLE picked_receipts AS ${parts.join(" UNION ALL ")}`);
  await correctClocks(connection, false, {
    messages: "picked_messages",
    receipts: "picked_receipts",
  });
}

function within(column: string, from: number, to: number): string {
  return `${column} >= make_timestamptz(${from}) AND ${column} < make_timestamptz(${to})`;
}

/** Makes the tables of spread.sql for all picked messages; for wanted ones that were no news, with all receipts. */
export async function spreadTables(connection: DuckDBConnection): Promise<Window> {
  const [row] = await rowsOf(
    connection,
    "SELECT epoch_us(min(received_at)) AS first, epoch_us(max(received_at)) AS last FROM receipts",
  );
  const window = { from: Number(row.first ?? 0), to: Number(row.last ?? 0) + 1 };
  await spreadsOf(connection, window, false, "FROM messages SELECT message_id");
  const backlog =
    "SELECT message_id FROM messages WHERE is_wanted EXCEPT SELECT message_id FROM spreads";
  const missing = await rowsOf(connection, backlog);
  if (missing.length > 0) {
    const ids = missing.map(({ message_id: id }) => id).join(", ");
    await spreadsOf(connection, window, true, ids);
  }
  return window;
}

async function spreadsOf(
  connection: DuckDBConnection,
  window: Window,
  includeWarmup: boolean,
  ids: string,
): Promise<void> {
  const sql = spread.replaceAll(/^--.*$/gm, "").replaceAll("INCLUDE_WARMUP", String(includeWarmup))
    .replaceAll("IDS", ids).replaceAll("CAP_US", String(CAP_US))
    .replaceAll("$from", `make_timestamptz(${window.from})`)
    .replaceAll("$to", `make_timestamptz(${window.to})`);
  await connection.run(sql);
}
