CREATE TABLE secrets (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    path TEXT NOT NULL,
    -- json, text or certificate.
    secret_type TEXT NOT NULL,
    -- The newest one; counted from 1.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, path)
);

CREATE TABLE secret_versions (
    tenant_id TEXT NOT NULL,
    path TEXT NOT NULL,
    version BIGINT NOT NULL,
    id TEXT NOT NULL,
    -- A JSON object.
    sealed_data BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, path, version),
    FOREIGN KEY (tenant_id, path) REFERENCES secrets (tenant_id, path)
);

-- Where the credentials are, when the row does not hold them.
ALTER TABLE dns_providers ADD COLUMN credentials_path TEXT;

-- Held while a record set is read and written at a provider that cannot do both in one step.
CREATE TABLE dns_locks (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    -- Then whoever held it is taken for dead.
    until BIGINT NOT NULL
);
