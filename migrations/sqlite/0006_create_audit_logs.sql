-- Where each tenant's chain ends: the last row's place and the hash that the next row will carry.
CREATE TABLE audit_heads (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    sequence BIGINT NOT NULL,
    hash BLOB NOT NULL
);

CREATE TABLE audit_logs (
    tenant_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    identity TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT,
    -- The error code with which the call was refused; null when it was done.
    refusal TEXT,
    source_address TEXT,
    request_id TEXT,
    before_sha256 BLOB,
    after_sha256 BLOB,
    previous_hash BLOB NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);

-- Ids sort by time, so new rows go to the end of what they are next to.
CREATE INDEX audit_logs_object ON audit_logs (tenant_id, object, sequence);
