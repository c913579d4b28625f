//! Certificates: storing batches, reading, changing labels, expiring. Searching is in [`search`].

mod revocation;
pub mod search;
pub mod text;

use std::collections::BTreeMap;

use certmill_domain::{Certificate, CertificateId, Sans, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

pub use revocation::{change_reason, release, revoke, revoke_batch, revoked_before, set_invalidity};

use crate::error::{corrupt, parsed};
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::{CERTIFICATE_REVOCATION_REASON, CERTIFICATE_SOURCE};
use crate::{Session, StorageError, SystemSession, Tx, WithLink};

const TABLE: &str = "certificates";
pub(crate) const SELECT: &str = "SELECT c.id, c.ca_id, c.crl_shard, c.serial_number, c.common_name, c.subject, c.sans, c.role, c.source, \
     c.key_type, c.key_size, c.fingerprint_sha256, c.spki_sha256, c.not_before, c.not_after, c.revoked_at, \
     c.revocation_reason, (c.sealed_key IS NOT NULL) AS has_private_key, c.renewed_from, c.renewed_by, c.acme_order_id, c.tags, \
     c.description, c.created_at, c.der FROM certificates c WHERE ";

/// The size of a listed row.
pub(crate) const OCTETS: &str = "COALESCE(octet_length(c.common_name), 0) + octet_length(c.subject) + octet_length(c.sans) + \
     COALESCE(octet_length(c.role), 0) + octet_length(c.tags) + octet_length(c.description) + \
     octet_length(c.der)";

row! {
    pub(crate) struct Row {
        id: String,
        ca_id: Option<String>,
        crl_shard: i64,
        serial_number: Vec<u8>,
        common_name: Option<String>,
        subject: String,
        sans: String,
        role: Option<String>,
        source: String,
        key_type: String,
        key_size: i64,
        fingerprint_sha256: String,
        spki_sha256: String,
        not_before: i64,
        not_after: i64,
        revoked_at: Option<i64>,
        revocation_reason: Option<i64>,
        has_private_key: bool,
        renewed_from: Option<String>,
        renewed_by: Option<String>,
        acme_order_id: Option<String>,
        tags: String,
        description: String,
        created_at: i64,
        der: Vec<u8>,
    }
}

/// A certificate about to be stored, with its private key if that is to be kept.
pub struct NewCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Its private key, sealed.
    pub sealed_key: Option<Vec<u8>>,
}

const INSERT: &str = "INSERT INTO certificates (tenant_id, id, ca_id, serial_number, common_name, subject, sans, \
     role, source, key_type, key_size, fingerprint_sha256, spki_sha256, not_before, not_after, status, sealed_key, \
     renewed_from, acme_order_id, created_at, der, crl_shard)";
const INSERT_NAME: &str = "INSERT INTO certificate_names (tenant_id, reversed_name, certificate_id)";

/// Stores certificates and the index of their names.
pub async fn insert(tx: &mut Tx, batch: Vec<NewCertificate>) -> Result<(), StorageError> {
    let tenant = tx.tenant_key();
    let mut rows = Rows::new(INSERT, 22);
    let mut names = Rows::new(INSERT_NAME, 3);
    // A certificate may hold the same text as names of two kinds.
    names.suffix = " ON CONFLICT DO NOTHING";
    for new in batch {
        for name in new.certificate.sans.iter() {
            names.value(tenant.clone()).value(reversed(name)).value(new.certificate.id.to_string());
        }
        push_row(&mut rows, tenant.clone(), new)?;
    }
    tx.link().insert(rows).await?;
    tx.link().insert(names).await
}

