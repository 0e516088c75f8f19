-- title: Signature verdicts
-- section: Trust in the data
-- order: 600
-- question: Were the messages truly signed by the nodes and channels they speak for?
-- inputs: messages.verdict, receipts (all)
-- summaries: always
-- pitfall: unknown_signer is a channel_update whose channel_announcement the collector has not seen: neither good nor bad.
-- pitfall: rebuilt messages come out of LND's log, which shows their fields; no signature proves that the bytes are right.
-- pitfall: unchecked messages met a full queue, or were too new when the window ended.
WITH heard AS (
  FROM heard_messages($window_from, $window_to)
)
SELECT
  gossip_type(m.type) AS type_name,
  m.verdict,
  count(*) AS messages,
  CAST(sum(h.receipts) AS BIGINT) AS receipts,
  100.0 * count(*) / sum(count(*)) OVER (PARTITION BY m.type) AS percentage_of_type
FROM heard h JOIN messages m ON m.message_id = h.message_id
GROUP BY m.type, m.verdict
ORDER BY m.type, messages DESC, m.verdict
