-- Days: the tables hold recent days, the hot ones; finished days are Parquet files, the cold ones. receipts and messages
-- become views of both, made anew by archiver/days/views.ts whenever that changes. PostgreSQL has all in its tables, so
-- this file is for DuckDB only.
ALTER TABLE receipts RENAME TO hot_receipts;
ALTER TABLE messages RENAME TO hot_messages;

CREATE VIEW receipts AS
SELECT received_at, message_id, peer_id, collector_id, is_repeat, is_warmup FROM main.hot_receipts;

CREATE VIEW messages AS
SELECT message_id, sha256, type, size, verdict, scid, direction, node_id, own_timestamp, inner_id, first_seen, raw
FROM main.hot_messages;

-- One row a Parquet file. While it is copied, it is a copy of the hot rows of its day from covers_from to covers_to.
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

-- How many receipts of each collector a file of receipts holds or held.
CREATE TABLE day_file_receipts (
  file_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  receipts BIGINT NOT NULL
);

-- One row a cold message: enough to know it again. A key may be that of several messages; the file's sha256 decides.
CREATE TABLE cold_messages (
  message_id BIGINT NOT NULL,
  sha_key BIGINT NOT NULL,
  file_id INTEGER NOT NULL,
  is_undecided BOOLEAN NOT NULL
);

-- What was learnt of cold messages since.
CREATE TABLE message_changes (
  message_id BIGINT NOT NULL,
  verdict TEXT,
  first_seen TIMESTAMPTZ
);

COMMENT ON TABLE hot_receipts IS 'The receipts of recent days, and late ones of earlier days.';
COMMENT ON TABLE hot_messages IS 'The messages first seen on recent days, and late ones of earlier days.';

COMMENT ON VIEW receipts IS 'The facts: one row an arrival of one message from one peer at one collector.';
COMMENT ON COLUMN receipts.received_at IS 'When the socket read that completed it returned, by the collector''s clock.';
COMMENT ON COLUMN receipts.message_id IS 'The message.';
COMMENT ON COLUMN receipts.peer_id IS 'The peer it came from.';
COMMENT ON COLUMN receipts.collector_id IS 'The collector it came to.';
COMMENT ON COLUMN receipts.is_repeat IS 'That peer had delivered that very message to that collector before.';
COMMENT ON COLUMN receipts.is_warmup IS 'In the first minutes of its session, or backlog by the message''s own time.';

COMMENT ON VIEW messages IS 'One row a distinct message; its identity is the SHA-256 of its bytes.';
COMMENT ON COLUMN messages.message_id IS 'Names the message inside this archive.';
COMMENT ON COLUMN messages.sha256 IS 'SHA-256 of raw.';
COMMENT ON COLUMN messages.type IS 'Message type (BOLT 7): 256, 257 and 258 are the gossip that floods.';
COMMENT ON COLUMN messages.size IS 'Bytes of raw.';
COMMENT ON COLUMN messages.verdict IS 'What became of its signature check: unchecked, valid, invalid, unknown_signer or malformed.';
COMMENT ON COLUMN messages.scid IS 'short_channel_id: the wire''s u64 as a signed integer; null where there is none.';
COMMENT ON COLUMN messages.direction IS 'channel_flags & 1 of a channel_update; else null.';
COMMENT ON COLUMN messages.node_id IS 'The node that a node_announcement is about, as lower-case hex; else null.';
COMMENT ON COLUMN messages.own_timestamp IS 'The message''s own timestamp; null where there is none.';
COMMENT ON COLUMN messages.inner_id IS 'First 16 bytes of the SHA-256 of what it says without signatures and timestamp.';
COMMENT ON COLUMN messages.first_seen IS 'Its earliest receipt, at whichever collector.';
COMMENT ON COLUMN messages.raw IS 'Its bytes, type included, without transport framing.';

COMMENT ON TABLE day_files IS 'One row a Parquet file of a finished day, and what its manifest says.';
COMMENT ON COLUMN day_files.file_id IS 'Names the file inside this archive.';
COMMENT ON COLUMN day_files.table_name IS 'receipts, by their received_at, or messages, by their first_seen.';
COMMENT ON COLUMN day_files.day IS 'The day, UTC.';
COMMENT ON COLUMN day_files.part IS 'From 0; more than one when rows came late, or when they are too many for one file.';
COMMENT ON COLUMN day_files.state IS 'copied: its rows are hot too; cold: the views read them from it; dropped: it is gone.';
COMMENT ON COLUMN day_files.path IS 'Where it is, absolute.';
COMMENT ON COLUMN day_files.covers_from IS 'It is of the rows whose received_at or first_seen is not before this';
COMMENT ON COLUMN day_files.covers_to IS 'and is before this.';
COMMENT ON COLUMN day_files.row_count IS 'Its rows.';
COMMENT ON COLUMN day_files.first_at IS 'The earliest received_at or first_seen in it.';
COMMENT ON COLUMN day_files.last_at IS 'The latest one.';
COMMENT ON COLUMN day_files.bytes IS 'Its size.';
COMMENT ON COLUMN day_files.sha256 IS 'SHA-256 of the file, as lower-case hex.';
COMMENT ON COLUMN day_files.copied_at IS 'When it was written, by the archiver''s clock.';
COMMENT ON COLUMN day_files.cold_at IS 'When its rows left the hot store; null before.';
COMMENT ON COLUMN day_files.dropped_at IS 'When it was removed from disk; null before.';

COMMENT ON TABLE day_file_receipts IS 'How many receipts of each collector a file of receipts holds, or held.';
COMMENT ON COLUMN day_file_receipts.file_id IS 'The file.';
COMMENT ON COLUMN day_file_receipts.collector_id IS 'The collector.';
COMMENT ON COLUMN day_file_receipts.receipts IS 'Its receipts in the file.';

COMMENT ON TABLE cold_messages IS 'One row a message that is in a cold file: by it the archiver knows the message again.';
COMMENT ON COLUMN cold_messages.message_id IS 'The message.';
COMMENT ON COLUMN cold_messages.sha_key IS 'First 8 bytes of its SHA-256, as a signed integer, most significant byte first.';
COMMENT ON COLUMN cold_messages.file_id IS 'The file that has it.';
COMMENT ON COLUMN cold_messages.is_undecided IS 'Its verdict in the file was unchecked or unknown_signer.';

COMMENT ON TABLE message_changes IS 'What was learnt of cold messages since; the view messages applies it.';
COMMENT ON COLUMN message_changes.message_id IS 'The message.';
COMMENT ON COLUMN message_changes.verdict IS 'Its verdict; null where the file''s holds.';
COMMENT ON COLUMN message_changes.first_seen IS 'A receipt that may be earlier than the file''s first_seen; null when there was none.';
