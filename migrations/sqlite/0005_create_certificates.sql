CREATE TABLE certificates (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    ca_id TEXT,
    serial_number BLOB NOT NULL,
    common_name TEXT,
    subject TEXT NOT NULL,
    sans TEXT NOT NULL,
    role TEXT,
    source TEXT NOT NULL CHECK (source IN ('issued', 'signed', 'csr', 'acme', 'imported', 'renewed')),
    key_type TEXT NOT NULL,
    key_size BIGINT NOT NULL,
    fingerprint_sha256 TEXT NOT NULL,
    spki_sha256 TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'expired', 'revoked')),
    revoked_at BIGINT,
    revocation_reason BIGINT,
    sealed_key BLOB,
    renewed_from TEXT,
    renewed_by TEXT,
    tags TEXT NOT NULL DEFAULT '{}',
    description TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    der BLOB NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE UNIQUE INDEX certificates_serial_number ON certificates (tenant_id, serial_number, ca_id);
CREATE INDEX certificates_ca ON certificates (tenant_id, ca_id, id);
CREATE INDEX certificates_not_after ON certificates (tenant_id, not_after, id);
CREATE INDEX certificates_fingerprint ON certificates (tenant_id, fingerprint_sha256);
-- What a CRL build reads, in the order in which it reads it.
CREATE INDEX certificates_revoked ON certificates (tenant_id, ca_id, serial_number, revoked_at, revocation_reason, not_after)
    WHERE revoked_at IS NOT NULL;

-- Every subject alternative name with its characters reversed, so that `*.example.com` is a prefix search.
-- No foreign key: names are written with their certificate in one transaction, and Postgres plans the check of a key
-- while the table is still empty, which then reads the tenant's whole index for every name.
CREATE TABLE certificate_names (
    tenant_id TEXT NOT NULL,
    reversed_name TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, reversed_name, certificate_id)
) WITHOUT ROWID;
