-- A CA whose certificate or key comes from elsewhere: the request that it was made with, the certificates above it that are
-- not those of CAs here, one after the other, and the hash of its key, which no other CA here has. What is signed elsewhere has
-- the kind 'root' for want of a parent, and is told by above_der.
ALTER TABLE certificate_authorities ADD COLUMN csr_der BYTEA;
ALTER TABLE certificate_authorities ADD COLUMN above_der BYTEA;
ALTER TABLE certificate_authorities ADD COLUMN spki_sha256 TEXT COLLATE "C";
CREATE UNIQUE INDEX certificate_authorities_spki ON certificate_authorities (tenant_id, spki_sha256)
    WHERE spki_sha256 IS NOT NULL;

-- What a CA had revoked before it came here, of which there is no certificate.
CREATE TABLE inherited_revocations (
    tenant_id TEXT COLLATE "C" NOT NULL,
    ca_id TEXT COLLATE "C" NOT NULL,
    serial_number BYTEA NOT NULL,
    revoked_at BIGINT NOT NULL,
    revocation_reason BIGINT NOT NULL,
    invalidity_at BIGINT,
    PRIMARY KEY (tenant_id, ca_id, serial_number),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);
