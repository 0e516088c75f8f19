-- title: Peers per message
-- section: Reach
-- order: 300
-- telling: message_count
-- question: How many distinct peers delivered each live message?
-- inputs: receipts (the first of each message and peer), messages
-- pitfall: Repeats and a second collector that hears the same peer do not count.
-- pitfall: No cap on delay here: a late re-broadcast counts as reach.
-- pitfall: Messages of the window's last minutes had no time to spread.
-- parameter: include_warmup BOOLEAN = false, count backlog too: all receipts of a session's warm-up
SELECT
  peers AS peers_per_message,
  count(*) AS message_count,
  100.0 * count(*) / sum(count(*)) OVER () AS percentage
FROM live_messages($window_from, $window_to, $include_warmup)
GROUP BY peers
ORDER BY peers
