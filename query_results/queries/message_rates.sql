-- title: Message rates
-- section: Traffic
-- order: 210
-- telling: receipts
-- question: How many live messages per minute were new, and how many were received in all, over time and by type?
-- inputs: receipts, messages.first_seen
-- pitfall: unique counts a live message once, when first seen; receipts counts each arrival, repeats too.
-- pitfall: Rates are counts divided by the whole bin. The first and last bin lie partly outside the window: bin_covered
--   is the share inside.
-- pitfall: A start's first minutes are thin: what peers send then is mostly backlog.
-- parameter: bin_seconds BIGINT 1..31622400 = adaptive(60), width of a bin
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
WITH live AS (
  SELECT message_id, type, first_seen FROM live_messages($window_from, $window_to, $include_warmup)
), heard AS (
  SELECT bin_start(r.received_at, $bin_seconds) AS interval_start, m.type, count(*) AS receipts
  FROM (
    SELECT received_at, message_id FROM receipts
    WHERE received_at >= $window_from AND received_at < $window_to AND ($include_warmup OR NOT is_warmup)
    UNION ALL
    SELECT received_at, message_id FROM counted_receipts($window_from, $window_to, $include_warmup)
      SEMI JOIN live USING (message_id)
    WHERE is_warmup AND NOT $include_warmup
  ) r JOIN messages m ON m.message_id = r.message_id
  GROUP BY ALL
), first_heard AS (
  SELECT bin_start(first_seen, $bin_seconds) AS interval_start, type, count(*) AS unique_messages
  FROM live
  GROUP BY ALL
), bins AS (
  SELECT make_timestamptz(bin * $bin_seconds * 1000000) AS interval_start
  FROM range(epoch_us($window_from) // ($bin_seconds * 1000000),
    (epoch_us($window_to) - 1) // ($bin_seconds * 1000000) + 1) AS bins(bin)
), types AS (
  SELECT DISTINCT type FROM heard
)
SELECT
  b.interval_start,
  gossip_type(t.type) AS type_name,
  coalesce(f.unique_messages, 0) AS unique_messages,
  coalesce(h.receipts, 0) AS receipts,
  coalesce(f.unique_messages, 0) * 60.0 / $bin_seconds AS unique_per_minute,
  coalesce(h.receipts, 0) * 60.0 / $bin_seconds AS receipts_per_minute,
  (epoch_us(least($window_to, make_timestamptz(epoch_us(b.interval_start) + $bin_seconds * 1000000)))
    - epoch_us(greatest($window_from, b.interval_start))) / ($bin_seconds * 1e6) AS bin_covered
FROM bins b
  CROSS JOIN types t
  LEFT JOIN heard h ON h.interval_start = b.interval_start AND h.type = t.type
  LEFT JOIN first_heard f ON f.interval_start = b.interval_start AND f.type = t.type
ORDER BY b.interval_start, t.type
