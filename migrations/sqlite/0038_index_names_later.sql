-- A row of an FTS5 table costs several times as much when a trigger writes it as among a thousand others, so what is issued
-- waits here until a worker takes it over. Searches look at both.
CREATE TABLE certificate_text_waiting (
    sequence INTEGER PRIMARY KEY,
    common_name TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    certificate_id TEXT NOT NULL
);
DROP TRIGGER certificates_named;
CREATE TRIGGER certificates_named AFTER INSERT ON certificates WHEN new.common_name IS NOT NULL
BEGIN
    INSERT INTO certificate_text_waiting (common_name, tenant_id, certificate_id)
        VALUES (new.common_name, new.tenant_id, new.id);
END;
