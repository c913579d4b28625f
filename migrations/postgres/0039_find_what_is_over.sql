-- When the list before the present one was made. What had ended by then is not on the present one any more.
ALTER TABLE crls ADD COLUMN previous_update BIGINT;
-- Private keys that are kept, in the order in which they can be forgotten.
CREATE INDEX certificates_keys ON certificates (tenant_id, not_after, id) WHERE sealed_key IS NOT NULL;
-- An order that is deleted is looked for among these.
CREATE INDEX acme_renewals_order ON acme_renewals (tenant_id, order_id);

-- Up to where somebody who walks through a table has come, and when the walk began.
CREATE TABLE walks (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL,
    began_at BIGINT NOT NULL
);
