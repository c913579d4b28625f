-- Up to which place in a tenant's audit log its owners are told by mail, and how the mail server answered last.
CREATE TABLE notice_places (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    place BIGINT NOT NULL,
    looked_at BIGINT NOT NULL,
    -- How often in a row the mail server could not be spoken to, and until when it is left alone.
    failures BIGINT NOT NULL,
    paused_until BIGINT,
    PRIMARY KEY (tenant_id)
);

-- Mails to owners. One gathers lines until it is due, and is not changed any more from then on.
CREATE TABLE notices (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    id TEXT NOT NULL,
    address TEXT NOT NULL,
    is_urgent BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('gathering', 'waiting', 'sent', 'failed')),
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- How many lines there would be beyond those that are kept.
    more BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX notices_gathering ON notices (tenant_id, address, is_urgent) WHERE state = 'gathering';
CREATE INDEX notices_open ON notices (tenant_id, next_at) WHERE state IN ('gathering', 'waiting');
-- When somebody was last written to out of turn, and how many mails a tenant causes.
CREATE INDEX notices_address ON notices (tenant_id, address, due_at);
CREATE INDEX notices_created ON notices (tenant_id, created_at);
CREATE INDEX notices_finished ON notices (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE notice_lines (
    tenant_id TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (tenant_id, notice_id, kind, object),
    FOREIGN KEY (tenant_id, notice_id) REFERENCES notices (tenant_id, id) ON DELETE CASCADE
);
