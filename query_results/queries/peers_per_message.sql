-- title: Peers per message
-- section: Reach
-- order: 300
-- telling: message_count
-- question: How many distinct peers delivered each live message?
-- inputs: receipts (the first of each message and peer), messages
-- summaries: include_warmup=false
-- pitfall: Repeats and a second collector that hears the same peer do not count.
-- pitfall: No cap on delay here: a late re-broadcast counts as reach.
-- pitfall: Messages of the window's last minutes had no time to spread.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
SELECT
  peers AS peers_per_message,
  CAST(sum(messages) AS BIGINT) AS message_count,
  100.0 * sum(messages) / sum(sum(messages)) OVER () AS percentage
FROM live_groups($window_from, $window_to, $include_warmup)
GROUP BY peers
HAVING sum(messages) > 0
ORDER BY peers
