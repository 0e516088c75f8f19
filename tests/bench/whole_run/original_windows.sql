-- The convergence delay (see query_results/queries/convergence_delay.sql) on the first Gossip Observer's tables, in the
-- manner of its queries: a message's first sight and reach are found by windows over all its rows. As it kept no
-- sessions, the cut-off is half of the peers that ever delivered. The same cap of an hour.
WITH sightings AS (
  SELECT hash, epoch_us(recv_timestamp) AS seen_us,
    min(epoch_us(recv_timestamp)) OVER message AS first_us,
    count(*) OVER message AS peers
  FROM timings
  WHERE hash IN (
    SELECT hash FROM timings GROUP BY hash
    HAVING count(*) >= (SELECT 0.5 * count(DISTINCT recv_peer_hash) FROM timings)
  )
  WINDOW message AS (PARTITION BY hash)
), per_message AS (
  SELECT hash, any_value(peers) AS peers,
    quantile_cont(seen_us - first_us, [0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999]) AS delay_us
  FROM sightings
  WHERE seen_us - first_us <= 3600000000
  GROUP BY hash
)
SELECT m.type,
  count(*) AS message_count,
  avg(p.peers) AS avg_total_peers,
  avg(p.delay_us[1]) / 1e6 AS avg_delay_to_0_1pct,
  avg(p.delay_us[2]) / 1e6 AS avg_delay_to_5pct,
  avg(p.delay_us[3]) / 1e6 AS avg_delay_to_25pct,
  avg(p.delay_us[4]) / 1e6 AS avg_delay_to_50pct,
  avg(p.delay_us[5]) / 1e6 AS avg_delay_to_75pct,
  avg(p.delay_us[6]) / 1e6 AS avg_delay_to_95pct,
  avg(p.delay_us[7]) / 1e6 AS avg_delay_to_99_9pct
FROM per_message p JOIN metadata m ON m.hash = p.hash
GROUP BY GROUPING SETS ((m.type), ())
ORDER BY grouping(m.type) DESC, message_count DESC
