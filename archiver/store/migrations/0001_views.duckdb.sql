-- What only DuckDB needs, on top of 0001_schema.sql. PostgreSQL has all rows in its tables, and no unsigned integers.

-- Days: the tables hold recent (hot) days; finished days are Parquet files (cold). receipts and messages become views of
-- both, which archiver/days/day_files.ts replaces whenever that changes.
ALTER TABLE receipts RENAME TO hot_receipts;
ALTER TABLE messages RENAME TO hot_messages;

CREATE VIEW receipts AS
SELECT received_at, message_id, peer_id, collector_id, is_repeat, is_warmup FROM main.hot_receipts;

CREATE VIEW messages AS
SELECT message_id, sha256, type, size, verdict, scid, direction, node_id, own_timestamp, inner_id, first_seen, raw
FROM main.hot_messages;

COMMENT ON TABLE hot_receipts IS 'Receipts of recent days, and late ones of earlier days; columns as in receipts.';
COMMENT ON TABLE hot_messages IS 'Messages first seen on recent days, and late ones of earlier days; columns as in messages.';

COMMENT ON VIEW receipts IS 'The facts: one row per arrival of one message from one peer at one collector.';
COMMENT ON COLUMN receipts.received_at IS 'When the socket read that completed the message returned, by the collector''s clock.';
COMMENT ON COLUMN receipts.message_id IS 'The message.';
COMMENT ON COLUMN receipts.peer_id IS 'The peer it came from.';
COMMENT ON COLUMN receipts.collector_id IS 'The collector that recorded it.';
COMMENT ON COLUMN receipts.is_repeat IS 'The same peer had delivered the same message to the same collector before.';
COMMENT ON COLUMN receipts.is_warmup IS 'In the first minutes of its session, or requested by the collector, or backlog by the message''s own time, or not stored.';

COMMENT ON VIEW messages IS 'One row per distinct message; its identity is the SHA-256 of its bytes.';
COMMENT ON COLUMN messages.message_id IS 'Identifies the message within this archive.';
COMMENT ON COLUMN messages.sha256 IS 'SHA-256 of its bytes.';
COMMENT ON COLUMN messages.type IS 'Message type (BOLT 7): 256, 257 and 258 are the gossip that floods; 65535 stands for many messages past all quotas of a collector, folded together.';
COMMENT ON COLUMN messages.size IS 'Number of its bytes.';
COMMENT ON COLUMN messages.verdict IS 'Result of its signature check: unchecked, valid, invalid, unknown_signer, malformed, or rebuilt: out of a log, and not proven by its signature.';
COMMENT ON COLUMN messages.scid IS 'short_channel_id: the wire''s u64 as a signed integer; null where there is none.';
COMMENT ON COLUMN messages.direction IS 'channel_flags & 1 of a channel_update; else null.';
COMMENT ON COLUMN messages.node_id IS 'The node a node_announcement describes, as lower-case hex; else null.';
COMMENT ON COLUMN messages.own_timestamp IS 'The message''s own timestamp; null where there is none.';
COMMENT ON COLUMN messages.inner_id IS 'First 16 bytes of the SHA-256 of its content without signatures and timestamp; a re-signed repeat has the same.';
COMMENT ON COLUMN messages.first_seen IS 'Its earliest receipt at any collector.';
COMMENT ON COLUMN messages.raw IS 'Its bytes, type included, without transport framing; null when a collector''s quotas let it store only the facts.';

