-- What takes more than one collector process: receipts of a peer that several held, and delays between several clocks. Of a
-- window with neither, one_process.sql says the same, and DuckDB plans it better (archive/processes.ts).

-- f(m, p): the first receipt of each message from each peer. What several processes heard counts once in each 24 hours
-- since the message was first seen.
CREATE OR REPLACE TEMP MACRO first_receipts(window_from, window_to, include_warmup) AS TABLE (
  SELECT message_id, peer_id, collector_id, received_at, is_warmup
  FROM counted_receipts(window_from, window_to, include_warmup) r
    ANTI JOIN shared_days(window_from, window_to) s ON s.peer_id = r.peer_id AND s.day = day_number(r.received_at)
  UNION ALL
  SELECT r.message_id, r.peer_id, arg_min(r.collector_id, r.received_at), min(r.received_at),
    arg_min(r.is_warmup, r.received_at)
  FROM counted_receipts(window_from, window_to, include_warmup) r
    SEMI JOIN shared_days(window_from, window_to) s ON s.peer_id = r.peer_id AND s.day = day_number(r.received_at)
    JOIN messages m ON m.message_id = r.message_id
  GROUP BY r.message_id, r.peer_id, (epoch_us(r.received_at) - epoch_us(m.first_seen)) // 86400000000
);

-- The delays of first receipts as their collector's own clock has them. Messages of which summaries hold all are left out.
CREATE OR REPLACE TEMP MACRO stamped_delays(window_from, window_to, include_warmup) AS TABLE (
  SELECT r.message_id, r.peer_id, r.collector_id, r.is_warmup, epoch_us(r.received_at) AS us, m.first_us,
    CAST(0 AS BIGINT) AS error_us
  FROM first_receipts(window_from, window_to, include_warmup) r
    -- Turned into a number once per message, not once per receipt.
    JOIN (
      SELECT message_id, epoch_us(first_seen) AS first_us FROM messages WHERE in_delay_rest(first_seen) AND in_piece(first_seen)
    ) m ON m.message_id = r.message_id
);

-- Delays within one collector are its own clock's. With several, each one's first receipt of a message is moved by the
-- offset measured then, and its others with it.
CREATE OR REPLACE TEMP MACRO corrected_delays(window_from, window_to, include_warmup) AS TABLE (
  WITH begun AS (
    SELECT message_id, collector_id, first_us, error_us FROM origins(window_from, window_to, include_warmup)
      SEMI JOIN (
        SELECT message_id FROM messages WHERE in_delay_rest(first_seen) AND in_piece(first_seen)
      ) USING (message_id)
  )
  FROM stamped_delays(window_from, window_to, include_warmup)
    ANTI JOIN several_clocks(window_from, window_to) USING (collector_id)
  UNION ALL
  SELECT r.message_id, r.peer_id, r.collector_id, r.is_warmup, epoch_us(r.received_at), o.first_us, o.error_us
  FROM counted_receipts(window_from, window_to, include_warmup) r
    ANTI JOIN shared_days(window_from, window_to) s ON s.peer_id = r.peer_id AND s.day = day_number(r.received_at)
    JOIN begun o ON o.message_id = r.message_id AND o.collector_id = r.collector_id
  UNION ALL
  SELECT r.message_id, r.peer_id, arg_min(r.collector_id, epoch_us(r.received_at) - o.first_us),
    arg_min(r.is_warmup, epoch_us(r.received_at) - o.first_us),
    min_by(epoch_us(r.received_at), epoch_us(r.received_at) - o.first_us),
    min_by(o.first_us, epoch_us(r.received_at) - o.first_us), any_value(o.error_us)
  FROM counted_receipts(window_from, window_to, include_warmup) r
    SEMI JOIN shared_days(window_from, window_to) s ON s.peer_id = r.peer_id AND s.day = day_number(r.received_at)
    JOIN begun o ON o.message_id = r.message_id AND o.collector_id = r.collector_id
  GROUP BY r.message_id, r.peer_id
);

-- The error of a message's delays, of which all its receipts have the same (null: unknown).
CREATE OR REPLACE TEMP MACRO clock_error(error_us) AS max(error_us);
