-- Where certificates are meant to be served, and what was found there. A row goes on to the renewal of its certificate.
CREATE TABLE certificate_endpoints (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    certificate_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('unchecked', 'deployed', 'serving_old', 'other_certificate', 'unreachable')),
    reason TEXT,
    -- JSON: what is wrong with the served certificate.
    findings TEXT NOT NULL,
    deployed_since BIGINT,
    served_serial_number TEXT,
    served_fingerprint TEXT,
    served_not_after BIGINT,
    served_certificate_id TEXT,
    -- When the certificate took the place of the one before it, and when it was told that it is not served.
    renewed_at BIGINT,
    told_at BIGINT,
    asked_at BIGINT,
    failures BIGINT NOT NULL,
    checked_at BIGINT,
    next_check_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, certificate_id, endpoint),
    FOREIGN KEY (tenant_id, certificate_id) REFERENCES certificates (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX certificate_endpoints_due ON certificate_endpoints (tenant_id, next_check_at);
CREATE INDEX certificate_endpoints_asked ON certificate_endpoints (tenant_id, asked_at) WHERE asked_at IS NOT NULL;
CREATE INDEX certificate_endpoints_state ON certificate_endpoints (state);
-- Renewals that are not served.
CREATE INDEX certificate_endpoints_waiting ON certificate_endpoints (tenant_id, renewed_at)
    WHERE renewed_at IS NOT NULL AND deployed_since IS NULL;
