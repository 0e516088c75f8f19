-- title: Updates per channel
-- section: Churn
-- order: 410
-- question: Which channels are updated most, and how much do the busiest weigh?
-- inputs: messages (channel_update), receipts (whether a message is live)
-- summaries: include_warmup=false
-- pitfall: Both directions of a channel count together.
-- pitfall: contents counts what was said apart from signature and timestamp; the rest are re-signed repeats.
-- pitfall: deliveries adds up how many peers delivered each update; bytes counts each update once.
-- pitfall: An update seen before the window's start, or first heard as backlog, is left out.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all messages first heard in a session's warm-up
WITH by_scid AS (
  SELECT scid, count(*) AS updates, count(DISTINCT direction) AS directions, count(DISTINCT inner_id) AS contents,
    CAST(sum(size) AS BIGINT) AS bytes, CAST(sum(peers) AS BIGINT) AS deliveries,
    min(first_seen) AS first_update, max(first_seen) AS last_update
  FROM live_messages($window_from, $window_to, $include_warmup)
  WHERE type = 258 AND scid IS NOT NULL
  GROUP BY scid
)
SELECT
  row_number() OVER busiest AS rank,
  CAST((scid >> 40) & 16777215 AS TEXT) || 'x' || CAST((scid >> 16) & 16777215 AS TEXT) || 'x'
    || CAST(scid & 65535 AS TEXT) AS scid_text,
  scid,
  updates,
  directions,
  contents,
  bytes,
  deliveries,
  100.0 * sum(updates) OVER busiest / sum(updates) OVER () AS cumulative_percent,
  first_update,
  last_update
FROM by_scid
WINDOW busiest AS (ORDER BY updates DESC, scid ROWS UNBOUNDED PRECEDING)
ORDER BY rank
