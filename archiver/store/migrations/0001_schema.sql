-- The archive's star schema, version 1. DuckDB and PostgreSQL both take this file, and make the same tables of it; what
-- only DuckDB needs follows in 0001_views.duckdb.sql. Small integers are keys within one archive: never keep them
-- elsewhere. Instants are microseconds, by the collector's clock unless a comment says otherwise.

COMMENT ON TABLE schema_version IS 'One row per schema version that this archive went through.';
COMMENT ON COLUMN schema_version.version IS 'Its number, from 1 without gaps.';
COMMENT ON COLUMN schema_version.name IS 'Its name.';
COMMENT ON COLUMN schema_version.applied_at IS 'When this archive reached it.';

CREATE TABLE collectors (
  collector_id INTEGER NOT NULL,
  name TEXT NOT NULL
);
COMMENT ON TABLE collectors IS 'One row per collector.';
COMMENT ON COLUMN collectors.collector_id IS 'Identifies the collector within this archive.';
COMMENT ON COLUMN collectors.name IS 'Its name, as in its config.';

CREATE TABLE sources (
  collector_id INTEGER NOT NULL,
  recorded_by TEXT NOT NULL,
  kind TEXT NOT NULL,
  uncertainty_microseconds BIGINT NOT NULL,
  node_id TEXT
);
COMMENT ON TABLE sources IS 'One row per log of another node that a collector reads. Its receipts are second-hand, so it is a collector of its own here, named collector/source; sessions and receipts are of it, epochs of the collector that reads it.';
COMMENT ON COLUMN sources.collector_id IS 'Identifies it in collectors.';
COMMENT ON COLUMN sources.recorded_by IS 'Name of the collector that reads the log. The node is taken to run on its host, by its clock.';
COMMENT ON COLUMN sources.kind IS 'cln_io_log, lnd_trace_log or lnd_debug_log.';
COMMENT ON COLUMN sources.uncertainty_microseconds IS 'How late its times may be.';
COMMENT ON COLUMN sources.node_id IS 'The node''s public key, as the collector''s config names it: lower-case hex; null where it does not.';

CREATE TABLE epochs (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  version TEXT,
  target_peers INTEGER,
  next_batch BIGINT NOT NULL,
  receipts BIGINT NOT NULL,
  stamped_receipts BIGINT NOT NULL,
  last_receipt_at TIMESTAMPTZ,
  last_commit_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ
);
COMMENT ON TABLE epochs IS 'One row per run of a collector''s process. Without ended_at it is still running or was cut off.';
COMMENT ON COLUMN epochs.epoch_id IS 'Identifies the epoch within this archive.';
COMMENT ON COLUMN epochs.collector_id IS 'The collector.';
COMMENT ON COLUMN epochs.started_at IS 'When the process began, by its own clock; identifies the epoch outside the archive.';
COMMENT ON COLUMN epochs.version IS 'The collector''s software version, or the import''s source; null until reported.';
COMMENT ON COLUMN epochs.target_peers IS 'How many peers it tries to hold; null until reported.';
COMMENT ON COLUMN epochs.next_batch IS 'High-water mark: each batch below it is in the archive or in gaps.';
COMMENT ON COLUMN epochs.receipts IS 'Its receipts in receipts and unresolved_receipts.';
COMMENT ON COLUMN epochs.stamped_receipts IS 'Receipts it stamped, by its own count in its highest batch.';
COMMENT ON COLUMN epochs.last_receipt_at IS 'Its latest receipt; null when there is none.';
COMMENT ON COLUMN epochs.last_commit_at IS 'When a batch of it was last committed, by the archiver''s clock.';
COMMENT ON COLUMN epochs.ended_at IS 'When it shut down cleanly; null while it runs, and when it was cut off.';

CREATE TABLE peers (
  peer_id INTEGER NOT NULL,
  node_id TEXT NOT NULL
);
COMMENT ON TABLE peers IS 'One row per Lightning node that was ever a peer.';
COMMENT ON COLUMN peers.peer_id IS 'Identifies the peer within this archive.';
COMMENT ON COLUMN peers.node_id IS 'Its public key: 33 bytes as lower-case hex.';

