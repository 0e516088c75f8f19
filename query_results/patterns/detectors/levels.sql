-- Counts in bins of ten minutes and what would be usual for them up to a factor, 0 where nothing can be said. Columns: what
-- (0 type, 1 origin, 2 peer, 3 collector), id, collector, bin, count, usual.
WITH bins AS (
  SELECT CAST(unnest(range((epoch_us($window_to) - epoch_us($window_from)) // 600000000)) AS INTEGER) AS bin
), held AS (
  SELECT s.peer, s.collector_id, s.bin, coalesce(r.receipts, 0) AS receipts
  FROM (SELECT DISTINCT peer, collector_id, bin FROM pattern_spans, bins
      WHERE bin * 600000 >= settled_ms AND (bin + 1) * 600000 <= to_ms) s
    LEFT JOIN pattern_series r ON r.peer = s.peer AND r.collector_id = s.collector_id AND r.bin = s.bin
), collected AS (
  SELECT collector_id, bin, count(*) AS peers, sum(receipts) AS receipts FROM held GROUP BY ALL
), network AS (
  SELECT t.type, b.bin, count(m.message_id) AS messages
  FROM bins b CROSS JOIN (SELECT DISTINCT type FROM pattern_messages) t
    LEFT JOIN pattern_messages m ON m.type = t.type AND m.first_ms // 600000 = b.bin
  GROUP BY ALL
), series AS (
  SELECT 0 AS what, type AS id, 0 AS collector, bin, messages AS count, 1 AS usual FROM network
  UNION ALL
  -- What all origins of its type send more of is no matter of this one; a quiet one cannot show that it doubled in two hours.
  SELECT 1, o.origin, 0, n.bin, count(e.message_id), n.messages + 1
  FROM pattern_origins o JOIN network n ON n.type = o.type
    LEFT JOIN pattern_events e ON e.origin = o.origin AND e.first_ms // 600000 = n.bin
  WHERE o.messages >= 30 * (epoch_us($window_to) - epoch_us($window_from)) / 3.6e9
  GROUP BY o.origin, n.bin, n.messages
  UNION ALL
  -- Nor is what all peers of a collector send more of.
  SELECT 2, peer, h.collector_id, h.bin, h.receipts, CASE WHEN c.peers > 2 THEN 1000 * c.receipts // c.peers ELSE 0 END
  FROM held h JOIN collected c ON c.collector_id = h.collector_id AND c.bin = h.bin
  UNION ALL
  -- Channel announcements are mostly backlog that few peers deliver.
  SELECT 3, c.collector_id, c.collector_id, c.bin, c.receipts, CASE WHEN c.peers > 2 THEN c.peers * n.messages ELSE 0 END
  FROM collected c JOIN (SELECT bin, sum(messages) AS messages FROM network WHERE type <> 256 GROUP BY bin) n ON n.bin = c.bin
)
SELECT what, id, collector, bin, CAST(count AS INTEGER), CAST(usual AS INTEGER) FROM series ORDER BY ALL
