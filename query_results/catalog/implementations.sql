-- Which implementation a peer runs: by what its features say, and by how it delivers. Loaded with definitions.sql.
-- `second` is the seconds of this run per second of network time: 1 unless it was simulated faster.

-- Whether a bit is set in features as hex.
CREATE OR REPLACE TEMP MACRO has_bit(features, number) AS length(features) > number // 4
  AND ((instr('0123456789abcdef', lower(substr(features, length(features) - number // 4, 1))) - 1) >> (number % 4)) & 1 = 1;

-- By the bits of init or node_announcement, as LND 0.21, CLN 26.06, Eclair 0.13 and LDK 0.1 set them: LND alone offers AMP or
-- script-enforced leases; only CLN and Eclair offer gossip_queries_ex, and by default Eclair dual funding, CLN zeroconf; of
-- the rest LDK offers scid aliases. All of them demand payment_secret.
CREATE OR REPLACE TEMP MACRO said_implementation(features) AS CASE
  WHEN NOT has_bit(features, 14) THEN 'unknown'
  WHEN has_bit(features, 31) OR has_bit(features, 2023) THEN 'lnd'
  WHEN NOT (has_bit(features, 10) OR has_bit(features, 11)) THEN CASE WHEN has_bit(features, 47) THEN 'ldk' ELSE 'unknown' END
  WHEN (has_bit(features, 28) OR has_bit(features, 29)) AND NOT has_bit(features, 51) THEN 'eclair'
  ELSE 'cln' END;

-- By timers: CLN and Eclair flush every 60 s, LND every 90 s in sub-batches 5 s apart, LDK at once.
CREATE OR REPLACE TEMP MACRO timer_implementation(receipts, bursts, single_share, r_5, r_60, r_90) AS CASE
  WHEN receipts < 40 OR bursts < 8 THEN 'unknown'
  WHEN r_60 >= 0.85 THEN 'cln or eclair'
  WHEN r_5 >= 0.75 OR r_90 >= 0.8 THEN 'lnd'
  WHEN greatest(r_5, r_60, r_90) < 0.6 AND single_share >= 0.1 THEN 'ldk'
  ELSE 'unknown' END;

-- By pings: LDK sends one every 10 s, Eclair 30 s, LND 60 s; CLN, with few or none, only where we are silent.
CREATE OR REPLACE TEMP MACRO ping_implementation(pings, seconds, second) AS CASE
  WHEN pings IS NULL OR seconds < 600 OR second <> 1 THEN 'unknown'
  WHEN 60 * pings / seconds >= 4 THEN 'ldk'
  WHEN 60 * pings / seconds >= 1.5 THEN 'eclair'
  WHEN 60 * pings / seconds >= 0.6 THEN 'lnd'
  WHEN 60 * pings / seconds <= 0.2 THEN 'none'
  ELSE 'unknown' END;

-- By both: what contradicts itself is unknown; that there are no pings decides between CLN and Eclair alone.
CREATE OR REPLACE TEMP MACRO delivered_implementation(timer, ping) AS CASE
  WHEN timer = 'cln or eclair' THEN CASE ping WHEN 'none' THEN 'cln' WHEN 'eclair' THEN ping WHEN 'unknown' THEN timer
    ELSE 'unknown' END
  WHEN ping IN ('unknown', 'none') OR ping = timer THEN timer
  WHEN timer = 'unknown' THEN ping
  ELSE 'unknown' END;

-- Where a slice of the window begins (side -1) or ends (side 1): its middle is at number / 6 of the window.
CREATE OR REPLACE TEMP MACRO slice_side(window_from, window_to, number, slice_seconds, side) AS make_timestamptz(CAST(
  epoch_us(window_from) + (epoch_us(window_to) - epoch_us(window_from)) * number // 6
  + side * least(slice_seconds * 500000, (epoch_us(window_to) - epoch_us(window_from)) // 6) AS BIGINT));

-- How each session delivered, in three slices of the window: all of a day would take minutes, and timers drift over hours.
-- A burst ends where nothing comes for half a second. r_5, r_60 and r_90 are |Σ e^(2πit/P)| / n of a slice's receipts: 1
-- when all come at one phase of P.
CREATE OR REPLACE TEMP MACRO session_fingerprints(window_from, window_to, second, slice_seconds) AS TABLE (
  WITH part AS (
    SELECT collector_id, peer_id, received_at, 1 AS slice FROM receipts
    WHERE NOT is_warmup AND received_at >= slice_side(window_from, window_to, 1, slice_seconds, -1)
      AND received_at < slice_side(window_from, window_to, 1, slice_seconds, 1)
    UNION ALL
    SELECT collector_id, peer_id, received_at, 2 FROM receipts
    WHERE NOT is_warmup AND received_at >= slice_side(window_from, window_to, 3, slice_seconds, -1)
      AND received_at < slice_side(window_from, window_to, 3, slice_seconds, 1)
    UNION ALL
    SELECT collector_id, peer_id, received_at, 3 FROM receipts
    WHERE NOT is_warmup AND received_at >= slice_side(window_from, window_to, 5, slice_seconds, -1)
      AND received_at < slice_side(window_from, window_to, 5, slice_seconds, 1)
  ), timed AS (
    SELECT s.session_id, s.peer_id, slice, epoch_us(received_at) / 1e6 / second AS t
    FROM part r ASOF JOIN sessions s
      ON s.collector_id = r.collector_id AND s.peer_id = r.peer_id AND r.received_at >= s.filter_at
  ), spaced AS (
    SELECT session_id, peer_id, slice, t, coalesce(t - lag(t) OVER own > 0.5, true) AS is_first,
      coalesce(lead(t) OVER own - t > 0.5, true) AS is_last
    FROM timed WINDOW own AS (PARTITION BY session_id, slice ORDER BY t)
  ), phases AS (
    SELECT session_id, peer_id, count(*) AS receipts, count(*) FILTER (is_first) AS bursts,
      count(*) FILTER (is_first AND is_last) AS singles,
      sqrt(pow(sum(cos(2 * pi() * t / 5)), 2) + pow(sum(sin(2 * pi() * t / 5)), 2)) AS s_5,
      sqrt(pow(sum(cos(2 * pi() * t / 60)), 2) + pow(sum(sin(2 * pi() * t / 60)), 2)) AS s_60,
      sqrt(pow(sum(cos(2 * pi() * t / 90)), 2) + pow(sum(sin(2 * pi() * t / 90)), 2)) AS s_90
    FROM spaced GROUP BY session_id, peer_id, slice
  )
  SELECT session_id, peer_id, CAST(sum(receipts) AS BIGINT) AS receipts, CAST(sum(bursts) AS BIGINT) AS bursts,
    sum(singles) / sum(bursts) AS single_share, sum(s_5) / sum(receipts) AS r_5, sum(s_60) / sum(receipts) AS r_60,
    sum(s_90) / sum(receipts) AS r_90
  FROM phases GROUP BY session_id, peer_id
);

-- Each peer with a session that touches the window: what its init and its latest node_announcement of the window say, how
-- its busiest session delivered, and the first of these three that is known.
CREATE OR REPLACE TEMP MACRO peer_implementations(window_from, window_to, second, slice_seconds) AS TABLE (
  WITH connected AS (
    SELECT s.session_id, s.peer_id, said_implementation(s.features) AS by_init, s.filter_at,
      ping_implementation(s.pings_received, (epoch_us(s.counted_at) - epoch_us(s.handshake_at)) / 1e6, second) AS ping
    FROM sessions s SEMI JOIN session_spans(window_from, window_to) w ON w.session_id = s.session_id
  ), delivered AS (
    SELECT c.peer_id, by_init, c.filter_at, coalesce(f.receipts, 0) AS receipts, bursts, single_share, r_5, r_60, r_90,
      delivered_implementation(
        coalesce(timer_implementation(f.receipts, bursts, single_share, r_5, r_60, r_90), 'unknown'), ping) AS by_delivery
    FROM connected c LEFT JOIN session_fingerprints(window_from, window_to, second, slice_seconds) f
      ON f.session_id = c.session_id
  ), busiest AS (
    SELECT peer_id, coalesce(arg_max(by_init, filter_at) FILTER (by_init <> 'unknown'), 'unknown') AS by_init,
      unnest(arg_max({by_delivery: by_delivery, receipts: receipts, bursts: bursts, single_share: single_share, r_5: r_5,
        r_60: r_60, r_90: r_90}, (by_delivery <> 'unknown', receipts)))
    FROM delivered GROUP BY peer_id
  ), announced AS (
    SELECT node_id, said_implementation(hex(arg_max(raw[69:68 + CAST('0x' || hex(raw[67:68]) AS INTEGER)], first_seen))) AS said
    FROM messages SEMI JOIN peers USING (node_id)
    WHERE type = 257 AND verdict NOT IN ('invalid', 'malformed') AND octet_length(raw) > 140 AND first_seen >= window_from AND first_seen < window_to
    GROUP BY node_id
  )
  SELECT b.*, p.node_id, coalesce(said, 'unknown') AS by_announcement,
    CASE WHEN by_init <> 'unknown' THEN by_init WHEN coalesce(said, 'unknown') <> 'unknown' THEN said ELSE by_delivery END
      AS implementation
  FROM busiest b JOIN peers p ON p.peer_id = b.peer_id LEFT JOIN announced a ON a.node_id = p.node_id
);
