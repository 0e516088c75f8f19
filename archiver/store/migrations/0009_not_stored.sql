-- What a collector stores only a part of, it tells by messages of its own.
COMMENT ON COLUMN messages.type IS 'Message type (BOLT 7): 256, 257 and 258 are the gossip that floods; 65535 stands for messages that a collector did not store.';
COMMENT ON COLUMN receipts.is_warmup IS 'In the first minutes of its session, or asked for by us, or backlog by the message''s own time, or not stored.';
