-- title: One update per block
-- section: Set reconciliation
-- order: 670
-- question: What share of messages would a limit of one per block leave out, per channel direction and per node?
-- inputs: messages (channel_update, node_announcement), receipts (whether a message is live)
-- summaries: always
-- pitfall: Counterfactual. Blocks are not in the archive: bins of ten minutes stand for them, where real ones vary.
-- pitfall: The last of a bin is kept, so what is left out was superseded within the block.
-- parameter: block_seconds DOUBLE 0.001..31622400 = network(600), time between blocks
WITH subjects AS (
  SELECT type, size, CASE type WHEN 257 THEN node_id ELSE CAST(scid AS TEXT) || '/' || CAST(direction AS TEXT) END AS subject,
    epoch_us(first_seen) // CAST($block_seconds * 1000000 AS BIGINT) AS block
  FROM live_messages($window_from, $window_to, false)
  WHERE type IN (257, 258)
), kept AS (
  SELECT type, count(*) AS messages, count(DISTINCT subject || '@' || CAST(block AS TEXT)) AS kept,
    count(DISTINCT subject) AS subjects
  FROM subjects GROUP BY type
)
SELECT gossip_type(type) AS summary_type, messages, subjects, kept, 100.0 * (messages - kept) / messages AS percent_left_out
FROM kept ORDER BY messages DESC, summary_type
