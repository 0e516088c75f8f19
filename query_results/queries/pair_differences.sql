-- title: What pairs of peers differ by
-- section: Set reconciliation
-- order: 645
-- question: By how many messages do two peers differ just before a sync, if they sync every 1 to 600 s, on average and over
--   pairs?
-- inputs: receipts (the first of each message and peer), messages, sessions, peers; pair_days
-- summaries: longest_seconds=600
-- pitfall: Counterfactual, and an expectation: of each message min(Δ, T), the time between both deliveries but at most that
--   between syncs, or T where only one of the two delivers it within longest_seconds. set_difference of the lab (deno task
--   lab replay) counts rounds, with their tails.
-- pitfall: A sample: per day up to 63 pairs, of 64 peers that were connected and subscribed for at least half as long as the
--   longest one, and one in sixteen messages. Hashes choose them, so most peers stay from day to day. messages and
--   messages_of_one count this sample, once per pair; differences are of all messages.
-- pitfall: pair_hours is the time that counts: both connected and subscribed, without the first and the last ten minutes of
--   that and of each day. Messages are live ones, first seen while both were.
-- pitfall: common_difference is the part that both deliver within longest_seconds. The rest, of messages_of_one, may be due to
--   filters, limits or gaps.
-- pitfall: A receipt is when a peer sent a message, not when it had it, so a difference is an upper bound for a peer that
--   reconciles.
-- pitfall: pair_p5 to pair_p95 are over pairs, of each one's mean.
-- parameter: longest_seconds DOUBLE 0.001..3600 = network(600), longest time between syncs; the others are parts of it
SELECT
  coalesce(gossip_type(type), 'all') AS summary_type,
  sync_seconds,
  pairs,
  pair_hours,
  messages,
  messages_of_one,
  mean_difference,
  common_difference,
  by_pair[1] AS pair_p5,
  by_pair[2] AS pair_p50,
  by_pair[3] AS pair_p95
FROM pair_figures($window_from, $window_to, CAST(round($longest_seconds * 1e6) AS BIGINT), false)
ORDER BY type IS NOT NULL, type DESC, sync_seconds