CREATE TABLE sessions (
  session_id BIGINT NOT NULL,
  epoch_id INTEGER NOT NULL,
  number BIGINT NOT NULL,
  collector_id INTEGER NOT NULL,
  peer_id INTEGER NOT NULL,
  address TEXT NOT NULL,
  dialled_at TIMESTAMPTZ NOT NULL,
  handshake_at TIMESTAMPTZ NOT NULL,
  filter_at TIMESTAMPTZ NOT NULL,
  filter_first BIGINT NOT NULL,
  features TEXT NOT NULL,
  closed_at TIMESTAMPTZ,
  closed_by TEXT,
  close_reason TEXT,
  receipts BIGINT,
  bytes_in BIGINT,
  bytes_out BIGINT,
  first_gossip_at TIMESTAMPTZ,
  last_gossip_at TIMESTAMPTZ,
  counted_at TIMESTAMPTZ,
  messages_in BIGINT,
  messages_out BIGINT,
  gossip_out BIGINT,
  pings_sent BIGINT,
  pings_answered BIGINT,
  rtt_min_microseconds BIGINT,
  rtt_median_microseconds BIGINT,
  rtt_max_microseconds BIGINT,
  pings_received BIGINT,
  pongs_sent BIGINT
);
COMMENT ON TABLE sessions IS 'One row per connection to a peer that reached the gossip filter.';
COMMENT ON COLUMN sessions.session_id IS 'Identifies the session within this archive.';
COMMENT ON COLUMN sessions.epoch_id IS 'The collector''s run it belongs to.';
COMMENT ON COLUMN sessions.number IS 'The collector''s number for it within the epoch.';
COMMENT ON COLUMN sessions.collector_id IS 'The collector.';
COMMENT ON COLUMN sessions.peer_id IS 'The peer.';
COMMENT ON COLUMN sessions.address IS 'Where the peer was reached; empty where an import or a log does not say.';
COMMENT ON COLUMN sessions.dialled_at IS 'When dialling began.';
COMMENT ON COLUMN sessions.handshake_at IS 'When the BOLT 8 handshake was done.';
COMMENT ON COLUMN sessions.filter_at IS 'When gossip_timestamp_filter was sent: the subscription''s start.';
COMMENT ON COLUMN sessions.filter_first IS 'The filter''s first_timestamp, seconds since the Unix epoch.';
COMMENT ON COLUMN sessions.features IS 'The peer''s features in its init, as hex.';
COMMENT ON COLUMN sessions.closed_at IS 'When it ended; null while it lasts, or when its end was never reported.';
COMMENT ON COLUMN sessions.closed_by IS 'Who ended it: us, peer or network; unknown where it was imported or read out of a log.';
COMMENT ON COLUMN sessions.close_reason IS 'Why it ended.';
COMMENT ON COLUMN sessions.receipts IS 'Receipts stamped in it, by the collector''s count at counted_at.';
COMMENT ON COLUMN sessions.bytes_in IS 'Bytes received on the socket; of a log, those of its gossip messages.';
COMMENT ON COLUMN sessions.bytes_out IS 'Bytes sent on the socket; 0 where they are read out of a log.';
COMMENT ON COLUMN sessions.first_gossip_at IS 'First gossip message in it; null when there was none.';
COMMENT ON COLUMN sessions.last_gossip_at IS 'Last gossip message in it; null when there was none.';
COMMENT ON COLUMN sessions.counted_at IS 'When the counts and times of this row were last reported: at its end; before that at ages doubling from 5 minutes, then hourly; null until then.';
COMMENT ON COLUMN sessions.messages_in IS 'Messages received, of all kinds. Null, like the columns after it, where the collector did not count it.';
COMMENT ON COLUMN sessions.messages_out IS 'Messages sent, of all kinds.';
COMMENT ON COLUMN sessions.gossip_out IS 'Gossip messages sent: answers to the peer''s own queries.';
COMMENT ON COLUMN sessions.pings_sent IS 'Pings the collector sent.';
COMMENT ON COLUMN sessions.pings_answered IS 'Those that were answered by a pong.';
COMMENT ON COLUMN sessions.rtt_min_microseconds IS 'Shortest time from a ping to its pong; null when none was answered.';
COMMENT ON COLUMN sessions.rtt_median_microseconds IS 'Median of these times; of more than 255, that of an even selection.';
COMMENT ON COLUMN sessions.rtt_max_microseconds IS 'Longest of these times.';
COMMENT ON COLUMN sessions.pings_received IS 'Pings of the peer.';
COMMENT ON COLUMN sessions.pongs_sent IS 'Pongs sent for them; a ping may ask for none.';

