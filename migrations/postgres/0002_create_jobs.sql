CREATE TABLE jobs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" REFERENCES tenants (id),
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'queued', 'running', 'done', 'dead')),
    priority BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    lease_until BIGINT,
    -- Only grows: with the id it names one attempt for ever, which is what a lease is worth.
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Attempts that do not count towards the limit: those before a rerun, and those given back.
    forgiven BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    rerun BOOLEAN NOT NULL DEFAULT FALSE,
    last_error TEXT,
    request_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);

-- A job is unique per kind and subject while it is open: this is what coalesces wake-ups.
CREATE UNIQUE INDEX jobs_open ON jobs (kind, subject) WHERE state IN ('pending', 'queued', 'running');
CREATE INDEX jobs_due ON jobs (state, run_at);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE schedules (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_run_at BIGINT NOT NULL
);
