-- What went wrong with the data itself, and when: columns collector, what, from, until, detail. `$window_from` and
-- `$window_to` are put in by world.ts.
WITH minutes AS (
  SELECT collector_id, time_bucket(INTERVAL 1 MINUTE, received_at) AS minute, count(*) AS receipts
  FROM receipts WHERE received_at >= $window_from AND received_at < $window_to GROUP BY ALL
), beats AS (
  SELECT collector_id, minute, lead(minute) OVER (PARTITION BY collector_id ORDER BY minute) AS next,
    avg(receipts) OVER (PARTITION BY collector_id) AS usual
  FROM minutes
), young AS (
  -- Instants at which most of a collector's connected peers were in their first ten minutes.
  SELECT c.collector_id, c.filter_at AS moment
  FROM (SELECT DISTINCT collector_id, time_bucket(INTERVAL 1 MINUTE, filter_at) + INTERVAL 1 MINUTE AS filter_at FROM sessions
    WHERE filter_at >= $window_from - INTERVAL 10 MINUTE AND filter_at < $window_to) c
    JOIN session_spans($window_from, $window_to) s ON s.collector_id = c.collector_id
      AND s.from_at <= c.filter_at AND s.to_at >= c.filter_at
    JOIN sessions x ON x.session_id = s.session_id
  GROUP BY ALL HAVING count(*) FILTER (x.filter_at >= c.filter_at - INTERVAL 10 MINUTE) > count(*) / 2
), known AS (
  SELECT e.collector_id, 'gap' AS what, g.noticed_at - INTERVAL 10 MINUTE AS from_at, g.noticed_at AS until_at,
    (g.last_batch - g.first_batch + 1) || ' batches never came (' || g.reason || ')' AS detail
  FROM gaps g JOIN epochs e USING (epoch_id)
  UNION ALL
  -- A minute or more without a receipt, of a collector that has at least one per second.
  SELECT collector_id, 'silence', minute + INTERVAL 1 MINUTE, next, 'no receipts'
  FROM beats WHERE usual >= 60 AND next > minute + INTERVAL 2 MINUTE
  UNION ALL
  SELECT collector_id, 'restart', coalesce(lag(coalesce(ended_at, last_receipt_at)) OVER runs, started_at), started_at,
    CASE WHEN lag(ended_at) OVER runs IS NULL THEN 'cut off and started again' ELSE 'stopped and started again' END
  FROM epochs WINDOW runs AS (PARTITION BY collector_id ORDER BY started_at)
  QUALIFY lag(started_at) OVER runs IS NOT NULL
  UNION ALL
  SELECT collector_id, 'stall', min(from_at), max(to_at),
    'held up ' || count(*) || ' times, ' || round(sum(epoch_us(to_at) - epoch_us(from_at)) / 1e6, 1) || ' s in all'
  FROM stalls WHERE from_at < $window_to AND to_at >= $window_from
  GROUP BY collector_id, time_bucket(INTERVAL 10 MINUTE, from_at) HAVING sum(epoch_us(to_at) - epoch_us(from_at)) >= 5e6
  UNION ALL
  SELECT collector_id, 'clock step', noticed_at - INTERVAL 1 MINUTE, noticed_at,
    'its clock jumped by ' || round(step_microseconds / 1e6, 3) || ' s'
  FROM clock_steps WHERE abs(step_microseconds) >= 1000000
  UNION ALL
  -- A clock that was wrong and stayed so is corrected; one that was set back between two runs cannot be.
  SELECT collector_id, 'torn clock', greatest(from_at, $window_from), least(to_at, $window_to),
    'it was set back between two runs; its times are a guess, moved by ' || round(shift_us / 1e6, 3) || ' s'
  FROM clock_shifts WHERE is_torn
  UNION ALL
  SELECT collector_id, 'warm-up', min(moment) - INTERVAL 1 MINUTE, max(moment) + INTERVAL 10 MINUTE, 'most sessions were in their first ten minutes'
  FROM young GROUP BY collector_id, time_bucket(INTERVAL 10 MINUTE, moment)
  UNION ALL
  SELECT r.collector_id, 'quota', min(r.received_at), max(r.received_at), count(*) || ' receipts of messages past all quotas'
  FROM receipts r WHERE r.message_id IN (SELECT message_id FROM messages WHERE type = 65535)
    AND r.received_at >= $window_from AND r.received_at < $window_to
  GROUP BY r.collector_id, time_bucket(INTERVAL 10 MINUTE, r.received_at)
)
SELECT c.name, what, from_at, until_at, detail
FROM known k JOIN collectors c ON c.collector_id = k.collector_id
WHERE from_at < $window_to AND until_at >= $window_from
ORDER BY from_at, c.name, what