CREATE TABLE messages (
  message_id BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  type INTEGER NOT NULL,
  size INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  scid BIGINT,
  direction SMALLINT,
  node_id TEXT,
  own_timestamp TIMESTAMPTZ,
  inner_id BYTEA,
  first_seen TIMESTAMPTZ NOT NULL,
  raw BYTEA
);
COMMENT ON TABLE messages IS 'One row per distinct message; its identity is the SHA-256 of its bytes.';
COMMENT ON COLUMN messages.message_id IS 'Identifies the message within this archive.';
COMMENT ON COLUMN messages.sha256 IS 'SHA-256 of its bytes; of its name, where another node''s log names it and its bytes never came.';
COMMENT ON COLUMN messages.type IS 'Message type (BOLT 7): 256, 257 and 258 are the gossip that floods; 65535 stands for many messages past all quotas of a collector, folded together.';
COMMENT ON COLUMN messages.size IS 'Number of its bytes; 0 where only its name is known.';
COMMENT ON COLUMN messages.verdict IS 'Result of its signature check: unchecked, valid, invalid, unknown_signer, malformed, or rebuilt: out of a log, and not proven by its signature.';
COMMENT ON COLUMN messages.scid IS 'short_channel_id: the wire''s u64 as a signed integer; null where there is none.';
COMMENT ON COLUMN messages.direction IS 'channel_flags & 1 of a channel_update; else null.';
COMMENT ON COLUMN messages.node_id IS 'The node a node_announcement describes, as lower-case hex; else null.';
COMMENT ON COLUMN messages.own_timestamp IS 'The message''s own timestamp; null where there is none.';
COMMENT ON COLUMN messages.inner_id IS 'First 16 bytes of the SHA-256 of its content without signatures and timestamp; a re-signed repeat has the same.';
COMMENT ON COLUMN messages.first_seen IS 'Its earliest receipt at any collector.';
COMMENT ON COLUMN messages.raw IS 'Its bytes, type included, without transport framing; null when a collector''s quotas let it store only the facts.';

CREATE TABLE message_numbers (
  epoch_id INTEGER NOT NULL,
  number BIGINT NOT NULL,
  message_id BIGINT NOT NULL
);
COMMENT ON TABLE message_numbers IS 'Maps a collector''s message numbers to messages.';
COMMENT ON COLUMN message_numbers.epoch_id IS 'The collector''s run in which the number holds.';
COMMENT ON COLUMN message_numbers.number IS 'The collector''s number for the message.';
COMMENT ON COLUMN message_numbers.message_id IS 'The message.';

CREATE TABLE receipts (
  received_at TIMESTAMPTZ NOT NULL,
  message_id BIGINT NOT NULL,
  peer_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  is_repeat BOOLEAN NOT NULL,
  is_warmup BOOLEAN NOT NULL
);
COMMENT ON TABLE receipts IS 'The facts: one row per arrival of one message from one peer at one collector.';
COMMENT ON COLUMN receipts.received_at IS 'When the socket read that completed the message returned, by the collector''s clock.';
COMMENT ON COLUMN receipts.message_id IS 'The message.';
COMMENT ON COLUMN receipts.peer_id IS 'The peer it came from.';
COMMENT ON COLUMN receipts.collector_id IS 'The collector that recorded it.';
COMMENT ON COLUMN receipts.is_repeat IS 'The same peer had delivered the same message to the same collector before.';
COMMENT ON COLUMN receipts.is_warmup IS 'In the first minutes of its session, or requested by the collector, or backlog by the message''s own time, or not stored.';

