-- Up to where each tenant's audit log is in files: the place of the last row there, and its hash, which the next row carries.
CREATE TABLE audit_archives (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    sequence BIGINT NOT NULL,
    hash BLOB NOT NULL,
    archived_at BIGINT NOT NULL
);
