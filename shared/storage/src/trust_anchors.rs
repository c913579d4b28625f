//! Trust anchors.

use certmill_domain::{Timestamp, TrustAnchor, TrustAnchorId};
use certmill_x509::SerialNumber;

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "trust_anchors";
const SELECT: &str = "SELECT id, name, subject, issuer, serial_number, fingerprint_sha256, not_before, not_after, \
     der, created_at FROM trust_anchors WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(subject) + octet_length(issuer) + octet_length(der)";

row! {
    struct Row {
        id: String,
        name: String,
        subject: String,
        issuer: String,
        serial_number: Vec<u8>,
        fingerprint_sha256: String,
        not_before: i64,
        not_after: i64,
        der: Vec<u8>,
        created_at: i64,
    }
}

/// Stores a trust anchor. [`StorageError::AlreadyExists`] when the tenant has this certificate already.
pub async fn insert(tx: &mut Tx, anchor: &TrustAnchor) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO trust_anchors (tenant_id, id, name, subject, issuer, serial_number, fingerprint_sha256, \
         not_before, not_after, der, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(tx.tenant_key())
    .bind(anchor.id.to_string())
    .bind(anchor.name.clone())
    .bind(anchor.subject.clone())
    .bind(anchor.issuer.clone())
    .bind(anchor.serial_number.as_bytes())
    .bind(anchor.fingerprint_sha256.clone())
    .bind(anchor.not_before.unix_micros())
    .bind(anchor.not_after.unix_micros())
    .bind(anchor.der.clone())
    .bind(anchor.created_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// A trust anchor of the tenant.
pub async fn find(session: &mut Session, id: TrustAnchorId) -> Result<Option<TrustAnchor>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(anchor).transpose()
}

/// The trust anchor with this fingerprint.
pub async fn find_by_fingerprint(
    session: &mut Session,
    fingerprint_sha256: &str,
) -> Result<Option<TrustAnchor>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND fingerprint_sha256 = ").push_bind(fingerprint_sha256.to_owned());
    session.link().fetch_optional::<Row>(query).await?.map(anchor).transpose()
}

/// The tenant's trust anchors, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<TrustAnchorId>,
    wanted: Extent,
) -> Result<Listed<TrustAnchor>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(anchor)
}

/// Removes a trust anchor; `false` when there is none.
pub async fn delete(tx: &mut Tx, id: TrustAnchorId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM trust_anchors WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

fn anchor(row: Row) -> Result<TrustAnchor, StorageError> {
    Ok(TrustAnchor {
        id: parsed(TABLE, "id", &row.id)?,
        name: row.name,
        subject: row.subject,
        issuer: row.issuer,
        serial_number: SerialNumber::from_bytes(&row.serial_number)
            .map_err(|error| corrupt(TABLE, "serial_number", error))?,
        fingerprint_sha256: row.fingerprint_sha256,
        not_before: Timestamp::from_unix_micros(row.not_before),
        not_after: Timestamp::from_unix_micros(row.not_after),
        der: row.der,
        created_at: Timestamp::from_unix_micros(row.created_at),
    })
}
