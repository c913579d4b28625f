-- What searches begin at, in the order in which their pages are read.
CREATE INDEX certificates_role ON certificates (tenant_id, role, id) WHERE role IS NOT NULL;
CREATE INDEX certificates_role_end ON certificates (tenant_id, role, not_after, id) WHERE role IS NOT NULL;
-- Most certificates are issued, signed or renewed here, so only the other origins are rare enough for an index.
CREATE INDEX certificates_source ON certificates (tenant_id, source, id) WHERE source IN ('csr', 'acme', 'imported');
CREATE INDEX certificates_revoked_id ON certificates (tenant_id, id, revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_expired ON certificates (tenant_id, id, status) WHERE status = 'expired';
-- What is to be marked as expired; without it, every certificate that ever ended would be looked at each time.
CREATE INDEX certificates_unmarked ON certificates (tenant_id, not_after) WHERE status = 'active';

-- The tags of certificates as rows. Triggers write them, so that a process of an older version does so too.
CREATE TABLE certificate_tags (
    tenant_id TEXT COLLATE "C" NOT NULL,
    tag_key TEXT COLLATE "C" NOT NULL,
    tag_value TEXT COLLATE "C" NOT NULL,
    certificate_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, tag_key, tag_value, certificate_id)
);
CREATE INDEX certificate_tags_certificate ON certificate_tags (tenant_id, certificate_id);
INSERT INTO certificate_tags
    SELECT c.tenant_id, t.key, t.value, c.id FROM certificates c, json_each_text(c.tags::json) t WHERE c.tags <> '{}';
CREATE FUNCTION write_certificate_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM certificate_tags WHERE tenant_id = new.tenant_id AND certificate_id = new.id;
    INSERT INTO certificate_tags SELECT new.tenant_id, t.key, t.value, new.id FROM json_each_text(new.tags::json) t;
    RETURN NULL;
END $$;
CREATE TRIGGER certificates_tagged AFTER UPDATE OF tags ON certificates
    FOR EACH ROW WHEN (new.tags <> old.tags) EXECUTE FUNCTION write_certificate_tags();

-- Finds parts of common names by their trigrams. The extension comes with Postgres, and the owner of a database may create
-- it; where that fails all the same, such searches work, but read every certificate.
CREATE VIEW certificate_text AS
    SELECT lower(common_name) AS common_name, tenant_id, id AS certificate_id FROM certificates;
DO $$
DECLARE place text;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'searches for parts of common names are slow without the extension pg_trgm: %', SQLERRM;
    END;
    SELECT quote_ident(n.nspname) INTO place
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF place IS NOT NULL THEN
        EXECUTE 'CREATE INDEX certificates_text ON certificates USING gin (lower(common_name) ' || place || '.gin_trgm_ops)';
    END IF;
END $$;
