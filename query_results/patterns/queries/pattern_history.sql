-- title: Patterns over the days
-- section: Trends
-- order: 940
-- only-with-rows: true
-- telling: days_in_a_row
-- question: Which patterns are new since the run before, which last, and which are gone?
-- inputs: analytics_results (of patterns), analytics_runs
-- pitfall: A pattern is the same when its kind and what it is about are; a group or lockstep is named after its most typical
--   peer, which may change.
-- pitfall: days_in_a_row counts a set's runs up to the last that found it; a run that failed or never was breaks nothing.
-- parameter: trend_days BIGINT 1..36600 = 366, days before the window's end that are shown
WITH runs AS (
  SELECT set_name, day_start, row_number() OVER (PARTITION BY set_name ORDER BY day_start) AS run,
    count(*) OVER (PARTITION BY set_name) AS runs
  FROM (SELECT DISTINCT set_name, day_start FROM kept_results('patterns', $window_to, $trend_days))
), named AS (
  SELECT set_name, day_start,
    max(value_text) FILTER (column_name = 'kind') AS kind,
    max(value_text) FILTER (column_name = 'entity') AS entity,
    max(value_number) FILTER (column_name = 'effect') AS effect
  FROM kept_results('patterns', $window_to, $trend_days)
  GROUP BY set_name, day_start, day_end, row_number
), seen AS (
  SELECT n.set_name, n.kind, n.entity, n.day_start, any_value(r.run) AS run, any_value(r.runs) AS runs, max(n.effect) AS effect,
    any_value(r.run) - row_number() OVER (PARTITION BY n.set_name, n.kind, n.entity ORDER BY n.day_start) AS streak
  FROM named n JOIN runs r ON r.set_name = n.set_name AND r.day_start = n.day_start
  WHERE NOT starts_with(n.kind, 'data fault')
  GROUP BY n.set_name, n.kind, n.entity, n.day_start
)
SELECT set_name, kind, entity, min(day_start) AS first_day, max(day_start) AS last_day, count(*) AS days,
  count(*) FILTER (streak = last_streak) AS days_in_a_row,
  max(run) = max(runs) AND max(runs) > 1 AND count(*) FILTER (streak = last_streak) = 1 AS is_new,
  max(run) < max(runs) AS is_gone,
  arg_max(effect, day_start) AS last_effect
FROM (SELECT *, max(streak) OVER (PARTITION BY set_name, kind, entity) AS last_streak FROM seen)
GROUP BY set_name, kind, entity
ORDER BY is_gone, days_in_a_row DESC, last_effect DESC, kind, entity