CREATE TABLE day_files (
  file_id INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  day DATE NOT NULL,
  part INTEGER NOT NULL,
  state TEXT NOT NULL,
  path TEXT NOT NULL,
  covers_from TIMESTAMPTZ NOT NULL,
  covers_to TIMESTAMPTZ NOT NULL,
  row_count BIGINT NOT NULL,
  first_at TIMESTAMPTZ NOT NULL,
  last_at TIMESTAMPTZ NOT NULL,
  bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  copied_at TIMESTAMPTZ NOT NULL,
  cold_at TIMESTAMPTZ,
  dropped_at TIMESTAMPTZ
);
COMMENT ON TABLE day_files IS 'One row per Parquet file of a finished day, with its manifest''s figures.';
COMMENT ON COLUMN day_files.file_id IS 'Identifies the file within this archive.';
COMMENT ON COLUMN day_files.table_name IS 'receipts, by their received_at, messages, by their first_seen, or a summary: message_days, traffic_days, delay_days, peer_days or pair_days.';
COMMENT ON COLUMN day_files.day IS 'The day, UTC.';
COMMENT ON COLUMN day_files.part IS 'From 0; several when rows came late or are too many for one file.';
COMMENT ON COLUMN day_files.state IS 'copied: its rows are hot too; cold: the views read them from it; dropped: the file is removed.';
COMMENT ON COLUMN day_files.path IS 'Its absolute path.';
COMMENT ON COLUMN day_files.covers_from IS 'It covers rows whose received_at, first_seen or day is not before this instant';
COMMENT ON COLUMN day_files.covers_to IS 'and before this one.';
COMMENT ON COLUMN day_files.row_count IS 'Its rows.';
COMMENT ON COLUMN day_files.first_at IS 'The earliest received_at, first_seen or day in it.';
COMMENT ON COLUMN day_files.last_at IS 'The latest.';
COMMENT ON COLUMN day_files.bytes IS 'Its size.';
COMMENT ON COLUMN day_files.sha256 IS 'SHA-256 of the file, as lower-case hex.';
COMMENT ON COLUMN day_files.copied_at IS 'When it was written, by the archiver''s clock.';
COMMENT ON COLUMN day_files.cold_at IS 'When its rows left the hot store; null before.';
COMMENT ON COLUMN day_files.dropped_at IS 'When it was removed from disk; null before.';

CREATE TABLE day_file_receipts (
  file_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  receipts BIGINT NOT NULL
);
COMMENT ON TABLE day_file_receipts IS 'Receipts of each collector in a file of receipts, dropped ones included.';
COMMENT ON COLUMN day_file_receipts.file_id IS 'The file.';
COMMENT ON COLUMN day_file_receipts.collector_id IS 'The collector.';
COMMENT ON COLUMN day_file_receipts.receipts IS 'Its receipts in the file.';

CREATE TABLE cold_messages (
  message_id BIGINT NOT NULL,
  sha_key BIGINT NOT NULL,
  file_id INTEGER NOT NULL,
  is_undecided BOOLEAN NOT NULL
);
COMMENT ON TABLE cold_messages IS 'One row per message in a cold file: the archiver recognises the message by it. Keys may collide; the file''s sha256 decides.';
COMMENT ON COLUMN cold_messages.message_id IS 'The message.';
COMMENT ON COLUMN cold_messages.sha_key IS 'First 8 bytes of its SHA-256, as a signed integer, most significant byte first.';
COMMENT ON COLUMN cold_messages.file_id IS 'The file that holds it.';
COMMENT ON COLUMN cold_messages.is_undecided IS 'Its verdict in the file is unchecked or unknown_signer.';

CREATE TABLE message_changes (
  message_id BIGINT NOT NULL,
  verdict TEXT,
  first_seen TIMESTAMPTZ
);
COMMENT ON TABLE message_changes IS 'What was learnt of cold messages since they went cold; the view messages applies it.';
COMMENT ON COLUMN message_changes.message_id IS 'The message.';
COMMENT ON COLUMN message_changes.verdict IS 'Its verdict; null where the file''s holds.';
COMMENT ON COLUMN message_changes.first_seen IS 'A receipt that may be earlier than the file''s first_seen; null when there is none.';

-- Summaries of finished days: a Parquet file per day and table, which these views read once there are any. Queries read them
-- in place of the receipts of days that are in summary_days.
CREATE TABLE summary_days (
  day DATE NOT NULL,
  previous_day DATE,
  first_at TIMESTAMPTZ,
  last_at TIMESTAMPTZ,
  is_ready BOOLEAN NOT NULL
);
COMMENT ON TABLE summary_days IS 'One row per day whose summaries hold, until something of that day or an earlier one comes late.';
COMMENT ON COLUMN summary_days.day IS 'The day, UTC.';
COMMENT ON COLUMN summary_days.previous_day IS 'The last day before it that has receipts; null when there is none.';
COMMENT ON COLUMN summary_days.first_at IS 'Its first receipt; null until the summaries are ready.';
COMMENT ON COLUMN summary_days.last_at IS 'Its last receipt; null until the summaries are ready.';
COMMENT ON COLUMN summary_days.is_ready IS 'false while they are being made.';

