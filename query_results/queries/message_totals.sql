-- title: Message totals
-- section: Traffic
-- order: 200
-- question: How much was heard: distinct messages and receipts, all together and by type?
-- inputs: receipts (all), messages
-- pitfall: Everything in the window counts, warm-up and backlog too; warmup_receipts says how much of it that is.
--   The live rates are in message_rates.
-- pitfall: A receipt is a first one of its peer, a repeat, or the same delivery heard by a second collector process; the
--   three add up to receipts.
-- pitfall: Repeats are known for as long as a collector remembers a message; a very late one counts as a first receipt.
-- pitfall: "folded" stands for messages past all of a collector's quotas against spam (ten times the busiest real node, and
--   totals): their receipts are all here, their identities are not, so unique_messages counts one per reason and type.
WITH window_hours AS (
  SELECT (epoch_us($window_to) - epoch_us($window_from)) / 3.6e9 AS hours
), heard AS (
  SELECT message_id, count(*) AS receipts, count(*) FILTER (is_repeat) AS repeats, count(*) FILTER (is_warmup) AS warmup
  FROM receipts
  WHERE received_at >= $window_from AND received_at < $window_to
  GROUP BY message_id
), first_heard AS (
  SELECT message_id, count(*) AS peers FROM first_receipts($window_from, $window_to, true) GROUP BY message_id
)
SELECT
  CASE WHEN grouping(m.type) = 1 THEN 'all' ELSE gossip_type(m.type) END AS summary_type,
  count(*) AS unique_messages,
  CAST(sum(h.receipts) AS BIGINT) AS receipts,
  CAST(coalesce(sum(f.peers), 0) AS BIGINT) AS first_receipts,
  CAST(sum(h.repeats) AS BIGINT) AS repeats,
  CAST(sum(h.receipts) - sum(h.repeats) - coalesce(sum(f.peers), 0) AS BIGINT) AS heard_again,
  CAST(sum(h.warmup) AS BIGINT) AS warmup_receipts,
  coalesce(sum(f.peers), 0) / count(*) AS peers_per_message,
  any_value(w.hours) AS duration_hours,
  count(*) / any_value(w.hours) / 60 AS unique_messages_per_minute,
  sum(h.receipts) / any_value(w.hours) / 60 AS receipts_per_minute,
  $window_from AS start_time,
  $window_to AS end_time
FROM heard h
  JOIN messages m ON m.message_id = h.message_id
  LEFT JOIN first_heard f ON f.message_id = h.message_id
  CROSS JOIN window_hours w
GROUP BY GROUPING SETS ((m.type), ())
HAVING count(*) > 0
ORDER BY grouping(m.type) DESC, unique_messages DESC, summary_type
