-- A row per run of a collector whose clock is to be moved: the run's own instants from `from_at` to `to_at`, and by how
-- much. A run that was never measured goes by the one before it, or else after it. `is_torn`: the clock was set back
-- between two runs, so that their receipts cannot be told apart and the correction is a guess.
--
-- Clocks under NTP are closer than 100 ms; a smaller offset moves no figure but delays, which are corrected for it.
WITH measured AS (
  SELECT epoch_id, median(offset_microseconds) AS offset_us FROM clock_samples GROUP BY epoch_id
), runs AS (
  SELECT e.epoch_id, e.collector_id,
    CASE WHEN lag(e.epoch_id) OVER own IS NULL THEN '-infinity'::TIMESTAMPTZ ELSE e.started_at END AS from_at,
    coalesce(lead(e.started_at) OVER own, 'infinity'::TIMESTAMPTZ) AS to_at,
    greatest(e.started_at, e.ended_at, e.last_receipt_at) AS last_at,
    coalesce(m.offset_us, lag(m.offset_us IGNORE NULLS) OVER own, lead(m.offset_us IGNORE NULLS) OVER own, 0) AS offset_us
  FROM epochs e LEFT JOIN measured m ON m.epoch_id = e.epoch_id
  WINDOW own AS (PARTITION BY e.collector_id ORDER BY e.started_at)
), shifted AS (
  SELECT *, CASE WHEN abs(offset_us) >= 100000 THEN CAST(round(offset_us) AS BIGINT) ELSE 0 END AS shift_us
  FROM runs
), judged AS (
  SELECT *, coalesce(last_at > to_at AND shift_us <> lead(shift_us) OVER own, false) AS is_torn FROM shifted
  WINDOW own AS (PARTITION BY collector_id ORDER BY from_at)
)
SELECT epoch_id, collector_id, from_at, to_at, shift_us, bool_or(is_torn) OVER (PARTITION BY collector_id) AS is_torn
FROM judged
QUALIFY bool_or(shift_us <> 0) OVER (PARTITION BY collector_id)
