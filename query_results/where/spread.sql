-- How picked messages spread, as temporary tables. $from and $to hold all their receipts; INCLUDE_WARMUP, IDS and CAP_US are
-- put in as text.

-- Peers that were connected and subscribed when a message was first seen.
CREATE TEMP TABLE IF NOT EXISTS subscribed (message_id BIGINT, peer_id INTEGER);
DELETE FROM subscribed WHERE message_id IN (IDS);
INSERT INTO subscribed
SELECT DISTINCT m.message_id, s.peer_id
FROM messages m JOIN session_spans($from, $to) s ON s.from_at <= m.first_seen AND s.to_at > m.first_seen
WHERE m.message_id IN (IDS);

-- When each of them delivered it.
CREATE TEMP TABLE IF NOT EXISTS delivered (
  message_id BIGINT, peer_id INTEGER, delay_us BIGINT, is_warmup BOOLEAN, error_us BIGINT
);
DELETE FROM delivered WHERE message_id IN (IDS);
INSERT INTO delivered
SELECT d.message_id, d.peer_id, d.delay_us, d.is_warmup, d.error_us + d.stall_us AS error_us
FROM delays($from, $to, INCLUDE_WARMUP) d SEMI JOIN subscribed s ON s.message_id = d.message_id AND s.peer_id = d.peer_id
WHERE d.message_id IN (IDS);

CREATE TEMP TABLE IF NOT EXISTS spreads (
  message_id BIGINT, is_sampled BOOLEAN, subscribed BIGINT, peers BIGINT, at_us BIGINT[], error_us BIGINT, is_backlog BOOLEAN
);

-- Of each message: its peers' delays up to the cap, in order.
INSERT INTO spreads
WITH peers AS (
  SELECT message_id, count(*) AS peers, list_sort(list(delay_us)) AS at_us, max(error_us) AS error_us,
    min(delay_us) FILTER (NOT is_warmup) AS settled_us, min(delay_us) AS least_us
  FROM delivered WHERE delay_us <= CAP_US GROUP BY message_id
)
SELECT m.message_id, m.is_sampled, (SELECT count(*) FROM subscribed s WHERE s.message_id = m.message_id),
  p.peers, p.at_us, p.error_us, INCLUDE_WARMUP
FROM messages m JOIN peers p ON p.message_id = m.message_id
WHERE m.message_id IN (IDS) AND is_news(m.first_seen, m.own_timestamp, p.settled_us, INCLUDE_WARMUP)
  AND (m.is_wanted OR p.least_us = 0)