CREATE VIEW message_days AS
SELECT CAST(NULL AS TIMESTAMPTZ) AS day, CAST(NULL AS BIGINT) AS message_id, CAST(NULL AS INTEGER) AS type,
  CAST(NULL AS TIMESTAMPTZ) AS first_day, CAST(NULL AS INTEGER) AS receipts, CAST(NULL AS INTEGER) AS repeats,
  CAST(NULL AS INTEGER) AS warmup_receipts, CAST(NULL AS INTEGER) AS heard_again, CAST(NULL AS INTEGER) AS peers,
  CAST(NULL AS TIMESTAMPTZ) AS first_at, CAST(NULL AS BIGINT) AS settled_after_us,
  CAST(NULL AS BOOLEAN) AS is_reached, CAST(NULL AS BIGINT) AS us_5pct,
  CAST(NULL AS BIGINT) AS us_25pct, CAST(NULL AS BIGINT) AS us_50pct, CAST(NULL AS BIGINT) AS us_75pct,
  CAST(NULL AS BIGINT) AS us_95pct
WHERE false;
COMMENT ON VIEW message_days IS 'One row per day and message heard on it: a finished day''s exact summary, kept when its receipts are dropped. What a message is, is in messages.';
COMMENT ON COLUMN message_days.day IS 'The day''s start, UTC.';
COMMENT ON COLUMN message_days.message_id IS 'The message.';
COMMENT ON COLUMN message_days.type IS 'As in messages.';
COMMENT ON COLUMN message_days.first_day IS 'Start of the day on which it was first seen.';
COMMENT ON COLUMN message_days.receipts IS 'Its receipts on the day, all of them.';
COMMENT ON COLUMN message_days.repeats IS 'Those that were repeats.';
COMMENT ON COLUMN message_days.warmup_receipts IS 'Those in a warm-up.';
COMMENT ON COLUMN message_days.heard_again IS 'Deliveries that a second collector process heard too.';
COMMENT ON COLUMN message_days.peers IS 'Peers that first delivered it on the day, by receipts that count: neither repeats nor backlog. Add up over days.';
COMMENT ON COLUMN message_days.first_at IS 'The first of these deliveries.';
COMMENT ON COLUMN message_days.settled_after_us IS 'From that to the first one past a session''s warm-up, in microseconds; null when there was none.';
COMMENT ON COLUMN message_days.is_reached IS 'Whether it reached half of the subscribed peers within an hour of its first sight; null where it is not news, or has no delay on the day.';
COMMENT ON COLUMN message_days.us_5pct IS 'Microseconds from its first sight until 5 % of the peers that deliver it within an hour, and by the end of the day, had done so.';
COMMENT ON COLUMN message_days.us_25pct IS 'Microseconds from its first sight until 25 % of the peers that deliver it within an hour, and by the end of the day, had done so.';
COMMENT ON COLUMN message_days.us_50pct IS 'Microseconds from its first sight until 50 % of the peers that deliver it within an hour, and by the end of the day, had done so.';
COMMENT ON COLUMN message_days.us_75pct IS 'Microseconds from its first sight until 75 % of the peers that deliver it within an hour, and by the end of the day, had done so.';
COMMENT ON COLUMN message_days.us_95pct IS 'Microseconds from its first sight until 95 % of the peers that deliver it within an hour, and by the end of the day, had done so.';

CREATE VIEW traffic_days AS
SELECT CAST(NULL AS TIMESTAMPTZ) AS day, CAST(NULL AS TIMESTAMPTZ) AS first_day, CAST(NULL AS INTEGER) AS type,
  CAST(NULL AS INTEGER) AS peers, CAST(NULL AS INTEGER) AS messages, CAST(NULL AS BIGINT) AS bytes,
  CAST(NULL AS INTEGER) AS heard, CAST(NULL AS BIGINT) AS receipts, CAST(NULL AS BIGINT) AS repeats,
  CAST(NULL AS BIGINT) AS warmup_receipts, CAST(NULL AS BIGINT) AS heard_again
