-- title: Round trips
-- section: Peers
-- order: 530
-- question: How long do our pings take to come back as pongs, and how many never do?
-- inputs: sessions, collectors
-- pitfall: A session weighs one, by the median of its own round trips; each session that touches the window counts
--   whole.
-- pitfall: A peer answers in turn, after what it is already sending: a round trip is the network's and the peer's together.
-- pitfall: A ping that was under way when the session ended, or when its figures were reported, counts as unanswered:
--   at most one per session. A peer that leaves three due in a row is let go.
-- pitfall: Sessions without reported figures (the first 5 minutes), and collectors too old to count, are left out.
WITH counted AS (
  SELECT c.name AS collector, CASE WHEN s.address LIKE '%.onion:%' THEN 'Tor' ELSE 'clearnet' END AS network,
    s.pings_sent, s.pings_answered, s.rtt_min_microseconds / 1e3 AS least, s.rtt_median_microseconds / 1e3 AS middle,
    s.rtt_max_microseconds / 1e3 AS most
  FROM session_spans($window_from, $window_to) span
    JOIN sessions s ON s.session_id = span.session_id
    JOIN collectors c ON c.collector_id = s.collector_id
  WHERE s.pings_sent > 0
)
SELECT
  CASE WHEN grouping(collector) = 1 THEN 'all' ELSE collector || ', ' || network END AS sessions_of,
  count(*) AS sessions,
  CAST(sum(pings_sent) AS BIGINT) AS pings_sent,
  100.0 * (sum(pings_sent) - sum(pings_answered)) / sum(pings_sent) AS unanswered_percent,
  min(least) AS least_milliseconds,
  quantile_cont(middle, 0.05) AS p5_milliseconds,
  quantile_cont(middle, 0.25) AS p25_milliseconds,
  quantile_cont(middle, 0.5) AS p50_milliseconds,
  quantile_cont(middle, 0.75) AS p75_milliseconds,
  quantile_cont(middle, 0.95) AS p95_milliseconds,
  max(most) AS most_milliseconds
FROM counted
GROUP BY GROUPING SETS ((), (collector, network))
HAVING count(*) > 0
ORDER BY grouping(collector) DESC, sessions_of
