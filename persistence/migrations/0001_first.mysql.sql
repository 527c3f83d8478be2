-- What a first registration needs: flows, identities, sessions.

CREATE TABLE IF NOT EXISTS flows (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	kind VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	is_native BOOLEAN NOT NULL,
	binding LONGBLOB,
	active MEDIUMTEXT NOT NULL,
	schema_id MEDIUMTEXT NOT NULL,
	journey MEDIUMTEXT NOT NULL,
	locale MEDIUMTEXT NOT NULL,
	return_to MEDIUMTEXT NOT NULL,
	request_url MEDIUMTEXT NOT NULL,
	form_values LONGTEXT,
	problems LONGTEXT,
	private_notes LONGBLOB,
	refusals INT NOT NULL,
	rev INT NOT NULL,
	outcome LONGTEXT,
	successor CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
	issued_at BIGINT,
	expires_at BIGINT,
	completed BOOLEAN NOT NULL,
	INDEX flows_expiry (completed, expires_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS flow_errors (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	error LONGTEXT,
	created_at BIGINT,
	expires_at BIGINT,
	INDEX flow_errors_expiry (expires_at)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS identities (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	external_id VARBINARY(2048) UNIQUE,
	schema_id MEDIUMTEXT NOT NULL,
	state VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state_changed_at BIGINT,
	traits LONGTEXT,
	metadata_public LONGTEXT,
	metadata_admin LONGTEXT,
	created_at BIGINT,
	updated_at BIGINT
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS identifiers (
	space VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	value VARBINARY(2048) NOT NULL,
	identity_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	PRIMARY KEY (space, value),
	INDEX identifiers_value (value),
	INDEX identifiers_identity (identity_id),
	FOREIGN KEY (identity_id) REFERENCES identities (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS credentials (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	identity_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	type VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	identifiers LONGTEXT,
	config LONGTEXT,
	version INT NOT NULL,
	created_at BIGINT,
	updated_at BIGINT,
	UNIQUE (identity_id, type),
	FOREIGN KEY (identity_id) REFERENCES identities (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS addresses (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	identity_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	purpose VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	position INT NOT NULL,
	via VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	value MEDIUMTEXT NOT NULL,
	canonical VARBINARY(2048) NOT NULL,
	verified BOOLEAN NOT NULL,
	status VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	verified_at BIGINT,
	created_at BIGINT,
	updated_at BIGINT,
	UNIQUE (purpose, via, canonical),
	INDEX addresses_identity (identity_id),
	FOREIGN KEY (identity_id) REFERENCES identities (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS sessions (
	id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	identity_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	active BOOLEAN NOT NULL,
	aal VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	methods LONGTEXT,
	device_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
	ip MEDIUMTEXT NOT NULL,
	user_agent MEDIUMTEXT NOT NULL,
	issued_at BIGINT,
	authenticated_at BIGINT,
	expires_at BIGINT,
	INDEX sessions_identity (identity_id),
	INDEX sessions_expiry (expires_at),
	FOREIGN KEY (identity_id) REFERENCES identities (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS session_tokens (
	hash BINARY(32) NOT NULL PRIMARY KEY,
	session_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	INDEX session_tokens_session (session_id),
	FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
