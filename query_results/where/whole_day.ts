/**
 * How a message spread beside all others of its type that day: read where that day has summaries.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { movedSpans } from "../archive/clocks.ts";
import { EVENING_US, Summaries, SUMMARY_CAP_US } from "../archive/summaries.ts";
import type { Window } from "../catalog/parameters.ts";
import { DAY_US } from "../../shared/time.ts";
import type { WholeDay } from "./answer.ts";
import type { FoundMessage } from "./find.ts";
import { slowerThan } from "./judge.ts";
import { rowsOf } from "../archive/database.ts";
import { at } from "../archive/sql.ts";

const PERCENTS = [5, 25, 50, 75, 95];
/** Of the subscribed peers, as in the queries' default. */
const REACH_SHARE = 0.5;

/** The message's day by its summaries; null where it has none, or the message was no news. */
export async function readWholeDay(
  connection: DuckDBConnection,
  top: FoundMessage,
): Promise<WholeDay | null> {
  const from = Math.floor(top.firstSeen / DAY_US) * DAY_US;
  const summaries = await Summaries.find(connection, await movedSpans(connection));
  // The next day's summary knows all of what came in the last hour; without it, that hour's receipts do.
  let window = { from, to: from + 2 * DAY_US };
  let days = await summaries.use(window);
  if (days < 2) {
    window = { from, to: from + DAY_US + EVENING_US };
    days = await summaries.use(window);
  }
  const found = days > 0 ? await spreadsOf(connection, top, window) : null;
  await summaries.use(null);
  return found;
}

/** The same from whatever the macros read. */
export async function spreadsOf(
  connection: DuckDBConnection,
  { id, type }: FoundMessage,
  { from, to }: Window,
): Promise<WholeDay | null> {
  const columns = PERCENTS.map((percent) => `s.us_${percent}pct`);
  const rows = await rowsOf(
    connection,
    `SELECT s.message_id, s.is_reached, [${columns.join(", ")}] AS us
    FROM message_spreads(${at(from)}, ${at(to)}, ${REACH_SHARE}, ${SUMMARY_CAP_US / 1e6}) s
      JOIN messages m ON m.message_id = s.message_id
    WHERE m.type = ${type} AND m.first_seen >= ${at(from)} AND m.first_seen < ${at(from + DAY_US)}`,
  );
  const secondsOf = (row: typeof rows[number]) =>
    (row.us as unknown as { items: bigint[] }).items.map((us) => Number(us) / 1e6);
  const own = rows.find(({ message_id }) => message_id === id);
  if (own === undefined) return null;
  const others = rows.filter((row) => row !== own).map(secondsOf);
  const medians = PERCENTS.map((_, i) => {
    const sorted = others.map((seconds) => seconds[i]).sort((a, b) => a - b);
    return sorted.at(sorted.length >> 1) ?? null;
  });
  const half = PERCENTS.indexOf(50);
  return {
    messages: rows.length,
    reached_half: rows.filter(({ is_reached }) => is_reached === true).length,
    is_reached_half: own.is_reached === true,
    curve: PERCENTS.map((percent, i) => ({
      percent,
      seconds: secondsOf(own)[i],
      day_50: medians[i],
    })),
    slower_than_percent: slowerThan(secondsOf(own)[half], others.map((seconds) => seconds[half])),
  };
}

/** Whether a day's receipts are no longer there. */
export async function isDropped(
  connection: DuckDBConnection,
  { firstSeen }: FoundMessage,
): Promise<boolean> {
  const rows = await rowsOf(
    connection,
    `SELECT 1 FROM day_files WHERE table_name = 'receipts' AND state = 'dropped'
      AND epoch_us(day) // ${DAY_US} = ${Math.floor(firstSeen / DAY_US)}`,
  );
  return rows.length > 0;
}
