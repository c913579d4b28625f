-- Lists of servers that are looked at for certificates that nobody has told of, and what was found.
CREATE TABLE discoveries (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    targets BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX discoveries_finished ON discoveries (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX discoveries_open ON discoveries (tenant_id, id) WHERE finished_at IS NULL;

CREATE TABLE discovery_targets (
    tenant_id TEXT COLLATE "C" NOT NULL,
    discovery_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    endpoint TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'imported', 'known', 'refused', 'unreachable')),
    reason TEXT,
    certificate_id TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, discovery_id, position),
    FOREIGN KEY (tenant_id, discovery_id) REFERENCES discoveries (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX discovery_targets_waiting ON discovery_targets (tenant_id, discovery_id, position) WHERE state = 'waiting';
