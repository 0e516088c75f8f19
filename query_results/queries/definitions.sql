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

-- f(m, p): the first receipt of each message from each peer. Collectors flag repeats themselves, so only peers that
-- more than one collector process held in the window need looking through for the earliest.
CREATE OR REPLACE TEMP MACRO first_receipts(window_from, window_to, include_warmup) AS TABLE (
  WITH shared_peers AS (
    SELECT peer_id FROM session_spans(window_from, window_to) GROUP BY peer_id HAVING min(epoch_id) < max(epoch_id)
  )
  SELECT message_id, peer_id, received_at
  FROM receipts ANTI JOIN shared_peers USING (peer_id)
  WHERE NOT is_repeat AND (include_warmup OR NOT is_warmup)
    AND received_at >= window_from AND received_at < window_to
  UNION ALL
  SELECT message_id, peer_id, min(received_at)
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

-- How long after it was first seen each peer delivered each message, in microseconds.
CREATE OR REPLACE TEMP MACRO delays(window_from, window_to, include_warmup) AS TABLE (
  SELECT r.message_id, epoch_us(r.received_at) - epoch_us(m.first_seen) AS delay_us
  FROM first_receipts(window_from, window_to, include_warmup) r JOIN messages m ON m.message_id = r.message_id
);
