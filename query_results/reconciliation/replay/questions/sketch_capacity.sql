-- title: How large a sketch
-- section: Set reconciliation
-- order: 12
-- question: Which capacity do 50, 95 and 99.9 % of rounds, and all, stay within, and how many bytes is that with ids of 32 to 64 bits?
-- inputs: replay_differences, of receipts, sessions
-- pitfall: Counterfactual: what two of this archive's peers would have found, had they reconciled. A receipt is when a
--   peer sent a message, not when it had it, so a difference is an upper bound for a peer that reconciles.
-- pitfall: Pairs are drawn by seed, stratified by pace and implementation, of peers that stayed for the whole window. Its first
--   and last ten minutes (a sixth, if that is less) are not measured. low and high are a 95 % bootstrap interval over pairs
--   and hours; hours are few in a short window.
-- pitfall: A capacity for all pairs alike; estimators, which adapt to the pair, are in estimators.
SELECT d.kind, d.sync_seconds, CAST(c.share_of_rounds AS DOUBLE) AS share_of_rounds, CAST(c.capacity AS BIGINT) AS capacity, bits.bits,
  CAST(ceil(c.capacity * bits.bits / 8) AS BIGINT) AS sketch_bytes
FROM replay_differences d
  CROSS JOIN LATERAL (VALUES (0.5, d.p50), (0.95, d.p95), (0.999, d.p99_9), (1.0, d.most)) c(share_of_rounds, capacity)
  CROSS JOIN (VALUES (32), (40), (48), (64)) bits(bits)
WHERE d.kind <> 'common'
ORDER BY d.sync_seconds, d.kind, c.share_of_rounds, bits.bits
