-- title: Active peers
-- section: Peers
-- order: 500
-- telling: active_peers
-- question: How many peers were connected and subscribed over time, and how many of them delivered anything?
-- inputs: receipts (all), sessions
-- summaries: bin_seconds=n*900
-- pitfall: A peer counts in each bin that its session touches, so short sessions make the bin's figure greater than the
--   number held at any one moment.
-- pitfall: The first and the last bin lie partly outside the window.
-- pitfall: A silent peer may be one that ignores gossip filters, not one that is gone.
-- parameter: bin_seconds BIGINT 1..31622400 = adaptive(900), width of a bin
WITH active AS (
  SELECT interval_start, count(*) AS peers
  FROM active_bins($window_from, $window_to, $bin_seconds)
  GROUP BY interval_start
), bins AS (
  SELECT make_timestamptz(bin * $bin_seconds * 1000000) AS interval_start,
    make_timestamptz((bin + 1) * $bin_seconds * 1000000) AS interval_end
  FROM range(epoch_us($window_from) // ($bin_seconds * 1000000),
    (epoch_us($window_to) - 1) // ($bin_seconds * 1000000) + 1) AS bins(bin)
  WHERE $window_from < $window_to
), subscribed AS (
  SELECT b.interval_start, count(DISTINCT s.peer_id) AS peers
  FROM bins b JOIN session_spans($window_from, $window_to) s
    ON s.from_at < b.interval_end AND s.to_at > b.interval_start
  GROUP BY b.interval_start
)
SELECT
  b.interval_start,
  b.interval_end,
  coalesce(a.peers, 0) AS active_peers,
  coalesce(s.peers, 0) AS subscribed_peers
FROM bins b
  LEFT JOIN active a ON a.interval_start = b.interval_start
  LEFT JOIN subscribed s ON s.interval_start = b.interval_start
ORDER BY b.interval_start
