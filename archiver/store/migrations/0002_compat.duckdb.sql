-- The three tables of the first Gossip Observer (its DuckDB schema of 2025) as views, so that SQL written for it runs
-- here after SET search_path = 'compat'. Its types are unsigned, which PostgreSQL does not have: this file is for
-- DuckDB only.
--
-- As it had them: gossip only, of all collectors together, one row a message and peer, warm-up and backlog included.
-- A message there begins behind its type, so raw and size leave out those two bytes. Where it hashed the texts of raw
-- and recv_peer with XXH3, a hash here is the first 64 bits of the SHA-256 of message or node id: the same in every
-- archive, but another number than there.
CREATE SCHEMA compat;

CREATE VIEW compat.messages AS
SELECT
  CAST('0x' || substr(hex(m.sha256), 1, 16) AS UBIGINT) AS hash,
  rtrim(translate(to_base64(from_hex(substr(hex(m.raw), 5))), '+/', '-_'), '=') AS raw
FROM main.messages m
WHERE m.type BETWEEN 256 AND 258;

-- scid as the wire's u64.
CREATE VIEW compat.metadata AS
SELECT
  CAST('0x' || substr(hex(m.sha256), 1, 16) AS UBIGINT) AS hash,
  CAST(m.type - 255 AS UTINYINT) AS type,
  CAST(m.size - 2 AS USMALLINT) AS size,
  m.node_id AS orig_node,
  CAST(CAST(m.scid AS HUGEINT) & CAST(18446744073709551615 AS HUGEINT) AS UBIGINT) AS scid
FROM main.messages m
WHERE m.type BETWEEN 256 AND 258;

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

COMMENT ON VIEW compat.messages IS 'One row a gossip message.';
COMMENT ON COLUMN compat.messages.hash IS 'First 64 bits of the SHA-256 of the message.';
COMMENT ON COLUMN compat.messages.raw IS 'The message behind its type, in URL-safe base64 without padding.';
COMMENT ON VIEW compat.metadata IS 'One row a gossip message.';
COMMENT ON COLUMN compat.metadata.hash IS 'As in compat.messages.';
COMMENT ON COLUMN compat.metadata.type IS '1 channel_announcement, 2 node_announcement, 3 channel_update.';
COMMENT ON COLUMN compat.metadata.size IS 'Bytes, without the two of the type.';
COMMENT ON COLUMN compat.metadata.orig_node IS 'Node that a node_announcement is about, as lower-case hex.';
COMMENT ON COLUMN compat.metadata.scid IS 'The wire''s short_channel_id; null in a node_announcement.';
COMMENT ON VIEW compat.timings IS 'One row a gossip message and peer: the first receipt, at whichever collector.';
COMMENT ON COLUMN compat.timings.hash IS 'As in compat.messages.';
COMMENT ON COLUMN compat.timings.collector IS 'Name of the collector that was first.';
COMMENT ON COLUMN compat.timings.recv_peer IS 'Node id of the peer, as lower-case hex.';
COMMENT ON COLUMN compat.timings.recv_peer_hash IS 'First 64 bits of the SHA-256 of recv_peer.';
COMMENT ON COLUMN compat.timings.recv_timestamp IS 'When the message came.';
COMMENT ON COLUMN compat.timings.orig_timestamp IS 'The message''s own timestamp; null in a channel_announcement.';
