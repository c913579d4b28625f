-- Where a tenant has its events sent.
CREATE TABLE webhooks (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- JSON: the types of events, and which of them.
    events TEXT NOT NULL,
    filters TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('certmill', 'cloudevents', 'slack')),
    -- JSON with the secret and the one before it, sealed for the row as it is at this time.
    sealed_secrets BLOB NOT NULL,
    sealed_at BIGINT NOT NULL,
    previous_secret_until BIGINT,
    is_active BOOLEAN NOT NULL,
    -- The place in the tenant's audit log up to which events have become deliveries.
    place BIGINT NOT NULL,
    -- How often in a row the receiver could not be spoken to, and until when it is left alone.
    failures BIGINT NOT NULL,
    paused_until BIGINT,
    last_error TEXT,
    delivered_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- Events on their way to a webhook, and what became of them. The event itself is read by its place.
CREATE TABLE webhook_deliveries (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    -- The id of what the event is about; empty when it is about nothing.
    object TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    last_status BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX webhook_deliveries_sequence ON webhook_deliveries (tenant_id, webhook_id, sequence);
-- What waits, by object for the order, and by time for who is due.
CREATE INDEX webhook_deliveries_object ON webhook_deliveries (tenant_id, webhook_id, object, sequence) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;
