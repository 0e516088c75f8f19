-- What several queries mean by the same word, as macros of the reading connection. The archive itself is not changed.
-- Every window is half open: from window_from up to, not including, window_to.

-- A message type's name; types without one show their number.
CREATE OR REPLACE TEMP MACRO gossip_type(type) AS
  CASE type WHEN 256 THEN 'channel_announcement' WHEN 257 THEN 'node_announcement' WHEN 258 THEN 'channel_update'
    WHEN 65535 THEN 'not stored' ELSE 'type ' || CAST(type AS TEXT) END;

-- The start of the bin that an instant falls into; bins are counted from the Unix epoch.
CREATE OR REPLACE TEMP MACRO bin_start(instant, bin_seconds) AS
  make_timestamptz(epoch_us(instant) // (bin_seconds * 1000000) * (bin_seconds * 1000000));

-- Sessions while they were connected and subscribed (gossip filter sent): from_at to to_at is the part inside the
-- window, connected_seconds the whole length. A session whose end was never told lasts until its collector's process
-- ended; of one that was killed and started again, until its last receipt; or else to the window's end.
CREATE OR REPLACE TEMP MACRO session_spans(window_from, window_to) AS TABLE (
  WITH epoch_ends AS (
    SELECT epoch_id, coalesce(ended_at,
        CASE WHEN lead(started_at) OVER runs IS NOT NULL THEN coalesce(last_receipt_at, started_at) END) AS ended_at
    FROM epochs
    WINDOW runs AS (PARTITION BY collector_id ORDER BY started_at)
  ), spans AS (
    SELECT s.session_id, s.epoch_id, s.collector_id, s.peer_id, s.filter_at,
      greatest(coalesce(s.closed_at, e.ended_at, window_to), s.filter_at) AS ended_at,
      coalesce(s.closed_by, CASE WHEN e.ended_at < window_to THEN 'collector ended' ELSE 'open' END) AS ended_by
    FROM sessions s LEFT JOIN epoch_ends e ON e.epoch_id = s.epoch_id
  )
  SELECT session_id, epoch_id, collector_id, peer_id, ended_by,
    greatest(filter_at, window_from) AS from_at,
    least(ended_at, window_to) AS to_at,
    (epoch_us(ended_at) - epoch_us(filter_at)) / 1e6 AS connected_seconds
  FROM spans
  WHERE filter_at < window_to AND ended_at >= window_from
);

-- How many peers were connected and subscribed, from each instant at which that changed. A peer that two collectors
-- hold at once counts once.
CREATE OR REPLACE TEMP MACRO peer_steps(window_from, window_to) AS TABLE (
  WITH edges AS (
    SELECT peer_id, from_at AS changed_at, 1 AS step FROM session_spans(window_from, window_to)
    UNION ALL
    SELECT peer_id, to_at, -1 FROM session_spans(window_from, window_to)
  ), held AS (
    SELECT peer_id, changed_at, sum(sum(step)) OVER (PARTITION BY peer_id ORDER BY changed_at) > 0 AS is_held
    FROM edges GROUP BY peer_id, changed_at
  ), changes AS (
    SELECT changed_at, CAST(is_held AS INTEGER)
      - CAST(lag(is_held, 1, false) OVER (PARTITION BY peer_id ORDER BY changed_at) AS INTEGER) AS change
    FROM held
  )
  SELECT changed_at, CAST(sum(sum(change)) OVER (ORDER BY changed_at) AS BIGINT) AS peers
  FROM changes GROUP BY changed_at
);

-- f(m, p): the first receipt of each message from each peer, by the stamps as they are. Collectors flag repeats themselves, so only peers that
-- more than one collector process held in the window need looking through for the earliest.
CREATE OR REPLACE TEMP MACRO first_receipts(window_from, window_to, include_warmup) AS TABLE (
  WITH shared_peers AS (
    SELECT peer_id FROM session_spans(window_from, window_to) GROUP BY peer_id HAVING min(epoch_id) < max(epoch_id)
  )
  SELECT message_id, peer_id, collector_id, received_at
  FROM receipts ANTI JOIN shared_peers USING (peer_id)
  WHERE NOT is_repeat AND (include_warmup OR NOT is_warmup)
    AND received_at >= window_from AND received_at < window_to
  UNION ALL
  SELECT message_id, peer_id, arg_min(collector_id, received_at), min(received_at)
  FROM receipts SEMI JOIN shared_peers USING (peer_id)
  WHERE NOT is_repeat AND (include_warmup OR NOT is_warmup)
    AND received_at >= window_from AND received_at < window_to
  GROUP BY message_id, peer_id
);

-- Live messages and how many peers delivered each: those whose very first receipt lies in the window and counts. So a
-- message first heard as a peer's backlog, or before the window, is left out rather than shown with a part of its peers.
CREATE OR REPLACE TEMP MACRO live_messages(window_from, window_to, include_warmup) AS TABLE (
  WITH heard AS (
    SELECT message_id, min(received_at) AS first_at, count(*) AS peers
    FROM first_receipts(window_from, window_to, include_warmup)
    GROUP BY message_id
  )
  SELECT m.message_id, m.type, m.size, m.scid, m.direction, m.node_id, m.inner_id, m.first_seen, heard.peers
  FROM heard JOIN messages m ON m.message_id = heard.message_id AND m.first_seen = heard.first_at
);

-- The collectors whose receipts lie in the window, when they are several: each has its own clock. With one collector
-- this is empty, and so is all that is made of it: delays are then as stamped, and nothing more is read for them.
CREATE OR REPLACE TEMP MACRO several_clocks(window_from, window_to) AS TABLE (
  WITH heard AS (
    SELECT DISTINCT collector_id FROM epochs WHERE started_at < window_to AND last_receipt_at >= window_from
  )
  SELECT collector_id FROM heard WHERE (SELECT count(*) FROM heard) > 1
);

-- What tells of these clocks: measurements up to a day before and after the window.
CREATE OR REPLACE TEMP MACRO clock_measurements(window_from, window_to) AS TABLE (
  SELECT collector_id, sampled_at, offset_microseconds AS offset_us, uncertainty_microseconds AS error_us
  FROM clock_samples SEMI JOIN several_clocks(window_from, window_to) USING (collector_id)
  WHERE sampled_at >= window_from - INTERVAL 1 DAY AND sampled_at < window_to + INTERVAL 1 DAY
);

-- With several clocks: when each collector first heard each message by its own, the offset to the archiver's then, and
-- by how much that may be wrong. The offset is drawn straight from the measurement before to the one after, and taken to
-- have stayed within the bounds of these two. Farther than a minute from any measurement, the error grows by 100 us a
-- second, more than two crystals differ. Before the first measurement and after the last, that one holds. Of a collector
-- without any the offset is 0 and the error null.
CREATE OR REPLACE TEMP MACRO hearings(window_from, window_to, include_warmup) AS TABLE (
  WITH firsts AS (
    SELECT message_id, collector_id, min(received_at) AS heard_at
    FROM receipts SEMI JOIN several_clocks(window_from, window_to) USING (collector_id)
    WHERE NOT is_repeat AND (include_warmup OR NOT is_warmup)
      AND received_at >= window_from AND received_at < window_to
    GROUP BY message_id, collector_id
  ), measured AS (
    SELECT f.message_id, f.collector_id, epoch_us(f.heard_at) AS heard_us,
      coalesce(b.offset_us, a.offset_us) AS before_us, coalesce(b.error_us, a.error_us) AS before_error_us,
      coalesce(a.offset_us, b.offset_us) AS after_us, coalesce(a.error_us, b.error_us) AS after_error_us,
      epoch_us(f.heard_at) - epoch_us(b.sampled_at) AS since_us,
      epoch_us(a.sampled_at) - epoch_us(f.heard_at) AS until_us
    FROM firsts f
      ASOF LEFT JOIN clock_measurements(window_from, window_to) b
        ON b.collector_id = f.collector_id AND f.heard_at >= b.sampled_at
      ASOF LEFT JOIN clock_measurements(window_from, window_to) a
        ON a.collector_id = f.collector_id AND f.heard_at < a.sampled_at
  ), drawn AS (
    SELECT *, before_us + (after_us - before_us) * coalesce(since_us / (since_us + until_us), 0) AS offset_us
    FROM measured
  )
  SELECT message_id, collector_id, heard_us, CAST(round(coalesce(offset_us, 0)) AS BIGINT) AS offset_us,
    CAST(ceil(greatest(offset_us - least(before_us - before_error_us, after_us - after_error_us),
      greatest(before_us + before_error_us, after_us + after_error_us) - offset_us)
      + 0.0001 * greatest(least(since_us, until_us) - 60000000, 0)) AS BIGINT) AS error_us
  FROM drawn
);

-- How long after it was first seen each peer delivered each message, in microseconds, and by how much the clocks may
-- have spoilt that (null: nobody knows). Delays within one collector are its own clock's and exact. With several, each
-- one's first receipt of a message is moved by the offset measured then, and its others with it; what the archive holds
-- stays as it was. At worst the two least sure of the collectors that heard the message err in opposite directions.
CREATE OR REPLACE TEMP MACRO delays(window_from, window_to, include_warmup) AS TABLE (
  WITH shared_peers AS (
    SELECT peer_id FROM session_spans(window_from, window_to) GROUP BY peer_id HAVING min(epoch_id) < max(epoch_id)
  ), heard AS (
    SELECT message_id, collector_id, heard_us, offset_us, error_us
    FROM hearings(window_from, window_to, include_warmup)
  ), live AS (
    SELECT h.message_id, min(h.heard_us + h.offset_us) AS first_us,
      CASE WHEN count(*) = 1 THEN 0 WHEN count(h.error_us) = count(*) THEN list_sum(max(h.error_us, 2)) END AS error_us
    FROM heard h JOIN messages m ON m.message_id = h.message_id
    GROUP BY h.message_id
    -- Its very first receipt counts, as stamped.
    HAVING min(h.heard_us) = min(epoch_us(m.first_seen))
  ), origins AS (
    SELECT h.message_id, h.collector_id, l.first_us - h.offset_us AS first_us, CAST(l.error_us AS BIGINT) AS error_us
    FROM heard h JOIN live l ON l.message_id = h.message_id
  )
  SELECT r.message_id, epoch_us(r.received_at) - m.first_us AS delay_us, CAST(0 AS BIGINT) AS error_us
  FROM first_receipts(window_from, window_to, include_warmup) r
    ANTI JOIN several_clocks(window_from, window_to) c ON c.collector_id = r.collector_id
    -- Turned into a number once a message, not once a receipt.
    JOIN (SELECT message_id, epoch_us(first_seen) AS first_us FROM messages) m ON m.message_id = r.message_id
  UNION ALL
  SELECT r.message_id, epoch_us(r.received_at) - o.first_us, o.error_us
  FROM receipts r ANTI JOIN shared_peers s ON s.peer_id = r.peer_id
    JOIN origins o ON o.message_id = r.message_id AND o.collector_id = r.collector_id
  WHERE NOT r.is_repeat AND (include_warmup OR NOT r.is_warmup)
    AND r.received_at >= window_from AND r.received_at < window_to
  UNION ALL
  SELECT r.message_id, min(epoch_us(r.received_at) - o.first_us), any_value(o.error_us)
  FROM receipts r SEMI JOIN shared_peers s ON s.peer_id = r.peer_id
    JOIN origins o ON o.message_id = r.message_id AND o.collector_id = r.collector_id
  WHERE NOT r.is_repeat AND (include_warmup OR NOT r.is_warmup)
    AND r.received_at >= window_from AND r.received_at < window_to
  GROUP BY r.message_id, r.peer_id
);

-- The mean of errors in seconds, weighed; null when one of them is, or nothing has weight.
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
