-- The index of names is always complete here. This is for the queries, which are the same on SQLite.
CREATE VIEW certificate_text_waiting AS
    SELECT common_name, tenant_id, id AS certificate_id FROM certificates WHERE FALSE;
