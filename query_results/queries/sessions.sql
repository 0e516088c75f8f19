-- title: Sessions
-- question: Which peers were held, for how long, and what did each session bring?
-- inputs: sessions, peers, collectors
-- pitfall: Every session that touches the window is listed with its whole length, even what lies outside the window.
-- pitfall: Counts come with the end of a session; those still open have none yet.
-- pitfall: connected_seconds runs from the gossip filter to the end, or to the window's end while it is open.
SELECT
  c.name AS collector,
  p.node_id,
  s.address,
  s.filter_at,
  s.closed_at,
  span.connected_seconds,
  (epoch_us(s.filter_at) - epoch_us(s.dialled_at)) / 1e6 AS setup_seconds,
  (epoch_us(s.first_gossip_at) - epoch_us(s.filter_at)) / 1e6 AS first_gossip_seconds,
  span.ended_by,
  s.close_reason,
  s.receipts,
  s.bytes_in,
  s.bytes_out
FROM session_spans($window_from, $window_to) span
  JOIN sessions s ON s.session_id = span.session_id
  JOIN peers p ON p.peer_id = s.peer_id
  JOIN collectors c ON c.collector_id = s.collector_id
ORDER BY s.filter_at, s.session_id