fn push_row(rows: &mut Rows, tenant: String, new: NewCertificate) -> Result<(), StorageError> {
    let NewCertificate { certificate, sealed_key } = new;
    let sans = serde_json::to_string(&certificate.sans).map_err(|error| corrupt(TABLE, "sans", error))?;
    rows.value(tenant)
        .value(certificate.id.to_string())
        .value(certificate.ca_id.map(|id| id.to_string()))
        .value(certificate.serial_number.as_bytes())
        .value(certificate.common_name)
        .value(certificate.subject)
        .value(sans)
        .value(certificate.role)
        .value(CERTIFICATE_SOURCE.write(&certificate.source)?)
        .value(certificate.key_type)
        .value(certificate.key_size)
        .value(certificate.fingerprint_sha256)
        .value(certificate.spki_sha256)
        .value(certificate.not_before.unix_micros())
        .value(certificate.not_after.unix_micros())
        .value("active")
        .value(sealed_key)
        .value(certificate.renewed_from.map(|id| id.to_string()))
        .value(certificate.acme_order_id.map(|id| id.to_string()))
        .value(certificate.created_at.unix_micros())
        .value(certificate.der)
        .value(i64::from(certificate.crl_shard));
    Ok(())
}

/// The characters of a name from the last to the first, so that a domain suffix becomes a prefix.
pub(crate) fn reversed(name: &str) -> String {
    name.chars().rev().collect()
}

/// A certificate of the tenant.
pub async fn find(session: &mut Session, id: CertificateId) -> Result<Option<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("c.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND c.id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(certificate).transpose()
}

/// Those of these certificates that the tenant has, in no order.
pub async fn find_all(
    session: &mut Session,
    ids: &[CertificateId],
) -> Result<Vec<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("c.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND c.id IN (");
    for (number, id) in ids.iter().enumerate() {
        query.push(if number == 0 { "" } else { ", " }).push_bind(id.to_string());
    }
    query.push(")");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(certificate).collect()
}

/// The certificates of the tenant with this serial number (several issuers may have used it).
pub async fn find_by_serial_number(
    session: &mut Session,
    serial_number: &SerialNumber,
) -> Result<Vec<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("c.tenant_id = ").push_bind(session.tenant_key());
    push_serial_number(&mut query, serial_number);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(certificate).collect()
}

/// The certificates of the tenant with this key, newest first, up to `limit`. Every certificate is looked at: an index would
/// cost each issuance a page, and this is asked when a key has leaked.
pub async fn find_by_key(
    session: &mut Session,
    spki_sha256: &str,
    limit: i64,
) -> Result<Vec<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("c.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND c.spki_sha256 = ").push_bind(spki_sha256.to_owned());
    query.push(" ORDER BY c.id DESC LIMIT ").push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(certificate).collect()
}

/// Those of them that a CA of ours has issued, that have not ended at a time, and that are not revoked for this reason.
pub async fn find_by_key_to_revoke(
    session: &mut Session,
    spki_sha256: &str,
    (reason, at): (RevocationReason, Timestamp),
    limit: i64,
) -> Result<Vec<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("c.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND c.spki_sha256 = ").push_bind(spki_sha256.to_owned());
    query.push(" AND c.ca_id IS NOT NULL AND c.not_after > ").push_bind(at.unix_micros());
    query.push(" AND (c.revoked_at IS NULL OR c.revocation_reason <> ").push_bind(i64::from(reason.code()));
    query.push(") ORDER BY c.id DESC LIMIT ").push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(certificate).collect()
}

/// The owner's labels of a certificate; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// All tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// The description.
    pub description: Option<String>,
}

