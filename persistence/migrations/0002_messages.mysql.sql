-- What mail and proofs of addresses need: messages, budgets, epochs.

CREATE TABLE IF NOT EXISTS messages (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	channel VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	template VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	locale MEDIUMTEXT NOT NULL,
	recipient MEDIUMTEXT NOT NULL,
	status VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	sealed LONGBLOB,
	send_count INT NOT NULL,
	rev INT NOT NULL,
	due_at BIGINT,
	last_error MEDIUMTEXT NOT NULL,
	created_at BIGINT,
	updated_at BIGINT,
	expires_at BIGINT,
	INDEX messages_due (due_at, created_at),
	INDEX messages_age (created_at, id),
	INDEX messages_status (status, created_at, id),
	INDEX messages_expiry (expires_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS message_attempts (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	message_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	error MEDIUMTEXT NOT NULL,
	started_at BIGINT,
	finished_at BIGINT,
	INDEX message_attempts_message (message_id),
	FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS budgets (
	subject BINARY(32) NOT NULL PRIMARY KEY,
	stamps LONGBLOB,
	expires_at BIGINT,
	INDEX budgets_expiry (expires_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE identities ADD COLUMN epoch INT NOT NULL DEFAULT 0;
