-- The convergence delay on the first Gossip Observer's tables as fast as we could make it: what original_windows.sql does,
-- grouped as our own query is.
WITH reached AS (
  SELECT hash, count(*) AS peers, min(recv_timestamp) AS first_seen
  FROM timings
  GROUP BY hash
  HAVING count(*) >= 0.5 * (SELECT count(DISTINCT recv_peer_hash) FROM timings)
), per_message AS (
  SELECT t.hash, any_value(r.peers) AS peers,
    quantile_cont(epoch_us(t.recv_timestamp) - epoch_us(r.first_seen), [0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999])
      AS delay_us
  FROM timings t JOIN reached r ON r.hash = t.hash
  WHERE epoch_us(t.recv_timestamp) - epoch_us(r.first_seen) <= 3600000000
  GROUP BY t.hash
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
