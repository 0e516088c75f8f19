// A finished day's summaries: exact sums of its receipts, made by the queries' own macros, into a Parquet file per table.
//
// They hold until something of the day, or of one before it, comes late (see ../store/summaries.ts). Then they and those of
// later days are made again.

import type { DuckDBConnection } from "@duckdb/node-api";
import { isOneProcess } from "../../query_results/archive/processes.ts";
import { at } from "../../query_results/archive/sql.ts";
import { findDelays, readDelays } from "../../query_results/archive/delays.ts";
import { EVENING_US, SUMMARY_CAP_US } from "../../query_results/archive/summaries.ts";
import { DEFINITIONS, ONE_PROCESS } from "../../query_results/catalog/catalog.ts";
import { DAY_US, dayStart } from "../../shared/time.ts";
import { rowsOf } from "../store/database.ts";
import { outdateSummaries } from "../store/summaries.ts";
import { type DaysContext, transaction } from "./context.ts";
import { copyDay } from "./copy.ts";
import { type CopiedFile, readDayFiles, replaceView, setState } from "./day_files.ts";
import { DELAY_COLUMNS, MESSAGE_DELAYS, SUMMARIES } from "./layout.ts";
import type { Interval } from "./plan.ts";

/** Receipts whose delays are held in memory at once are this part of a file's: 8 bytes each, and as much again. */
const DELAYS_SHARE = 0.5;
/** What the queries take by default; with other values they read receipts. */
const LONGEST_SYNC_US = 600_000_000;
const DELAYS = { reachShare: 0.5, capSeconds: SUMMARY_CAP_US / 1e6, includeWarmup: false };
const QUANTILES = MESSAGE_DELAYS
  .map((name) => `d.delay_us[${DELAY_COLUMNS.indexOf(name) + 1}] AS ${name}`).join(", ");

/** Days in files that have no summaries, and whose receipts are all there; in order. */
export async function daysToSummarise(connection: DuckDBConnection): Promise<string[]> {
  const days = await rowsOf(
    connection,
    `SELECT CAST(day AS TEXT) AS day FROM day_files WHERE table_name = 'receipts'
      AND day NOT IN (SELECT day FROM summary_days WHERE is_ready)
    GROUP BY day HAVING bool_and(state <> 'dropped') ORDER BY day`,
  );
  return days.map(({ day }) => String(day));
}

/**
 * Makes a day's summaries.
 * @returns messages in them, and bytes; null when something came late meanwhile: then the next pass makes them again.
 */
export async function summariseDay(
  context: DaysContext,
  day: string,
): Promise<{ rows: number; bytes: number } | null> {
  const { connection, change, onStep } = context;
  const from = dayStart(day);
  const interval = { from, to: from + DAY_US };
  // From here on, whatever comes late removes the row.
  await change(async (on) => {
    await outdateSummaries(on, from);
    await on.run(
      `INSERT INTO summary_days (day, previous_day, is_ready)
      SELECT CAST($1 AS DATE), max(day), false FROM day_files
      WHERE table_name = 'receipts' AND day < CAST($1 AS DATE)`,
      [day],
    );
  });
  onStep("summary: begun");
  await transaction(connection, () => makeRows(context, from));
  onStep("summary: rows made");
  const files: CopiedFile[] = [];
  for (const table of SUMMARIES) {
    const own = (await readDayFiles(connection, table)).find((file) => file.day === day);
    const [part, replaced] = [own?.part ?? 0, own ?? null];
    files.push(await copyDay(context, { table, day, part, interval, replaced }));
  }
  onStep("summary: files written");
  let isRecorded = false;
  await change(async (on) => {
    const [row] = await rowsOf(
      on,
      `UPDATE summary_days SET is_ready = true, first_at = p.first_at, last_at = p.last_at
      FROM (SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM read_parquet($2)) p
      WHERE day = CAST($1 AS DATE) RETURNING day`,
      [day, files[SUMMARIES.findIndex(({ name }) => name === "peer_days")].path],
    );
    isRecorded = row !== undefined;
    for (const table of SUMMARIES) {
      const listed = (await readDayFiles(on, table)).find((file) => file.day === day);
      if (listed !== undefined) await setState(on, listed.id, "cold", context.clock.now());
      await replaceView(on, table);
    }
  });
  onStep("summary: recorded");
  const bytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return isRecorded ? { rows: files[0].rows, bytes } : null;
}

