-- title: Collisions of short ids
-- section: Set reconciliation
-- order: 24
-- question: How often do two of the window's messages share a salted short id of 32 to 64 bits?
-- inputs: replay_collisions, of messages
-- pitfall: Observed on real ids: SipHash-2-4 of the first 64 bits of each SHA-256, 50 salts, up to 100,000 messages; beside
--   the birthday bound.
-- pitfall: What is expected but rarer than one in 50 salts cannot be found.
-- pitfall: A collision matters only between messages that one round compares, far fewer than these.
SELECT * FROM replay_collisions ORDER BY bits
