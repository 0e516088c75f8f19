-- title: Repeats per peer
-- section: Reach
-- order: 310
-- question: Which peers deliver the same message more than once, and how often?
-- inputs: receipts (all), sessions, peers
-- summaries: always
-- pitfall: A repeat is the same bytes from the same peer to the same collector process; what was re-signed is new.
-- pitfall: A collector remembers who delivered what for its newest 65,536 messages (3.6 hours of mainnet) and 2,048 peers, and
--   begins anew with each run. What comes again later counts as a first delivery; gossip_collector_untracked_receipts_total
--   of its metrics says how many receipts that may be.
-- pitfall: A peer that reconnects sends its backlog again: repeats of many short sessions are normal.
WITH connected AS (
  SELECT peer_id, count(*) AS sessions, sum(epoch_us(to_at) - epoch_us(from_at)) / 3.6e9 AS connected_hours
  FROM session_spans($window_from, $window_to)
  GROUP BY peer_id
), heard AS (
  FROM heard_peers($window_from, $window_to)
)
SELECT
  p.node_id,
  coalesce(c.sessions, 0) AS sessions,
  coalesce(c.connected_hours, 0) AS connected_hours,
  h.receipts,
  h.repeats,
  100.0 * h.repeats / h.receipts AS repeat_percent
FROM heard h JOIN peers p ON p.peer_id = h.peer_id LEFT JOIN connected c ON c.peer_id = h.peer_id
ORDER BY h.repeats DESC, h.receipts DESC, p.node_id
