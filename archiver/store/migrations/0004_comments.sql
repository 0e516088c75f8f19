-- What every table and column means, kept in the archive itself. Later steps comment on what they add.

COMMENT ON TABLE schema_version IS 'One row a step of the schema that this archive went through.';
COMMENT ON COLUMN schema_version.version IS 'Number of the step, from 1 without holes.';
COMMENT ON COLUMN schema_version.name IS 'What the step is called.';
COMMENT ON COLUMN schema_version.applied_at IS 'When this archive went through it.';

COMMENT ON TABLE collectors IS 'One row a collector.';
COMMENT ON COLUMN collectors.collector_id IS 'Names the collector inside this archive.';
COMMENT ON COLUMN collectors.name IS 'Its name, as in its config.';

COMMENT ON TABLE epochs IS 'One row a life of a collector''s process. One without ended_at goes on or was cut off.';
COMMENT ON COLUMN epochs.epoch_id IS 'Names the epoch inside this archive.';
COMMENT ON COLUMN epochs.collector_id IS 'Whose life it is.';
COMMENT ON COLUMN epochs.started_at IS 'When the process began, by its own clock; names the epoch outside.';
COMMENT ON COLUMN epochs.version IS 'The collector''s software version; null until told.';
COMMENT ON COLUMN epochs.target_peers IS 'How many peers it tries to hold; null until told.';
COMMENT ON COLUMN epochs.next_batch IS 'High-water mark: each batch below it is in the archive or in gaps.';
COMMENT ON COLUMN epochs.receipts IS 'Its receipts in receipts and unresolved_receipts.';
COMMENT ON COLUMN epochs.stamped_receipts IS 'Receipts that it says it stamped, as far as its highest batch tells.';
COMMENT ON COLUMN epochs.last_receipt_at IS 'Its latest receipt; null when there is none.';
COMMENT ON COLUMN epochs.last_commit_at IS 'When a batch of it was last committed, by the archiver''s clock.';
COMMENT ON COLUMN epochs.ended_at IS 'When it ended in order; null while it goes on, and when it was cut off.';

COMMENT ON TABLE peers IS 'One row a Lightning node that was ever a peer.';
COMMENT ON COLUMN peers.peer_id IS 'Names the peer inside this archive.';
COMMENT ON COLUMN peers.node_id IS 'Its public key: 33 bytes as lower-case hex.';

COMMENT ON TABLE sessions IS 'One row a connection to a peer that got as far as the gossip filter.';
COMMENT ON COLUMN sessions.session_id IS 'Names the session inside this archive.';
COMMENT ON COLUMN sessions.epoch_id IS 'The collector''s life that it belongs to.';
COMMENT ON COLUMN sessions.number IS 'The collector''s own number of it within the epoch.';
COMMENT ON COLUMN sessions.collector_id IS 'The collector.';
COMMENT ON COLUMN sessions.peer_id IS 'The peer.';
COMMENT ON COLUMN sessions.address IS 'Where the peer was reached.';
COMMENT ON COLUMN sessions.dialled_at IS 'When dialling began.';
COMMENT ON COLUMN sessions.handshake_at IS 'When the BOLT 8 handshake was done.';
COMMENT ON COLUMN sessions.filter_at IS 'When gossip_timestamp_filter was sent: the subscription''s start.';
COMMENT ON COLUMN sessions.filter_first IS 'The filter''s first_timestamp, seconds since the Unix epoch.';
COMMENT ON COLUMN sessions.features IS 'The peer''s features in its init, as hex.';
COMMENT ON COLUMN sessions.closed_at IS 'When it ended; null while it goes on or when that was never told.';
COMMENT ON COLUMN sessions.closed_by IS 'Who ended it: us, peer or network.';
COMMENT ON COLUMN sessions.close_reason IS 'Why it ended.';
COMMENT ON COLUMN sessions.receipts IS 'Receipts stamped in it, by the collector''s count at its end.';
COMMENT ON COLUMN sessions.bytes_in IS 'Bytes received on the socket.';
COMMENT ON COLUMN sessions.bytes_out IS 'Bytes sent on the socket.';
COMMENT ON COLUMN sessions.first_gossip_at IS 'First gossip message in it; null when there was none.';
COMMENT ON COLUMN sessions.last_gossip_at IS 'Last gossip message in it; null when there was none.';

COMMENT ON TABLE messages IS 'One row a distinct message; its identity is the SHA-256 of its bytes.';
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

