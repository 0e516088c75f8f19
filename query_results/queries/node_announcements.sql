-- title: Announcements per node
-- section: Churn
-- order: 420
-- question: Which nodes announce themselves most, and how much do the busiest weigh?
-- inputs: messages (node_announcement), receipts (whether a message is live)
-- summaries: include_warmup=false
-- pitfall: contents counts what was said apart from signature and timestamp; the rest are re-signed repeats.
-- pitfall: The node is the one announced, not the peer that delivered the announcement.
-- pitfall: deliveries adds up how many peers delivered each announcement; bytes counts each announcement once.
-- pitfall: An announcement seen before the window's start, or first heard as backlog, is left out.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all messages first heard in a session's warm-up
WITH by_node AS (
  SELECT node_id, count(*) AS announcements, count(DISTINCT inner_id) AS contents,
    CAST(sum(size) AS BIGINT) AS bytes, CAST(sum(peers) AS BIGINT) AS deliveries,
    min(first_seen) AS first_announcement, max(first_seen) AS last_announcement
  FROM live_messages($window_from, $window_to, $include_warmup)
  WHERE type = 257 AND node_id IS NOT NULL
  GROUP BY node_id
)
SELECT
  row_number() OVER busiest AS rank,
  node_id,
  announcements,
  contents,
  bytes,
  deliveries,
  100.0 * sum(announcements) OVER busiest / sum(announcements) OVER () AS cumulative_percent,
  first_announcement,
  last_announcement
FROM by_node
WINDOW busiest AS (ORDER BY announcements DESC, node_id ROWS UNBOUNDED PRECEDING)
ORDER BY rank
