-- title: Message totals
-- section: Traffic
-- order: 200
-- question: How much was heard: distinct messages and receipts, all together and by type?
-- inputs: receipts (all), messages
-- summaries: always
-- pitfall: Everything in the window counts, warm-up and backlog too; warmup_receipts says how much of it that is.
--   The live rates are in message_rates.
-- pitfall: A receipt is a first one of its peer, a repeat, or the same delivery heard by a second collector process on
--   the same day (UTC); the three add up to receipts.
-- pitfall: Repeats are known for as long as a collector remembers a message; a very late one counts as a first receipt.
-- pitfall: "folded" stands for messages past all of a collector's quotas against spam (ten times the busiest real node, and
--   totals): their receipts are all here, their identities are not, so unique_messages counts one per reason and type.
WITH window_hours AS (
  SELECT (epoch_us($window_to) - epoch_us($window_from)) / 3.6e9 AS hours
), heard AS (
  SELECT type, messages, receipts, repeats, warmup_receipts, heard_again, receipts - repeats - heard_again AS first_receipts
  FROM heard_groups($window_from, $window_to)
)
SELECT
  CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
  CAST(sum(messages) AS BIGINT) AS unique_messages,
  CAST(sum(receipts) AS BIGINT) AS receipts,
  CAST(sum(first_receipts) AS BIGINT) AS first_receipts,
  CAST(sum(repeats) AS BIGINT) AS repeats,
  CAST(sum(heard_again) AS BIGINT) AS heard_again,
  CAST(sum(warmup_receipts) AS BIGINT) AS warmup_receipts,
  sum(first_receipts) / sum(messages) AS peers_per_message,
  any_value(w.hours) AS duration_hours,
  sum(messages) / any_value(w.hours) / 60 AS unique_messages_per_minute,
  sum(receipts) / any_value(w.hours) / 60 AS receipts_per_minute,
  $window_from AS start_time,
  $window_to AS end_time
FROM heard CROSS JOIN window_hours w
GROUP BY GROUPING SETS ((type), ())
HAVING sum(messages) > 0
ORDER BY grouping(type) DESC, unique_messages DESC, summary_type
