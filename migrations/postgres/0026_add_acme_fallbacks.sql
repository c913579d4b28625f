-- Accounts that are asked when this one's CA cannot issue in time: a JSON list of ids.
ALTER TABLE acme_accounts ADD COLUMN fallback_account_ids TEXT;
-- The order that failed at another CA before this one was made; the one that was made when this one failed; and the account
-- that was asked first, which renewals come back to.
ALTER TABLE acme_orders ADD COLUMN fallback_of TEXT COLLATE "C";
ALTER TABLE acme_orders ADD COLUMN fallback_order_id TEXT COLLATE "C";
ALTER TABLE acme_orders ADD COLUMN first_account_id TEXT COLLATE "C";

-- What was asked of CAs whose limits are known, by what they count: orders of an account, certificates of a registered domain and
-- of a set of names, failed validations of a name in an account.
CREATE TABLE acme_ledger (
    directory_url TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    -- What is counted: an order, or a challenge.
    entry_id TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    account_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (directory_url, kind, subject, entry_id)
);
CREATE INDEX acme_ledger_at ON acme_ledger (at);
CREATE INDEX acme_ledger_account ON acme_ledger (tenant_id, account_id, at);
CREATE INDEX acme_ledger_entry ON acme_ledger (entry_id);
