-- Sessions are listed from the newest to the oldest.

CREATE INDEX IF NOT EXISTS sessions_age ON sessions (issued_at, id);
