-- Public keys that nothing is issued for, because their private keys are in wrong hands.
CREATE TABLE blocked_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    spki_sha256 TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX blocked_keys_spki ON blocked_keys (tenant_id, spki_sha256);
