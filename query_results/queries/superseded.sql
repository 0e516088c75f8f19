-- title: Superseded before it has spread
-- section: Set reconciliation
-- order: 680
-- delays: true
-- question: What share of messages is replaced by a newer one on the same subject, says nothing new, or is replaced before most peers have it?
-- inputs: messages (channel_update, node_announcement), receipts, sessions
-- summaries: cap_seconds=3600
-- pitfall: Observed. Subjects are channel directions and nodes; "nothing new" has the same content as the subject's last
--   message but for signature and timestamp.
-- pitfall: "Most peers" is 95 % of those that delivered it before the cap, so a message that never spread counts as spread.
-- pitfall: The last message of a subject in the window is not counted as superseded.
-- parameter: cap_seconds DOUBLE 0.001..31622400 = network(3600), longest delay that counts
WITH sequence AS (
  SELECT m.type, s.us_95pct AS spread_us,
    m.inner_id = lag(m.inner_id) OVER subject AS is_same,
    epoch_us(lead(m.first_seen) OVER subject) - epoch_us(m.first_seen) AS replaced_after_us
  FROM live_messages($window_from, $window_to, false) m
    JOIN message_spreads($window_from, $window_to, 0.5, $cap_seconds) s ON s.message_id = m.message_id
  WHERE m.type IN (257, 258)
  WINDOW subject AS (PARTITION BY m.type, m.scid, m.direction, m.node_id ORDER BY m.first_seen, m.message_id)
)
SELECT gossip_type(type) AS summary_type, count(*) AS messages,
  100.0 * count(*) FILTER (is_same) / count(*) AS percent_nothing_new,
  100.0 * count(replaced_after_us) / count(*) AS percent_superseded,
  100.0 * count(*) FILTER (replaced_after_us < spread_us) / count(*) AS percent_before_spread
FROM sequence GROUP BY type ORDER BY messages DESC, summary_type
