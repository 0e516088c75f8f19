-- title: Relay of a node
-- section: Delay
-- order: 120
-- only-with-rows: true
-- question: Of what a node received by its own log, what did it send to our collector, and how long did it hold it?
-- inputs: sources (with node_id), receipts, session_spans, messages
-- pitfall: Only nodes whose log is read and to which the same collector is connected as a peer: two views of one node.
-- pitfall: held_seconds runs from the node's first receipt, by its log, to our first receipt from it. It is off by at most
--   uncertainty_seconds: what the log's times may be late. Both views go by one host's clock.
-- pitfall: Counted are messages that the node received while it was our peer, neither of them in a warm-up. What it had sent
--   us before its log shows it, such as its own, is not counted.
-- pitfall: not_sent holds what a node filters (stale, unknown channel, rate limits) and what came in the window's last
--   minutes.
-- parameter: cap_seconds DOUBLE 0.001..31622400 = network(3600), longest time that counts as held
WITH nodes AS (
  SELECT x.collector_id AS log_id, c.name AS node, x.kind, o.collector_id AS own_id, p.peer_id AS node_peer,
    x.uncertainty_microseconds AS late_us
  FROM sources x
    JOIN collectors c ON c.collector_id = x.collector_id
    JOIN collectors o ON o.name = x.recorded_by
    JOIN peers p ON p.node_id = x.node_id
), heard AS (
  SELECT n.log_id, r.message_id, min(r.received_at) AS heard_at
  FROM receipts r JOIN nodes n ON n.log_id = r.collector_id
  WHERE r.received_at >= $window_from AND r.received_at < $window_to AND NOT r.is_repeat
    -- What our own collector told it is no news: it tells none.
    AND r.peer_id <> n.node_peer
  GROUP BY ALL
  HAVING NOT bool_or(r.is_warmup)
), sent AS (
  SELECT n.log_id, r.message_id, min(r.received_at) AS sent_at, bool_or(r.is_warmup) AS is_warmup
  FROM receipts r JOIN nodes n ON n.own_id = r.collector_id AND n.node_peer = r.peer_id
  WHERE r.received_at >= $window_from AND r.received_at < $window_to
  GROUP BY ALL
), compared AS (
  SELECT n.node, n.kind, n.late_us, m.type, epoch_us(s.sent_at) - epoch_us(h.heard_at) AS held_us
  FROM heard h
    JOIN nodes n ON n.log_id = h.log_id
    JOIN messages m ON m.message_id = h.message_id
    LEFT JOIN sent s ON s.log_id = h.log_id AND s.message_id = h.message_id
  WHERE NOT coalesce(s.is_warmup, false)
    AND EXISTS (
      FROM session_spans($window_from, $window_to) w
      WHERE w.collector_id = n.own_id AND w.peer_id = n.node_peer AND h.heard_at >= w.from_at AND h.heard_at < w.to_at
    )
), judged AS (
  SELECT *, coalesce(held_us <= $cap_seconds * 1000000, false) AS is_sent
  FROM compared
  WHERE held_us IS NULL OR held_us >= -late_us
)
SELECT
  node,
  any_value(kind) AS source,
  gossip_type(type) AS type_name,
  count(*) AS received,
  count(*) FILTER (is_sent) AS sent,
  count(*) FILTER (NOT is_sent) AS not_sent,
  quantile_cont(held_us, 0.05) FILTER (is_sent) / 1e6 AS held_seconds_5pct,
  quantile_cont(held_us, 0.5) FILTER (is_sent) / 1e6 AS held_seconds_median,
  quantile_cont(held_us, 0.95) FILTER (is_sent) / 1e6 AS held_seconds_95pct,
  any_value(late_us) / 1e6 AS uncertainty_seconds
FROM judged
GROUP BY node, type
ORDER BY node, type
