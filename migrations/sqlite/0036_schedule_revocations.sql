-- Certificates that are to be revoked later, and why.
CREATE TABLE scheduled_revocations (
    tenant_id TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    revoke_at BIGINT NOT NULL,
    revocation_reason BIGINT NOT NULL,
    invalidity_at BIGINT,
    PRIMARY KEY (tenant_id, certificate_id),
    FOREIGN KEY (tenant_id, certificate_id) REFERENCES certificates (tenant_id, id)
);

CREATE INDEX scheduled_revocations_due ON scheduled_revocations (revoke_at);
