-- title: Computing time
-- section: Set reconciliation
-- order: 27
-- question: How much computing do rounds take per day, by machine and number of links?
-- inputs: replay_cpu, of receipts, sessions
-- pitfall: Counterfactual: what two of this archive's peers would have found, had they reconciled. A receipt is when a
--   peer sent a message, not when it had it, so a difference is an upper bound for a peer that reconciles.
-- pitfall: Rounds of the replay at measured costs of the reference library (server with carry-less multiplication, Raspberry
--   Pi 5), not timed here. Adding elements and decoding, at both ends.
SELECT * FROM replay_cpu ORDER BY preset, sync_seconds, machine, links
