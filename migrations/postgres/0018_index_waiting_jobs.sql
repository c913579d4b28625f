-- A worker asks for the due jobs of one kind and one tenant at a time, so that tenants take turns. Jobs of the system
-- itself have no tenant; the expression lets both be asked for in the same way.
CREATE INDEX jobs_waiting ON jobs (kind, coalesce(tenant_id, ''), run_at, id) WHERE state = 'pending';
CREATE INDEX jobs_waiting_since ON jobs (kind, run_at) WHERE state = 'pending';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, id);
