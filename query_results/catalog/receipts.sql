-- What several queries mean by the same word, as macros of the reading connection. The archive itself is not changed.
-- Every window is half open: from window_from up to, not including, window_to.

-- The collectors' runs whose clock was wrong, and by how much their instants are moved; the runner fills it, and moves them
-- (archive/clocks.ts). Empty where no clock was.
CREATE OR REPLACE TEMP TABLE clock_shifts (
  epoch_id INTEGER, collector_id INTEGER, from_at TIMESTAMPTZ, to_at TIMESTAMPTZ, shift_us BIGINT, is_torn BOOLEAN
);

-- An instant's day (UTC): days since the Unix epoch, and its start.
CREATE OR REPLACE TEMP MACRO day_number(instant) AS epoch_us(instant) // 86400000000;
CREATE OR REPLACE TEMP MACRO day_start(instant) AS make_timestamptz(day_number(instant) * 86400000000);

-- A message type's name; types without one show their number.
CREATE OR REPLACE TEMP MACRO gossip_type(type) AS
  CASE type WHEN 256 THEN 'channel_announcement' WHEN 257 THEN 'node_announcement' WHEN 258 THEN 'channel_update'
    WHEN 65535 THEN 'folded' ELSE 'type ' || CAST(type AS TEXT) END;

