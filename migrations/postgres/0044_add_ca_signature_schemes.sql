-- Whether a CA with an RSA key signs by RSASSA-PSS.
ALTER TABLE certificate_authorities ADD COLUMN use_pss BOOLEAN NOT NULL DEFAULT FALSE;
