-- Messages whose own timestamp is far from their receipt though a peer past its warm-up sent them, and messages far larger
-- than nearly all of their type: columns kind, type, scid, node_id, messages, first and last ms.
WITH odd AS (
  SELECT message_id, type, scid, node_id, (epoch_us(first_seen) - epoch_us($window_from)) // 1000 AS first_ms,
    CASE WHEN own_timestamp < first_seen THEN 'stale timestamp' ELSE 'future timestamp' END AS kind
  FROM messages
  WHERE type IN (257, 258) AND first_seen >= $window_from AND first_seen < $window_to
    AND (own_timestamp < first_seen - INTERVAL 14 DAY OR own_timestamp > first_seen + INTERVAL 10 MINUTE)
), heard AS (
  SELECT r.message_id
  FROM receipts r JOIN pattern_peers p ON p.peer_id = r.peer_id
    JOIN pattern_spans s ON s.peer = p.peer AND s.collector_id = r.collector_id
  WHERE r.message_id IN (SELECT message_id FROM odd) AND r.received_at >= $window_from AND r.received_at < $window_to
    AND (epoch_us(r.received_at) - epoch_us($window_from)) / 1000 BETWEEN s.settled_ms AND s.to_ms
  GROUP BY r.message_id HAVING count(DISTINCT r.peer_id) >= 3
), usual AS (
  SELECT type, quantile_cont(size, 0.999) AS size FROM pattern_messages GROUP BY type
)
SELECT kind, type, scid, node_id, count(*), min(first_ms), max(first_ms)
FROM odd SEMI JOIN heard USING (message_id) GROUP BY ALL
UNION ALL
SELECT 'large message', m.type, m.scid, m.node_id, count(*), min(m.first_ms), max(m.first_ms)
FROM pattern_messages m JOIN usual u ON u.type = m.type AND m.size >= 1.5 * u.size GROUP BY ALL
ORDER BY ALL
