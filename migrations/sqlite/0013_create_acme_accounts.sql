CREATE TABLE acme_accounts (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    environment TEXT NOT NULL,
    directory_url TEXT NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'valid', 'deactivated', 'invalid')),
    -- What the CA knows the account by; absent until it has confirmed the registration.
    account_url TEXT,
    -- Written before the key is used for the first time.
    sealed_key BLOB NOT NULL,
    -- Kept until the registration is confirmed.
    eab_kid TEXT,
    sealed_eab_key BLOB,
    terms_of_service TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- Until when nothing is to be asked of a CA (its directory URL), or of an account there (its id).
CREATE TABLE acme_pauses (
    scope TEXT NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    reason TEXT NOT NULL
);

-- Names that a tenant may have validated through responders that it shares with others.
CREATE TABLE domain_grants (
    domain TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    created_at BIGINT NOT NULL
);
