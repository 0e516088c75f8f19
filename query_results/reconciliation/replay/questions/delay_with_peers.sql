-- title: Delay with k peers
-- section: Set reconciliation
-- order: 17
-- question: How long after its first sight does the first of k random peers deliver a message, and what share do all k miss?
-- inputs: replay_delay_with_peers, of receipts, sessions
-- pitfall: Observed. Exact over all choices of k peers among those that stayed for the whole window.
-- pitfall: First sight is ours, with all our peers: with k of the same peers a node is later by this, not by the true delay.
-- pitfall: A delivery later than an hour counts as missed.
SELECT peers, messages, delay_p5, delay_p50, delay_p95, missed_share FROM replay_delay_with_peers ORDER BY peers
