-- What speaks against a CA (by its directory URL), or for a limit of an account there (by its id), until a good answer ends it.
-- A row per witness: an account whose requests fail, a set of names that is refused, or nobody in particular.
CREATE TABLE acme_evidence (
    subject TEXT NOT NULL,
    witness TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (subject, witness)
);
-- How often the CA was asked to make the order anew, because it did not know it any more.
ALTER TABLE acme_orders ADD COLUMN placements BIGINT NOT NULL DEFAULT 0;
-- How often the TXT value was added, and how often in a row the CA did not answer as it should.
ALTER TABLE acme_challenges ADD COLUMN additions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acme_challenges ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
-- How many certificates in a row were renewed before their time because the CA said so, and whether it may still be told
-- which certificate an order replaces.
ALTER TABLE acme_renewals ADD COLUMN early_renewals BIGINT NOT NULL DEFAULT 0;
ALTER TABLE acme_renewals ADD COLUMN may_replace BOOLEAN NOT NULL DEFAULT TRUE;
