-- title: Updates per channel, in short
-- section: Churn
-- order: 400
-- question: How many channels were updated, how often, and what share of the updates do the busiest cause?
-- inputs: messages (channel_update), receipts (whether a message is live)
-- summaries: include_warmup=false
-- pitfall: The top 1 % is 1 % of the channels that had any update, rounded up.
-- pitfall: Channels without an update in the window are not in the average.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all messages first heard in a session's warm-up
WITH by_scid AS (
  SELECT count(*) AS updates
  FROM live_messages($window_from, $window_to, $include_warmup)
  WHERE type = 258 AND scid IS NOT NULL
  GROUP BY scid
), ranked AS (
  SELECT updates, row_number() OVER (ORDER BY updates DESC) AS rank, count(*) OVER () AS scids FROM by_scid
), summary AS (
  SELECT
    count(*) AS scids,
    count(*) FILTER (updates > 1) AS multiple,
    avg(updates) AS average,
    max(updates) AS most,
    100.0 * sum(updates) FILTER (rank <= ceil(scids * 0.001)) / sum(updates) AS top_0_1,
    100.0 * sum(updates) FILTER (rank <= ceil(scids * 0.01)) / sum(updates) AS top_1,
    100.0 * sum(updates) FILTER (rank <= ceil(scids * 0.1)) / sum(updates) AS top_10
  FROM ranked
  HAVING count(*) > 0
)
SELECT unnest([
    {'metric': 'Total SCIDs', 'value': CAST(scids AS DOUBLE)},
    {'metric': 'SCIDs with multiple updates', 'value': CAST(multiple AS DOUBLE)},
    {'metric': 'Avg messages per SCID', 'value': average},
    {'metric': 'Max updates for single SCID', 'value': CAST(most AS DOUBLE)},
    {'metric': 'Updates from the top 0.1 %, in %', 'value': top_0_1},
    {'metric': 'Updates from the top 1 %, in %', 'value': top_1},
    {'metric': 'Updates from the top 10 %, in %', 'value': top_10}
  ], recursive := true)
FROM summary
