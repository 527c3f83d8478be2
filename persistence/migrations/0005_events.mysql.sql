-- Messages wait in queues: mail in one, events in another. Those of one lane
-- leave in the order of seq, which the database counts.

ALTER TABLE messages
	ADD COLUMN queue VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'messages',
	ADD COLUMN lane VARCHAR(255) NOT NULL DEFAULT '',
	ADD COLUMN seq BIGINT NOT NULL AUTO_INCREMENT,
	ADD UNIQUE INDEX messages_seq (seq),
	ADD INDEX messages_queue_due (queue, due_at, created_at),
	ADD INDEX messages_queue_lane (queue, lane, status, seq),
	ADD INDEX messages_queue_age (queue, created_at, id),
	ADD INDEX messages_queue_status (queue, status, created_at, id),
	DROP INDEX messages_due,
	DROP INDEX messages_age,
	DROP INDEX messages_status;
