-- Sessions are listed from the newest to the oldest.

CREATE INDEX sessions_age ON sessions (issued_at, id);
