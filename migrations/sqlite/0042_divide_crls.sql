-- Into how many shards what a CA issues is divided. A certificate names the list of its shard; those of shard 0 name the full
-- list, which has everything.
ALTER TABLE certificate_authorities ADD COLUMN crl_shards BIGINT NOT NULL DEFAULT 1;
ALTER TABLE certificates ADD COLUMN crl_shard BIGINT NOT NULL DEFAULT 0;
ALTER TABLE unstored_certificates ADD COLUMN crl_shard BIGINT NOT NULL DEFAULT 0;

CREATE TABLE crl_shards (
    tenant_id TEXT NOT NULL,
    ca_id TEXT NOT NULL,
    shard BIGINT NOT NULL,
    -- By which addresses certificates name the list, one a line, the newest first.
    urls TEXT NOT NULL,
    number BIGINT NOT NULL,
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    previous_update BIGINT,
    late_number BIGINT,
    entries BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    der BLOB NOT NULL,
    PRIMARY KEY (ca_id, shard),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE INDEX crl_shards_next_update ON crl_shards (next_update);
-- CAs whose next list comes at a time of their own.
CREATE INDEX certificate_authorities_crl_times ON certificate_authorities (tenant_id, id)
    WHERE crl_overlap IS NOT NULL OR crl_validity IS NOT NULL;
-- What the build of a shard's list reads, in the order in which it reads it.
CREATE INDEX certificates_revoked_in_shard ON certificates
    (tenant_id, ca_id, crl_shard, serial_number, revoked_at, revocation_reason, not_after)
    WHERE revoked_at IS NOT NULL;
CREATE INDEX unstored_certificates_revoked_in_shard ON unstored_certificates
    (tenant_id, ca_id, crl_shard, serial_number, revoked_at, revocation_reason, invalidity_at, not_after)
    WHERE revoked_at IS NOT NULL;