WHERE false;
COMMENT ON VIEW traffic_days IS 'Sums of message_days by type and number of peers.';
COMMENT ON COLUMN traffic_days.day IS 'The day''s start, UTC.';
COMMENT ON COLUMN traffic_days.first_day IS 'Start of the day on which the messages were first seen.';
COMMENT ON COLUMN traffic_days.type IS 'Their type.';
COMMENT ON COLUMN traffic_days.peers IS 'Peers that delivered each from its first day to this one; 0 in rows of counts of all that was heard.';
COMMENT ON COLUMN traffic_days.messages IS 'Live messages with that many peers: add up over days. Less than 0 where they have more peers now.';
COMMENT ON COLUMN traffic_days.bytes IS 'Their bytes; less than 0 likewise.';
COMMENT ON COLUMN traffic_days.heard IS 'Messages heard on this day, live or not.';
COMMENT ON COLUMN traffic_days.receipts IS 'Receipts of all messages.';
COMMENT ON COLUMN traffic_days.repeats IS 'Those that were repeats.';
COMMENT ON COLUMN traffic_days.warmup_receipts IS 'Those in a warm-up.';
COMMENT ON COLUMN traffic_days.heard_again IS 'Deliveries that a second collector process heard too.';

CREATE VIEW delay_days AS
SELECT CAST(NULL AS TIMESTAMPTZ) AS day, CAST(NULL AS TIMESTAMPTZ) AS first_day, CAST(NULL AS TEXT) AS part,
  CAST(NULL AS INTEGER) AS type, CAST(NULL AS INTEGER) AS messages_seen, CAST(NULL AS INTEGER) AS messages,
  CAST(NULL AS BIGINT) AS peers, CAST(NULL AS BIGINT) AS us_0_1pct, CAST(NULL AS BIGINT) AS us_5pct,
  CAST(NULL AS BIGINT) AS us_25pct, CAST(NULL AS BIGINT) AS us_50pct, CAST(NULL AS BIGINT) AS us_75pct,
  CAST(NULL AS BIGINT) AS us_95pct, CAST(NULL AS BIGINT) AS us_99_9pct, CAST(NULL AS BIGINT) AS error_us,
  CAST(NULL AS INTEGER) AS unknown_errors
WHERE false;
COMMENT ON VIEW delay_days IS 'Sums of convergence delays by type, of the messages that reached half of the subscribed peers within an hour.';
COMMENT ON COLUMN delay_days.day IS 'The day''s start, UTC.';
COMMENT ON COLUMN delay_days.first_day IS 'Start of the day on which the messages were first seen.';
COMMENT ON COLUMN delay_days.part IS 'day: first seen before the day''s last hour; evening: in it, delays cut off at midnight; evening_whole: in the last hour of the day before, not cut off.';
COMMENT ON COLUMN delay_days.type IS 'Their type; in rows of 0 messages, error_us and unknown_errors are of all that several collectors heard.';
COMMENT ON COLUMN delay_days.messages_seen IS 'Live messages.';
COMMENT ON COLUMN delay_days.messages IS 'Those that reached it; what follows is summed over them.';
COMMENT ON COLUMN delay_days.peers IS 'Peers that delivered each.';
COMMENT ON COLUMN delay_days.us_0_1pct IS 'Microseconds until 0.1 % of these.';
COMMENT ON COLUMN delay_days.us_5pct IS 'Microseconds until 5 % of these.';
COMMENT ON COLUMN delay_days.us_25pct IS 'Microseconds until 25 % of these.';
COMMENT ON COLUMN delay_days.us_50pct IS 'Microseconds until 50 % of these.';
COMMENT ON COLUMN delay_days.us_75pct IS 'Microseconds until 75 % of these.';
COMMENT ON COLUMN delay_days.us_95pct IS 'Microseconds until 95 % of these.';
COMMENT ON COLUMN delay_days.us_99_9pct IS 'Microseconds until 99.9 % of these.';
COMMENT ON COLUMN delay_days.error_us IS 'By how much clocks and stalls may have spoilt each.';
COMMENT ON COLUMN delay_days.unknown_errors IS 'Messages for which that is unknown.';

