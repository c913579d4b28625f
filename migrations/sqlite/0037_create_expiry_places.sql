-- Up to where in the order of the ends it was told that things of a kind come within a threshold (in seconds).
CREATE TABLE expiry_places (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    subject TEXT NOT NULL,
    threshold BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, subject, threshold)
);

CREATE INDEX certificate_authorities_not_after ON certificate_authorities (tenant_id, not_after, id);
CREATE INDEX trust_anchors_not_after ON trust_anchors (tenant_id, not_after, id);
CREATE INDEX tokens_expires_at ON tokens (tenant_id, expires_at, id) WHERE expires_at IS NOT NULL;
-- The number of the list of which it was told that no newer one came in time.
ALTER TABLE crls ADD COLUMN late_number BIGINT;
