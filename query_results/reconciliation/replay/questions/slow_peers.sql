-- title: Slow peers or slow messages
-- section: Set reconciliation
-- order: 19
-- question: Does a delay depend on the peer, on the message, or on neither?
-- inputs: replay_slow_peers, of receipts, sessions
-- pitfall: Observed. The additive model (message + peer + rest) by least squares, on messages that 87 % of the peers delivered.
-- pitfall: The rank correlation compares a peer's mean delay in odd and even messages: near 1, slow peers stay slow.
SELECT * FROM replay_slow_peers