CREATE VIEW peer_days AS
SELECT CAST(NULL AS TIMESTAMPTZ) AS day, CAST(NULL AS INTEGER) AS peer_id, CAST(NULL AS INTEGER) AS collector_id,
  CAST(NULL AS BIGINT) AS receipts, CAST(NULL AS BIGINT) AS repeats, CAST(NULL AS BIGINT) AS warmup_receipts,
  CAST(NULL AS TIMESTAMPTZ) AS first_at, CAST(NULL AS TIMESTAMPTZ) AS last_at, CAST(NULL AS BIGINT) AS quarters_am,
  CAST(NULL AS BIGINT) AS quarters_pm
WHERE false;
COMMENT ON VIEW peer_days IS 'One row per day, peer and collector.';
COMMENT ON COLUMN peer_days.day IS 'The day''s start, UTC.';
COMMENT ON COLUMN peer_days.peer_id IS 'The peer.';
COMMENT ON COLUMN peer_days.collector_id IS 'The collector.';
COMMENT ON COLUMN peer_days.receipts IS 'Receipts from it on the day.';
COMMENT ON COLUMN peer_days.repeats IS 'Those that were repeats.';
COMMENT ON COLUMN peer_days.warmup_receipts IS 'Those in a warm-up.';
COMMENT ON COLUMN peer_days.first_at IS 'The first of them.';
COMMENT ON COLUMN peer_days.last_at IS 'The last.';
COMMENT ON COLUMN peer_days.quarters_am IS 'The quarters of an hour before noon in which it delivered anything, a bit each from the lowest.';
COMMENT ON COLUMN peer_days.quarters_pm IS 'Those from noon on.';

CREATE VIEW pair_days AS
SELECT CAST(NULL AS TIMESTAMPTZ) AS day, CAST(NULL AS INTEGER) AS peer_a, CAST(NULL AS INTEGER) AS peer_b,
  CAST(NULL AS INTEGER) AS type, CAST(NULL AS BIGINT) AS measured_us, CAST(NULL AS INTEGER) AS common,
  CAST(NULL AS INTEGER) AS only_a, CAST(NULL AS INTEGER) AS only_b, CAST(NULL AS BIGINT) AS us_1s,
  CAST(NULL AS BIGINT) AS us_5s, CAST(NULL AS BIGINT) AS us_10s, CAST(NULL AS BIGINT) AS us_30s,
  CAST(NULL AS BIGINT) AS us_60s, CAST(NULL AS BIGINT) AS us_120s, CAST(NULL AS BIGINT) AS us_300s,
  CAST(NULL AS BIGINT) AS us_600s
WHERE false;
COMMENT ON VIEW pair_days IS 'One row per day, pair of peers and type, of up to 63 pairs: of one in sixteen messages and 64 of the peers that stayed for half of the day. Two peers that reconcile every T seconds differ just before by 16 * (us_T + T seconds for each message of only_a and only_b) / measured_us messages.';
COMMENT ON COLUMN pair_days.day IS 'The day''s start, UTC.';
COMMENT ON COLUMN pair_days.peer_a IS 'The first peer.';
COMMENT ON COLUMN pair_days.peer_b IS 'The second.';
COMMENT ON COLUMN pair_days.type IS 'As in messages: 256, 257 or 258.';
COMMENT ON COLUMN pair_days.measured_us IS 'Microseconds in which the first delivery of a message counts: both were connected and subscribed, 601 s after that began and before it ended.';
COMMENT ON COLUMN pair_days.common IS 'Live messages, of those whose SHA-256 begins with four zero bits, that both delivered within ten minutes of one another.';
COMMENT ON COLUMN pair_days.only_a IS 'Those that peer_a delivered and peer_b did not within ten minutes.';
COMMENT ON COLUMN pair_days.only_b IS 'Those that peer_b delivered and peer_a did not.';
COMMENT ON COLUMN pair_days.us_1s IS 'Microseconds between both deliveries, at most 1 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_5s IS 'Microseconds between both deliveries, at most 5 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_10s IS 'Microseconds between both deliveries, at most 10 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_30s IS 'Microseconds between both deliveries, at most 30 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_60s IS 'Microseconds between both deliveries, at most 60 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_120s IS 'Microseconds between both deliveries, at most 120 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_300s IS 'Microseconds between both deliveries, at most 300 s each, summed over common.';
COMMENT ON COLUMN pair_days.us_600s IS 'Microseconds between both deliveries, at most 600 s each, summed over common.';

