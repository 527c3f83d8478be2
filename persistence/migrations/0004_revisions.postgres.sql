-- What a person is may be saved again.

ALTER TABLE identities ADD COLUMN IF NOT EXISTS rev INTEGER NOT NULL DEFAULT 0;
