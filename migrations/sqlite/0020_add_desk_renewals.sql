-- Who may renew, with another key, what a person approved at the CSR desk.
ALTER TABLE certificate_authorities ADD COLUMN renewal_of_desk_certificates TEXT NOT NULL DEFAULT 'admin'
    CHECK (renewal_of_desk_certificates IN ('admin', 'desk'));
-- The certificate whose renewal a CSR asks for. No foreign key: a CSR and a certificate are kept independently.
ALTER TABLE csrs ADD COLUMN renewal_of TEXT;

CREATE INDEX csrs_renewal_of ON csrs (tenant_id, renewal_of) WHERE renewal_of IS NOT NULL;
