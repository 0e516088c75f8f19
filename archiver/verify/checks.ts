// All checks of an archive against itself.

import { DAY_US } from "../../shared/time.ts";
import { type Check, dayFilesCheck, factsCheck, sqlCheck } from "./check.ts";

/** Foreign keys: table, column, and the table whose key it is. */
const REFERENCES = [
  ["epochs", "collector_id", "collectors"],
  ["sources", "collector_id", "collectors"],
  ["sessions", "epoch_id", "epochs"],
  ["sessions", "collector_id", "collectors"],
  ["sessions", "peer_id", "peers"],
  ["message_numbers", "epoch_id", "epochs"],
  ["message_numbers", "message_id", "messages"],
  ["receipts", "message_id", "messages"],
  ["receipts", "peer_id", "peers"],
  ["receipts", "collector_id", "collectors"],
  ["unresolved_receipts", "epoch_id", "epochs"],
  ["unresolved_events", "epoch_id", "epochs"],
  ["gaps", "epoch_id", "epochs"],
  ["day_file_receipts", "file_id", "day_files"],
  ["day_file_receipts", "collector_id", "collectors"],
  ["cold_messages", "file_id", "day_files"],
  ["cold_messages", "message_id", "messages"],
  ["message_changes", "message_id", "cold_messages"],
  ["clock_samples", "epoch_id", "epochs"],
  ["clock_steps", "epoch_id", "epochs"],
  ["stalls", "epoch_id", "epochs"],
  ["log_gaps", "collector_id", "sources"],
  ["dial_outcomes", "epoch_id", "epochs"],
  ["import_epochs", "epoch_id", "epochs"],
  ["import_epochs", "import_id", "imports"],
  ["import_files", "import_id", "imports"],
  ["import_messages", "import_id", "imports"],
  ["analytics_queries", "run_id", "analytics_runs"],
  ["analytics_results", "run_id", "analytics_runs"],
] as const;

/** Unique keys. */
const KEYS = [
  ["collectors", "collector_id"],
  ["collectors", "name"],
  ["sources", "collector_id"],
  ["epochs", "epoch_id"],
  ["epochs", "collector_id, started_at"],
  ["peers", "peer_id"],
  ["peers", "node_id"],
  ["sessions", "session_id"],
  ["sessions", "epoch_id, number"],
  ["messages", "message_id"],
  ["messages", "sha256"],
  ["message_numbers", "epoch_id, number"],
  ["day_files", "file_id"],
  ["day_files", "table_name, day, part"],
  ["cold_messages", "message_id"],
  ["message_changes", "message_id"],
  ["imports", "import_id"],
  ["import_files", "import_id, name"],
  ["import_messages", "import_id, hash"],
  ["analytics_runs", "run_id"],
  ["analytics_runs", "set_name, window_from, window_to, outcome"],
  ["analytics_queries", "run_id, query"],
  ["analytics_results", "run_id, query, row_number, column_name"],
] as const;

const contradiction = (claim: string, sql: string) => sqlCheck("contradiction", claim, sql);