COMMENT ON TABLE message_numbers IS 'Which message a collector''s message number means.';
COMMENT ON COLUMN message_numbers.epoch_id IS 'The collector''s life in which the number holds.';
COMMENT ON COLUMN message_numbers.number IS 'The collector''s own number of the message.';
COMMENT ON COLUMN message_numbers.message_id IS 'The message.';

COMMENT ON TABLE receipts IS 'The facts: one row an arrival of one message from one peer at one collector.';
COMMENT ON COLUMN receipts.received_at IS 'When the socket read that completed it returned, by the collector''s clock.';
COMMENT ON COLUMN receipts.message_id IS 'The message.';
COMMENT ON COLUMN receipts.peer_id IS 'The peer it came from.';
COMMENT ON COLUMN receipts.collector_id IS 'The collector it came to.';
COMMENT ON COLUMN receipts.is_repeat IS 'That peer had delivered that very message to that collector before.';
COMMENT ON COLUMN receipts.is_warmup IS 'In the first minutes of its session, or backlog by the message''s own time.';

COMMENT ON TABLE unresolved_receipts IS 'Receipts that name what the archive was not told yet; they move to receipts then.';
COMMENT ON COLUMN unresolved_receipts.received_at IS 'As in receipts.';
COMMENT ON COLUMN unresolved_receipts.epoch_id IS 'The collector''s life in which the numbers hold.';
COMMENT ON COLUMN unresolved_receipts.message_number IS 'The collector''s number of the message.';
COMMENT ON COLUMN unresolved_receipts.session_number IS 'The collector''s number of the session.';
COMMENT ON COLUMN unresolved_receipts.flags IS '1 is a repeat, 2 is warm-up; 3 is both.';

COMMENT ON TABLE unresolved_events IS 'Verdicts and ends of sessions that wait in the same way.';
COMMENT ON COLUMN unresolved_events.epoch_id IS 'The collector''s life in which the numbers hold.';
COMMENT ON COLUMN unresolved_events.message_number IS 'The collector''s number of the message; null of a session''s end.';
COMMENT ON COLUMN unresolved_events.session_number IS 'The collector''s number of the session; null of a verdict.';
COMMENT ON COLUMN unresolved_events.event IS 'The event, as JSON.';

COMMENT ON TABLE gaps IS 'One row a run of batches that never came. A late batch shrinks or splits it.';
COMMENT ON COLUMN gaps.epoch_id IS 'The collector''s life.';
COMMENT ON COLUMN gaps.first_batch IS 'The first batch that is missing.';
COMMENT ON COLUMN gaps.last_batch IS 'The last one.';
COMMENT ON COLUMN gaps.receipts_before IS 'Receipts stamped in the epoch before it; null when nothing tells.';
COMMENT ON COLUMN gaps.receipts IS 'Receipts in it; null when nothing tells.';
COMMENT ON COLUMN gaps.noticed_at IS 'When the archiver noticed, by its own clock.';
COMMENT ON COLUMN gaps.reason IS 'missing, or dropped: the collector had to, and said so.';

COMMENT ON TABLE dead_letters IS 'One row a set of bytes that came for a batch and was none.';
COMMENT ON COLUMN dead_letters.received_at IS 'When it came, by the archiver''s clock.';
COMMENT ON COLUMN dead_letters.source IS 'Where it came from: http, or a NATS subject.';
COMMENT ON COLUMN dead_letters.reason IS 'Why it is no batch.';
COMMENT ON COLUMN dead_letters.raw IS 'The bytes.';

COMMENT ON TABLE clock_samples IS 'One row a measurement, about every minute, of the clocks'' difference.';
COMMENT ON COLUMN clock_samples.epoch_id IS 'The collector''s life.';
COMMENT ON COLUMN clock_samples.collector_id IS 'The collector.';
COMMENT ON COLUMN clock_samples.sampled_at IS 'When, by the collector''s clock, as received_at is.';
COMMENT ON COLUMN clock_samples.offset_microseconds IS 'Added to the collector''s instants it gives the archiver''s.';
COMMENT ON COLUMN clock_samples.uncertainty_microseconds IS 'The true offset differs by at most so much.';

COMMENT ON TABLE clock_steps IS 'One row a jump of a collector''s wall clock. Its instants did not jump with it.';
COMMENT ON COLUMN clock_steps.epoch_id IS 'The collector''s life.';
COMMENT ON COLUMN clock_steps.collector_id IS 'The collector.';
COMMENT ON COLUMN clock_steps.noticed_at IS 'When, by the collector''s clock.';
COMMENT ON COLUMN clock_steps.step_microseconds IS 'How far it jumped: forward, or back when negative.';

COMMENT ON VIEW message_list IS 'messages without raw, with scid and type as people write them.';
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
