-- The archive's star schema. Types are those that DuckDB and PostgreSQL both have, so this file creates the same
-- tables in either. Small integers name things inside the archive; nothing outside should keep them.

-- One row a collector.
CREATE TABLE collectors (
  collector_id INTEGER NOT NULL,
  name TEXT NOT NULL
);

-- One row a life of a collector's process. next_batch is the high-water mark: every batch below it is in the archive
-- or in gaps. receipts counts those in receipts and unresolved_receipts; stamped_receipts is how many the collector
-- says it stamped, as far as its highest batch tells: the difference is what gaps swallowed. An epoch without ended_at
-- goes on or was cut off, and then may have stamped more than it could tell.
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

-- One row a Lightning node that was ever a peer. node_id is 33 bytes as lower-case hex.
CREATE TABLE peers (
  peer_id INTEGER NOT NULL,
  node_id TEXT NOT NULL
);

-- One row a connection to a peer, from init and filter to its end. number is the collector's own within its epoch.
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
  last_gossip_at TIMESTAMPTZ
);

-- One row a distinct message; its identity is the SHA-256 of its bytes (raw, type included, no transport framing).
-- scid is the wire's u64 as a signed integer. direction is channel_flags & 1 of a channel_update. node_id is the
-- node that a node_announcement is about. inner_id is the start of the SHA-256 of what the message says without its
-- signatures and timestamp: a re-signed repeat has the same. first_seen is the earliest received_at of its receipts.
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
  raw BYTEA NOT NULL
);

-- Which message a collector's message number means.
CREATE TABLE message_numbers (
  epoch_id INTEGER NOT NULL,
  number BIGINT NOT NULL,
  message_id BIGINT NOT NULL
);

-- One row an arrival of one message from one peer at one collector: the facts. is_repeat: that peer had delivered
-- that very message before. is_warmup: first minutes of the session, or backlog by the message's own time.
CREATE TABLE receipts (
  received_at TIMESTAMPTZ NOT NULL,
  message_id BIGINT NOT NULL,
  peer_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  is_repeat BOOLEAN NOT NULL,
  is_warmup BOOLEAN NOT NULL
);

-- Receipts that name a message or session the archive does not have yet. They move to receipts when it is told.
CREATE TABLE unresolved_receipts (
  received_at TIMESTAMPTZ NOT NULL,
  epoch_id INTEGER NOT NULL,
  message_number BIGINT NOT NULL,
  session_number BIGINT NOT NULL,
  flags INTEGER NOT NULL
);

-- Verdicts and ends of sessions that name a message or session the archive does not have yet, as JSON. They are
-- applied when it is told.
CREATE TABLE unresolved_events (
  epoch_id INTEGER NOT NULL,
  message_number BIGINT,
  session_number BIGINT,
  event TEXT NOT NULL
);

-- Batches that never came: numbers first_batch to last_batch of an epoch, and how many receipts they held, where the
-- batches around them tell. A late batch shrinks or splits its row. reason: missing, or dropped (the collector had to,
-- and said so).
CREATE TABLE gaps (
  epoch_id INTEGER NOT NULL,
  first_batch BIGINT NOT NULL,
  last_batch BIGINT NOT NULL,
  receipts_before BIGINT,
  receipts BIGINT,
  noticed_at TIMESTAMPTZ NOT NULL,
  reason TEXT NOT NULL
);

-- Batches that could not be read, set aside whole with the reason.
CREATE TABLE dead_letters (
  received_at TIMESTAMPTZ NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  raw BYTEA NOT NULL
);

-- scid as people write it.
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
