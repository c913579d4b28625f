-- Who signs the OCSP answers about what a CA has issued: the CA itself, or a responder with a certificate of its own.
ALTER TABLE certificate_authorities ADD COLUMN ocsp_signer TEXT NOT NULL DEFAULT 'ca'
    CHECK (ocsp_signer IN ('ca', 'delegated'));
-- The CAs whose responders are looked after.
CREATE INDEX certificate_authorities_with_ocsp_signers ON certificate_authorities (tenant_id, id)
    WHERE ocsp_signer = 'delegated';

-- The certificates of delegated responders (RFC 6960 section 4.2.2.2). The present one of a CA has its key; those before it are
-- kept to their end, since the CA has issued them.
CREATE TABLE ocsp_signers (
    tenant_id TEXT NOT NULL,
    ca_id TEXT NOT NULL,
    serial_number BLOB NOT NULL,
    certificate_der BLOB NOT NULL,
    sealed_key BLOB,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    renew_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, ca_id, serial_number),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);
CREATE UNIQUE INDEX ocsp_signers_present ON ocsp_signers (tenant_id, ca_id) WHERE sealed_key IS NOT NULL;
CREATE INDEX ocsp_signers_ended ON ocsp_signers (not_after);