CREATE TABLE unresolved_receipts (
  received_at TIMESTAMPTZ NOT NULL,
  epoch_id INTEGER NOT NULL,
  message_number BIGINT NOT NULL,
  session_number BIGINT NOT NULL,
  flags INTEGER NOT NULL
);
COMMENT ON TABLE unresolved_receipts IS 'Receipts that name a message or session not yet in the archive; they move to receipts once it is.';
COMMENT ON COLUMN unresolved_receipts.received_at IS 'As in receipts.';
COMMENT ON COLUMN unresolved_receipts.epoch_id IS 'The collector''s run in which the numbers hold.';
COMMENT ON COLUMN unresolved_receipts.message_number IS 'The collector''s number for the message.';
COMMENT ON COLUMN unresolved_receipts.session_number IS 'The collector''s number for the session.';
COMMENT ON COLUMN unresolved_receipts.flags IS '1 is a repeat, 2 is warm-up; 3 is both.';

CREATE TABLE unresolved_events (
  epoch_id INTEGER NOT NULL,
  message_number BIGINT,
  session_number BIGINT,
  event TEXT NOT NULL
);
COMMENT ON TABLE unresolved_events IS 'Verdicts and session reports that wait in the same way.';
COMMENT ON COLUMN unresolved_events.epoch_id IS 'The collector''s run in which the numbers hold.';
COMMENT ON COLUMN unresolved_events.message_number IS 'The collector''s number for the message; null for a session''s report.';
COMMENT ON COLUMN unresolved_events.session_number IS 'The collector''s number for the session; null for a verdict.';
COMMENT ON COLUMN unresolved_events.event IS 'The event, as JSON.';

CREATE TABLE gaps (
  epoch_id INTEGER NOT NULL,
  first_batch BIGINT NOT NULL,
  last_batch BIGINT NOT NULL,
  receipts_before BIGINT,
  receipts BIGINT,
  noticed_at TIMESTAMPTZ NOT NULL,
  reason TEXT NOT NULL
);
COMMENT ON TABLE gaps IS 'One row per run of consecutive batches that never came. A late batch shrinks or splits it.';
COMMENT ON COLUMN gaps.epoch_id IS 'The collector''s run.';
COMMENT ON COLUMN gaps.first_batch IS 'The first batch that is missing.';
COMMENT ON COLUMN gaps.last_batch IS 'The last one.';
COMMENT ON COLUMN gaps.receipts_before IS 'Receipts stamped in the epoch before it; null when unknown.';
COMMENT ON COLUMN gaps.receipts IS 'Receipts in it; null when unknown.';
COMMENT ON COLUMN gaps.noticed_at IS 'When the archiver noticed, by its clock.';
COMMENT ON COLUMN gaps.reason IS 'missing; dropped: the collector reported dropping them; elsewhere: they came before this archive took the collector over from another.';

CREATE TABLE dead_letters (
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  raw BYTEA NOT NULL
);
COMMENT ON TABLE dead_letters IS 'One row per payload set aside because it was not a valid batch of its sender.';
COMMENT ON COLUMN dead_letters.received_at IS 'When it came, by the archiver''s clock.';
COMMENT ON COLUMN dead_letters.source IS 'Where it came from: http, or a NATS subject.';
COMMENT ON COLUMN dead_letters.reason IS 'Why it was set aside.';
COMMENT ON COLUMN dead_letters.raw IS 'Its bytes.';

CREATE VIEW message_list AS
SELECT
  message_id,
  type,
  CASE type WHEN 256 THEN 'channel_announcement' WHEN 257 THEN 'node_announcement' WHEN 258 THEN 'channel_update'
    ELSE CAST(type AS TEXT) END AS type_name,
  size,
  verdict,
  scid,
  CAST((scid >> 40) & 16777215 AS TEXT) || 'x' || CAST((scid >> 16) & 16777215 AS TEXT) || 'x'
    || CAST(scid & 65535 AS TEXT) AS scid_text,
  direction,
  node_id,
  own_timestamp,
  inner_id,
  first_seen,
  sha256
