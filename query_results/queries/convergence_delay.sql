-- title: Convergence delay
-- section: Delay
-- order: 100
-- delays: true
-- question: After a message is first seen anywhere, how long until 0.1, 5, 25, 50, 75, 95 and 99.9 % of the peers that
--   deliver it have done so? Quantiles over the peers of each message, averaged over messages, in seconds.
-- inputs: receipts (the first of each message and peer), messages.first_seen, sessions, epochs, clock_samples, stalls
-- summaries: reach_share=0.5, cap_seconds=3600, include_warmup=false
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
SELECT
  CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
  CAST(sum(messages_seen) AS BIGINT) AS messages_seen,
  CAST(sum(messages) AS BIGINT) AS message_count,
  sum(peers) / nullif(sum(messages), 0) AS avg_total_peers,
  sum(us_0_1pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_0_1pct,
  sum(us_5pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_5pct,
  sum(us_25pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_25pct,
  sum(us_50pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_50pct,
  sum(us_75pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_75pct,
  sum(us_95pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_95pct,
  sum(us_99_9pct) / nullif(sum(messages), 0) / 1e6 AS avg_delay_to_99_9pct,
  CASE WHEN sum(unknown_errors) = 0 THEN sum(error_us) / nullif(sum(messages), 0) / 1e6 END AS uncertainty_seconds
FROM delay_groups($window_from, $window_to, $reach_share, $cap_seconds, $include_warmup)
GROUP BY GROUPING SETS ((type), ())
HAVING sum(messages_seen) > 0
ORDER BY grouping(type) DESC, message_count DESC, summary_type
