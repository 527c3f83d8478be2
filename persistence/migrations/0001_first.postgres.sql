-- What a first registration needs: flows, identities, sessions.

CREATE TABLE IF NOT EXISTS flows (
	id UUID NOT NULL PRIMARY KEY,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	is_native BOOLEAN NOT NULL,
	binding BYTEA,
	active TEXT NOT NULL,
	schema_id TEXT NOT NULL,
	journey TEXT NOT NULL,
	locale TEXT NOT NULL,
	return_to TEXT NOT NULL,
	request_url TEXT NOT NULL,
	form_values JSON,
	problems JSON,
	private_notes BYTEA,
	refusals INTEGER NOT NULL,
	rev INTEGER NOT NULL,
	outcome JSON,
	successor UUID,
	issued_at BIGINT,
	expires_at BIGINT,
	completed BOOLEAN NOT NULL
);

CREATE INDEX IF NOT EXISTS flows_expiry ON flows (completed, expires_at);

CREATE TABLE IF NOT EXISTS flow_errors (
	id UUID NOT NULL PRIMARY KEY,
	error JSON,
	created_at BIGINT,
	expires_at BIGINT
);

CREATE INDEX IF NOT EXISTS flow_errors_expiry ON flow_errors (expires_at);

CREATE TABLE IF NOT EXISTS identities (
	id UUID NOT NULL PRIMARY KEY,
	external_id TEXT UNIQUE,
	schema_id TEXT NOT NULL,
	state TEXT NOT NULL,
	state_changed_at BIGINT,
	traits JSON,
	metadata_public JSON,
	metadata_admin JSON,
	created_at BIGINT,
	updated_at BIGINT
);

CREATE TABLE IF NOT EXISTS identifiers (
	space TEXT NOT NULL,
	value TEXT NOT NULL,
	identity_id UUID NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	PRIMARY KEY (space, value)
);

CREATE INDEX IF NOT EXISTS identifiers_value ON identifiers (value);

CREATE INDEX IF NOT EXISTS identifiers_identity ON identifiers (identity_id);

CREATE TABLE IF NOT EXISTS credentials (
	id UUID NOT NULL PRIMARY KEY,
	identity_id UUID NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	type TEXT NOT NULL,
	identifiers JSON,
	config JSON,
	version INTEGER NOT NULL,
	created_at BIGINT,
	updated_at BIGINT,
	UNIQUE (identity_id, type)
);

CREATE TABLE IF NOT EXISTS addresses (
	id UUID NOT NULL PRIMARY KEY,
	identity_id UUID NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	purpose TEXT NOT NULL,
	position INTEGER NOT NULL,
	via TEXT NOT NULL,
	value TEXT NOT NULL,
	canonical TEXT NOT NULL,
	verified BOOLEAN NOT NULL,
	status TEXT NOT NULL,
	verified_at BIGINT,
	created_at BIGINT,
	updated_at BIGINT,
	UNIQUE (purpose, via, canonical)
);

CREATE INDEX IF NOT EXISTS addresses_identity ON addresses (identity_id);

CREATE TABLE IF NOT EXISTS sessions (
	id UUID NOT NULL PRIMARY KEY,
	identity_id UUID NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	active BOOLEAN NOT NULL,
	aal TEXT NOT NULL,
	methods JSON,
	device_id UUID,
	ip TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	issued_at BIGINT,
	authenticated_at BIGINT,
	expires_at BIGINT
);

CREATE INDEX IF NOT EXISTS sessions_identity ON sessions (identity_id);

CREATE INDEX IF NOT EXISTS sessions_expiry ON sessions (expires_at);

CREATE TABLE IF NOT EXISTS session_tokens (
	hash BYTEA NOT NULL PRIMARY KEY,
	session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
);

CREATE INDEX IF NOT EXISTS session_tokens_session ON session_tokens (session_id);
