-- title: Collector runs
-- section: Trust in the data
-- order: 610
-- telling: missing_receipts
-- question: Which collector processes fed the archive, and is all that they stamped here?
-- inputs: epochs, collectors, gaps
-- pitfall: stamped_receipts is the count in the run's highest batch; one that was killed, or still runs, may have stamped more. What a killed one left in its spool arrives when the collector is started again, and ended_at stays
--   empty for good.
-- pitfall: Whole runs are shown, not their part of the window.
WITH missing AS (
  SELECT epoch_id, sum(last_batch - first_batch + 1) AS batches FROM gaps GROUP BY epoch_id
)
SELECT
  c.name AS collector,
  e.started_at,
  e.ended_at,
  e.version,
  e.target_peers,
  e.next_batch AS batches,
  CAST(coalesce(m.batches, 0) AS BIGINT) AS missing_batches,
  e.receipts,
  e.stamped_receipts,
  e.stamped_receipts - e.receipts AS missing_receipts
FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id LEFT JOIN missing m ON m.epoch_id = e.epoch_id
WHERE e.started_at < $window_to AND (e.ended_at IS NULL OR e.ended_at >= $window_from)
ORDER BY e.started_at, c.name
