-- The place of the event's row in the tenant's audit log, which is in the order of the commits: whoever has read up to a
-- place misses nothing that is committed later. NULL for events from before.
ALTER TABLE events ADD COLUMN sequence BIGINT;

CREATE UNIQUE INDEX events_sequence ON events (tenant_id, sequence);