-- The start of the bin that an instant falls into; bins are counted from the Unix epoch.
CREATE OR REPLACE TEMP MACRO bin_start(instant, bin_seconds) AS
  make_timestamptz(epoch_us(instant) // (bin_seconds * 1000000) * (bin_seconds * 1000000));

-- Sessions while they were connected and subscribed (gossip filter sent): from_at to to_at is the part inside the
-- window, connected_seconds the whole length. A session without a reported end lasts until its collector's process
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

-- Sessions while they are young: for an hour, or until the peer's next one. Without a window function: DuckDB reserves
-- hundreds of MB for each, and a join that is set up meanwhile may find none left and go to disk.
CREATE OR REPLACE TEMP MACRO young_sessions(window_from, window_to) AS TABLE (
  SELECT collector_id, peer_id, filter_ats[i] AS filter_at, least(filter_ats[i] + INTERVAL 1 HOUR, filter_ats[i + 1]) AS until_at
  FROM (
    SELECT collector_id, peer_id, list_sort(list(filter_at)) AS filter_ats, unnest(range(1, count(*) + 1)) AS i
    FROM sessions
    WHERE filter_at < window_to AND filter_at >= window_from - INTERVAL 1 HOUR
    GROUP BY collector_id, peer_id
  )
);

-- Receipts of a young session whose peer was subscribed before the message was first seen anywhere.
CREATE OR REPLACE TEMP MACRO young_receipts(window_from, window_to) AS TABLE (
  SELECT r.message_id, r.peer_id, r.collector_id, r.received_at, r.is_warmup
  FROM rest_receipts r
    JOIN young_sessions(window_from, window_to) s ON s.collector_id = r.collector_id AND s.peer_id = r.peer_id
      AND r.received_at >= s.filter_at AND r.received_at < s.until_at
    JOIN messages m ON m.message_id = r.message_id
  WHERE r.is_warmup AND NOT r.is_repeat AND r.received_at >= window_from AND r.received_at < window_to
    -- Written so that no one joins messages to sessions by it.
    AND CASE WHEN m.first_seen >= s.filter_at THEN true ELSE false END
);

-- The receipts that count, each peer's repeats left out: those past their session's warm-up, and those of a young session
-- whose peer was subscribed before the message was first seen anywhere. Such a peer could deliver it as news; what it sends
-- of before is backlog. So the peers that count are those connected and subscribed at first sight.
CREATE OR REPLACE TEMP MACRO counted_receipts(window_from, window_to, include_warmup) AS TABLE (
  SELECT message_id, peer_id, collector_id, received_at, is_warmup
  FROM rest_receipts
  WHERE NOT is_repeat AND (include_warmup OR NOT is_warmup) AND received_at >= window_from AND received_at < window_to
  UNION ALL
  FROM young_receipts(window_from, window_to) WHERE NOT include_warmup
);

-- Days on which more than one collector process held a peer, an hour before and after included: any of these may have
-- heard a message first.
CREATE OR REPLACE TEMP MACRO shared_days(window_from, window_to) AS TABLE (
  SELECT peer_id, day
  FROM (
    SELECT peer_id, epoch_id, collector_id,
      unnest(range(day_number(from_at - INTERVAL 1 HOUR), day_number(to_at + INTERVAL 1 HOUR) + 1)) AS day
    FROM session_spans(window_from - INTERVAL 25 HOUR, window_to + INTERVAL 25 HOUR)
  )
  -- A collector and a log that it reads are in one run.
  GROUP BY peer_id, day HAVING min(epoch_id) < max(epoch_id) OR min(collector_id) < max(collector_id)
);

-- The collectors whose receipts lie in the window, when they are several: each has its own clock. With one collector
-- this is empty, and so is all that is made of it: delays are then as stamped, and nothing more is read for them.
CREATE OR REPLACE TEMP MACRO several_clocks(window_from, window_to) AS TABLE (
  WITH heard AS (
    SELECT DISTINCT collector_id FROM epochs WHERE started_at < window_to AND last_receipt_at >= window_from
    UNION
    -- Logs of other nodes.
    SELECT DISTINCT collector_id FROM sessions SEMI JOIN sources USING (collector_id)
    WHERE filter_at < window_to AND (closed_at IS NULL OR closed_at >= window_from)
  )
  SELECT collector_id FROM heard WHERE (SELECT count(*) FROM heard) > 1
);

-- Measurements of these clocks, up to a day before and after the window. A log's times are those of the host of the
-- collector that reads it.
CREATE OR REPLACE TEMP MACRO clock_measurements(window_from, window_to) AS TABLE (
  SELECT epoch_id, h.collector_id, sampled_at, offset_microseconds AS offset_us, m.uncertainty_microseconds AS error_us
  FROM several_clocks(window_from, window_to) h
    LEFT JOIN sources s ON s.collector_id = h.collector_id LEFT JOIN collectors o ON o.name = s.recorded_by
    JOIN clock_samples m ON m.collector_id = coalesce(o.collector_id, h.collector_id)
  WHERE sampled_at >= window_from - INTERVAL 1 DAY AND sampled_at < window_to + INTERVAL 1 DAY
);

-- With several clocks: when each collector first heard each message by its own, the offset to the archiver's then, and
-- by how much that may be wrong. The offset is drawn straight from the measurement before to the one after, and taken to
-- have stayed within the bounds of these two. Farther than a minute from any measurement, the error grows by 100 us/s,
-- more than two crystals differ. With a measurement on one side alone, that one holds. More than a day from any, the
-- offset is 0 and the error null. late_us is how late the times of a log may be: 0 of own connections.
CREATE OR REPLACE TEMP MACRO hearings(window_from, window_to, include_warmup) AS TABLE (
  WITH firsts AS (
    SELECT message_id, collector_id, min(received_at) AS heard_at
    FROM counted_receipts(window_from, window_to, include_warmup)
      SEMI JOIN several_clocks(window_from, window_to) USING (collector_id)
    GROUP BY message_id, collector_id
  ), around AS (
    SELECT f.message_id, f.collector_id, epoch_us(f.heard_at) AS heard_us,
      CASE WHEN b.sampled_at >= f.heard_at - INTERVAL 1 DAY THEN b END AS b,
      CASE WHEN a.sampled_at <= f.heard_at + INTERVAL 1 DAY THEN a END AS a
    FROM firsts f
      ASOF LEFT JOIN clock_measurements(window_from, window_to) b
        ON b.collector_id = f.collector_id AND f.heard_at >= b.sampled_at
      ASOF LEFT JOIN clock_measurements(window_from, window_to) a
        ON a.collector_id = f.collector_id AND f.heard_at < a.sampled_at
  ), measured AS (
    SELECT message_id, collector_id, heard_us,
      coalesce(b.offset_us, a.offset_us) AS before_us, coalesce(b.error_us, a.error_us) AS before_error_us,
      coalesce(a.offset_us, b.offset_us) AS after_us, coalesce(a.error_us, b.error_us) AS after_error_us,
      heard_us - epoch_us(b.sampled_at) AS since_us, epoch_us(a.sampled_at) - heard_us AS until_us
    FROM around
  ), drawn AS (
    SELECT *, before_us + (after_us - before_us) * coalesce(since_us / (since_us + until_us), 0) AS offset_us
    FROM measured
  )
  SELECT message_id, collector_id, heard_us, CAST(round(coalesce(offset_us, 0)) AS BIGINT) AS offset_us,
    coalesce(uncertainty_microseconds, 0) AS late_us,
    coalesce(uncertainty_microseconds, 0) + CAST(ceil(greatest(offset_us - least(before_us - before_error_us, after_us - after_error_us),
      greatest(before_us + before_error_us, after_us + after_error_us) - offset_us)
      + 0.0001 * greatest(least(since_us, until_us) - 60000000, 0)) AS BIGINT) AS error_us
  FROM drawn LEFT JOIN sources USING (collector_id)
);

-- With several clocks: when each message was first heard anywhere, as the clock of each collector that heard it would show
-- it, and by how much delays since then may be wrong: when one collector heard it within an hour 0, or what its log may be
-- late; null when the clock of one of them is unknown. At worst the two least sure of them err in opposite directions.
CREATE OR REPLACE TEMP MACRO origins(window_from, window_to, include_warmup) AS TABLE (
  WITH heard AS (
    SELECT h.message_id, h.collector_id, h.offset_us, h.late_us, h.error_us, min(h.heard_us + h.offset_us) OVER own AS first_us,
      h.heard_us + h.offset_us - min(h.heard_us + h.offset_us) OVER own <= 3600000000 AS is_near,
      min(h.heard_us) OVER own = epoch_us(m.first_seen) AS is_first
    FROM hearings(window_from, window_to, include_warmup) h JOIN messages m ON m.message_id = h.message_id
    WINDOW own AS (PARTITION BY h.message_id)
  )
  SELECT message_id, collector_id, count(*) FILTER (is_near) OVER message AS collectors, first_us - offset_us AS first_us,
    CAST(CASE WHEN count(*) FILTER (is_near) OVER message = 1 THEN max(late_us) FILTER (is_near) OVER message
      WHEN count(error_us) FILTER (is_near) OVER message = count(*) FILTER (is_near) OVER message
      THEN list_sum(max(error_us, 2) FILTER (is_near) OVER message) END AS BIGINT) AS error_us
  FROM heard
  -- Its very first receipt counts.
  WHERE is_first
  WINDOW message AS (PARTITION BY message_id)
);
