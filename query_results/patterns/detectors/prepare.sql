-- What the detectors read, as temporary tables: live messages by origin, and receipts by peer. `$window_from` and
-- `$window_to` are put in by world.ts; ms count from the window's start.

-- An origin is a channel (of updates) or a node (of announcements).
CREATE OR REPLACE TEMP TABLE pattern_messages AS
SELECT l.message_id, l.type, l.scid, coalesce(l.direction, 0) AS direction, l.node_id, l.inner_id, l.size,
  CAST(l.peers AS INTEGER) AS peers,
  CAST((epoch_us(l.first_seen) - epoch_us($window_from)) // 1000 AS INTEGER) AS first_ms,
  -- The origin's own clock leaves out how long the first peer kept the message. Far from ours it says nothing.
  CAST((epoch_us(CASE WHEN m.own_timestamp BETWEEN l.first_seen - INTERVAL 1 HOUR AND l.first_seen + INTERVAL 10 MINUTE
    THEN m.own_timestamp ELSE l.first_seen END) - epoch_us($window_from)) // 1000 AS INTEGER) AS made_ms
FROM live_messages($window_from, $window_to, false) l JOIN messages m ON m.message_id = l.message_id
WHERE l.type BETWEEN 256 AND 258;

-- A channel's update is of its node 1 or 2, by direction; only its announcement names them. Older ones are not looked for: an
-- archive may hold years.
CREATE OR REPLACE TEMP TABLE pattern_origins AS
WITH spoken AS (
  SELECT type, scid, node_id, count(*) AS messages, mode(direction) AS direction
  FROM pattern_messages WHERE type > 256 GROUP BY type, scid, node_id
), announced AS (
  SELECT scid, lower(hex(any_value(raw))) AS text FROM messages
  WHERE type = 256 AND octet_length(raw) >= 432 AND verdict NOT IN ('invalid', 'malformed') AND scid IN (SELECT scid FROM spoken)
    AND first_seen >= $window_from - INTERVAL 30 DAY AND first_seen < $window_to GROUP BY scid
), owned AS (
  -- Where node 1 begins: after type, four signatures, features, chain and scid.
  SELECT scid, text, 601 + 2 * CAST('0x' || substr(text, 517, 4) AS INTEGER) AS node_1 FROM announced
)
SELECT CAST(row_number() OVER (ORDER BY s.messages DESC, s.type, s.scid, s.node_id) - 1 AS INTEGER) AS origin, s.*,
  coalesce(s.node_id, substr(o.text, o.node_1 + 66 * s.direction, 66)) AS owner
FROM spoken s LEFT JOIN owned o ON o.scid = s.scid AND length(o.text) >= o.node_1 + 131;

CREATE OR REPLACE TEMP TABLE pattern_events AS
SELECT o.origin, m.direction, m.first_ms, m.made_ms, m.message_id, m.peers, m.inner_id
FROM pattern_messages m JOIN pattern_origins o ON o.type = m.type
  AND o.scid IS NOT DISTINCT FROM m.scid AND o.node_id IS NOT DISTINCT FROM m.node_id;

-- What announcements say of their node, where their bytes are kept: type, signature, features, timestamp, node id, colour,
-- alias, addresses.
CREATE OR REPLACE TEMP TABLE pattern_nodes AS
WITH texts AS (
  SELECT e.origin, e.made_ms, lower(hex(m.raw)) AS text
  FROM pattern_events e JOIN messages m ON m.message_id = e.message_id
  WHERE m.type = 257 AND octet_length(m.raw) >= 142
), measured AS (
  SELECT *, 2 * CAST('0x' || substr(text, 133, 4) AS INTEGER) AS features FROM texts
)
SELECT origin, made_ms, substr(text, 217 + features, 64) AS alias,
  substr(text, 285 + features, 2 * CAST('0x' || substr(text, 281 + features, 4) AS INTEGER)) AS addresses
FROM measured WHERE length(text) >= 284 + features;

CREATE OR REPLACE TEMP TABLE pattern_peers AS
SELECT CAST(row_number() OVER (ORDER BY peer_id) - 1 AS INTEGER) AS peer, peer_id, node_id, address, features
FROM (SELECT peer_id, any_value(address) AS address, any_value(features) AS features FROM sessions
    WHERE session_id IN (SELECT session_id FROM session_spans($window_from, $window_to)) GROUP BY peer_id)
  JOIN peers USING (peer_id);

-- Receipts past warm-up, in bins of ten minutes.
CREATE OR REPLACE TEMP TABLE pattern_series AS
SELECT p.peer, r.collector_id, CAST(r.bin AS INTEGER) AS bin, CAST(r.receipts AS INTEGER) AS receipts
FROM (
  SELECT peer_id, collector_id, (epoch_us(received_at) - epoch_us($window_from)) // 600000000 AS bin, count(*) AS receipts
  FROM receipts
  WHERE NOT is_warmup AND NOT is_repeat AND received_at >= $window_from AND received_at < $window_to
  GROUP BY ALL
) r JOIN pattern_peers p USING (peer_id);

-- A session that counts begins ten minutes after its filter, or with the window.
CREATE OR REPLACE TEMP TABLE pattern_spans AS
SELECT p.peer, s.collector_id,
  CAST((greatest(epoch_us(x.filter_at) + 600000000, epoch_us($window_from)) - epoch_us($window_from)) // 1000 AS INTEGER) AS settled_ms,
  CAST((epoch_us(s.to_at) - epoch_us($window_from)) // 1000 AS INTEGER) AS to_ms
FROM session_spans($window_from, $window_to) s JOIN sessions x ON x.session_id = s.session_id
  JOIN pattern_peers p ON p.peer_id = s.peer_id;
