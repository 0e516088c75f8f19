-- title: Who is first
-- section: Set reconciliation
-- order: 650
-- question: Which peers are among the first 20 to deliver a message, and how few of them hold most of these places?
-- inputs: messages, receipts (the first of each message and peer), peers
-- pitfall: Observed. Places count in messages that more peers delivered than there are places.
-- pitfall: A peer near an observer is first more often, wherever news comes from. With several collectors the clocks'
--   differences count; see convergence_delay.
-- parameter: places BIGINT 1..1000 = 20, places that count as first
WITH wide AS (
  SELECT message_id FROM live_messages($window_from, $window_to, false) WHERE peers > $places
), first AS (
  -- The least of each message, without sorting the others; delay and peer as one number, as states of pairs do not fit.
  SELECT CAST(unnest(min(d.delay_us * 4294967296::HUGEINT + d.peer_id, $places)) & 4294967295 AS INTEGER) AS peer_id
  FROM delays($window_from, $window_to, false) d SEMI JOIN wide USING (message_id)
  GROUP BY d.message_id
), places AS (
  SELECT peer_id, count(*) AS first_places FROM first GROUP BY peer_id
), held AS (
  SELECT r.peer_id, count(*) AS delivered, coalesce(any_value(f.first_places), 0) AS first_places
  FROM first_receipts($window_from, $window_to, false) r SEMI JOIN wide USING (message_id)
    LEFT JOIN places f ON f.peer_id = r.peer_id
  GROUP BY r.peer_id
)
SELECT
  row_number() OVER best AS rank,
  p.node_id,
  h.delivered,
  h.first_places,
  100.0 * h.first_places / sum(h.first_places) OVER () AS percent_of_places,
  100.0 * sum(h.first_places) OVER best / sum(h.first_places) OVER () AS cumulative_percent
FROM held h JOIN peers p ON p.peer_id = h.peer_id
WINDOW best AS (ORDER BY h.first_places DESC, p.node_id ROWS UNBOUNDED PRECEDING)
ORDER BY rank