-- The three tables of the first Gossip Observer (its DuckDB schema of 2025) as views: its SQL runs here after
-- SET search_path = 'compat'. As there: gossip only, all collectors together, one row per message and peer, warm-up and
-- backlog included; raw and size leave out the two bytes of the type. A hash here is the first 64 bits of the SHA-256 of
-- message or node id: the same in every archive, but not the XXH3 used there.
CREATE SCHEMA compat;

CREATE VIEW compat.messages AS
SELECT
  CAST('0x' || substr(hex(m.sha256), 1, 16) AS UBIGINT) AS hash,
  rtrim(translate(to_base64(from_hex(substr(hex(m.raw), 5))), '+/', '-_'), '=') AS raw
FROM main.messages m
WHERE m.type BETWEEN 256 AND 258;
COMMENT ON VIEW compat.messages IS 'One row per gossip message.';
COMMENT ON COLUMN compat.messages.hash IS 'First 64 bits of the SHA-256 of the message.';
COMMENT ON COLUMN compat.messages.raw IS 'The message after its type, in URL-safe base64 without padding.';

CREATE VIEW compat.metadata AS
SELECT
  CAST('0x' || substr(hex(m.sha256), 1, 16) AS UBIGINT) AS hash,
  CAST(m.type - 255 AS UTINYINT) AS type,
  CAST(m.size - 2 AS USMALLINT) AS size,
  m.node_id AS orig_node,
  CAST(CAST(m.scid AS HUGEINT) & CAST(18446744073709551615 AS HUGEINT) AS UBIGINT) AS scid
FROM main.messages m
WHERE m.type BETWEEN 256 AND 258;
COMMENT ON VIEW compat.metadata IS 'One row per gossip message.';
COMMENT ON COLUMN compat.metadata.hash IS 'As in compat.messages.';
COMMENT ON COLUMN compat.metadata.type IS '1 channel_announcement, 2 node_announcement, 3 channel_update.';
COMMENT ON COLUMN compat.metadata.size IS 'Bytes, without the two of the type.';
COMMENT ON COLUMN compat.metadata.orig_node IS 'Node a node_announcement describes, as lower-case hex.';
COMMENT ON COLUMN compat.metadata.scid IS 'The wire''s short_channel_id; null in a node_announcement.';

CREATE VIEW compat.timings AS
SELECT
  m.hash,
  c.name AS collector,
  p.node_id AS recv_peer,
  p.hash AS recv_peer_hash,
  r.received_at AS recv_timestamp,
  m.own_timestamp AS orig_timestamp
FROM (
  SELECT message_id, peer_id, min(received_at) AS received_at, arg_min(collector_id, received_at) AS collector_id
  FROM main.receipts
  GROUP BY message_id, peer_id
) r
JOIN (
  SELECT message_id, CAST('0x' || substr(hex(sha256), 1, 16) AS UBIGINT) AS hash, own_timestamp
  FROM main.messages
  WHERE type BETWEEN 256 AND 258
) m ON m.message_id = r.message_id
JOIN (
  SELECT peer_id, node_id, CAST('0x' || substr(sha256(node_id), 1, 16) AS UBIGINT) AS hash FROM main.peers
) p ON p.peer_id = r.peer_id
JOIN main.collectors c ON c.collector_id = r.collector_id;
COMMENT ON VIEW compat.timings IS 'One row per gossip message and peer: the first receipt at any collector.';
COMMENT ON COLUMN compat.timings.hash IS 'As in compat.messages.';
COMMENT ON COLUMN compat.timings.collector IS 'Name of the first collector.';
COMMENT ON COLUMN compat.timings.recv_peer IS 'Node id of the peer, as lower-case hex.';
COMMENT ON COLUMN compat.timings.recv_peer_hash IS 'First 64 bits of the SHA-256 of recv_peer.';
COMMENT ON COLUMN compat.timings.recv_timestamp IS 'When the message came.';
COMMENT ON COLUMN compat.timings.orig_timestamp IS 'The message''s own timestamp; null in a channel_announcement.';
