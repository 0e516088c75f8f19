-- title: Who is first
-- section: Set reconciliation
-- order: 650
-- question: Which peers are among the first 20 to deliver a message, and how few of them hold most of these places?
-- inputs: messages, receipts (the first of each message and peer), peers
-- pitfall: Observed. Places count in messages that more peers delivered than there are places.
-- pitfall: A peer near an observer is first more often, wherever news comes from. With several collectors the clocks'
--   differences count; see convergence_delay.
-- parameter: places BIGINT 1..1000 = 20, places that count as first
WITH ranked AS (
  SELECT d.peer_id, row_number() OVER (PARTITION BY d.message_id ORDER BY d.delay_us, d.peer_id) AS place
  FROM delays($window_from, $window_to, false) d
    JOIN live_messages($window_from, $window_to, false) m ON m.message_id = d.message_id
  WHERE m.peers > $places
), held AS (
  SELECT peer_id, count(*) AS delivered, count(*) FILTER (place <= $places) AS first_places FROM ranked GROUP BY peer_id
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
