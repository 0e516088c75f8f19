-- title: The archive's health over the days
-- section: Trends
-- order: 930
-- only-with-rows: true
-- telling: day_end
-- question: How much was known to be missing or unreadable when each scheduled run was made?
-- inputs: analytics_results (of the frame), analytics_runs
-- pitfall: The counts are of the whole archive at that time, not of the run's window: one that stays the same is not a
--   new fault, and one that falls was repaired by batches that came late.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
SELECT
  set_name,
  day_start,
  day_end,
  CAST(max(value_number) FILTER (column_name = 'gaps') AS BIGINT) AS gaps,
  CAST(max(value_number) FILTER (column_name = 'missing_batches') AS BIGINT) AS missing_batches,
  CAST(max(value_number) FILTER (column_name = 'unresolved_receipts') AS BIGINT) AS unresolved_receipts,
  CAST(max(value_number) FILTER (column_name = 'dead_letters') AS BIGINT) AS dead_letters
FROM kept_results('frame', $window_to, $trend_days)
GROUP BY set_name, day_start, day_end, row_number
ORDER BY day_start, day_end, set_name
