CREATE TABLE acme_orders (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('new', 'authorizing', 'challenging', 'finalizing', 'issuing', 'issued', 'failed')),
    cause TEXT NOT NULL CHECK (cause IN ('api', 'renewal', 'manual')),
    -- JSON, and SHA-256 over names and profile: what makes two orders the same.
    identifiers TEXT NOT NULL,
    identifiers_key TEXT NOT NULL,
    challenge_type TEXT NOT NULL,
    dns_provider_id TEXT COLLATE "C",
    auto_renew BOOLEAN NOT NULL,
    key_type TEXT NOT NULL,
    key_size BIGINT NOT NULL,
    profile TEXT,
    preferred_chain TEXT,
    renewal_of TEXT COLLATE "C",
    -- The CA's own id of the certificate that is replaced (RFC 9773 section 4.1).
    replaces TEXT,
    order_url TEXT,
    finalize_url TEXT,
    certificate_url TEXT,
    expires_at BIGINT,
    deadline_at BIGINT NOT NULL,
    -- Key and CSR are written before the order is finalized.
    sealed_key BYTEA,
    csr_der BYTEA,
    certificate_id TEXT COLLATE "C",
    error TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT,
    refreshed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES acme_accounts (tenant_id, id),
    CHECK (state NOT IN ('finalizing', 'issuing') OR (sealed_key IS NOT NULL AND csr_der IS NOT NULL))
);

CREATE UNIQUE INDEX acme_orders_open ON acme_orders (tenant_id, account_id, identifiers_key)
    WHERE state NOT IN ('issued', 'failed');
CREATE INDEX acme_orders_account ON acme_orders (tenant_id, account_id, id);
CREATE INDEX acme_orders_provider ON acme_orders (tenant_id, dns_provider_id) WHERE dns_provider_id IS NOT NULL;
-- What the sweep looks for: open orders whose next attempt is due.
CREATE INDEX acme_orders_due ON acme_orders (next_attempt_at) WHERE state NOT IN ('issued', 'failed');

CREATE TABLE acme_challenges (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    authorization_url TEXT NOT NULL,
    url TEXT NOT NULL,
    identifier TEXT NOT NULL,
    wildcard BOOLEAN NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('http-01', 'dns-01', 'tls-alpn-01')),
    token TEXT NOT NULL,
    key_authorization TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'publishing', 'published', 'propagating', 'submitted', 'valid', 'invalid')),
    -- For dns-01: where the TXT value goes after aliases were followed, the value, the zone as JSON, the provider, and
    -- what it calls a change that it has not applied everywhere.
    record_name TEXT,
    record_value TEXT,
    zone TEXT,
    dns_provider_id TEXT COLLATE "C",
    pending_change TEXT,
    -- Whether the value, or the answer of a responder, may be out there.
    exposure TEXT NOT NULL CHECK (exposure IN ('none', 'wanted', 'present', 'removing', 'removed')),
    confirmations BIGINT NOT NULL DEFAULT 0,
    submissions BIGINT NOT NULL DEFAULT 0,
    forced BOOLEAN NOT NULL DEFAULT FALSE,
    error TEXT,
    note TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT,
    deadline_at BIGINT NOT NULL,
    published_at BIGINT,
    submitted_at BIGINT,
    validated_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, order_id, authorization_url),
    FOREIGN KEY (tenant_id, order_id) REFERENCES acme_orders (tenant_id, id)
);

CREATE INDEX acme_challenges_record ON acme_challenges (tenant_id, dns_provider_id, record_name)
    WHERE record_name IS NOT NULL;
CREATE INDEX acme_challenges_exposed ON acme_challenges (next_attempt_at) WHERE exposure IN ('wanted', 'present', 'removing');

-- What the http-01 and tls-alpn-01 responders answer. The token of a tls-alpn-01 answer is empty: the handshake does not
-- name one, so there is one answer per name at a time.
CREATE TABLE acme_responses (
    kind TEXT NOT NULL CHECK (kind IN ('http-01', 'tls-alpn-01')),
    host TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    challenge_id TEXT COLLATE "C" NOT NULL,
    key_authorization TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (kind, host, token),
    FOREIGN KEY (tenant_id, challenge_id) REFERENCES acme_challenges (tenant_id, id)
);

CREATE INDEX acme_responses_challenge ON acme_responses (tenant_id, challenge_id);
CREATE INDEX acme_responses_expires ON acme_responses (expires_at);
