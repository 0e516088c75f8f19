-- title: Peers over the days
-- section: Trends
-- order: 920
-- only-with-rows: true
-- telling: day_end
-- question: How many peers were connected and subscribed in each scheduled run's window?
-- inputs: analytics_results (of the frame), analytics_runs
-- pitfall: peers counts each that was held at some time of the window; peers_most and peers_mean are of those held at once.
-- pitfall: The sessions are as they were known when the run was made.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
SELECT
  set_name,
  day_start,
  day_end,
  CAST(max(value_number) FILTER (column_name = 'collectors') AS BIGINT) AS collectors,
  CAST(max(value_number) FILTER (column_name = 'peers') AS BIGINT) AS peers,
  CAST(max(value_number) FILTER (column_name = 'peers_most') AS BIGINT) AS peers_most,
  max(value_number) FILTER (column_name = 'peers_mean') AS peers_mean
FROM kept_results('frame', $window_to, $trend_days)
GROUP BY set_name, day_start, day_end, row_number
ORDER BY day_start, day_end, set_name
