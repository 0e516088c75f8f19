-- title: Delay by implementation
-- section: Delay
-- order: 115
-- by: implementation
-- question: How much later do peers of each implementation deliver? As convergence_delay, over the peers of one
--   implementation at a time: quantiles over those that deliver a message, averaged over messages, in seconds.
-- inputs: receipts (the first of each message and peer), messages.first_seen, sessions, epochs, clock_samples, stalls
-- pitfall: Same messages, cut-off, cap and clocks as convergence_delay. The implementation is what init says, else
--   node_announcement, else how the peer delivers (peer_implementations); "unknown" is a group of its own.
-- pitfall: A timer is part of the delay: one that flushes every 60 s adds 30 s on average, whatever the network does.
-- pitfall: Quantiles of few peers are coarse; peers and messages say how many there were.
-- parameter: reach_share DOUBLE 0.001..1 = 0.5, share of the subscribed peers that a message must reach
-- parameter: cap_seconds DOUBLE 0.001..31622400 = network(3600), longest delay that counts
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
-- parameter: second DOUBLE 0.000001..1 = network(1), length of a second of network time
-- parameter: slice_seconds DOUBLE 0.001..86400 = network(900), length of each slice in which peers' timers are looked for
WITH own AS (
  SELECT peer_id, implementation FROM peer_implementations($window_from, $window_to, $second, $slice_seconds)
), per_message AS (
  SELECT message_id, coalesce(implementation, 'unknown') AS implementation, count(*) AS peers,
    min(delay_us) AS least_us, min(delay_us) FILTER (NOT is_warmup) AS settled_us, max(error_us + stall_us) AS error_us,
    bool_and(error_us IS NOT NULL) AS is_known, quantile_cont(delay_us, [0.05, 0.25, 0.5, 0.75, 0.95]) AS delay_us
  FROM delays($window_from, $window_to, $include_warmup) LEFT JOIN own USING (peer_id)
  WHERE delay_us <= $cap_seconds * 1000000
  GROUP BY ALL
), whole AS (
  SELECT message_id, sum(peers) AS peers, min(settled_us) AS settled_us
  FROM per_message GROUP BY message_id HAVING min(least_us) = 0
), reached AS (
  SELECT m.message_id, m.type
  FROM whole w JOIN messages m ON m.message_id = w.message_id
    ASOF LEFT JOIN peer_steps($window_from, $window_to) s ON m.first_seen >= s.changed_at
  WHERE w.peers >= $reach_share * greatest(coalesce(s.peers, 0), 1)
    AND is_news(m.first_seen, m.own_timestamp, w.settled_us, $include_warmup)
)
SELECT
  implementation,
  CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
  (SELECT count(*) FROM own o WHERE o.implementation = p.implementation) AS peers,
  count(*) AS messages,
  avg(p.peers) AS avg_peers,
  avg(delay_us[1]) / 1e6 AS avg_delay_to_5pct,
  avg(delay_us[2]) / 1e6 AS avg_delay_to_25pct,
  avg(delay_us[3]) / 1e6 AS avg_delay_to_50pct,
  avg(delay_us[4]) / 1e6 AS avg_delay_to_75pct,
  avg(delay_us[5]) / 1e6 AS avg_delay_to_95pct,
  CASE WHEN bool_and(is_known) THEN avg(error_us) / 1e6 END AS uncertainty_seconds
FROM per_message p JOIN reached USING (message_id)
GROUP BY GROUPING SETS ((implementation, type), (implementation))
ORDER BY implementation, grouping(type) DESC, summary_type
