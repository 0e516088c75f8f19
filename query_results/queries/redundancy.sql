-- title: How often each byte is delivered
-- section: Set reconciliation
-- order: 640
-- question: How many times is each message, and each byte, delivered by the peers together, by type?
-- inputs: messages, receipts (the first of each message and peer)
-- summaries: include_warmup=false
-- pitfall: Observed: to an observer with all these peers. A node is sent the same in proportion to its links.
-- pitfall: Live messages only; repeats of one peer are not counted, they are in repeats_per_peer.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
SELECT
  CASE WHEN grouping(type) = 1 THEN 'all' ELSE gossip_type(type) END AS summary_type,
  CAST(sum(messages) AS BIGINT) AS messages,
  CAST(sum(bytes) AS BIGINT) AS unique_bytes,
  CAST(sum(bytes * peers) AS BIGINT) AS delivered_bytes,
  sum(peers * messages) / sum(messages) AS times_per_message,
  sum(bytes * peers) / sum(bytes) AS times_per_byte
FROM live_groups($window_from, $window_to, $include_warmup)
GROUP BY GROUPING SETS ((type), ())
HAVING sum(messages) > 0
ORDER BY grouping(type) DESC, messages DESC, summary_type