FROM messages;
COMMENT ON VIEW message_list IS 'messages without raw, with scid and type in readable form.';
COMMENT ON COLUMN message_list.message_id IS 'As in messages.';
COMMENT ON COLUMN message_list.type IS 'As in messages.';
COMMENT ON COLUMN message_list.type_name IS 'The type''s name in BOLT 7, or its number.';
COMMENT ON COLUMN message_list.size IS 'As in messages.';
COMMENT ON COLUMN message_list.verdict IS 'As in messages.';
COMMENT ON COLUMN message_list.scid IS 'As in messages.';
COMMENT ON COLUMN message_list.scid_text IS 'scid as block x transaction x output, e.g. 863846x913x104.';
COMMENT ON COLUMN message_list.direction IS 'As in messages.';
COMMENT ON COLUMN message_list.node_id IS 'As in messages.';
COMMENT ON COLUMN message_list.own_timestamp IS 'As in messages.';
COMMENT ON COLUMN message_list.inner_id IS 'As in messages.';
COMMENT ON COLUMN message_list.first_seen IS 'As in messages.';
COMMENT ON COLUMN message_list.sha256 IS 'As in messages.';

CREATE TABLE clock_samples (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  sampled_at TIMESTAMPTZ NOT NULL,
  offset_microseconds BIGINT NOT NULL,
  uncertainty_microseconds BIGINT NOT NULL
);
COMMENT ON TABLE clock_samples IS 'One row per measurement, about every minute, of the difference between two clocks.';
COMMENT ON COLUMN clock_samples.epoch_id IS 'The collector''s run.';
COMMENT ON COLUMN clock_samples.collector_id IS 'The collector.';
COMMENT ON COLUMN clock_samples.sampled_at IS 'When, by the collector''s clock, as received_at is.';
COMMENT ON COLUMN clock_samples.offset_microseconds IS 'Added to the collector''s instants, it gives the archiver''s.';
COMMENT ON COLUMN clock_samples.uncertainty_microseconds IS 'The true offset differs by at most this.';

CREATE TABLE clock_steps (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  noticed_at TIMESTAMPTZ NOT NULL,
  step_microseconds BIGINT NOT NULL
);
COMMENT ON TABLE clock_steps IS 'One row per jump of a collector''s wall clock. Its instants did not jump with it.';
COMMENT ON COLUMN clock_steps.epoch_id IS 'The collector''s run.';
COMMENT ON COLUMN clock_steps.collector_id IS 'The collector.';
COMMENT ON COLUMN clock_steps.noticed_at IS 'When, by the collector''s clock.';
COMMENT ON COLUMN clock_steps.step_microseconds IS 'How far it jumped: forward, or back when negative.';

