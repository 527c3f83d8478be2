-- Messages wait in queues: mail in one, events in another. Those of one lane
-- leave in the order of their rowids, by which every index ends: each is the
-- largest when it is given, and what copies a table keeps their order.

ALTER TABLE messages ADD COLUMN queue TEXT NOT NULL DEFAULT 'messages';

ALTER TABLE messages ADD COLUMN lane TEXT NOT NULL DEFAULT '';

CREATE INDEX IF NOT EXISTS messages_queue_due ON messages (queue, due_at, created_at) WHERE due_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS messages_queue_lane ON messages (queue, lane, status) WHERE due_at IS NOT NULL AND lane <> '';

CREATE INDEX IF NOT EXISTS messages_queue_age ON messages (queue, created_at, id);

CREATE INDEX IF NOT EXISTS messages_queue_status ON messages (queue, status, created_at, id);

DROP INDEX IF EXISTS messages_due;

DROP INDEX IF EXISTS messages_age;

DROP INDEX IF EXISTS messages_status;
