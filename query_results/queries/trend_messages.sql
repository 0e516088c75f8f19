-- title: Messages over the days
-- section: Trends
-- order: 910
-- only-with-rows: true
-- telling: day_end
-- question: How much was heard on each finished day, or in each scheduled run's window, all together and by type?
-- inputs: traffic_days; analytics_results (of message_totals), analytics_runs
-- summaries: always
-- pitfall: Rows of the set "finished days" are what message_totals finds of each day by its summaries; days without
--   have none. Other rows are what it found when a scheduled run was made: batches that came later do not show.
-- pitfall: Everything counts, warm-up and backlog too: a day on which a collector was started again stands out.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
WITH kept AS (
  SELECT set_name, day_start, day_end, row_number,
    max(value_text) FILTER (column_name = 'summary_type') AS summary_type,
    max(value_number) FILTER (column_name = 'unique_messages') AS unique_messages,
    max(value_number) FILTER (column_name = 'receipts') AS receipts,
    max(value_number) FILTER (column_name = 'first_receipts') AS first_receipts,
    max(value_number) FILTER (column_name = 'repeats') AS repeats,
    max(value_number) FILTER (column_name = 'peers_per_message') AS peers_per_message
  FROM kept_results('message_totals', $window_to, $trend_days)
  GROUP BY set_name, day_start, day_end, row_number
  UNION ALL
  SELECT 'finished days', day, day + INTERVAL 24 HOUR,
    row_number() OVER (PARTITION BY day ORDER BY grouping(type) DESC, sum(heard) DESC, type),
    CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END, sum(heard), sum(receipts),
    sum(receipts - repeats - heard_again), sum(repeats), sum(receipts - repeats - heard_again) / sum(heard)
  FROM used_traffic_days WHERE peers = 0
  GROUP BY GROUPING SETS ((day, type), (day))
)
SELECT
  set_name,
  day_start,
  day_end,
  summary_type,
  CAST(unique_messages AS BIGINT) AS unique_messages,
  CAST(receipts AS BIGINT) AS receipts,
  CAST(first_receipts AS BIGINT) AS first_receipts,
  CAST(repeats AS BIGINT) AS repeats,
  peers_per_message
FROM kept
ORDER BY day_start, day_end, set_name, row_number
