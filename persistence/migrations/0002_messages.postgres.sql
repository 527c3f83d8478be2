-- What mail and proofs of addresses need: messages, budgets, epochs.

CREATE TABLE IF NOT EXISTS messages (
	id UUID NOT NULL PRIMARY KEY,
	channel TEXT NOT NULL,
	template TEXT NOT NULL,
	locale TEXT NOT NULL,
	recipient TEXT NOT NULL,
	status TEXT NOT NULL,
	sealed BYTEA,
	send_count INTEGER NOT NULL,
	rev INTEGER NOT NULL,
	due_at BIGINT,
	last_error TEXT NOT NULL,
	created_at BIGINT,
	updated_at BIGINT,
	expires_at BIGINT
);

CREATE INDEX IF NOT EXISTS messages_due ON messages (due_at, created_at) WHERE due_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS messages_age ON messages (created_at, id);

CREATE INDEX IF NOT EXISTS messages_status ON messages (status, created_at, id);

CREATE INDEX IF NOT EXISTS messages_expiry ON messages (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS message_attempts (
	id UUID NOT NULL PRIMARY KEY,
	message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
	error TEXT NOT NULL,
	started_at BIGINT,
	finished_at BIGINT
);

CREATE INDEX IF NOT EXISTS message_attempts_message ON message_attempts (message_id);

CREATE TABLE IF NOT EXISTS budgets (
	subject BYTEA NOT NULL PRIMARY KEY,
	stamps BYTEA,
	expires_at BIGINT
);

CREATE INDEX IF NOT EXISTS budgets_expiry ON budgets (expires_at);

ALTER TABLE identities ADD COLUMN IF NOT EXISTS epoch INTEGER NOT NULL DEFAULT 0;
