-- Finished days have summaries (message_days and the others in archiver/README.md). The runner lets a query read them in
-- place of these days' receipts (archive/summaries.ts): rest_receipts then holds the receipts that no summary covers and some
-- around them, in_rest says of an instant, in_delay_rest of a message's first sight, that no summary covers it, and the used_
-- views hold the summaries. Here and by default everything is read from receipts.
CREATE OR REPLACE TEMP VIEW rest_receipts AS FROM receipts;
CREATE OR REPLACE TEMP MACRO in_rest(instant) AS true;
CREATE OR REPLACE TEMP MACRO in_delay_rest(first_seen) AS true;
-- Whether a message's first sight lies in the piece of the window that is worked on (archive/delays.ts).
CREATE OR REPLACE TEMP MACRO in_piece(first_seen) AS true;
CREATE OR REPLACE TEMP VIEW used_message_days AS
  SELECT now() AS day, 0 AS message_id, 0 AS type, now() AS first_day, 0 AS receipts, 0 AS repeats, 0 AS warmup_receipts, 0 AS heard_again,
    0 AS peers, now() AS first_at, 0 AS settled_after_us, false AS is_reached, 0 AS us_5pct, 0 AS us_25pct,
    0 AS us_50pct, 0 AS us_75pct, 0 AS us_95pct, false AS is_inside WHERE false;
CREATE OR REPLACE TEMP VIEW used_traffic_days AS
  SELECT now() AS day, now() AS first_day, 0 AS type, 0 AS peers, 0 AS messages, 0 AS bytes, 0 AS heard, 0 AS receipts, 0 AS repeats,
    0 AS warmup_receipts, 0 AS heard_again, false AS is_inside WHERE false;
CREATE OR REPLACE TEMP VIEW used_delay_days AS
  SELECT now() AS day, now() AS first_day, '' AS part, 0 AS type, 0 AS messages_seen, 0 AS messages, 0 AS peers, 0 AS us_0_1pct,
    0 AS us_5pct, 0 AS us_25pct, 0 AS us_50pct, 0 AS us_75pct, 0 AS us_95pct, 0 AS us_99_9pct, 0 AS error_us,
    0 AS unknown_errors, false AS is_inside WHERE false;
CREATE OR REPLACE TEMP VIEW used_peer_days AS
  SELECT now() AS day, 0 AS peer_id, 0 AS receipts, 0 AS repeats, now() AS first_at, now() AS last_at, 0 AS quarters_am,
    0 AS quarters_pm WHERE false;
CREATE OR REPLACE TEMP VIEW used_pair_days AS
  SELECT now() AS day, 0 AS peer_a, 0 AS peer_b, 0 AS type, 0 AS measured_us, 0 AS common, 0 AS only_a, 0 AS only_b, 0 AS us_1s,
    0 AS us_5s, 0 AS us_10s, 0 AS us_30s, 0 AS us_60s, 0 AS us_120s, 0 AS us_300s, 0 AS us_600s WHERE false;
