-- title: Share by type
-- section: Traffic
-- order: 220
-- question: How do live messages, their deliveries and their bytes divide among the types?
-- inputs: receipts (the first of each message and peer), messages
-- summaries: include_warmup=false
-- pitfall: Without the warm-up flag a start's backlog would pass for live traffic; channel_announcements suffer most.
-- pitfall: A type that few peers forward has a large share of messages and a small one of deliveries.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
WITH by_type AS (
  SELECT type, CAST(sum(messages) AS BIGINT) AS unique_count, sum(peers * messages) AS first_receipts,
    sum(bytes) AS unique_bytes, sum(peers * bytes) AS delivered_bytes
  FROM live_groups($window_from, $window_to, $include_warmup)
  GROUP BY type
  HAVING sum(messages) > 0
)
SELECT
  type,
  gossip_type(type) AS type_name,
  unique_count,
  100.0 * unique_count / sum(unique_count) OVER () AS percentage_of_total,
  CAST(first_receipts AS BIGINT) AS first_receipts,
  100.0 * first_receipts / sum(first_receipts) OVER () AS percentage_of_first_receipts,
  100.0 * unique_bytes / sum(unique_bytes) OVER () AS percentage_of_unique_bytes,
  100.0 * delivered_bytes / sum(delivered_bytes) OVER () AS percentage_of_delivered_bytes
FROM by_type
ORDER BY unique_count DESC, type
