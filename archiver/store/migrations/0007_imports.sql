-- Imports: data that another observer recorded, taken over by archiver/import. Each step of an import is committed
-- together with the rows it brought, so that one that was killed goes on where it was.

CREATE TABLE imports (
  import_id INTEGER NOT NULL,
  source TEXT NOT NULL,
  layout TEXT NOT NULL,
  collector_prefix TEXT NOT NULL,
  encodings TEXT NOT NULL,
  has_signatures BOOLEAN NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ
);

CREATE TABLE import_files (
  import_id INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  rows_done BIGINT NOT NULL,
  first_at TIMESTAMPTZ,
  last_at TIMESTAMPTZ,
  repeats_marked BOOLEAN NOT NULL
);

-- What became of the rows of a file, by fate: those that were taken, and why the others were not.
CREATE TABLE import_fates (
  import_id INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  name TEXT NOT NULL,
  collector TEXT NOT NULL,
  fate TEXT NOT NULL,
  row_count BIGINT NOT NULL
);

-- Which message a hash of the source means.
CREATE TABLE import_messages (
  import_id INTEGER NOT NULL,
  hash BIGINT NOT NULL,
  message_id BIGINT,
  skipped TEXT
);

CREATE TABLE import_epochs (
  import_id INTEGER NOT NULL,
  epoch_id INTEGER NOT NULL
);

COMMENT ON TABLE imports IS 'One row a source of another observer''s data that was taken over.';
COMMENT ON COLUMN imports.import_id IS 'Names the import inside this archive.';
COMMENT ON COLUMN imports.source IS 'The folder it came from, as it was given first.';
COMMENT ON COLUMN imports.layout IS 'export: one folder made by EXPORT DATABASE; daily: a Parquet file a table and day.';
COMMENT ON COLUMN imports.collector_prefix IS 'Put before the names of its collectors.';
COMMENT ON COLUMN imports.encodings IS 'How its columns were read, as detected: JSON, texts by column.';
COMMENT ON COLUMN imports.has_signatures IS 'False: it has no signatures, and zero bytes stand in their place in raw.';
COMMENT ON COLUMN imports.started_at IS 'When it began.';
COMMENT ON COLUMN imports.finished_at IS 'When all that was there then had been taken over; null before.';

COMMENT ON TABLE import_files IS 'One row a Parquet file of an import, and how far it is taken over.';
COMMENT ON COLUMN import_files.import_id IS 'The import.';
COMMENT ON COLUMN import_files.table_name IS 'The table that it is a part of: messages or timings.';
COMMENT ON COLUMN import_files.name IS 'Its path inside the source.';
COMMENT ON COLUMN import_files.bytes IS 'Its size.';
COMMENT ON COLUMN import_files.row_count IS 'Its rows.';
COMMENT ON COLUMN import_files.fingerprint IS 'SHA-256 of what its Parquet footer says of each column of each row group, as hex.';
COMMENT ON COLUMN import_files.rows_done IS 'So many of its rows, from the first on, are taken over or were skipped.';
COMMENT ON COLUMN import_files.first_at IS 'The earliest receipt that was taken over from it; null when there is none.';
COMMENT ON COLUMN import_files.last_at IS 'The latest one.';
COMMENT ON COLUMN import_files.repeats_marked IS 'Whether receipts.is_repeat is settled for its rows.';

COMMENT ON TABLE import_fates IS 'What became of the rows of a file.';
COMMENT ON COLUMN import_fates.import_id IS 'The import.';
COMMENT ON COLUMN import_fates.table_name IS 'As in import_files.';
COMMENT ON COLUMN import_fates.name IS 'As in import_files.';
COMMENT ON COLUMN import_fates.collector IS 'The collector as the source names it; empty for messages.';
COMMENT ON COLUMN import_fates.fate IS 'imported, or why a row was not.';
COMMENT ON COLUMN import_fates.row_count IS 'So many rows.';

COMMENT ON TABLE import_messages IS 'Which message a hash of the source means.';
COMMENT ON COLUMN import_messages.import_id IS 'The import.';
COMMENT ON COLUMN import_messages.hash IS 'The source''s 64-bit hash, as a signed integer.';
COMMENT ON COLUMN import_messages.message_id IS 'The message; null when it was not taken over.';
COMMENT ON COLUMN import_messages.skipped IS 'Why it was not taken over; else null.';

COMMENT ON TABLE import_epochs IS 'Which epochs stand for an import''s collectors: one a collector.';
COMMENT ON COLUMN import_epochs.import_id IS 'The import.';
COMMENT ON COLUMN import_epochs.epoch_id IS 'The epoch.';

COMMENT ON COLUMN epochs.version IS 'The collector''s software version, or where it was imported from; null until told.';
COMMENT ON COLUMN sessions.address IS 'Where the peer was reached; empty where an import does not tell.';
COMMENT ON COLUMN sessions.closed_by IS 'Who ended it: us, peer or network; unknown where it was imported.';
