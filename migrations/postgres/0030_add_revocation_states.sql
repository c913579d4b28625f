-- When a certificate's key may have been in wrong hands (RFC 5280 section 5.3.2), and when its suspension was lifted.
ALTER TABLE certificates ADD COLUMN invalidity_at BIGINT;
ALTER TABLE certificates ADD COLUMN released_at BIGINT;
CREATE INDEX certificates_invalidity ON certificates (tenant_id, ca_id) WHERE invalidity_at IS NOT NULL;
-- How often a CA's list was built: its number goes on with the clock.
ALTER TABLE crls ADD COLUMN builds BIGINT NOT NULL DEFAULT 1;
-- Seconds for which a CA's list promises the next one, and by how many it comes before; none as configured.
ALTER TABLE certificate_authorities ADD COLUMN crl_validity BIGINT;
ALTER TABLE certificate_authorities ADD COLUMN crl_overlap BIGINT;
