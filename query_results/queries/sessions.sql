-- title: Sessions
-- section: Peers
-- order: 510
-- telling: connected_seconds
-- question: Which peers were held, for how long, and what did each session bring?
-- inputs: sessions, peers, collectors, sources
-- pitfall: Every session that touches the window is listed with its whole length, even what lies outside the window.
-- pitfall: Counts and round trips are as of counted_at: a session's end or, while it lasts, ages that double from 5
--   minutes on, then every hour. One that is younger, or whose collector was too old to count, has none.
-- pitfall: source says whether a session is the collector's own or was read out of another node's log: then it runs from the
--   peer's first message in the log to its last line, and bytes_in counts gossip alone.
-- pitfall: connected_seconds runs from the gossip filter to the end, or to the window's end while it is open.
SELECT
  c.name AS collector,
  coalesce(x.kind, 'own') AS source,
  p.node_id,
  s.address,
  s.filter_at,
  s.closed_at,
  span.connected_seconds,
  (epoch_us(s.filter_at) - epoch_us(s.dialled_at)) / 1e6 AS setup_seconds,
  (epoch_us(s.first_gossip_at) - epoch_us(s.filter_at)) / 1e6 AS first_gossip_seconds,
  span.ended_by,
  s.close_reason,
  s.counted_at,
  s.receipts,
  s.messages_in,
  s.messages_out,
  s.gossip_out,
  s.bytes_in,
  s.bytes_out,
  s.pings_sent,
  s.pings_answered,
  s.rtt_median_microseconds / 1e3 AS rtt_median_milliseconds,
  s.pings_received,
  s.pongs_sent
FROM session_spans($window_from, $window_to) span
  JOIN sessions s ON s.session_id = span.session_id
  JOIN peers p ON p.peer_id = s.peer_id
  JOIN collectors c ON c.collector_id = s.collector_id
  LEFT JOIN sources x ON x.collector_id = s.collector_id
ORDER BY s.filter_at, s.session_id