/** Fills the temporary tables that the files are made of. @param from the day's start. */
async function makeRows(context: DaysContext, from: number): Promise<void> {
  const { connection, signal } = context;
  const to = from + DAY_US;
  const day = at(from);
  const run = async (sql: string) => {
    signal.throwIfAborted();
    await connection.run(sql);
  };
  const macro = (signature: string, body: string) =>
    run(`CREATE OR REPLACE TEMP MACRO ${signature} AS ${body}`);
  await run(DEFINITIONS);
  const isOne = await isOneProcess(connection, { from: from - DAY_US, to });
  if (isOne) await run(ONE_PROCESS);
  for (const { name, hot } of SUMMARIES) {
    await run(`CREATE OR REPLACE TEMP TABLE ${hot} AS FROM main.${name} LIMIT 0`);
  }

  // Delays of what was first seen on the day, as seen by its end; of the last hour of the day before, whole.
  const options = { ...DELAYS, mostReceipts: context.maxFileRows * DELAYS_SHARE, signal };
  const evening = { from: from - EVENING_US, to: from };
  await findDelays(connection, "evening_delays", evening, from + EVENING_US, options);
  await findDelays(connection, "day_delays", { from, to }, to, options);

  await macro("in_rest(instant)", `instant >= ${day}`);
  if (isOne) await countOnce(connection, { from, to });
  await run(`INSERT INTO new_message_days BY NAME
    SELECT ${day} AS day, h.message_id, m.type, day_start(m.first_seen) AS first_day, h.receipts, h.repeats,
      h.warmup_receipts, h.heard_again, coalesce(l.peers, 0) AS peers, l.first_at, l.settled_after_us, d.is_reached,
      ${QUANTILES}
    FROM rest_messages(${day}, ${at(to)}) h JOIN messages m ON m.message_id = h.message_id
      LEFT JOIN live_parts(${at(from - DAY_US)}, ${at(to)}, false) l ON l.message_id = h.message_id
      LEFT JOIN (FROM day_delays UNION ALL FROM evening_delays) d ON d.message_id = h.message_id
    ORDER BY h.message_id`);

  // The macros that group what the day adds find it in the tables just made.
  await macro(
    "live_parts(window_from, window_to, include_warmup)",
    "TABLE (FROM new_message_days WHERE peers > 0)",
  );
  await run(
    `CREATE OR REPLACE TEMP VIEW used_message_days AS
    SELECT *, true AS is_inside FROM main.message_days WHERE day < ${day}`,
  );
  await run(`INSERT INTO new_traffic_days BY NAME
    SELECT ${day} AS day, day_start(first_seen) AS first_day, type, peers, sum(weight) AS messages, sum(weight * size) AS bytes,
      0 AS heard, 0 AS receipts, 0 AS repeats, 0 AS warmup_receipts, 0 AS heard_again
    FROM weighed_messages(${day}, ${
    at(to)
  }, false, false) GROUP BY ALL HAVING sum(weight) <> 0 OR sum(weight * size) <> 0
    UNION ALL
    SELECT ${day}, first_day, type, 0, 0, 0, count(*), sum(receipts), sum(repeats),
      sum(warmup_receipts), sum(heard_again)
    FROM new_message_days GROUP BY first_day, type
    ORDER BY first_day, type, peers`);

  const errors = (first: number, until: number) =>
    `SELECT first_seen, error_us FROM message_errors(${at(first)}, ${at(until)})`;
  await run(`CREATE OR REPLACE TEMP TABLE day_errors AS ${errors(from, to)}`);
  await run(`CREATE OR REPLACE TEMP TABLE evening_errors AS
    ${errors(from - EVENING_US, from + EVENING_US)} WHERE first_seen < ${day}`);
  const parts = [
    ["day", "day", `first_seen < ${at(to - EVENING_US)}`],
    ["evening", "day", `first_seen >= ${at(to - EVENING_US)}`],
    ["evening_whole", "evening", "true"],
  ];
  for (const [part, tables, condition] of parts) {
    await readDelays(connection, `${tables}_delays`);
    await macro("message_errors(window_from, window_to)", `TABLE (FROM ${tables}_errors)`);
    await macro("in_delay_rest(first_seen)", condition);
    const firstDay = tables === "day" ? from : from - DAY_US;
    await run(`INSERT INTO new_delay_days BY NAME
      SELECT ${day} AS day, ${at(firstDay)} AS first_day, '${part}' AS part, * FROM (
        FROM delay_groups(${day}, ${at(to)}, NULL, NULL, NULL)
        UNION ALL BY NAME
        SELECT 0 AS type, 0 AS messages_seen, * FROM error_groups(${day}, ${at(to)})
      ) ORDER BY type`);
  }

  // By quarter first: then few rows have their bits set.
  await run(`INSERT INTO new_peer_days BY NAME
    SELECT ${day} AS day, peer_id, collector_id, sum(receipts) AS receipts, sum(repeats) AS repeats,
      sum(warmup_receipts) AS warmup_receipts, min(first_at) AS first_at, max(last_at) AS last_at,
      coalesce(bit_or(1::BIGINT << quarter % 48) FILTER (quarter < 48), 0) AS quarters_am,
      coalesce(bit_or(1::BIGINT << quarter % 48) FILTER (quarter >= 48), 0) AS quarters_pm
    FROM (
      SELECT peer_id, collector_id, (epoch_us(received_at) - ${from}) // 900000000 AS quarter, count(*) AS receipts,
        count(*) FILTER (is_repeat) AS repeats, count(*) FILTER (is_warmup) AS warmup_receipts,
        min(received_at) AS first_at, max(received_at) AS last_at
      FROM receipts WHERE received_at >= ${day} AND received_at < ${at(to)}
      GROUP BY ALL
    )
    GROUP BY peer_id, collector_id ORDER BY peer_id, collector_id`);

  await macro(
    "rest_days(window_from, window_to)",
    "TABLE (SELECT day, min(first_at) AS from_at, max(last_at) AS to_at FROM new_peer_days GROUP BY day)",
  );
  const pairs = `${day}, ${at(to)}, ${LONGEST_SYNC_US}`;
  await run(`CREATE OR REPLACE TEMP TABLE day_stretches AS FROM pair_stretches(${pairs})`);
  await macro("pair_stretches(window_from, window_to, longest_us)", "TABLE (FROM day_stretches)");
  await macro("in_delay_rest(first_seen)", `first_seen >= ${day}`);
  // Several clocks are compared by what all peers delivered.
  const ofPeers = isOne
    ? "AND peer_id IN (SELECT peer_a FROM day_stretches UNION SELECT peer_b FROM day_stretches)"
    : "";
  await run(`CREATE OR REPLACE TEMP TABLE day_sample AS FROM receipts
    WHERE received_at >= ${day} AND received_at < ${at(to)} ${ofPeers} AND message_id IN (
      SELECT message_id FROM messages
      WHERE first_seen >= ${day} AND first_seen < ${at(to)} AND is_in_sample(sha256))`);
  await run("CREATE OR REPLACE TEMP VIEW rest_receipts AS FROM day_sample");
  await run(`INSERT INTO new_pair_days BY NAME
    FROM pair_groups(${pairs}) ORDER BY peer_a, peer_b, type`);
}

