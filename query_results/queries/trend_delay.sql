-- title: Convergence delay over the days
-- section: Trends
-- order: 900
-- only-with-rows: true
-- telling: day_end
-- question: How did the convergence delay change from one finished day, or one scheduled run's window, to the next?
-- inputs: delay_days; analytics_results (of convergence_delay), analytics_runs
-- summaries: always
-- pitfall: Rows of the set "finished days" are what convergence_delay finds of each day by its summaries; days without
--   have none. Other rows are what it found when a scheduled run was made: batches that came later do not show.
-- pitfall: Runs with other settings, or with windows of another length, do not compare; set_name says whose they are.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
WITH kept AS (
  SELECT set_name, day_start, day_end, row_number,
    max(value_text) FILTER (column_name = 'summary_type') AS summary_type,
    max(value_number) FILTER (column_name = 'messages_seen') AS messages_seen,
    max(value_number) FILTER (column_name = 'message_count') AS message_count,
    max(value_number) FILTER (column_name = 'avg_delay_to_5pct') AS avg_delay_to_5pct,
    max(value_number) FILTER (column_name = 'avg_delay_to_50pct') AS avg_delay_to_50pct,
    max(value_number) FILTER (column_name = 'avg_delay_to_95pct') AS avg_delay_to_95pct,
    max(value_number) FILTER (column_name = 'avg_delay_to_99_9pct') AS avg_delay_to_99_9pct
  FROM kept_results('convergence_delay', $window_to, $trend_days)
  GROUP BY set_name, day_start, day_end, row_number
  UNION ALL
  SELECT 'finished days', day, day + INTERVAL 24 HOUR,
    row_number() OVER (PARTITION BY day ORDER BY grouping(type) DESC, sum(messages) DESC, type),
    CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END, sum(messages_seen), sum(messages),
    sum(us_5pct) / nullif(sum(messages), 0) / 1e6, sum(us_50pct) / nullif(sum(messages), 0) / 1e6,
    sum(us_95pct) / nullif(sum(messages), 0) / 1e6, sum(us_99_9pct) / nullif(sum(messages), 0) / 1e6
  -- What the day after knows of its last hour is not of the day.
  FROM used_delay_days WHERE first_day = day AND messages_seen > 0
  GROUP BY GROUPING SETS ((day, type), (day))
)
SELECT
  set_name,
  day_start,
  day_end,
  summary_type,
  CAST(messages_seen AS BIGINT) AS messages_seen,
  CAST(message_count AS BIGINT) AS message_count,
  avg_delay_to_5pct,
  avg_delay_to_50pct,
  avg_delay_to_95pct,
  avg_delay_to_99_9pct
FROM kept
ORDER BY day_start, day_end, set_name, row_number
