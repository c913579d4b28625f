-- Certificates of roles that do not store them: what is needed to revoke one, until its end.
CREATE TABLE unstored_certificates (
    tenant_id TEXT COLLATE "C" NOT NULL,
    serial_number BYTEA NOT NULL,
    ca_id TEXT COLLATE "C" NOT NULL,
    -- What the audit log calls it.
    certificate_id TEXT COLLATE "C" NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason BIGINT,
    invalidity_at BIGINT,
    released_at BIGINT,
    PRIMARY KEY (tenant_id, serial_number, ca_id),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE INDEX unstored_certificates_end ON unstored_certificates (tenant_id, not_after);
-- What a CRL build reads, in the order in which it reads it.
CREATE INDEX unstored_certificates_revoked ON unstored_certificates
    (tenant_id, ca_id, serial_number, revoked_at, revocation_reason, invalidity_at, not_after) WHERE revoked_at IS NOT NULL;
