-- Processes of a version before know nothing of `crl_changed_at`, by which deltas and the lists of shards learn of a change, so a
-- trigger writes it where the statement has not. It says a time in the next seconds: a list that is made before the end of the
-- statement's transaction is found to be behind then.
CREATE FUNCTION note_crl_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.crl_changed_at := (COALESCE(
        CASE WHEN old.revoked_at IS NULL THEN new.revoked_at WHEN new.revoked_at IS NULL THEN new.released_at END,
        (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT
    ) / 1000000 + 10) * 1000000;
    RETURN new;
END $$;
CREATE TRIGGER certificates_crl_changed BEFORE UPDATE OF revoked_at, revocation_reason ON certificates
    FOR EACH ROW WHEN ((new.revoked_at IS DISTINCT FROM old.revoked_at
            OR new.revocation_reason IS DISTINCT FROM old.revocation_reason)
        AND new.crl_changed_at IS NOT DISTINCT FROM old.crl_changed_at)
    EXECUTE FUNCTION note_crl_change();
CREATE TRIGGER unstored_certificates_crl_changed BEFORE UPDATE OF revoked_at, revocation_reason ON unstored_certificates
    FOR EACH ROW WHEN ((new.revoked_at IS DISTINCT FROM old.revoked_at
            OR new.revocation_reason IS DISTINCT FROM old.revocation_reason)
        AND new.crl_changed_at IS NOT DISTINCT FROM old.crl_changed_at)
    EXECUTE FUNCTION note_crl_change();

-- The number of the delta of which it was told that it is late.
ALTER TABLE delta_crls ADD COLUMN late_number BIGINT;
-- Until when deltas are made of a CA that has none any more: so long lists are good that name them.
ALTER TABLE delta_crls ADD COLUMN kept_until BIGINT;
-- The CAs whose deltas are looked for.
CREATE INDEX certificate_authorities_with_deltas ON certificate_authorities (tenant_id, id)
    WHERE delta_crl_validity IS NOT NULL;