/** The checks, quick ones first. */
export const CHECKS: readonly Check[] = [
  contradiction(
    "no epoch has more receipts than it stamped, and its gaps account for the difference",
    `WITH counted AS (
      SELECT e.epoch_id, e.stamped_receipts - e.receipts AS lost, count(g.epoch_id) AS gaps,
        count(g.epoch_id) FILTER (WHERE g.receipts IS NULL) AS unknown, coalesce(sum(g.receipts), 0) AS in_gaps
      FROM epochs e LEFT JOIN gaps g ON g.epoch_id = e.epoch_id
      GROUP BY e.epoch_id, e.stamped_receipts, e.receipts
    )
    SELECT count(*) FILTER (WHERE lost < in_gaps OR (unknown = 0 AND lost <> in_gaps)) AS misfits, count(*) AS seen
    FROM counted`,
  ),
  contradiction(
    "gaps lie below the high-water mark of their epoch and do not overlap",
    `SELECT count(*) FILTER (WHERE last_batch < first_batch OR last_batch >= next_batch OR first_batch <= before)
        AS misfits, count(*) AS seen
    FROM (
      SELECT g.*, e.next_batch, lag(last_batch) OVER (PARTITION BY g.epoch_id ORDER BY first_batch) AS before
      FROM gaps g JOIN epochs e ON e.epoch_id = g.epoch_id
    )`,
  ),
  contradiction(
    "each collector has as many receipts, those out of logs included, as its epochs say",
    `WITH owners AS (
      SELECT s.collector_id, o.collector_id AS owner_id
      FROM sources s JOIN collectors o ON o.name = s.recorded_by
    ), found AS (
      SELECT collector_id, count(*) AS receipts FROM receipts GROUP BY collector_id
      UNION ALL
      SELECT e.collector_id, count(*) FROM unresolved_receipts u JOIN epochs e ON e.epoch_id = u.epoch_id
      GROUP BY e.collector_id
      UNION ALL
      SELECT d.collector_id, d.receipts FROM day_file_receipts d JOIN day_files f ON f.file_id = d.file_id
      WHERE f.state = 'dropped'
      UNION ALL
      SELECT collector_id, -receipts FROM epochs
    ), differences AS (
      SELECT coalesce(owner_id, collector_id) AS collector_id, sum(receipts) AS difference
      FROM found LEFT JOIN owners USING (collector_id) GROUP BY ALL
    )
    SELECT CAST(coalesce(sum(abs(difference)), 0) AS BIGINT) AS misfits, (SELECT count(*) FROM receipts) AS seen
    FROM differences`,
  ),
  ...KEYS.map(([table, columns]) =>
    contradiction(
      `${table}: no two rows have the same ${columns}`,
      `SELECT count(*) - count(DISTINCT (${columns})) AS misfits, count(*) AS seen FROM ${table}`,
    )
  ),
  ...REFERENCES.map(([table, column, target]) =>
    contradiction(
      `${table}: each ${column} is in ${target}`,
      `SELECT count(*) AS misfits, (SELECT count(*) FROM ${table}) AS seen
      FROM ${table} t ANTI JOIN ${target} k ON k.${column} = t.${column}`,
    )
  ),
  contradiction(
    "each session is of the collector that its epoch is of",
    `SELECT count(*) FILTER (WHERE coalesce(o.collector_id, s.collector_id) <> e.collector_id) AS misfits,
      count(*) AS seen
    FROM sessions s JOIN epochs e ON e.epoch_id = s.epoch_id
      LEFT JOIN sources x ON x.collector_id = s.collector_id LEFT JOIN collectors o ON o.name = x.recorded_by`,
  ),
  contradiction(
    "each session's counts and times agree with one another",
    `SELECT count(*) FILTER (WHERE closed_at <> counted_at OR receipts > messages_in OR gossip_out > messages_out
        OR pings_answered > pings_sent OR pings_sent > messages_out OR pongs_sent > messages_out
        OR (pings_answered > 0) <> (rtt_median_microseconds IS NOT NULL)
        OR rtt_min_microseconds > rtt_median_microseconds OR rtt_median_microseconds > rtt_max_microseconds
        OR (receipts > 0) <> (first_gossip_at IS NOT NULL) OR first_gossip_at > last_gossip_at) AS misfits,
      count(*) AS seen
    FROM sessions`,
  ),
  contradiction(
    "the sessions of a run that ended without gaps have all its receipts",
    `WITH counted AS (
      SELECT e.stamped_receipts, sum(s.receipts) AS receipts
      FROM epochs e JOIN sessions s ON s.epoch_id = e.epoch_id
      WHERE e.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gaps g WHERE g.epoch_id = e.epoch_id)
      GROUP BY e.epoch_id, e.stamped_receipts
    )
    SELECT count(*) FILTER (WHERE receipts IS DISTINCT FROM stamped_receipts) AS misfits, count(*) AS seen FROM counted`,
  ),
  contradiction(
    "dials are counted once: the spans of a run follow one another, and none is empty",
    `WITH spans AS (
      SELECT epoch_id, from_at, to_at, count(*) - count(DISTINCT (address_kind, outcome)) AS doubled, min(dials) AS least
      FROM dial_outcomes GROUP BY epoch_id, from_at, to_at
    )
    SELECT count(*) FILTER (WHERE doubled > 0 OR least < 1 OR to_at < from_at OR from_at < before) AS misfits,
      count(*) AS seen
    FROM (SELECT *, lag(to_at) OVER (PARTITION BY epoch_id ORDER BY from_at, to_at) AS before FROM spans)`,
  ),
  contradiction(
    "each result has the kept rows that its run counted",
    `WITH kept AS (SELECT run_id, query, max(row_number) AS rows FROM analytics_results GROUP BY run_id, query)
    SELECT count(*) FILTER (WHERE k.rows > coalesce(q.kept_rows, 0) OR q.kept_rows > q.result_rows) AS misfits,
      count(*) AS seen
    FROM kept k FULL JOIN analytics_queries q ON q.run_id = k.run_id AND q.query = k.query`,
  ),
  contradiction(
    "no receipt of a message is earlier than its first_seen",
    `SELECT count(*) FILTER (WHERE r.first < m.first_seen) AS misfits, count(*) AS seen FROM messages m
    JOIN (SELECT message_id, min(received_at) AS first FROM receipts GROUP BY message_id) r
      ON r.message_id = m.message_id`,
  ),
  contradiction(
    "sha256 is that of the message's bytes",
    `SELECT count(*) FILTER (WHERE from_hex(sha256(raw)) <> sha256) AS misfits, count(raw) AS seen FROM messages`,
  ),
  factsCheck,
  contradiction(
    "each day's file has as many rows as its receipts by collector, or its cold messages, say",
    `WITH counted AS (
      SELECT f.row_count, CASE WHEN f.table_name = 'receipts'
        THEN (SELECT coalesce(sum(d.receipts), 0) FROM day_file_receipts d WHERE d.file_id = f.file_id)
        WHEN f.state = 'copied' THEN f.row_count
        ELSE (SELECT count(*) FROM cold_messages c WHERE c.file_id = f.file_id) END AS expected
      FROM day_files f WHERE f.table_name IN ('receipts', 'messages')
    )
    SELECT count(*) FILTER (WHERE row_count <> expected) AS misfits, count(*) AS seen FROM counted`,
  ),
  contradiction(
    "each day's summary of messages has the counts of its receipts, unless these are dropped",
    `WITH days AS (
      SELECT make_timestamptz(epoch_us(day)) AS day FROM summary_days WHERE is_ready AND day NOT IN (
        SELECT day FROM day_files WHERE table_name = 'receipts' AND state = 'dropped')
    ), counted AS (
      SELECT make_timestamptz(epoch_us(received_at) // ${DAY_US} * ${DAY_US}) AS day, message_id, count(*) AS receipts,
        count(*) FILTER (is_repeat) AS repeats, count(*) FILTER (is_warmup) AS warmup_receipts
      FROM receipts GROUP BY ALL
    ), summed AS (
      SELECT day, message_id, receipts, repeats, warmup_receipts FROM message_days
    ), compared AS (
      SELECT s.message_id IS NULL OR c IS DISTINCT FROM s AS is_misfit
      FROM (FROM counted SEMI JOIN days USING (day)) c
        FULL JOIN (FROM summed SEMI JOIN days USING (day)) s ON s.day = c.day AND s.message_id = c.message_id
    )
    SELECT count(*) FILTER (is_misfit) AS misfits, count(*) AS seen FROM compared`,
  ),
  contradiction(
    "the summaries of a day agree on its receipts, repeats and warm-up",
    `WITH counts AS (
      SELECT 'message_days' AS name, day, receipts, repeats, warmup_receipts FROM message_days
      UNION ALL SELECT 'traffic_days', day, receipts, repeats, warmup_receipts FROM traffic_days
      UNION ALL SELECT 'peer_days', day, receipts, repeats, warmup_receipts FROM peer_days
    ), sums AS (
      SELECT name, day, sum(receipts) AS receipts, sum(repeats) AS repeats, sum(warmup_receipts) AS warmup
      FROM counts GROUP BY name, day
    )
    SELECT count(*) - count(DISTINCT day) AS misfits, count(*) AS seen
    FROM (SELECT DISTINCT day, receipts, repeats, warmup FROM sums)`,
  ),
  contradiction(
    "each pair's sums grow with the interval, and none is longer than its messages allow",
    `SELECT count(*) FILTER (WHERE NOT (0 <= us_1s AND us_1s <= us_5s AND us_5s <= us_10s AND us_10s <= us_30s
        AND us_30s <= us_60s AND us_60s <= us_120s AND us_120s <= us_300s AND us_300s <= us_600s
        AND us_1s <= common * 1000000::BIGINT AND us_600s <= common * 600000000::BIGINT
        AND measured_us > 0 AND only_a >= 0 AND only_b >= 0)) AS misfits, count(*) AS seen FROM pair_days`,
  ),
  dayFilesCheck,
  sqlCheck(
    "loss",
    "every receipt that was stamped is archived",
    `SELECT CAST(coalesce(sum(stamped_receipts - receipts), 0) AS BIGINT) - (SELECT
        CAST(coalesce(sum(receipts), 0) AS BIGINT) FROM gaps WHERE reason = 'elsewhere') AS misfits,
      CAST(coalesce(sum(stamped_receipts), 0) AS BIGINT) AS seen FROM epochs`,
  ),
  sqlCheck(
    "loss",
    "no batch is missing",
    `SELECT CAST(coalesce(sum(last_batch - first_batch + 1), 0) AS BIGINT) AS misfits,
      (SELECT CAST(coalesce(sum(next_batch), 0) AS BIGINT) FROM epochs) AS seen
      FROM gaps WHERE reason <> 'elsewhere'`,
  ),
  sqlCheck(
    "loss",
    "every receipt's message and session are known",
    `SELECT count(*) AS misfits, count(*) + (SELECT count(*) FROM receipts) AS seen FROM unresolved_receipts`,
  ),
  sqlCheck(
    "loss",
    "every verdict's message and every reported session are known",
    "SELECT count(*) AS misfits, count(*) AS seen FROM unresolved_events",
  ),
  sqlCheck(
    "loss",
    "no payload was set aside",
    "SELECT count(*) AS misfits, count(*) AS seen FROM dead_letters",
  ),
];
