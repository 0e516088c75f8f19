-- title: Timers of peers
-- section: Set reconciliation
-- order: 660
-- question: Do peers send in step with timers of 5, 60 or 90 s, as the implementations do?
-- inputs: receipts (the first of each message and peer), peers
-- pitfall: Observed. R(P) is |Σ e^(2πit/P)| / n of a peer's receipts: 1 when all come at one phase of P, about 1/√n by chance.
-- pitfall: Sub-multiples share phases: a timer of 60 s shows at 5 s, too. A stall of the collector looks like a timer.
-- pitfall: Simulated peers keep strict timers, so R is near 0 or 1; real timers drift, and tasks that run late blur them.
-- pitfall: Only peers with 100 receipts in the window; a clock step tears the phase.
-- parameter: trickle_seconds DOUBLE 0.001..31622400 = network(5), delay between LND's sub-batches
-- parameter: minute_seconds DOUBLE 0.001..31622400 = network(60), CLN's and LDK's timer
-- parameter: flush_seconds DOUBLE 0.001..31622400 = network(90), LND's timer
WITH timed AS (
  SELECT peer_id, epoch_us(received_at) / 1e6 AS t FROM first_receipts($window_from, $window_to, false)
), phases AS (
  SELECT peer_id, count(*) AS receipts,
    sqrt(pow(sum(cos(2 * pi() * t / $trickle_seconds)), 2) + pow(sum(sin(2 * pi() * t / $trickle_seconds)), 2)) / count(*)
      AS trickle,
    sqrt(pow(sum(cos(2 * pi() * t / $minute_seconds)), 2) + pow(sum(sin(2 * pi() * t / $minute_seconds)), 2)) / count(*)
      AS minute,
    sqrt(pow(sum(cos(2 * pi() * t / $flush_seconds)), 2) + pow(sum(sin(2 * pi() * t / $flush_seconds)), 2)) / count(*)
      AS flush
  FROM timed
  GROUP BY peer_id
  HAVING count(*) >= 100
)
SELECT p.node_id, f.receipts, f.trickle AS r_trickle, f.minute AS r_minute, f.flush AS r_flush
FROM phases f JOIN peers p ON p.peer_id = f.peer_id
ORDER BY round(greatest(f.minute, f.flush), 6) DESC, p.node_id
