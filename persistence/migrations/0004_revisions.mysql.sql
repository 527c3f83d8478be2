-- What a person is may be saved again.

ALTER TABLE identities ADD COLUMN rev INT NOT NULL DEFAULT 0;
