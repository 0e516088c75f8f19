-- title: Convergence delay
-- section: Delay
-- order: 100
-- question: After a message is first seen anywhere, how long until 0.1, 5, 25, 50, 75, 95 and 99.9 % of the peers that
--   deliver it have done so? Quantiles over the peers of each message, averaged over messages, in seconds.
-- inputs: receipts (the first of each message and peer), messages.first_seen, sessions, epochs, clock_samples, stalls
-- pitfall: Only messages that reached the cut-off count: reach_share of the peers connected and subscribed when the
--   message was first seen. message_count of messages_seen did.
-- pitfall: Receipts later than the cap are taken for re-broadcasts and left out.
-- pitfall: first_seen is our first sight of it, not its origin's sending; more peers make it earlier and every delay longer.
-- pitfall: With several collectors each one's times are corrected by its measured clock offset; each average is then
--   wrong by at most uncertainty_seconds. That is empty when a collector's clock was never measured. Within one collector
--   it is 0, unless the collector was held up (stalls): then it says by how much its stamps may be late. Clocks that drift
--   while a message spreads are not accounted for.
-- pitfall: Messages of the window's last minutes are cut short; most of them fall below the cut-off.
-- parameter: reach_share DOUBLE 0.001..1 = 0.5, share of the subscribed peers that a message must reach
-- parameter: cap_seconds DOUBLE 0.001..31622400 = network(3600), longest delay that counts
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
WITH per_message AS (
  SELECT message_id, count(*) AS peers, any_value(error_us) + max(stall_us) AS error_us,
    min(delay_us) FILTER (NOT is_warmup) AS settled_after_us,
    quantile_cont(delay_us, [0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999]) AS delay_us
  FROM delays($window_from, $window_to, $include_warmup)
  WHERE delay_us <= $cap_seconds * 1000000
  GROUP BY message_id
  -- Its first receipt is among those that count: neither backlog nor before the window.
  HAVING min(delay_us) = 0
), judged AS (
  SELECT m.type, p.peers, p.error_us, p.delay_us, p.peers >= $reach_share * greatest(coalesce(s.peers, 0), 1) AS is_reached
  FROM per_message p JOIN messages m ON m.message_id = p.message_id
    ASOF LEFT JOIN peer_steps($window_from, $window_to) s ON m.first_seen >= s.changed_at
  WHERE is_news(m.first_seen, m.own_timestamp, p.settled_after_us, $include_warmup)
)
SELECT
  CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
  count(*) AS messages_seen,
  count(*) FILTER (is_reached) AS message_count,
  avg(peers) FILTER (is_reached) AS avg_total_peers,
  avg(delay_us[1]) FILTER (is_reached) / 1e6 AS avg_delay_to_0_1pct,
  avg(delay_us[2]) FILTER (is_reached) / 1e6 AS avg_delay_to_5pct,
  avg(delay_us[3]) FILTER (is_reached) / 1e6 AS avg_delay_to_25pct,
  avg(delay_us[4]) FILTER (is_reached) / 1e6 AS avg_delay_to_50pct,
  avg(delay_us[5]) FILTER (is_reached) / 1e6 AS avg_delay_to_75pct,
  avg(delay_us[6]) FILTER (is_reached) / 1e6 AS avg_delay_to_95pct,
  avg(delay_us[7]) FILTER (is_reached) / 1e6 AS avg_delay_to_99_9pct,
  mean_error_seconds(CASE WHEN is_reached THEN error_us ELSE 0 END, CAST(is_reached AS INTEGER)) AS uncertainty_seconds
FROM judged
GROUP BY GROUPING SETS ((type), ())
HAVING count(*) > 0
ORDER BY grouping(type) DESC, message_count DESC, summary_type
