-- Public keys that nothing is issued for, because their private keys are in wrong hands.
CREATE TABLE blocked_keys (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    spki_sha256 TEXT COLLATE "C" NOT NULL,
    comment TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX blocked_keys_spki ON blocked_keys (tenant_id, spki_sha256);
