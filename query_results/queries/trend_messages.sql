-- title: Messages over the days
-- section: Trends
-- order: 910
-- only-with-rows: true
-- telling: day_end
-- question: How much was heard in each scheduled run's window, all together and by type?
-- inputs: analytics_results (of message_totals), analytics_runs
-- pitfall: Each row is what message_totals found when it ran; batches that came later do not show.
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
