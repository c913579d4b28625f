//! The CSR desk. Every change names the states that it may start from, so that of two at once one wins.

use certmill_domain::{CertificateId, Csr, CsrId, CsrStatus, Sans, Timestamp};
use certmill_x509::parse_name_der;

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::{CSR_SOURCE, CSR_STATUS};
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "csrs";
const SELECT: &str = "SELECT id, status, source, subject, sans, key_type, key_size, der, \
     (sealed_key IS NOT NULL) AS has_private_key, rejection_reason, certificate_id, created_at, decided_at, \
     renewal_of FROM csrs WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(subject) + octet_length(sans) + octet_length(der) + \
     COALESCE(octet_length(rejection_reason), 0)";

row! {
    struct Row {
        id: String,
        status: String,
        source: String,
        subject: Vec<u8>,
        sans: String,
        key_type: String,
        key_size: i64,
        der: Vec<u8>,
        has_private_key: bool,
        rejection_reason: Option<String>,
        certificate_id: Option<String>,
        created_at: i64,
        decided_at: Option<i64>,
        renewal_of: Option<String>,
    }
}

/// Stores a new CSR, with its private key sealed if it is kept here.
pub async fn insert(tx: &mut Tx, csr: &Csr, sealed_key: Option<Vec<u8>>) -> Result<(), StorageError> {
    let sans = serde_json::to_string(&csr.sans).map_err(|error| corrupt(TABLE, "sans", error))?;
    let query = Query::new(
        "INSERT INTO csrs (tenant_id, id, status, source, subject, sans, key_type, key_size, der, sealed_key, \
         created_at, renewal_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(tx.tenant_key())
    .bind(csr.id.to_string())
    .bind(CSR_STATUS.write(&csr.status)?)
    .bind(CSR_SOURCE.write(&csr.source)?)
    .bind(csr.subject.to_der())
    .bind(sans)
    .bind(csr.key_type.clone())
    .bind(csr.key_size)
    .bind(csr.der.clone())
    .bind(sealed_key)
    .bind(csr.created_at.unix_micros())
    .bind(csr.renewal_of.map(|id| id.to_string()));
    tx.link().execute(query).await.map(drop)
}

/// A CSR of the tenant.
pub async fn find(session: &mut Session, id: CsrId) -> Result<Option<Csr>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(csr).transpose()
}

/// The sealed private key of a CSR, if it is kept here.
pub async fn sealed_key(session: &mut Session, id: CsrId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT sealed_key FROM csrs WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    let row = session.link().fetch_optional::<(Option<Vec<u8>>,)>(query).await?;
    Ok(row.and_then(|(sealed,)| sealed))
}

/// The tenant's CSRs, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    status: Option<CsrStatus>,
    before: Option<CsrId>,
    wanted: Extent,
) -> Result<Listed<Csr>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(csr)
}

/// The CSRs that wait for a decision or a signature and ask for the renewal of this certificate, oldest first.
pub async fn open_renewals(session: &mut Session, of: CertificateId) -> Result<Vec<Csr>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND renewal_of = ").push_bind(of.to_string());
    query.push(" AND status IN ('pending', 'approved') ORDER BY id LIMIT 100");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(csr).collect()
}

/// Approves a pending CSR; `false` when it is not pending.
pub async fn approve(tx: &mut Tx, id: CsrId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE csrs SET status = 'approved', decided_at = $1 \
         WHERE tenant_id = $2 AND id = $3 AND status = 'pending'",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Rejects a pending or approved CSR; `false` when it is neither.
pub async fn reject(tx: &mut Tx, id: CsrId, reason: String, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE csrs SET status = 'rejected', rejection_reason = $1, decided_at = $2 \
         WHERE tenant_id = $3 AND id = $4 AND status IN ('pending', 'approved')",
    )
    .bind(reason)
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Marks an approved CSR as signed and hands its key over to the certificate; `false` when it is not approved.
pub async fn sign(tx: &mut Tx, id: CsrId, certificate: CertificateId) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE csrs SET status = 'signed', certificate_id = $1, sealed_key = NULL \
         WHERE tenant_id = $2 AND id = $3 AND status = 'approved'",
    )
    .bind(certificate.to_string())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Deletes a CSR, whatever its state; `false` when there is none. Its certificate, if it has one, stays.
pub async fn delete(tx: &mut Tx, id: CsrId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM csrs WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

fn csr(row: Row) -> Result<Csr, StorageError> {
    Ok(Csr {
        id: parsed(TABLE, "id", &row.id)?,
        status: CSR_STATUS.read(&row.status),
        source: CSR_SOURCE.read(&row.source),
        subject: parse_name_der(&row.subject).map_err(|error| corrupt(TABLE, "subject", error))?,
        sans: serde_json::from_str::<Sans>(&row.sans).map_err(|error| corrupt(TABLE, "sans", error))?,
        key_type: row.key_type,
        key_size: row.key_size,
        der: row.der,
        has_private_key: row.has_private_key,
        rejection_reason: row.rejection_reason,
        certificate_id: row
            .certificate_id
            .as_deref()
            .map(|id| parsed(TABLE, "certificate_id", id))
            .transpose()?,
        created_at: Timestamp::from_unix_micros(row.created_at),
        decided_at: row.decided_at.map(Timestamp::from_unix_micros),
        renewal_of: row.renewal_of.as_deref().map(|id| parsed(TABLE, "renewal_of", id)).transpose()?,
    })
}
