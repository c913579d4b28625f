-- What each name server answered in the last look for a TXT value, and what was found wrong before an order was sent to its CA:
-- JSON, for people.
ALTER TABLE acme_challenges ADD COLUMN dns_servers TEXT;
ALTER TABLE acme_orders ADD COLUMN warnings TEXT;