/// Changes labels; `false` when there is no such certificate.
pub async fn set_labels(tx: &mut Tx, id: CertificateId, labels: Labels) -> Result<bool, StorageError> {
    let tags = labels
        .tags
        .map(|tags| serde_json::to_string(&tags).map_err(|error| corrupt(TABLE, "tags", error)))
        .transpose()?;
    let query = Query::new(
        "UPDATE certificates SET tags = COALESCE($1, tags), description = COALESCE($2, description) \
         WHERE tenant_id = $3 AND id = $4",
    )
    .bind(tags)
    .bind(labels.description)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Names the certificate that renews another; `false` when that one is revoked, renewed already or not there.
pub async fn set_renewed_by(
    tx: &mut Tx,
    old: CertificateId,
    renewal: CertificateId,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET renewed_by = $1 \
         WHERE tenant_id = $2 AND id = $3 AND renewed_by IS NULL AND revoked_at IS NULL",
    )
    .bind(renewal.to_string())
    .bind(tx.tenant_key())
    .bind(old.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Takes back what [`set_renewed_by`] has written in the same transaction.
pub async fn unset_renewed_by(
    tx: &mut Tx,
    old: CertificateId,
    renewal: CertificateId,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificates SET renewed_by = NULL WHERE tenant_id = $1 AND id = $2 AND renewed_by = $3",
    )
    .bind(tx.tenant_key())
    .bind(old.to_string())
    .bind(renewal.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Gives a renewal the tags and the description of what it renews.
pub async fn copy_labels(
    tx: &mut Tx,
    from: CertificateId,
    renewal: CertificateId,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificates SET \
           tags = (SELECT o.tags FROM certificates o WHERE o.tenant_id = $1 AND o.id = $2), \
           description = (SELECT o.description FROM certificates o WHERE o.tenant_id = $1 AND o.id = $2) \
         WHERE tenant_id = $1 AND id = $3",
    )
    .bind(tx.tenant_key())
    .bind(from.to_string())
    .bind(renewal.to_string());
    tx.link().execute(query).await.map(drop)
}

/// The sealed private key of a certificate, if it is kept here.
pub async fn sealed_key(session: &mut Session, id: CertificateId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT sealed_key FROM certificates WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    let row = session.link().fetch_optional::<(Option<Vec<u8>>,)>(query).await?;
    Ok(row.and_then(|(sealed,)| sealed))
}

/// The chain that came with an imported certificate, as certificates in DER one after the other.
pub async fn imported_chain(
    session: &mut Session,
    id: CertificateId,
) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT chain_der FROM certificates WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    let row = session.link().fetch_optional::<(Option<Vec<u8>>,)>(query).await?;
    Ok(row.and_then(|(chain,)| chain))
}

/// Notes whom an imported certificate names as its issuer, and the chain that came along.
/// [`StorageError::AlreadyExists`] when one with this issuer and serial number was imported before.
pub async fn set_import(
    tx: &mut Tx,
    id: CertificateId,
    issuer_sha256: &[u8; 32],
    chain_der: Vec<u8>,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificates SET issuer_sha256 = $1, chain_der = $2 WHERE tenant_id = $3 AND id = $4",
    )
    .bind(Vec::from(*issuer_sha256))
    .bind(chain_der)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Keeps the chain that came with a certificate from elsewhere.
pub async fn set_chain(tx: &mut Tx, id: CertificateId, chain_der: Vec<u8>) -> Result<(), StorageError> {
    let query = Query::new("UPDATE certificates SET chain_der = $1 WHERE tenant_id = $2 AND id = $3")
        .bind(chain_der)
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Narrows a query to a serial number, of which the index holds the first octets. The index is asked apart from the other
/// conditions, so that no planner prefers an index of all the tenant's certificates, or puts the whole serial number in the
/// place of the column and then finds no index for what is left.
pub(crate) fn push_serial_number(query: &mut Query, serial_number: &SerialNumber) {
    let octets = serial_number.as_bytes();
    query.push(" AND c.serial_number = ").push_bind(octets);
    query.push(" AND c.id IN (SELECT s.id FROM certificates s WHERE substr(s.serial_number, 1, 8) = ");
    query.push_bind(octets.get(..8).unwrap_or(octets)).push(")");
}

/// Narrows a query to a fingerprint, as [`push_serial_number`] does to a serial number.
pub(crate) fn push_fingerprint(query: &mut Query, fingerprint_sha256: &str) {
    query.push(" AND c.fingerprint_sha256 = ").push_bind(fingerprint_sha256.to_owned());
    query.push(" AND c.id IN (SELECT f.id FROM certificates f WHERE substr(f.fingerprint_sha256, 1, 12) = ");
    query.push_bind(fingerprint_sha256.chars().take(12).collect::<String>()).push(")");
}

/// The id of the certificate with this fingerprint.
pub async fn find_by_fingerprint(
    session: &mut Session,
    fingerprint_sha256: &str,
) -> Result<Option<CertificateId>, StorageError> {
    let mut query = Query::new("SELECT c.id FROM certificates c WHERE c.tenant_id = ");
    query.push_bind(session.tenant_key());
    push_fingerprint(&mut query, fingerprint_sha256);
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// Where the certificate with this fingerprint is that a CA of ours has issued under a role: the tenants that have it, two at
/// most, since one key belongs to one CA and what is imported does not count. It is asked before a tenant is known.
pub async fn issued_by_fingerprint(
    session: &mut SystemSession,
    fingerprint_sha256: &str,
) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    // The index of the first octets leads to the rows, by their keys: see `push_serial_number`.
    let query = Query::new(
        "SELECT c.tenant_id, c.id FROM certificates f \
         JOIN certificates c ON c.tenant_id = f.tenant_id AND c.id = f.id \
         WHERE substr(f.fingerprint_sha256, 1, 12) = $1 AND c.fingerprint_sha256 = $2 \
           AND c.ca_id IS NOT NULL AND c.role IS NOT NULL AND c.source <> 'imported' \
         ORDER BY c.tenant_id, c.id LIMIT 2",
    )
    .bind(fingerprint_sha256.chars().take(12).collect::<String>())
    .bind(fingerprint_sha256.to_owned());
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    let place = |(tenant, id): (String, String)| {
        Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "id", &id)?))
    };
    rows.into_iter().map(place).collect()
}

