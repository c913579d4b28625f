-- How often something was changed that a tenant's CAs sign or answer with: their certificates, those above them, and their
-- switches. What a process remembers of them holds while the number is the same.
CREATE TABLE issuer_versions (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    version BIGINT NOT NULL
);

-- Until when somebody may hold a list that was made before the present one, as those lists say.
ALTER TABLE crls ADD COLUMN earlier_until BIGINT;
ALTER TABLE crl_shards ADD COLUMN earlier_until BIGINT;
-- Until when somebody may hold a list that was made before the one that deltas go on from next.
ALTER TABLE delta_crls ADD COLUMN next_base_due BIGINT;
