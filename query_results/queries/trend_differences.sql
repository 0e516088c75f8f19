-- title: What pairs of peers differ by, over the days
-- section: Trends
-- order: 915
-- only-with-rows: true
-- telling: day_end
-- question: How did what two peers differ by just before a sync change from one finished day, or one scheduled run's
--   window, to the next?
-- inputs: pair_days; analytics_results (of pair_differences), analytics_runs
-- summaries: always
-- pitfall: Rows of the set "finished days" are what pair_differences finds of each day by its summaries; days without
--   have none. Other rows are what it found when a scheduled run was made: batches that came later do not show.
-- pitfall: Each day has its own sample of pairs, see pair_differences; pairs says how many. Most peers stay in it, so a step is
--   rarely the sample's.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
WITH kept AS (
  SELECT set_name, day_start, day_end, row_number,
    max(value_text) FILTER (column_name = 'summary_type') AS summary_type,
    max(value_number) FILTER (column_name = 'sync_seconds') AS sync_seconds,
    max(value_number) FILTER (column_name = 'pairs') AS pairs,
    max(value_number) FILTER (column_name = 'messages') AS messages,
    max(value_number) FILTER (column_name = 'mean_difference') AS mean_difference,
    max(value_number) FILTER (column_name = 'pair_p5') AS pair_p5,
    max(value_number) FILTER (column_name = 'pair_p50') AS pair_p50,
    max(value_number) FILTER (column_name = 'pair_p95') AS pair_p95
  FROM kept_results('pair_differences', $window_to, $trend_days)
  GROUP BY set_name, day_start, day_end, row_number
  UNION ALL
  SELECT 'finished days', day, day + INTERVAL 24 HOUR,
    row_number() OVER (PARTITION BY day ORDER BY type IS NOT NULL, type DESC, sync_seconds),
    coalesce(gossip_type(type), 'all'), sync_seconds, pairs, messages, mean_difference, by_pair[1], by_pair[2], by_pair[3]
  -- An empty window: of summaries alone.
  FROM pair_figures($window_to, $window_to, 600000000, true)
)
SELECT
  set_name,
  day_start,
  day_end,
  summary_type,
  sync_seconds,
  CAST(pairs AS BIGINT) AS pairs,
  CAST(messages AS BIGINT) AS messages,
  mean_difference,
  pair_p5,
  pair_p50,
  pair_p95
FROM kept
ORDER BY day_start, day_end, set_name, row_number
