-- The former certificates of CAs that have another one for the same name and key: good until their end, or revoked with the CA.
CREATE TABLE ca_certificates (
    tenant_id TEXT COLLATE "C" NOT NULL,
    ca_id TEXT COLLATE "C" NOT NULL,
    fingerprint_sha256 TEXT COLLATE "C" NOT NULL,
    serial_number BYTEA NOT NULL,
    certificate_der BYTEA NOT NULL,
    -- The CA here that has issued it: the CA itself for one that is self-signed, none when that is not here.
    issuer_id TEXT COLLATE "C",
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, ca_id, fingerprint_sha256),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);
CREATE INDEX ca_certificates_issuer ON ca_certificates (tenant_id, issuer_id, serial_number);
CREATE INDEX ca_certificates_fingerprint ON ca_certificates (tenant_id, fingerprint_sha256);
