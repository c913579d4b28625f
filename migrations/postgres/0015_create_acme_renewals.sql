ALTER TABLE certificates ADD COLUMN acme_order_id TEXT COLLATE "C";
CREATE UNIQUE INDEX certificates_acme_order ON certificates (tenant_id, acme_order_id) WHERE acme_order_id IS NOT NULL;

-- When a certificate from an ACME server is renewed, and how that goes.
CREATE TABLE acme_renewals (
    tenant_id TEXT COLLATE "C" NOT NULL,
    certificate_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    -- The order that it came from: names, challenge type and key of the renewal are those of that order.
    order_id TEXT COLLATE "C" NOT NULL,
    auto_renew BOOLEAN NOT NULL,
    -- Renewed, revoked or given up: nothing happens here any more.
    is_over BOOLEAN NOT NULL DEFAULT FALSE,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    -- By the lifetime alone; with what the CA says; when no reason to wait counts any more.
    base_renew_at BIGINT NOT NULL,
    renew_at BIGINT NOT NULL,
    emergency_at BIGINT NOT NULL,
    window_start BIGINT,
    window_end BIGINT,
    explanation_url TEXT,
    window_checked_at BIGINT,
    next_window_check_at BIGINT,
    open_order_id TEXT COLLATE "C",
    failures BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT,
    alert_level BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, certificate_id),
    FOREIGN KEY (tenant_id, certificate_id) REFERENCES certificates (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES acme_orders (tenant_id, id)
);

CREATE INDEX acme_renewals_due ON acme_renewals (renew_at) WHERE is_over = FALSE;
CREATE INDEX acme_renewals_window ON acme_renewals (next_window_check_at) WHERE is_over = FALSE;
CREATE INDEX acme_renewals_end ON acme_renewals (not_after) WHERE is_over = FALSE;
CREATE INDEX acme_renewals_account ON acme_renewals (tenant_id, account_id) WHERE is_over = FALSE;
