-- title: Gaps
-- section: Trust in the data
-- order: 620
-- telling: batches
-- question: Which batches never came, from which collector, and which parts of other nodes' logs could not be read?
-- inputs: gaps, log_gaps, epochs, collectors
-- pitfall: A gap is known by batch numbers, not by time: each gap of a run that touches the window is listed.
-- pitfall: receipts is how many the batches held, where the batches around them show it.
-- pitfall: A log's gap has no batches; it lies before noticed_at, and what it held is unknown.
-- pitfall: Batches that are elsewhere came before this archive took the collector over: another archive has them.
-- pitfall: A late batch closes its gap; an open one may still shrink.
SELECT
  c.name AS collector,
  e.started_at AS run_started_at,
  g.first_batch,
  g.last_batch,
  g.last_batch - g.first_batch + 1 AS batches,
  g.receipts,
  g.noticed_at,
  g.reason
FROM gaps g JOIN epochs e ON e.epoch_id = g.epoch_id JOIN collectors c ON c.collector_id = e.collector_id
WHERE e.started_at < $window_to AND (e.ended_at IS NULL OR e.ended_at >= $window_from)
UNION ALL
SELECT c.name, e.started_at, NULL, NULL, NULL, NULL, l.to_at, l.reason
FROM log_gaps l JOIN epochs e ON e.epoch_id = l.epoch_id JOIN collectors c ON c.collector_id = l.collector_id
WHERE l.from_at < $window_to AND l.to_at >= $window_from
ORDER BY noticed_at, collector, first_batch
