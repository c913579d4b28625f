-- How long the delta CRLs of a CA are good, in seconds; none when it has no delta CRLs.
ALTER TABLE certificate_authorities ADD COLUMN delta_crl_validity BIGINT;
-- When a certificate was revoked, released, or got another reason, last.
ALTER TABLE certificates ADD COLUMN crl_changed_at BIGINT;
ALTER TABLE unstored_certificates ADD COLUMN crl_changed_at BIGINT;
-- What the build of a delta CRL reads.
CREATE INDEX certificates_crl_changed ON certificates (tenant_id, ca_id, crl_changed_at) WHERE crl_changed_at IS NOT NULL;
CREATE INDEX unstored_certificates_crl_changed ON unstored_certificates (tenant_id, ca_id, crl_changed_at)
    WHERE crl_changed_at IS NOT NULL;

-- The present delta CRL of each list; shard 0 is the full one.
CREATE TABLE delta_crls (
    tenant_id TEXT NOT NULL,
    ca_id TEXT NOT NULL,
    shard BIGINT NOT NULL,
    -- The list that it goes on from: its number, and when it was made.
    base_number BIGINT NOT NULL,
    base_update BIGINT NOT NULL,
    -- The list that the next ones will go on from, once all before it have ended.
    next_base_number BIGINT NOT NULL,
    next_base_update BIGINT NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    der BYTEA NOT NULL,
    PRIMARY KEY (ca_id, shard),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE INDEX delta_crls_due ON delta_crls (due_at);
