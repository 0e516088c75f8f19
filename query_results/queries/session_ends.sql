-- title: Why sessions ended
-- section: Peers
-- order: 520
-- question: Who ended sessions, why, and how long had they lasted?
-- inputs: sessions
-- pitfall: A reason is one peer's or one system's own words; alike reasons may be worded differently.
-- pitfall: Sessions still open at the window's end count as open, with the length they had by then; those of a collector
--   that was killed are taken to have lasted until its last receipt.
SELECT
  span.ended_by,
  coalesce(s.close_reason, '') AS close_reason,
  count(*) AS sessions,
  100.0 * count(*) / sum(count(*)) OVER () AS percentage,
  count(DISTINCT s.peer_id) AS peers,
  median(span.connected_seconds) AS median_connected_seconds
FROM session_spans($window_from, $window_to) span JOIN sessions s ON s.session_id = span.session_id
GROUP BY ALL
ORDER BY sessions DESC, ended_by, close_reason
