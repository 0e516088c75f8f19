-- title: Sizes and bytes
-- section: Traffic
-- order: 230
-- question: How large are messages, and how many bytes did peers deliver, once each and in all?
-- inputs: receipts (all), messages.size, sessions
-- summaries: always
-- pitfall: Bytes are the messages' own, type included; transport framing adds 34 bytes to each.
-- pitfall: Everything in the window counts, warm-up and repeats too.
-- pitfall: Rates divide by session-seconds connected and subscribed in the window, not by the greatest number of peers.
WITH connected AS (
  SELECT sum(epoch_us(to_at) - epoch_us(from_at)) / 1e6 AS session_seconds
  FROM session_spans($window_from, $window_to)
), heard AS (
  FROM heard_messages($window_from, $window_to)
)
SELECT
  CASE WHEN grouping(m.type) = 1 THEN 'all' ELSE gossip_type(m.type) END AS summary_type,
  count(*) AS unique_messages,
  min(m.size) AS min_size,
  median(m.size) AS median_size,
  avg(m.size) AS avg_size,
  max(m.size) AS max_size,
  CAST(sum(m.size) AS BIGINT) AS unique_bytes,
  CAST(sum(m.size * h.receipts) AS BIGINT) AS delivered_bytes,
  sum(h.receipts) / nullif(any_value(c.session_seconds), 0) AS receipts_per_peer_second,
  sum(m.size * h.receipts) / nullif(any_value(c.session_seconds), 0) AS bytes_per_peer_second
FROM heard h JOIN messages m ON m.message_id = h.message_id CROSS JOIN connected c
GROUP BY GROUPING SETS ((m.type), ())
HAVING count(*) > 0
ORDER BY grouping(m.type) DESC, unique_bytes DESC, summary_type
