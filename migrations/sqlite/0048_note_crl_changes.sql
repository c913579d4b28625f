-- Processes of a version before know nothing of `crl_changed_at`, by which deltas and the lists of shards learn of a change, so a
-- trigger writes it where the statement has not. It says a time in the next seconds: a list that is made before the end of the
-- statement's transaction is found to be behind then.
CREATE TRIGGER certificates_crl_changed AFTER UPDATE OF revoked_at, revocation_reason ON certificates
WHEN (new.revoked_at IS NOT old.revoked_at OR new.revocation_reason IS NOT old.revocation_reason)
    AND new.crl_changed_at IS old.crl_changed_at
BEGIN
    UPDATE certificates SET crl_changed_at = (COALESCE(
        CASE WHEN old.revoked_at IS NULL THEN new.revoked_at WHEN new.revoked_at IS NULL THEN new.released_at END,
        CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
    ) / 1000000 + 10) * 1000000 WHERE rowid = new.rowid;
END;
CREATE TRIGGER unstored_certificates_crl_changed AFTER UPDATE OF revoked_at, revocation_reason ON unstored_certificates
WHEN (new.revoked_at IS NOT old.revoked_at OR new.revocation_reason IS NOT old.revocation_reason)
    AND new.crl_changed_at IS old.crl_changed_at
BEGIN
    UPDATE unstored_certificates SET crl_changed_at = (COALESCE(
        CASE WHEN old.revoked_at IS NULL THEN new.revoked_at WHEN new.revoked_at IS NULL THEN new.released_at END,
        CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)
    ) / 1000000 + 10) * 1000000 WHERE tenant_id = new.tenant_id AND serial_number = new.serial_number
        AND ca_id = new.ca_id;
END;

-- The number of the delta of which it was told that it is late.
ALTER TABLE delta_crls ADD COLUMN late_number BIGINT;
-- Until when deltas are made of a CA that has none any more: so long lists are good that name them.
ALTER TABLE delta_crls ADD COLUMN kept_until BIGINT;
-- The CAs whose deltas are looked for.
CREATE INDEX certificate_authorities_with_deltas ON certificate_authorities (tenant_id, id)
    WHERE delta_crl_validity IS NOT NULL;
