-- title: Delay distribution
-- section: Delay
-- order: 110
-- question: What share of all first deliveries has happened within a given time after the message was first seen?
-- inputs: receipts (the first of each message and peer), messages.first_seen, sessions, epochs, clock_samples, stalls
-- pitfall: Same messages, cut-off and cap as convergence_delay, but here each delivery weighs the same, so messages that
--   reach more peers weigh more.
-- pitfall: A step is a twentieth of a decade; delay_seconds is its upper end. The first step holds all delays up to
--   1 ms, the first peer's own 0 among them.
-- pitfall: uncertainty_seconds is the mean, over the deliveries of the step, of how far clocks and stalls may have put
--   them from where they belong: empty where a collector's clock was never measured. See convergence_delay.
-- parameter: reach_share DOUBLE 0.001..1 = 0.5, share of the subscribed peers that a message must reach
-- parameter: cap_seconds DOUBLE 0.001..31622400 = network(3600), longest delay that counts
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
WITH steps AS (
  SELECT message_id, CAST(ceil(20 * log10(greatest(delay_us, 1000) / 1000.0)) AS INTEGER) AS step,
    count(*) AS receipts, min(delay_us) AS least_us, any_value(error_us) AS error_us, max(stall_us) AS stall_us,
    min(delay_us) FILTER (NOT is_warmup) AS settled_after_us
  FROM delays($window_from, $window_to, $include_warmup)
  WHERE delay_us <= $cap_seconds * 1000000
  GROUP BY message_id, step
), per_message AS (
  SELECT message_id, sum(receipts) AS peers, max(stall_us) AS stall_us, min(settled_after_us) AS settled_after_us
  FROM steps
  GROUP BY message_id
  -- Its first receipt is among those that count: neither backlog nor before the window.
  HAVING min(least_us) = 0
), reached AS (
  SELECT m.message_id, m.type, p.stall_us
  FROM per_message p JOIN messages m ON m.message_id = p.message_id
    ASOF LEFT JOIN peer_steps($window_from, $window_to) s ON m.first_seen >= s.changed_at
  WHERE p.peers >= $reach_share * greatest(coalesce(s.peers, 0), 1)
    AND is_news(m.first_seen, m.own_timestamp, p.settled_after_us, $include_warmup)
), reached_by_type AS (
  SELECT CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type, count(*) AS messages
  FROM reached
  GROUP BY GROUPING SETS ((type), ())
), counted AS (
  SELECT
    CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
    step,
    CAST(sum(receipts) AS BIGINT) AS first_receipts,
    mean_error_seconds(error_us + reached.stall_us, receipts) AS uncertainty_seconds
  FROM steps JOIN reached ON reached.message_id = steps.message_id
  GROUP BY GROUPING SETS ((type, step), (step))
)
SELECT
  summary_type,
  r.messages,
  round(pow(10, step / 20.0) / 1000, 6) AS delay_seconds,
  first_receipts,
  100.0 * sum(first_receipts) OVER (PARTITION BY summary_type ORDER BY step)
    / sum(first_receipts) OVER (PARTITION BY summary_type) AS cumulative_percent,
  uncertainty_seconds
FROM counted JOIN reached_by_type r USING (summary_type)
ORDER BY summary_type, step