/// Marks up to `limit` certificates of the tenant whose validity has ended as expired; answers how many.
pub async fn expire_batch(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET status = 'expired' WHERE tenant_id = $1 AND id IN (\
           SELECT id FROM certificates WHERE tenant_id = $1 AND not_after < $2 AND status = 'active' \
           ORDER BY not_after LIMIT $3)",
    )
    .bind(tx.tenant_key())
    .bind(now.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}

pub(crate) fn certificate(row: Row) -> Result<Certificate, StorageError> {
    Ok(Certificate {
        id: parsed(TABLE, "id", &row.id)?,
        serial_number: SerialNumber::from_bytes(&row.serial_number)
            .map_err(|error| corrupt(TABLE, "serial_number", error))?,
        common_name: row.common_name,
        subject: row.subject,
        sans: serde_json::from_str::<Sans>(&row.sans).map_err(|error| corrupt(TABLE, "sans", error))?,
        ca_id: row.ca_id.as_deref().map(|id| parsed(TABLE, "ca_id", id)).transpose()?,
        crl_shard: crate::crls::shard_of(row.crl_shard)?,
        role: row.role,
        source: CERTIFICATE_SOURCE.read(&row.source),
        key_type: row.key_type,
        key_size: row.key_size,
        fingerprint_sha256: row.fingerprint_sha256,
        spki_sha256: row.spki_sha256,
        not_before: Timestamp::from_unix_micros(row.not_before),
        not_after: Timestamp::from_unix_micros(row.not_after),
        revoked_at: row.revoked_at.map(Timestamp::from_unix_micros),
        revocation_reason: row
            .revoked_at
            .map(|_| CERTIFICATE_REVOCATION_REASON.read_code(row.revocation_reason)),
        has_private_key: row.has_private_key,
        renewed_from: row.renewed_from.as_deref().map(|id| parsed(TABLE, "renewed_from", id)).transpose()?,
        acme_order_id: row
            .acme_order_id
            .as_deref()
            .map(|id| parsed(TABLE, "acme_order_id", id))
            .transpose()?,
        renewed_by: row.renewed_by.as_deref().map(|id| parsed(TABLE, "renewed_by", id)).transpose()?,
        tags: serde_json::from_str(&row.tags).map_err(|error| corrupt(TABLE, "tags", error))?,
        description: row.description,
        created_at: Timestamp::from_unix_micros(row.created_at),
        der: row.der,
    })
}
