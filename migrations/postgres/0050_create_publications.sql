-- What of a CA is at a place beside `/pub`: in a folder or an object store. One row for each list; that of the full one tells of
-- the CA's certificate too.
CREATE TABLE publications (
    tenant_id TEXT COLLATE "C" NOT NULL,
    ca_id TEXT COLLATE "C" NOT NULL,
    shard BIGINT NOT NULL,
    is_delta BOOLEAN NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    -- Which folder or bucket: with another one everything is published anew.
    place TEXT COLLATE "C" NOT NULL,
    -- The number of the list that is there, and the serial number of the certificate.
    number BIGINT,
    certificate_serial BYTEA,
    published_at BIGINT,
    -- Since when something newer is to be there, and when it was told that this takes too long.
    behind_since BIGINT,
    told_at BIGINT,
    failures BIGINT NOT NULL,
    failure TEXT COLLATE "C",
    PRIMARY KEY (ca_id, shard, is_delta, target),
    FOREIGN KEY (tenant_id, ca_id) REFERENCES certificate_authorities (tenant_id, id)
);

CREATE INDEX publications_behind ON publications (behind_since) WHERE behind_since IS NOT NULL;
