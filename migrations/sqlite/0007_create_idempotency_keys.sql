-- Calls that carry an Idempotency-Key, and their answers for as long as they are repeated.
CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    -- Of the caller's identity and the key.
    key_sha256 BLOB NOT NULL,
    -- Of method, path and body.
    request_sha256 BLOB NOT NULL,
    -- The one call that may write the answer.
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    -- The object that the call changed, written with the change itself.
    effect TEXT,
    -- Null until the answer is known.
    status BIGINT,
    location TEXT,
    sealed_answer BLOB,
    -- The answer with its secrets, for a shorter time.
    sealed_secret_answer BLOB,
    secret_until BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key_sha256)
);

CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
CREATE INDEX idempotency_keys_secret_until ON idempotency_keys (secret_until) WHERE secret_until IS NOT NULL;