/** Looks at a day's receipts once for two macros that count them by message: all, and those that count as deliveries. */
async function countOnce(connection: DuckDBConnection, { from, to }: Interval): Promise<void> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE day_counts AS
    SELECT message_id, count(*) AS receipts, count(*) FILTER (is_repeat) AS repeats,
      count(*) FILTER (is_warmup) AS warmup_receipts, count(*) FILTER (is_repeat AND is_warmup) AS repeats_in_warmup,
      min(received_at) FILTER (NOT is_repeat AND NOT is_warmup) AS first_at
    FROM receipts WHERE received_at >= ${at(from)} AND received_at < ${at(to)} GROUP BY message_id;
  CREATE OR REPLACE TEMP MACRO rest_counts(window_from, window_to) AS TABLE (FROM day_counts);
  CREATE OR REPLACE TEMP MACRO live_parts(window_from, window_to, include_warmup) AS TABLE (
    SELECT message_id, CAST(sum(peers) AS BIGINT) AS peers, min(first_at) AS first_at,
      epoch_us(min(settled_at)) - epoch_us(min(first_at)) AS settled_after_us
    FROM (
      SELECT message_id, receipts - repeats - warmup_receipts + repeats_in_warmup AS peers, first_at, first_at AS settled_at
      FROM day_counts WHERE first_at IS NOT NULL
      UNION ALL
      SELECT message_id, count(*), min(received_at), NULL FROM young_receipts(window_from, window_to)
      WHERE in_rest(received_at) GROUP BY message_id
    )
    GROUP BY message_id
  )`);
}
