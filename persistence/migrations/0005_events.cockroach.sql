-- Messages wait in queues: mail in one, events in another. Those of one lane
-- leave in the order of seq, which follows the clocks of the nodes here: what two
-- of them add at one moment has no order.

ALTER TABLE messages ADD COLUMN IF NOT EXISTS queue TEXT NOT NULL DEFAULT 'messages', ADD COLUMN IF NOT EXISTS lane TEXT NOT NULL DEFAULT '';

ALTER TABLE messages ADD COLUMN IF NOT EXISTS seq BIGSERIAL;

CREATE INDEX IF NOT EXISTS messages_queue_due ON messages (queue, due_at, created_at) WHERE due_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS messages_queue_lane ON messages (queue, lane, status, seq) WHERE due_at IS NOT NULL AND lane <> '';

CREATE INDEX IF NOT EXISTS messages_queue_age ON messages (queue, created_at, id);

CREATE INDEX IF NOT EXISTS messages_queue_status ON messages (queue, status, created_at, id);

DROP INDEX IF EXISTS messages_due;

DROP INDEX IF EXISTS messages_age;

DROP INDEX IF EXISTS messages_status;