CREATE TABLE stalls (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  from_at TIMESTAMPTZ NOT NULL,
  to_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE stalls IS 'One row per span in which a collector was held up: frozen, starved of its core, or busy. What arrived within it was stamped late, at its end or soon after.';
COMMENT ON COLUMN stalls.epoch_id IS 'The collector''s run.';
COMMENT ON COLUMN stalls.collector_id IS 'The collector.';
COMMENT ON COLUMN stalls.from_at IS 'When it was last seen to run in time, by the collector''s clock.';
COMMENT ON COLUMN stalls.to_at IS 'When it ran again.';

CREATE TABLE log_gaps (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  from_at TIMESTAMPTZ NOT NULL,
  to_at TIMESTAMPTZ NOT NULL,
  reason TEXT NOT NULL
);
COMMENT ON TABLE log_gaps IS 'One row per part of another node''s log that could not be read; what it held is lost.';
COMMENT ON COLUMN log_gaps.epoch_id IS 'The run of the collector that reads the log.';
COMMENT ON COLUMN log_gaps.collector_id IS 'The log, as in sources.';
COMMENT ON COLUMN log_gaps.from_at IS 'The last time read before it.';
COMMENT ON COLUMN log_gaps.to_at IS 'The first time read after it.';
COMMENT ON COLUMN log_gaps.reason IS 'What became of the file.';

CREATE TABLE dial_outcomes (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  from_at TIMESTAMPTZ NOT NULL,
  to_at TIMESTAMPTZ NOT NULL,
  address_kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  dials BIGINT NOT NULL
);
COMMENT ON TABLE dial_outcomes IS 'Outcomes of dials: one row per collector, span of about a minute, kind of address and outcome.';
COMMENT ON COLUMN dial_outcomes.epoch_id IS 'The collector''s run it belongs to.';
COMMENT ON COLUMN dial_outcomes.collector_id IS 'The collector.';
COMMENT ON COLUMN dial_outcomes.from_at IS 'Start of the span, by the collector''s clock.';
COMMENT ON COLUMN dial_outcomes.to_at IS 'Its end. A dial counts in the span in which its outcome was known.';
COMMENT ON COLUMN dial_outcomes.address_kind IS 'What was dialled: ipv4, ipv6, dns (a name) or onion (Tor).';
COMMENT ON COLUMN dial_outcomes.outcome IS 'connected (a session began), or why not: refused, unreachable, timed_out, dns, our_side (out of descriptors, no network), proxy, not_allowed, handshake (closed or silent within it), wrong_key, closed_before_init, no_init, incompatible or protocol_error.';
COMMENT ON COLUMN dial_outcomes.dials IS 'Number of dials.';

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
COMMENT ON TABLE imports IS 'One row per imported source of another observer''s data.';
COMMENT ON COLUMN imports.import_id IS 'Identifies the import within this archive.';
COMMENT ON COLUMN imports.source IS 'The folder it came from, as first given.';
COMMENT ON COLUMN imports.layout IS 'export: one folder made by EXPORT DATABASE; daily: one Parquet file per table and day.';
COMMENT ON COLUMN imports.collector_prefix IS 'Prefix of its collectors'' names.';
COMMENT ON COLUMN imports.encodings IS 'How its columns were read, as detected: a JSON object by column.';
COMMENT ON COLUMN imports.has_signatures IS 'False: the source has no signatures; raw has zero bytes in their place.';
COMMENT ON COLUMN imports.started_at IS 'When it began.';
COMMENT ON COLUMN imports.finished_at IS 'When everything then in the source had been imported; null before.';

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
COMMENT ON TABLE import_files IS 'One row per Parquet file of an import, and how far it is imported.';
COMMENT ON COLUMN import_files.import_id IS 'The import.';
COMMENT ON COLUMN import_files.table_name IS 'The table it belongs to: messages or timings.';
COMMENT ON COLUMN import_files.name IS 'Its path within the source.';
COMMENT ON COLUMN import_files.bytes IS 'Its size.';
COMMENT ON COLUMN import_files.row_count IS 'Its rows.';
COMMENT ON COLUMN import_files.fingerprint IS 'SHA-256 of its Parquet footer''s entries for each column of each row group, as hex.';
COMMENT ON COLUMN import_files.rows_done IS 'How many of its rows, from the first, were imported or skipped.';
COMMENT ON COLUMN import_files.first_at IS 'The earliest receipt imported from it; null when there is none.';
COMMENT ON COLUMN import_files.last_at IS 'The latest.';
COMMENT ON COLUMN import_files.repeats_marked IS 'Whether receipts.is_repeat is settled for its rows.';

CREATE TABLE import_fates (
  import_id INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  name TEXT NOT NULL,
  collector TEXT NOT NULL,
  fate TEXT NOT NULL,
  row_count BIGINT NOT NULL
);
COMMENT ON TABLE import_fates IS 'Fates of the rows of a file.';
COMMENT ON COLUMN import_fates.import_id IS 'The import.';
COMMENT ON COLUMN import_fates.table_name IS 'As in import_files.';
COMMENT ON COLUMN import_fates.name IS 'As in import_files.';
COMMENT ON COLUMN import_fates.collector IS 'The collector as the source names it; empty for messages.';
COMMENT ON COLUMN import_fates.fate IS 'imported, or why a row was not.';
COMMENT ON COLUMN import_fates.row_count IS 'Number of rows.';

CREATE TABLE import_messages (
  import_id INTEGER NOT NULL,
  hash BIGINT NOT NULL,
  message_id BIGINT,
  skipped TEXT
);
COMMENT ON TABLE import_messages IS 'Maps the source''s hashes to messages.';
COMMENT ON COLUMN import_messages.import_id IS 'The import.';
COMMENT ON COLUMN import_messages.hash IS 'The source''s 64-bit hash, as a signed integer.';
COMMENT ON COLUMN import_messages.message_id IS 'The message; null when it was not imported or is missing.';
COMMENT ON COLUMN import_messages.skipped IS 'Why it was not imported; else null. After late: while receipts skipped for want of it are to be read again.';

CREATE TABLE import_epochs (
  import_id INTEGER NOT NULL,
  epoch_id INTEGER NOT NULL
);
COMMENT ON TABLE import_epochs IS 'The epochs that stand for an import''s collectors: one per collector.';
COMMENT ON COLUMN import_epochs.import_id IS 'The import.';
COMMENT ON COLUMN import_epochs.epoch_id IS 'The epoch.';

CREATE TABLE analytics_runs (
  run_id BIGINT NOT NULL,
  set_name TEXT NOT NULL,
  window_from TIMESTAMPTZ NOT NULL,
  window_to TIMESTAMPTZ NOT NULL,
  settings TEXT NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ NOT NULL,
  outcome TEXT NOT NULL,
  error TEXT,
  folder TEXT
);
COMMENT ON TABLE analytics_runs IS 'One row per query set and window it was run on, by schedule or on demand; a rerun replaces the row.';
COMMENT ON COLUMN analytics_runs.run_id IS 'Identifies the run within this archive.';
COMMENT ON COLUMN analytics_runs.set_name IS 'The set''s name, as in the archiver''s config.';
COMMENT ON COLUMN analytics_runs.window_from IS 'Start of the window.';
COMMENT ON COLUMN analytics_runs.window_to IS 'End of the window, exclusive.';
COMMENT ON COLUMN analytics_runs.settings IS 'The parameters that were set, as a JSON object.';
COMMENT ON COLUMN analytics_runs.started_at IS 'When the run began, by the archiver''s clock.';
COMMENT ON COLUMN analytics_runs.finished_at IS 'When it ended.';
COMMENT ON COLUMN analytics_runs.outcome IS 'done or failed.';
COMMENT ON COLUMN analytics_runs.error IS 'Why it failed; else null.';
COMMENT ON COLUMN analytics_runs.folder IS 'Folder of its report; null when it failed.';

CREATE TABLE analytics_queries (
  run_id BIGINT NOT NULL,
  query TEXT NOT NULL,
  result_rows BIGINT NOT NULL,
  kept_rows BIGINT NOT NULL
);
COMMENT ON TABLE analytics_queries IS 'One row per query of a finished run.';
COMMENT ON COLUMN analytics_queries.run_id IS 'The run.';
COMMENT ON COLUMN analytics_queries.query IS 'The query''s name; frame holds what all figures of the run rest on.';
COMMENT ON COLUMN analytics_queries.result_rows IS 'Rows of its result.';
COMMENT ON COLUMN analytics_queries.kept_rows IS 'How many of them, from the first, are in analytics_results.';

CREATE TABLE analytics_results (
  run_id BIGINT NOT NULL,
  query TEXT NOT NULL,
  row_number INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  value_number DOUBLE PRECISION,
  value_time TIMESTAMPTZ,
  value_text TEXT
);
COMMENT ON TABLE analytics_results IS 'One row per value of a kept result; nulls have none.';
COMMENT ON COLUMN analytics_results.run_id IS 'The run.';
COMMENT ON COLUMN analytics_results.query IS 'The query''s name, as in analytics_queries.';
COMMENT ON COLUMN analytics_results.row_number IS 'Which row of the result, from 1.';
COMMENT ON COLUMN analytics_results.column_name IS 'Which column.';
COMMENT ON COLUMN analytics_results.value_number IS 'The value, when it is a number.';
COMMENT ON COLUMN analytics_results.value_time IS 'The value, when it is an instant.';
COMMENT ON COLUMN analytics_results.value_text IS 'The value, when it is text, true or false, or an integer beyond a double''s precision.';
