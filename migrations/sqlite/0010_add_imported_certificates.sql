-- Only for imported certificates: whom they name as their issuer (SHA-256 of the name's DER), and the chain that came along.
ALTER TABLE certificates ADD COLUMN issuer_sha256 BLOB;
ALTER TABLE certificates ADD COLUMN chain_der BLOB;

CREATE UNIQUE INDEX certificates_imported ON certificates (tenant_id, issuer_sha256, serial_number)
    WHERE issuer_sha256 IS NOT NULL;
