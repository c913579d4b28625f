-- Names and profile, which a CA goes by when it answers two orders with the same one; `identifiers_key` stands for the whole
-- wish. NULL in rows of versions before.
ALTER TABLE acme_orders ADD COLUMN names_key TEXT COLLATE "C";
-- The common name of the CSR, where one is wanted.
ALTER TABLE acme_orders ADD COLUMN common_name TEXT;
-- Whether renewals of the certificate keep its key.
ALTER TABLE acme_orders ADD COLUMN reuse_key BOOLEAN NOT NULL DEFAULT FALSE;
-- The CSR is the caller's, and the key nobody's here: `sealed_key` is empty then.
ALTER TABLE acme_orders ADD COLUMN own_key BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX acme_orders_names ON acme_orders (tenant_id, account_id, names_key);

-- The name of a deactivated account that another one has got since; `name` is a placeholder then.
ALTER TABLE acme_accounts ADD COLUMN former_name TEXT;

-- Keys that an account got after it was registered (RFC 8555 section 7.3.5), each written before the CA hears of it. The last
-- confirmed one is in use; that of the registration is overwritten then.
CREATE TABLE acme_account_keys (
    tenant_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    sealed_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    PRIMARY KEY (tenant_id, account_id, generation),
    FOREIGN KEY (tenant_id, account_id) REFERENCES acme_accounts (tenant_id, id)
);
CREATE UNIQUE INDEX acme_account_keys_pending ON acme_account_keys (tenant_id, account_id) WHERE confirmed_at IS NULL;

-- How the next certificate is ordered, as JSON, where that is not as in the order that this one came from.
ALTER TABLE acme_renewals ADD COLUMN wish TEXT;
