CREATE TABLE csrs (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'signed')),
    source TEXT NOT NULL CHECK (source IN ('generated', 'imported')),
    -- The DER of the name.
    subject BYTEA NOT NULL,
    sans TEXT NOT NULL,
    key_type TEXT NOT NULL,
    key_size BIGINT NOT NULL,
    der BYTEA NOT NULL,
    sealed_key BYTEA,
    rejection_reason TEXT,
    -- No foreign key: a CSR and its certificate are deleted or kept independently of each other.
    certificate_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    decided_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX csrs_status ON csrs (tenant_id, status, id);
