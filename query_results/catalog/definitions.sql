-- What several queries mean by the same word, from what receipts.sql lets count.

-- Whether a message was news when first seen, not backlog. By its own timestamp it is at most an hour old; and a peer past
-- its session's warm-up delivered it too within ten minutes, or it was younger than two (LND sends every 90 s).
CREATE OR REPLACE TEMP MACRO is_news(first_seen, own_timestamp, settled_after_us, include_warmup) AS
  include_warmup OR (coalesce(own_timestamp >= first_seen - INTERVAL 1 HOUR, true)
    AND (coalesce(settled_after_us <= 600000000, false)
      OR coalesce(own_timestamp >= first_seen - INTERVAL 2 MINUTE, false)));

-- Of each message, what its receipts that no summary covers add: peers that first delivered it, the first of these
-- deliveries, and how long after that one came past its session's warm-up.
CREATE OR REPLACE TEMP MACRO live_parts(window_from, window_to, include_warmup) AS TABLE (
  SELECT message_id, count(*) AS peers, min(received_at) AS first_at,
    epoch_us(min(received_at) FILTER (NOT is_warmup)) - epoch_us(min(received_at)) AS settled_after_us
  FROM first_receipts(window_from, window_to, include_warmup)
  WHERE in_rest(received_at)
  GROUP BY message_id
);

-- Live messages and how many peers delivered each: news whose very first receipt lies in the window and counts. Unless
-- is_whole, only messages of which used_traffic_days does not have all: as they are, with weight 1, and as they are there,
-- with weight -1.
CREATE OR REPLACE TEMP MACRO weighed_messages(window_from, window_to, include_warmup, is_whole) AS TABLE (
  WITH rest AS (
    FROM live_parts(window_from, window_to, include_warmup)
  ), torn AS (
    SELECT message_id FROM rest WHERE NOT is_whole
    UNION
    SELECT message_id FROM used_message_days WHERE NOT is_whole AND NOT is_inside AND peers > 0
  ), parts AS (
    SELECT 1 AS weight, message_id, peers, first_at, settled_after_us FROM rest
    UNION ALL
    SELECT unnest(CASE WHEN is_whole OR NOT is_inside THEN [1] ELSE [1, -1] END), message_id, peers, first_at, settled_after_us
    FROM used_message_days
    WHERE peers > 0 AND (is_whole OR message_id IN (SELECT message_id FROM torn))
  ), heard AS (
    SELECT weight, message_id, CAST(sum(peers) AS BIGINT) AS peers, min(first_at) AS first_at,
      min(epoch_us(first_at) + settled_after_us) AS settled_us
    FROM parts
    GROUP BY weight, message_id
  )
  SELECT weight, m.message_id, m.type, m.size, m.scid, m.direction, m.node_id, m.inner_id, m.first_seen, heard.peers
  FROM heard JOIN messages m ON m.message_id = heard.message_id AND m.first_seen = heard.first_at
  WHERE is_news(m.first_seen, m.own_timestamp, heard.settled_us - epoch_us(m.first_seen), include_warmup)
);

-- The same, one by one: a message first heard before the window is left out rather than shown with a part of its peers.
CREATE OR REPLACE TEMP MACRO live_messages(window_from, window_to, include_warmup) AS TABLE (
  SELECT * EXCLUDE weight FROM weighed_messages(window_from, window_to, include_warmup, true)
);

-- Live messages in groups to be added up by type and peers: how many they are, and their bytes.
CREATE OR REPLACE TEMP MACRO live_groups(window_from, window_to, include_warmup) AS TABLE (
  SELECT type, peers, messages, bytes FROM used_traffic_days WHERE is_inside AND peers > 0
  UNION ALL
  SELECT type, peers, weight, weight * size FROM weighed_messages(window_from, window_to, include_warmup, false)
);

-- How often each message was heard outside the summaries.
CREATE OR REPLACE TEMP MACRO rest_counts(window_from, window_to) AS TABLE (
  SELECT message_id, count(*) AS receipts, count(*) FILTER (is_repeat) AS repeats,
    count(*) FILTER (is_warmup) AS warmup_receipts
  FROM rest_receipts
  WHERE received_at >= window_from AND received_at < window_to AND in_rest(received_at)
  GROUP BY message_id
);

