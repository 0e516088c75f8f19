-- title: What only one of two delivers
-- section: Set reconciliation
-- order: 20
-- question: What share of messages does only one of two peers ever deliver, and what do peers never deliver?
-- inputs: replay_missing, of receipts, sessions
-- pitfall: Observed, between peers subscribed for the message's whole life in the window. Quantiles are over pairs; "a peer
--   lacks" is over peers, of what at least half of all peers delivered.
-- pitfall: A message that a peer does not send may be filtered, superseded, or known to it from us alone; these look alike.
-- pitfall: Deliveries after the window's end count as missing.
SELECT * FROM replay_missing
