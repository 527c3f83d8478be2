-- What a first registration needs: flows, identities, sessions.

CREATE TABLE IF NOT EXISTS flows (
	id TEXT NOT NULL PRIMARY KEY,
	kind TEXT NOT NULL,
	state TEXT NOT NULL,
	is_native BOOLEAN NOT NULL,
	binding BLOB,
	active TEXT NOT NULL,
	schema_id TEXT NOT NULL,
	journey TEXT NOT NULL,
	locale TEXT NOT NULL,
	return_to TEXT NOT NULL,
	request_url TEXT NOT NULL,
	form_values TEXT,
	problems TEXT,
	private_notes BLOB,
	refusals INTEGER NOT NULL,
	rev INTEGER NOT NULL,
	outcome TEXT,
	successor TEXT,
	issued_at INTEGER,
	expires_at INTEGER,
	completed BOOLEAN NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS flows_expiry ON flows (completed, expires_at);

CREATE TABLE IF NOT EXISTS flow_errors (
	id TEXT NOT NULL PRIMARY KEY,
	error TEXT,
	created_at INTEGER,
	expires_at INTEGER
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS flow_errors_expiry ON flow_errors (expires_at);

CREATE TABLE IF NOT EXISTS identities (
	id TEXT NOT NULL PRIMARY KEY,
	external_id TEXT UNIQUE,
	schema_id TEXT NOT NULL,
	state TEXT NOT NULL,
	state_changed_at INTEGER,
	traits TEXT,
	metadata_public TEXT,
	metadata_admin TEXT,
	created_at INTEGER,
	updated_at INTEGER
);

CREATE TABLE IF NOT EXISTS identifiers (
	space TEXT NOT NULL,
	value TEXT NOT NULL,
	identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	PRIMARY KEY (space, value)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS identifiers_value ON identifiers (value);

CREATE INDEX IF NOT EXISTS identifiers_identity ON identifiers (identity_id);

CREATE TABLE IF NOT EXISTS credentials (
	id TEXT NOT NULL PRIMARY KEY,
	identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	type TEXT NOT NULL,
	identifiers TEXT,
	config TEXT,
	version INTEGER NOT NULL,
	created_at INTEGER,
	updated_at INTEGER,
	UNIQUE (identity_id, type)
);

CREATE TABLE IF NOT EXISTS addresses (
	id TEXT NOT NULL PRIMARY KEY,
	identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	purpose TEXT NOT NULL,
	position INTEGER NOT NULL,
	via TEXT NOT NULL,
	value TEXT NOT NULL,
	canonical TEXT NOT NULL,
	verified BOOLEAN NOT NULL,
	status TEXT NOT NULL,
	verified_at INTEGER,
	created_at INTEGER,
	updated_at INTEGER,
	UNIQUE (purpose, via, canonical)
);

CREATE INDEX IF NOT EXISTS addresses_identity ON addresses (identity_id);

CREATE TABLE IF NOT EXISTS sessions (
	id TEXT NOT NULL PRIMARY KEY,
	identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
	active BOOLEAN NOT NULL,
	aal TEXT NOT NULL,
	methods TEXT,
	device_id TEXT,
	ip TEXT NOT NULL,
	user_agent TEXT NOT NULL,
	issued_at INTEGER,
	authenticated_at INTEGER,
	expires_at INTEGER
);

CREATE INDEX IF NOT EXISTS sessions_identity ON sessions (identity_id);

CREATE INDEX IF NOT EXISTS sessions_expiry ON sessions (expires_at);

CREATE TABLE IF NOT EXISTS session_tokens (
	hash BLOB NOT NULL PRIMARY KEY,
	session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS session_tokens_session ON session_tokens (session_id);
