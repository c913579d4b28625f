-- Whether an account is asked in place of those of the tenant that name none for themselves.
ALTER TABLE acme_accounts ADD COLUMN default_fallback BOOLEAN NOT NULL DEFAULT FALSE;
