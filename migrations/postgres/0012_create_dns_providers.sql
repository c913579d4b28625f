CREATE TABLE dns_providers (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON without credentials; those are sealed, or lie in the secret store at the path that the configuration names.
    config TEXT NOT NULL,
    sealed_credentials BYTEA,
    -- JSON: the zones that the owner named, and those that the provider told us of.
    zones TEXT NOT NULL,
    discovered_zones TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    verified_at BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
