-- The `updated_at` with which the credentials were sealed, which is part of what the seal covers: older ones that are put back
-- do not open. Null, or another time, where a version that does not know this column has written them.
ALTER TABLE dns_providers ADD COLUMN credentials_sealed_at BIGINT;
