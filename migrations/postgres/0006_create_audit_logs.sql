-- Where each tenant's chain ends: the last row's place and the hash that the next row will carry.
CREATE TABLE audit_heads (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (id),
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE audit_logs (
    tenant_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C",
    -- The error code with which the call was refused; null when it was done.
    refusal TEXT COLLATE "C",
    source_address TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    before_sha256 BYTEA,
    after_sha256 BYTEA,
    previous_hash BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, sequence)
);

-- Ids sort by time, so new rows go to the end of what they are next to.
CREATE INDEX audit_logs_object ON audit_logs (tenant_id, object, sequence);
