-- Serial numbers and fingerprints come in random order, so that each new one touches a page of its own in their indexes:
-- the shorter the entries, the fewer pages there are to write. The first octets find a certificate, and the query compares
-- the whole. That a serial number is not used twice rests on its 159 random bits; imports have an index of their own.
CREATE INDEX certificates_fingerprint_key ON certificates (substr(fingerprint_sha256, 1, 12));
DROP INDEX certificates_fingerprint;
CREATE INDEX certificates_serial_number_key ON certificates (substr(serial_number, 1, 8));
DROP INDEX certificates_serial_number;
