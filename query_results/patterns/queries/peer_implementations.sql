-- title: Implementations
-- section: Peers
-- order: 550
-- question: Which implementation do peers run, by what their features say and by how they deliver?
-- inputs: sessions (features, pings_received), receipts, messages (node_announcement), peers
-- pitfall: Observed. Rows are pairs of what a peer says (init, else node_announcement) and what its delivery looks like;
--   where both are known and differ, implementation_disagreements names the peer.
-- pitfall: By delivery CLN and Eclair, which both flush every 60 s, differ in their pings alone; archives without counts of
--   pings say "cln or eclair".
-- pitfall: Read in three slices of slice_seconds; a peer with fewer than 40 receipts in them is unknown by delivery.
-- pitfall: Forks and configs offer other bits; a proxy or a slow link blurs timers. Neither is proof.
-- parameter: second DOUBLE 0.000001..1 = network(1), length of a second of network time
-- parameter: slice_seconds DOUBLE 0.001..86400 = network(900), length of each slice of the window
SELECT coalesce(nullif(by_init, 'unknown'), by_announcement) AS said, by_delivery AS delivery, count(*) AS peers,
  CAST(sum(receipts) AS BIGINT) AS receipts, median(single_share) AS single_share, median(r_5) AS r_5, median(r_60) AS r_60,
  median(r_90) AS r_90
FROM peer_implementations($window_from, $window_to, $second, $slice_seconds)
GROUP BY ALL
ORDER BY peers DESC, said, delivery