-- All that was heard outside the summaries, warm-up and repeats too, by message. heard_again: by a second collector process
-- on the same day.
CREATE OR REPLACE TEMP MACRO rest_messages(window_from, window_to) AS TABLE (
  WITH again AS (
    SELECT message_id, sum(receipts - 1) AS heard_again
    FROM (
      SELECT r.message_id, count(*) AS receipts
      FROM counted_receipts(window_from, window_to, true) r
        SEMI JOIN shared_days(window_from, window_to) s ON s.peer_id = r.peer_id AND s.day = day_number(r.received_at)
      WHERE in_rest(r.received_at)
      GROUP BY r.message_id, r.peer_id, day_number(r.received_at)
    )
    GROUP BY message_id
  )
  SELECT c.message_id, c.receipts, c.repeats, c.warmup_receipts, coalesce(a.heard_again, 0) AS heard_again
  FROM rest_counts(window_from, window_to) c LEFT JOIN again a ON a.message_id = c.message_id
);

-- All that was heard, by message.
CREATE OR REPLACE TEMP MACRO heard_messages(window_from, window_to) AS TABLE (
  SELECT message_id, CAST(sum(receipts) AS BIGINT) AS receipts
  FROM (
    SELECT message_id, receipts FROM rest_messages(window_from, window_to)
    UNION ALL
    SELECT message_id, receipts FROM used_message_days
  )
  GROUP BY message_id
);

-- The same in groups to be added up by type. A message that is heard on several days counts where it was first seen, or
-- once if that was before the window.
CREATE OR REPLACE TEMP MACRO heard_groups(window_from, window_to) AS TABLE (
  WITH rest AS (
    SELECT r.*, m.type, m.first_seen
    FROM rest_messages(window_from, window_to) r JOIN messages m ON m.message_id = r.message_id
  ), earlier AS (
    SELECT message_id, type FROM rest WHERE first_seen < window_from
    UNION
    SELECT d.message_id, m.type
    FROM used_message_days d JOIN messages m ON m.message_id = d.message_id
    WHERE NOT d.is_inside AND m.first_seen < window_from
  )
  SELECT type, CASE WHEN first_day = day THEN heard ELSE 0 END AS messages, receipts, repeats, warmup_receipts, heard_again
  FROM used_traffic_days
  UNION ALL
  SELECT type, CAST(first_seen >= window_from AND in_rest(first_seen) AS BIGINT), receipts, repeats, warmup_receipts,
    heard_again
  FROM rest
  UNION ALL
  SELECT type, 1, 0, 0, 0, 0 FROM earlier
);

-- Receipts and repeats by peer, all that was heard.
CREATE OR REPLACE TEMP MACRO heard_peers(window_from, window_to) AS TABLE (
  SELECT peer_id, CAST(sum(receipts) AS BIGINT) AS receipts, CAST(sum(repeats) AS BIGINT) AS repeats
  FROM (
    SELECT peer_id, count(*) AS receipts, count(*) FILTER (is_repeat) AS repeats
    FROM rest_receipts
    WHERE received_at >= window_from AND received_at < window_to AND in_rest(received_at)
    GROUP BY peer_id
    UNION ALL
    SELECT peer_id, receipts, repeats FROM used_peer_days
  )
  GROUP BY peer_id
);

-- The bins in which each peer delivered anything; summaries know them by quarters of an hour.
CREATE OR REPLACE TEMP MACRO active_bins(window_from, window_to, bin_seconds) AS TABLE (
  SELECT bin_start(received_at, bin_seconds) AS interval_start, peer_id
  FROM rest_receipts
  WHERE received_at >= window_from AND received_at < window_to AND in_rest(received_at)
  UNION
  SELECT bin_start(day + to_seconds(900 * quarter), bin_seconds), peer_id
  FROM used_peer_days CROSS JOIN (SELECT unnest(range(96)) AS quarter)
  WHERE (CASE WHEN quarter < 48 THEN quarters_am ELSE quarters_pm END >> quarter % 48) & 1 = 1
);

