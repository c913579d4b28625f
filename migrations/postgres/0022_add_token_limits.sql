-- Where a token may be used from and under which roles it may issue; NULL is no limit. The scopes of a token with limits are
-- written as `limited:pki:issue`: a version that does not know the limits does not know that word, and permits nothing.
ALTER TABLE tokens ADD COLUMN networks TEXT COLLATE "C";
ALTER TABLE tokens ADD COLUMN roles TEXT COLLATE "C";
ALTER TABLE tokens ADD COLUMN last_used_from TEXT COLLATE "C";
