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
    tenant_id TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    certificate_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, tag_key, tag_value, certificate_id)
) WITHOUT ROWID;
CREATE INDEX certificate_tags_certificate ON certificate_tags (tenant_id, certificate_id);
INSERT INTO certificate_tags
    SELECT c.tenant_id, t.key, t.value, c.id FROM certificates c, json_each(c.tags) t WHERE c.tags <> '{}';
CREATE TRIGGER certificates_tagged AFTER UPDATE OF tags ON certificates WHEN new.tags <> old.tags
BEGIN
    DELETE FROM certificate_tags WHERE tenant_id = new.tenant_id AND certificate_id = new.id;
    INSERT INTO certificate_tags SELECT new.tenant_id, t.key, t.value, new.id FROM json_each(new.tags) t;
END;

-- Finds parts of common names of three characters and more by their trigrams.
CREATE VIRTUAL TABLE certificate_text USING fts5 (
    common_name, tenant_id UNINDEXED, certificate_id UNINDEXED, tokenize = 'trigram', detail = none
);
INSERT INTO certificate_text (common_name, tenant_id, certificate_id)
    SELECT common_name, tenant_id, id FROM certificates WHERE common_name IS NOT NULL;
CREATE TRIGGER certificates_named AFTER INSERT ON certificates WHEN new.common_name IS NOT NULL
BEGIN
    INSERT INTO certificate_text (common_name, tenant_id, certificate_id)
        VALUES (new.common_name, new.tenant_id, new.id);
END;