-- With several clocks: the messages that more than one collector heard within an hour, and by how much delays of each may be
-- wrong.
CREATE OR REPLACE TEMP MACRO message_errors(window_from, window_to) AS TABLE (
  SELECT m.message_id, any_value(m.first_seen) AS first_seen, any_value(o.error_us) AS error_us
  FROM origins(window_from, window_to, false) o JOIN messages m ON m.message_id = o.message_id
  WHERE o.collectors > 1
  GROUP BY m.message_id
);

-- The same in groups to be added up.
CREATE OR REPLACE TEMP MACRO error_groups(window_from, window_to) AS TABLE (
  SELECT count(*) AS messages, sum(error_us) AS error_us, count(*) FILTER (error_us IS NULL) AS unknown_errors
  FROM message_errors(window_from, window_to)
  WHERE in_delay_rest(first_seen)
  UNION ALL
  SELECT messages, error_us, unknown_errors FROM used_delay_days WHERE is_inside AND type = 0
);

-- The seconds in which a collector was held up or had just been: what it stamped then may have come since from_us.
CREATE OR REPLACE TEMP MACRO stalled_seconds(window_from, window_to) AS TABLE (
  SELECT collector_id, second, min(from_us) AS from_us, max(until_us) AS until_us
  FROM (
    SELECT collector_id, epoch_us(from_at) AS from_us, epoch_us(to_at) + 1000000 AS until_us,
      unnest(range(epoch_us(from_at) // 1000000, epoch_us(to_at) // 1000000 + 2)) AS second
    FROM stalls WHERE from_at < window_to AND to_at >= window_from - INTERVAL 1 SECOND
  )
  GROUP BY collector_id, second
);

-- How long after it was first seen each peer delivered each message, in microseconds; by how much the clocks may have
-- spoilt that (null: unknown); and how much earlier it may have come because its collector was held up.
CREATE OR REPLACE TEMP MACRO delays(window_from, window_to, include_warmup) AS TABLE (
  SELECT d.message_id, d.peer_id, d.is_warmup, d.us - d.first_us AS delay_us, d.error_us,
    CASE WHEN d.us BETWEEN s.from_us AND s.until_us THEN d.us - s.from_us ELSE 0 END AS stall_us
  FROM corrected_delays(window_from, window_to, include_warmup) d LEFT JOIN stalled_seconds(window_from, window_to) s
    ON s.collector_id = d.collector_id AND s.second = d.us // 1000000
);

-- Of each live message, its peers' delays up to cap_seconds: how many peers, quantiles over them (0.1, 5, 25, 50, 75, 95 and
-- 99.9 %) in whole microseconds, by how much these may be wrong (null: unknown), and whether it reached reach_share of the
-- peers subscribed when it was first seen. Stalls are looked up apart: few receipts came in one.
CREATE OR REPLACE TEMP MACRO message_delays(window_from, window_to, reach_share, cap_seconds, include_warmup) AS TABLE (
  WITH per_message AS (
    SELECT message_id, count(*) AS peers, clock_error(error_us) AS error_us,
      min(us - first_us) FILTER (NOT is_warmup) AS settled_after_us,
      quantile_cont(us - first_us, [0, 0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999]) AS quantiles
    FROM corrected_delays(window_from, window_to, include_warmup)
    WHERE us - first_us <= CAST(floor(cap_seconds * 1e6) AS BIGINT)
    GROUP BY message_id
    -- Its first receipt is among those that count: neither backlog nor before the window.
    HAVING quantiles[1] = 0
  ), held_up AS (
    SELECT d.message_id, max(d.us - s.from_us) AS stall_us
    FROM corrected_delays(window_from, window_to, include_warmup) d JOIN stalled_seconds(window_from, window_to) s
      ON s.collector_id = d.collector_id AND s.second = d.us // 1000000
    WHERE d.us BETWEEN s.from_us AND s.until_us AND d.us - d.first_us <= CAST(floor(cap_seconds * 1e6) AS BIGINT)
    GROUP BY d.message_id
  )
  SELECT m.message_id, m.type, m.first_seen, p.peers, CAST(p.error_us + coalesce(h.stall_us, 0) AS BIGINT) AS error_us,
    [CAST(round(us) AS BIGINT) FOR us IN p.quantiles[2:]] AS delay_us,
    p.peers >= reach_share * greatest(coalesce(s.peers, 0), 1) AS is_reached
  FROM per_message p JOIN messages m ON m.message_id = p.message_id LEFT JOIN held_up h ON h.message_id = p.message_id
    ASOF LEFT JOIN peer_steps(window_from, window_to) s ON m.first_seen >= s.changed_at
  WHERE is_news(m.first_seen, m.own_timestamp, p.settled_after_us, include_warmup)
);

-- The same, found when asked; the runner has it read what was found before, piece by piece (archive/delays.ts).
CREATE OR REPLACE TEMP MACRO known_delays(window_from, window_to, reach_share, cap_seconds, include_warmup) AS TABLE (
  FROM message_delays(window_from, window_to, reach_share, cap_seconds, include_warmup)
);

-- Of each live message, whether it reached reach_share, and the delays that a summary has, too.
CREATE OR REPLACE TEMP MACRO message_spreads(window_from, window_to, reach_share, cap_seconds) AS TABLE (
  SELECT message_id, is_reached, delay_us[2] AS us_5pct, delay_us[3] AS us_25pct, delay_us[4] AS us_50pct,
    delay_us[5] AS us_75pct, delay_us[6] AS us_95pct
  FROM known_delays(window_from, window_to, reach_share, cap_seconds, false)
  WHERE in_delay_rest(first_seen)
  UNION ALL
  -- The next day's summary knows all of what came in a day's last hour.
  SELECT m.message_id, arg_max(d.is_reached, d.day), arg_max(d.us_5pct, d.day), arg_max(d.us_25pct, d.day),
    arg_max(d.us_50pct, d.day), arg_max(d.us_75pct, d.day), arg_max(d.us_95pct, d.day)
  FROM used_message_days d JOIN messages m ON m.message_id = d.message_id
  WHERE d.is_inside AND d.us_95pct IS NOT NULL AND NOT in_delay_rest(m.first_seen)
  GROUP BY m.message_id
);

-- known_delays in groups to be added up by type: sums over the messages that reached it, of which there are `messages`.
CREATE OR REPLACE TEMP MACRO delay_groups(window_from, window_to, reach_share, cap_seconds, include_warmup) AS TABLE (
  SELECT type, count(*) AS messages_seen, count(*) FILTER (is_reached) AS messages, sum(peers) FILTER (is_reached) AS peers,
    sum(delay_us[1]) FILTER (is_reached) AS us_0_1pct, sum(delay_us[2]) FILTER (is_reached) AS us_5pct,
    sum(delay_us[3]) FILTER (is_reached) AS us_25pct, sum(delay_us[4]) FILTER (is_reached) AS us_50pct,
    sum(delay_us[5]) FILTER (is_reached) AS us_75pct, sum(delay_us[6]) FILTER (is_reached) AS us_95pct,
    sum(delay_us[7]) FILTER (is_reached) AS us_99_9pct, sum(error_us) FILTER (is_reached) AS error_us,
    count(*) FILTER (is_reached AND error_us IS NULL) AS unknown_errors
  FROM known_delays(window_from, window_to, reach_share, cap_seconds, include_warmup)
  WHERE in_delay_rest(first_seen)
  GROUP BY type
  UNION ALL
  SELECT * EXCLUDE (day, first_day, part, is_inside) FROM used_delay_days WHERE is_inside AND type > 0
);

-- The weighted mean of errors, in seconds; null when one of them is, or nothing has weight.
CREATE OR REPLACE TEMP MACRO mean_error_seconds(error_us, weight) AS
  CASE WHEN bool_and(error_us IS NOT NULL) THEN sum(error_us * weight) / nullif(sum(weight), 0) / 1e6 END;

-- The rows that scheduled runs kept of a query's results, over the days before an instant: one row a value, and
-- row_number says which belong together.
CREATE OR REPLACE TEMP MACRO kept_results(query_name, until_at, days) AS TABLE (
  SELECT r.set_name, r.window_from AS day_start, r.window_to AS day_end, v.row_number, v.column_name, v.value_number,
    v.value_text
  FROM analytics_results v JOIN analytics_runs r ON r.run_id = v.run_id
  WHERE v.query = query_name AND r.outcome = 'done' AND r.window_from < until_at
    AND r.window_from >= until_at - to_days(CAST(days AS INTEGER))
);

-- The frame of a report: what its figures rest on. Columns are named as archive/frame.ts has them.
-- From the first receipt to the last thing known.
CREATE OR REPLACE TEMP MACRO frame_extent() AS TABLE (
  WITH known AS (
    SELECT max(greatest(filter_at, closed_at, counted_at)) AS known_at FROM sessions
    UNION ALL SELECT max(greatest(started_at, ended_at)) FROM epochs
    UNION ALL SELECT max(sampled_at) FROM clock_samples
    UNION ALL SELECT max(to_at) FROM stalls
    UNION ALL SELECT max(to_at) FROM dial_outcomes
  )
  SELECT
    coalesce(min(first_at), (SELECT min(filter_at) FROM sessions)) AS first,
    greatest(max(last_at), (SELECT max(known_at) FROM known)) AS last
  FROM (
    SELECT min(received_at) AS first_at, max(received_at) AS last_at FROM rest_receipts
    UNION ALL
    SELECT min(first_at), max(last_at) FROM used_peer_days
  )
);

-- Logs of other nodes with a session that touches the window: their receipts are second-hand.
CREATE OR REPLACE TEMP MACRO frame_sources(window_from, window_to) AS TABLE (
  SELECT c.name, x.kind, CAST(x.uncertainty_microseconds / 1e6 AS DOUBLE) AS late_seconds
  FROM sources x JOIN collectors c ON c.collector_id = x.collector_id
  WHERE x.collector_id IN (
    SELECT collector_id FROM sessions
    WHERE filter_at < window_to AND (closed_at IS NULL OR closed_at >= window_from)
  )
  ORDER BY c.name
);

-- Collectors with a run that touches the window.
CREATE OR REPLACE TEMP MACRO frame_collectors(window_from, window_to) AS TABLE (
  SELECT DISTINCT c.name
  FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
  WHERE e.started_at < window_to AND (e.ended_at IS NULL OR e.ended_at >= window_from)
  ORDER BY c.name
);

-- Peers connected and subscribed: distinct ones, most at once, mean over time.
CREATE OR REPLACE TEMP MACRO frame_peers(window_from, window_to) AS TABLE (
  WITH held AS (
    SELECT peers, epoch_us(lead(changed_at, 1, window_to) OVER (ORDER BY changed_at)) - epoch_us(changed_at) AS us
    FROM peer_steps(window_from, window_to)
  )
  SELECT
    (SELECT count(DISTINCT peer_id) FROM session_spans(window_from, window_to)) AS peers,
    (SELECT coalesce(max(peers), 0) FROM held) AS "peersMost",
    (SELECT coalesce(sum(peers * us), 0) / (epoch_us(window_to) - epoch_us(window_from)) FROM held) AS "peersMean"
);

-- Receipts, those of warm-up, and the share of peer time in sessions' first ten minutes.
CREATE OR REPLACE TEMP MACRO frame_receipts(window_from, window_to) AS TABLE (
  WITH spans AS (
    SELECT epoch_us(span.to_at) - epoch_us(span.from_at) AS us,
      greatest(epoch_us(least(span.to_at, s.filter_at + INTERVAL 10 MINUTE)) - epoch_us(span.from_at), 0) AS young_us
    FROM session_spans(window_from, window_to) span JOIN sessions s ON s.session_id = span.session_id
  )
  SELECT CAST(coalesce(sum(receipts), 0) AS BIGINT) AS receipts,
    CAST(coalesce(sum(warmup_receipts), 0) AS BIGINT) AS "warmupReceipts",
    CAST(coalesce(sum(receipts) FILTER (type = 65535), 0) AS BIGINT) AS "foldedReceipts",
    (SELECT coalesce(sum(young_us) / nullif(sum(us), 0), 0) FROM spans) AS "youngShare"
  FROM heard_groups(window_from, window_to)
);

-- How often and for how long collectors were held up.
CREATE OR REPLACE TEMP MACRO frame_stalls(window_from, window_to) AS TABLE (
  SELECT count(*) AS stalls, coalesce(sum(epoch_us(least(to_at, window_to))
    - epoch_us(greatest(from_at, window_from))) / 1e6, 0) AS "stalledSeconds"
  FROM stalls WHERE from_at < window_to AND to_at >= window_from
);

-- What is known of the archive as a whole: missing, unresolved, set aside; clocks that were moved.
CREATE OR REPLACE TEMP MACRO frame_archive() AS TABLE (
  SELECT
    (SELECT count(*) FROM gaps WHERE reason <> 'elsewhere') AS gaps,
    (SELECT CAST(coalesce(sum(last_batch - first_batch + 1), 0) AS BIGINT) FROM gaps WHERE reason <> 'elsewhere') AS "missingBatches",
    (SELECT count(*) FROM unresolved_receipts) AS "unresolvedReceipts",
    (SELECT count(*) FROM dead_letters) AS "deadLetters",
    count(DISTINCT collector_id) AS "movedClocks",
    coalesce(max(abs(shift_us)) / 1e6, 0) AS "movedSeconds",
    count(DISTINCT collector_id) FILTER (is_torn) AS "tornClocks"
  FROM clock_shifts
);

-- How many clocks there are, how far apart, and how well delays between them are known.
CREATE OR REPLACE TEMP MACRO frame_clocks(window_from, window_to) AS TABLE (
  WITH measured AS (
    SELECT median(m.offset_us + coalesce(s.shift_us, 0)) / 1e6 AS offset_seconds
    FROM clock_measurements(window_from, window_to) m LEFT JOIN clock_shifts s ON s.epoch_id = m.epoch_id
    GROUP BY m.collector_id
  )
  SELECT
    (SELECT count(*) FROM several_clocks(window_from, window_to)) AS count,
    count(*) AS measured,
    max(offset_seconds) - min(offset_seconds) AS "apartSeconds",
    (SELECT CASE WHEN sum(unknown_errors) = 0 THEN sum(error_us) / nullif(sum(messages), 0) / 1e6 END
      FROM error_groups(window_from, window_to)) AS "uncertaintySeconds"
  FROM measured
);

-- Pairs of peers, and by how many messages two differ just before a sync if they sync every T. In expectation that is
-- λ·E[min(Δ, T)]: a message differs for min(Δ, T), Δ being the time between both deliveries, infinite if one never delivers it.
-- A day takes nothing from its neighbours: it lasts from its first receipt in the window to its last.

-- The days that no summary covers.
CREATE OR REPLACE TEMP MACRO rest_days(window_from, window_to) AS TABLE (
  SELECT make_timestamptz(day * 86400000000) AS day, from_at, to_at
  FROM (
    SELECT day_number(received_at) AS day, min(received_at) AS from_at, max(received_at) AS to_at
    FROM rest_receipts
    WHERE received_at >= window_from AND received_at < window_to AND in_rest(received_at)
    GROUP BY day
  )
);

-- Of each of these days up to 63 pairs, and the stretches in which both were connected and subscribed. The peers are the 64
-- with the least MD5 of their node id among those that were so for half as long as the longest one; each is paired with the
-- next. So the same ones stand for all from day to day, and one that comes or goes changes few pairs. A message counts when the
-- first of the two delivers it from from_us to to_us. That leaves longest_us to each end, in which what one had before the
-- stretch, or the other gets after it, would seem to be one's alone; and a second, by which clocks may differ.
CREATE OR REPLACE TEMP MACRO pair_stretches(window_from, window_to, longest_us) AS TABLE (
  WITH cut AS (
    SELECT d.day, s.peer_id, epoch_us(greatest(s.from_at, d.from_at)) AS from_us, epoch_us(least(s.to_at, d.to_at)) AS to_us
    FROM rest_days(window_from, window_to) d
      JOIN session_spans(window_from, window_to) s ON s.from_at < d.to_at AND s.to_at > d.from_at
  ), begun AS (
    SELECT *, from_us > max(to_us) OVER (own ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_new
    FROM cut WINDOW own AS (PARTITION BY day, peer_id ORDER BY from_us)
  ), numbered AS (
    SELECT *, count(*) FILTER (is_new) OVER (PARTITION BY day, peer_id ORDER BY from_us) AS number FROM begun
  ), held AS (
    SELECT day, peer_id, min(from_us) AS from_us, max(to_us) AS to_us FROM numbered GROUP BY day, peer_id, number
  ), stayed AS (
    SELECT day, peer_id FROM held GROUP BY day, peer_id
    QUALIFY 2 * sum(to_us - from_us) >= max(sum(to_us - from_us)) OVER (PARTITION BY day)
  ), sampled AS (
    SELECT s.day, s.peer_id, row_number() OVER (PARTITION BY s.day ORDER BY md5(p.node_id)) AS place
    FROM stayed s JOIN peers p ON p.peer_id = s.peer_id
    QUALIFY place <= 64
  ), together AS (
    SELECT a.day, a.place, a.peer_id AS peer_a, b.peer_id AS peer_b, greatest(x.from_us, y.from_us) AS begin_us,
      least(x.to_us, y.to_us) AS end_us
    FROM sampled a JOIN sampled b ON b.day = a.day AND b.place = a.place + 1
      JOIN held x ON x.day = a.day AND x.peer_id = a.peer_id
      JOIN held y ON y.day = b.day AND y.peer_id = b.peer_id AND x.from_us < y.to_us AND y.from_us < x.to_us
  )
  SELECT day, place, peer_a, peer_b, begin_us, begin_us + longest_us + 1000000 AS from_us,
    end_us - longest_us - 1000000 AS to_us
  FROM together WHERE end_us - begin_us > 2 * (longest_us + 1000000)
);

-- One message in sixteen, by its SHA-256.
CREATE OR REPLACE TEMP MACRO is_in_sample(sha256) AS sha256 < '\x10'::BLOB;

-- Each pair's messages by type: of the sample's live messages those first seen while both were connected and subscribed. How
-- many both delivered, at most longest_us apart, and how many one of them did alone by then; and of the former the sums of
-- min(Δ, T), for a T of longest_us (us_600s) and parts of it, down to 1/600 (us_1s).
CREATE OR REPLACE TEMP MACRO pair_groups(window_from, window_to, longest_us) AS TABLE (
  WITH stretches AS MATERIALIZED (
    FROM pair_stretches(window_from, window_to, longest_us)
  ), places AS (
    SELECT day, place, peer_a AS peer_id FROM stretches UNION SELECT day, place + 1, peer_b FROM stretches
  ), live AS (
    SELECT m.message_id, m.type, day_start(m.first_seen) AS day, epoch_us(m.first_seen) AS first_us
    FROM live_parts(window_from, window_to, false) l
      JOIN messages m ON m.message_id = l.message_id AND m.first_seen = l.first_at
    WHERE is_in_sample(m.sha256) AND m.type BETWEEN 256 AND 258
      AND is_news(m.first_seen, m.own_timestamp, l.settled_after_us, false)
  ), heard AS (
    SELECT d.message_id, p.place, min(d.us - d.first_us) AS us
    FROM corrected_delays(window_from, window_to, false) d JOIN live l ON l.message_id = d.message_id
      JOIN places p ON p.day = l.day AND p.peer_id = d.peer_id
    GROUP BY d.message_id, p.place
  ), delivered AS (
    SELECT coalesce(a.message_id, b.message_id) AS message_id, coalesce(a.place, b.place - 1) AS place, a.us AS a_us,
      b.us AS b_us, CASE WHEN abs(a.us - b.us) <= longest_us THEN abs(a.us - b.us) END AS apart_us
    FROM heard a FULL JOIN heard b ON b.message_id = a.message_id AND b.place = a.place + 1
  ), counted AS (
    SELECT s.day, s.place, l.type, count(apart_us) AS common,
      count(*) FILTER (apart_us IS NULL AND coalesce(a_us <= b_us, b_us IS NULL)) AS only_a,
      count(*) FILTER (apart_us IS NULL AND coalesce(b_us < a_us, a_us IS NULL)) AS only_b,
      sum(least(apart_us, longest_us // 600)) FILTER (apart_us IS NOT NULL) AS us_1s,
      sum(least(apart_us, longest_us // 120)) FILTER (apart_us IS NOT NULL) AS us_5s,
      sum(least(apart_us, longest_us // 60)) FILTER (apart_us IS NOT NULL) AS us_10s,
      sum(least(apart_us, longest_us // 20)) FILTER (apart_us IS NOT NULL) AS us_30s,
      sum(least(apart_us, longest_us // 10)) FILTER (apart_us IS NOT NULL) AS us_60s,
      sum(least(apart_us, longest_us // 5)) FILTER (apart_us IS NOT NULL) AS us_120s,
      sum(least(apart_us, longest_us // 2)) FILTER (apart_us IS NOT NULL) AS us_300s,
      sum(apart_us) AS us_600s
    FROM delivered d JOIN live l ON l.message_id = d.message_id
      JOIN stretches s ON s.day = l.day AND s.place = d.place
    -- Written so that no one joins by it.
    WHERE CASE WHEN l.first_us >= s.begin_us AND l.first_us + least(d.a_us, d.b_us) >= s.from_us
      AND l.first_us + least(d.a_us, d.b_us) < s.to_us THEN true ELSE false END
    GROUP BY s.day, s.place, l.type
  ), pairs AS (
    SELECT day, place, peer_a, peer_b, unnest([256, 257, 258]) AS type, sum(to_us - from_us) AS measured_us
    FROM stretches GROUP BY day, place, peer_a, peer_b
  )
  SELECT day, peer_a, peer_b, type, measured_us, coalesce(common, 0) AS common, coalesce(only_a, 0) AS only_a,
    coalesce(only_b, 0) AS only_b, coalesce(us_1s, 0) AS us_1s, coalesce(us_5s, 0) AS us_5s, coalesce(us_10s, 0) AS us_10s,
    coalesce(us_30s, 0) AS us_30s, coalesce(us_60s, 0) AS us_60s, coalesce(us_120s, 0) AS us_120s,
    coalesce(us_300s, 0) AS us_300s, coalesce(us_600s, 0) AS us_600s
  FROM pairs LEFT JOIN counted USING (day, place, type)
  UNION ALL
  FROM used_pair_days
);

-- By type (null: all), interval, and day if by_day, what pairs differ by just before a sync: the mean over their time, the
-- part of it that both deliver, and quantiles over pairs (5, 50 and 95 %) of each one's mean.
CREATE OR REPLACE TEMP MACRO pair_figures(window_from, window_to, longest_us, by_day) AS TABLE (
  WITH intervals AS (
    SELECT CASE WHEN by_day THEN day END AS day, peer_a, peer_b, type, measured_us, common + only_a + only_b AS messages,
      only_a + only_b AS alone, longest_us // unnest([600, 120, 60, 20, 10, 5, 2, 1]) AS interval_us,
      unnest([us_1s, us_5s, us_10s, us_30s, us_60s, us_120s, us_300s, us_600s]) AS common_us
    FROM pair_groups(window_from, window_to, longest_us)
  ), per_pair AS (
    -- On each day a pair has a row per type. Sixteen messages for each one of the sample.
    SELECT day, type, interval_us, sum(measured_us) // count(DISTINCT type) AS measured_us, sum(messages) AS messages,
      sum(alone) AS alone, 16 * sum(common_us) AS common_us, 16 * (sum(common_us) + sum(alone) * interval_us) AS apart_us
    FROM intervals
    GROUP BY GROUPING SETS ((day, peer_a, peer_b, interval_us, type), (day, peer_a, peer_b, interval_us))
  )
  SELECT day, type, interval_us / 1e6 AS sync_seconds, count(*) AS pairs, sum(measured_us) / 3.6e9 AS pair_hours,
    CAST(sum(messages) AS BIGINT) AS messages, CAST(sum(alone) AS BIGINT) AS messages_of_one,
    sum(apart_us) / sum(measured_us) AS mean_difference, sum(common_us) / sum(measured_us) AS common_difference,
    quantile_cont(apart_us / measured_us, [0.05, 0.5, 0.95]) AS by_pair
  FROM per_pair GROUP BY day, type, interval_us HAVING sum(messages) > 0
);
