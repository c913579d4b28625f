CREATE TABLE certificate_authorities (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    common_name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('root', 'intermediate')),
    parent_id TEXT COLLATE "C",
    key_type TEXT NOT NULL,
    key_size BIGINT NOT NULL,
    serial_number BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    path_length BIGINT,
    certificate_der BYTEA NOT NULL,
    sealed_key BYTEA NOT NULL,
    certificates_issued BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT,
    revocation_reason BIGINT,
    -- The CA whose revocation took this one along; its own id when it was revoked itself.
    revoked_with TEXT COLLATE "C",
    certificates_revoked BIGINT NOT NULL DEFAULT 0,
    certificates_total BIGINT NOT NULL DEFAULT 0,
    revocation_completed_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES certificate_authorities (tenant_id, id),
    CHECK ((kind = 'intermediate') = (parent_id IS NOT NULL))
);

CREATE UNIQUE INDEX certificate_authorities_id ON certificate_authorities (id);
CREATE INDEX certificate_authorities_parent ON certificate_authorities (tenant_id, parent_id);

CREATE TABLE crls (
    tenant_id TEXT COLLATE "C" NOT NULL,
    ca_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    der BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, ca_id),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE INDEX crls_next_update ON crls (next_update);
