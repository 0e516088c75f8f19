-- title: Why dials fail
-- section: Peers
-- order: 540
-- telling: dials
-- question: What became of the dials over time: how many led to a session, and why did the others not?
-- inputs: dial_outcomes
-- pitfall: One peer that cannot be reached is dialled again and again, each time later: dials are not peers.
-- pitfall: closed_before_init is what nodes do whose slots for strangers are taken; handshake is mostly a node that has
--   another key than its address says, and closes.
-- pitfall: The window begins with its first receipt, and the first dials came before that.
-- parameter: bin_seconds BIGINT 1..31622400 = adaptive(900), width of a bin
WITH counted AS (
  SELECT bin_start(to_at, $bin_seconds) AS interval_start, outcome, address_kind, CAST(sum(dials) AS BIGINT) AS dials
  FROM dial_outcomes
  WHERE to_at >= $window_from AND to_at < $window_to
  GROUP BY ALL
)
SELECT
  interval_start,
  interval_start + to_seconds($bin_seconds) AS interval_end,
  CASE
    WHEN outcome = 'connected' THEN 'connected'
    WHEN outcome IN ('refused', 'unreachable') THEN 'refused or unreachable'
    WHEN outcome = 'timed_out' THEN 'timed out'
    WHEN outcome IN ('handshake', 'wrong_key') THEN 'handshake failed'
    WHEN outcome IN ('closed_before_init', 'no_init') THEN 'no init'
    WHEN outcome IN ('incompatible', 'protocol_error') THEN 'not compatible'
    ELSE 'our side' END AS cause,
  outcome,
  address_kind,
  dials,
  100.0 * dials / sum(dials) OVER (PARTITION BY interval_start) AS percentage
FROM counted
ORDER BY interval_start, dials DESC, outcome, address_kind
