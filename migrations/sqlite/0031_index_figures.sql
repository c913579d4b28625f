-- Counting what ends reads this index alone, and no certificate. It takes the place of the one that the lists by end had.
CREATE INDEX certificates_ends ON certificates (tenant_id, not_after, id, revoked_at, renewed_by, source, ca_id);
DROP INDEX certificates_not_after;
-- What a person has to look at is rare, and each of these is as long as that.
CREATE INDEX jobs_dead ON jobs (tenant_id) WHERE state = 'dead';
CREATE INDEX acme_orders_failed ON acme_orders (tenant_id, updated_at) WHERE state = 'failed';
CREATE INDEX acme_renewals_failing ON acme_renewals (tenant_id) WHERE is_over = FALSE AND failures > 0;
