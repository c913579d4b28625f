-- Whether the certificates of a CA name the OCSP responder.
ALTER TABLE certificate_authorities ADD COLUMN ocsp BOOLEAN NOT NULL DEFAULT FALSE;
