-- title: Clock offsets
-- section: Trust in the data
-- order: 630
-- telling: uncertainty_milliseconds
-- question: How far was each collector's clock from the archiver's, and how sure is that?
-- inputs: clock_samples, collectors
-- pitfall: Of each bin the measurement with the least uncertainty is shown. Least and most are the bounds of all of the
--   bin's measurements, uncertainties included; what lies between two measurements is not known.
-- pitfall: offset_milliseconds is what to add to the collector's times to get the archiver's. Delays between collectors
--   are corrected by it. Where it is 100 ms or more, all times of that run are moved by its median, in every query.
-- pitfall: A collector whose archiver does not answer, or whose records were imported, has no rows.
-- parameter: bin_seconds BIGINT 1..31622400 = adaptive(60), width of a bin
SELECT
  c.name AS collector,
  bin_start(s.sampled_at, $bin_seconds) AS interval_start,
  count(*) AS samples,
  arg_min(s.offset_microseconds + coalesce(m.shift_us, 0), s.uncertainty_microseconds) / 1e3 AS offset_milliseconds,
  min(s.uncertainty_microseconds) / 1e3 AS uncertainty_milliseconds,
  min(s.offset_microseconds + coalesce(m.shift_us, 0) - s.uncertainty_microseconds) / 1e3 AS least_milliseconds,
  max(s.offset_microseconds + coalesce(m.shift_us, 0) + s.uncertainty_microseconds) / 1e3 AS most_milliseconds
FROM clock_samples s JOIN collectors c ON c.collector_id = s.collector_id LEFT JOIN clock_shifts m ON m.epoch_id = s.epoch_id
WHERE s.sampled_at >= $window_from AND s.sampled_at < $window_to
GROUP BY c.name, interval_start
ORDER BY c.name, interval_start
