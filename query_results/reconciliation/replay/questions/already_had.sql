-- title: What was already had
-- section: Set reconciliation
-- order: 16
-- question: What share of what a peer delivers had k other peers delivered before?
-- inputs: replay_delay_with_peers, of receipts, sessions
-- pitfall: Observed. Exact over all choices of k other peers among those that stayed for the whole window.
-- pitfall: A delivery later than an hour after first sight does not count.
SELECT peers, already_had_share FROM replay_delay_with_peers ORDER BY peers
