-- What a session saw, told now and then while it lasts and at its end; and what became of dials.
ALTER TABLE sessions ADD COLUMN counted_at TIMESTAMPTZ;
ALTER TABLE sessions ADD COLUMN messages_in BIGINT;
ALTER TABLE sessions ADD COLUMN messages_out BIGINT;
ALTER TABLE sessions ADD COLUMN gossip_out BIGINT;
ALTER TABLE sessions ADD COLUMN pings_sent BIGINT;
ALTER TABLE sessions ADD COLUMN pings_answered BIGINT;
ALTER TABLE sessions ADD COLUMN rtt_min_microseconds BIGINT;
ALTER TABLE sessions ADD COLUMN rtt_median_microseconds BIGINT;
ALTER TABLE sessions ADD COLUMN rtt_max_microseconds BIGINT;
ALTER TABLE sessions ADD COLUMN pings_received BIGINT;
ALTER TABLE sessions ADD COLUMN pongs_sent BIGINT;

-- Until now figures came with the end only.
UPDATE sessions SET counted_at = closed_at;

-- How many dials of a collector came to which end in a span of about a minute.
CREATE TABLE dial_outcomes (
  epoch_id INTEGER NOT NULL,
  collector_id INTEGER NOT NULL,
  from_at TIMESTAMPTZ NOT NULL,
  to_at TIMESTAMPTZ NOT NULL,
  address_kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  dials BIGINT NOT NULL
);

COMMENT ON COLUMN sessions.receipts IS 'Receipts stamped in it, by the collector''s count at counted_at.';
COMMENT ON COLUMN sessions.counted_at IS 'When the counts and times of this row were last told: at its end, or while it lasts at ages that double from 5 minutes on, then hourly; null before.';
COMMENT ON COLUMN sessions.messages_in IS 'Messages received, of all kinds. Null, as all that follows, where the collector was too old to count it.';
COMMENT ON COLUMN sessions.messages_out IS 'Messages sent, of all kinds.';
COMMENT ON COLUMN sessions.gossip_out IS 'Gossip messages sent: answers to the peer''s own queries.';
COMMENT ON COLUMN sessions.pings_sent IS 'Pings the collector sent.';
COMMENT ON COLUMN sessions.pings_answered IS 'Those of them that got their pong.';
COMMENT ON COLUMN sessions.rtt_min_microseconds IS 'Shortest time from a ping to its pong; null when none was answered.';
COMMENT ON COLUMN sessions.rtt_median_microseconds IS 'Median of these times; of more than 255, that of an even selection.';
COMMENT ON COLUMN sessions.rtt_max_microseconds IS 'Longest of these times.';
COMMENT ON COLUMN sessions.pings_received IS 'Pings of the peer.';
COMMENT ON COLUMN sessions.pongs_sent IS 'Pongs sent for them; a ping may ask for none.';

COMMENT ON TABLE dial_outcomes IS 'What became of dials: one row a collector, span of about a minute, kind of address and outcome.';
COMMENT ON COLUMN dial_outcomes.epoch_id IS 'The collector''s life that it belongs to.';
COMMENT ON COLUMN dial_outcomes.collector_id IS 'The collector.';
COMMENT ON COLUMN dial_outcomes.from_at IS 'Start of the span, by the collector''s clock.';
COMMENT ON COLUMN dial_outcomes.to_at IS 'Its end. A dial counts in the span in which its outcome was known.';
COMMENT ON COLUMN dial_outcomes.address_kind IS 'What was dialled: ipv4, ipv6, dns (a name) or onion (Tor).';
COMMENT ON COLUMN dial_outcomes.outcome IS 'connected: a session began; or why not: refused, unreachable, timed_out, dns, proxy, not_allowed, handshake (closed or silent within it), wrong_key, closed_before_init, no_init, incompatible or protocol_error.';
COMMENT ON COLUMN dial_outcomes.dials IS 'How many dials.';
