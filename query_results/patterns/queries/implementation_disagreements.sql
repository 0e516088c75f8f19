-- title: Peers that do not deliver as they say
-- section: Peers
-- order: 555
-- only-with-rows: true
-- telling: receipts
-- question: Which peers say that they run one implementation, but deliver like another, or say two?
-- inputs: sessions (features, pings_received), receipts, messages (node_announcement), peers
-- pitfall: Observed, and no proof: forks, proxies and changed settings deliver otherwise; LDK between peers that flush
--   together delivers in their bursts. See peer_implementations.
-- pitfall: A simulated run on a busy machine blurs timers, so that LND looks like LDK: do not read it from a demo.
-- parameter: second DOUBLE 0.000001..1 = network(1), length of a second of network time
-- parameter: slice_seconds DOUBLE 0.001..86400 = network(900), length of each slice of the window
SELECT node_id, by_init, by_announcement, by_delivery, receipts, single_share, r_5, r_60, r_90
FROM peer_implementations($window_from, $window_to, $second, $slice_seconds)
WHERE by_init <> by_announcement AND by_init <> 'unknown' AND by_announcement <> 'unknown'
  OR by_delivery <> 'unknown' AND implementation <> 'unknown' AND NOT contains(by_delivery, implementation)
ORDER BY receipts DESC, node_id
