-- An observer's receipts as an archive of one collector: the schema's tables from temporary ones, which
-- observed_archive.ts fills with numbers from 0 and milliseconds since the start.
-- Runs start on 2026-01-01: equal ones make equal rows.
CREATE TEMP MACRO run_time(ms) AS make_timestamptz(1767225600000000 + 1000 * CAST(ms AS BIGINT));
-- Messages have no bytes; this stands for them.
CREATE TEMP MACRO digest(message) AS sha256((SELECT version FROM run) || ', message ' || message);

INSERT INTO schema_version VALUES (1, 'schema', run_time(0));
INSERT INTO collectors SELECT 1, name FROM run;
INSERT INTO epochs (epoch_id, collector_id, started_at, version, target_peers, next_batch, receipts, stamped_receipts,
    last_receipt_at, last_commit_at, ended_at)
  SELECT 1, 1, run_time(connected_ms), version, (SELECT count(*) FROM observed), 1, receipts, receipts, run_time(last_ms),
    run_time(duration_ms), run_time(duration_ms)
  FROM run, (SELECT count(*) AS receipts, max(at_ms) AS last_ms FROM heard);
INSERT INTO peers SELECT peer + 1, '02' || lpad(to_hex(peer), 64, '0') FROM observed;
-- Feature bits are not simulated: one value stands for each implementation, so that they can be held apart.
INSERT INTO sessions (session_id, epoch_id, number, collector_id, peer_id, address, dialled_at, handshake_at, filter_at,
    filter_first, features, closed_at, closed_by, close_reason)
  SELECT s.rowid + 1, 1, s.rowid + 1, 1, peer + 1, '', run_time(from_ms), run_time(from_ms), run_time(from_ms), 0,
    to_hex(128 + implementation), run_time(until_ms), CASE WHEN until_ms < duration_ms THEN 'peer' ELSE 'us' END,
    CASE WHEN until_ms < duration_ms THEN 'the node left' ELSE 'the run ended' END
  FROM spans s JOIN observed USING (peer), run;
-- Each (scid, direction) that the simulation knows is a channel of its own here, updated in direction 0.
INSERT INTO hot_messages (message_id, sha256, type, size, verdict, scid, direction, node_id, own_timestamp, inner_id,
    first_seen)
  SELECT b.rowid + 1, unhex(digest(b.rowid)), 258 - type, size_bytes, 'unchecked',
    CASE WHEN type <> 1 THEN (CAST(600000 + subject // 1000 AS BIGINT) << 40) + (CAST(subject % 1000 AS BIGINT) << 16) END,
    CASE WHEN type = 0 THEN 0 END, CASE WHEN type = 1 THEN '03' || lpad(to_hex(subject), 64, '0') END,
    CASE WHEN type <> 2 THEN date_trunc('second', run_time(born_ms)) END, unhex(substr(digest(b.rowid), 1, 32)),
    run_time(first_ms)
  FROM born b JOIN (SELECT message, min(at_ms) AS first_ms FROM heard GROUP BY message) ON message = b.rowid
  ORDER BY b.rowid;
-- Warm-up is a session's first ten minutes, as a collector's default has it.
INSERT INTO hot_receipts
  SELECT run_time(at_ms), message + 1, h.peer + 1, 1, false, at_ms < from_ms + 600000
  FROM heard h ASOF JOIN spans s ON h.peer = s.peer AND h.at_ms >= s.from_ms
  ORDER BY at_ms;
