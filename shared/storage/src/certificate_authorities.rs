//! Certificate authorities.

mod foreign;

use std::time::Duration;

use certmill_domain::{Ca, CaId, CaKind, CaRevocation, ForeignCa, Stored, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::{CA_KIND, CA_REVOCATION_REASON, DESK_RENEWAL, OCSP_SIGNER};
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs, owners};

pub use foreign::{
    BelowStrangers, below_strangers, find_by_key, find_by_serial_number, set_certificate, set_parent,
};

const TABLE: &str = "certificate_authorities";
const SELECT: &str = "SELECT id, name, common_name, kind, parent_id, key_type, key_size, serial_number, \
     not_before, not_after, path_length, certificate_der, certificates_issued, revoked_at, revocation_reason, \
     certificates_revoked, certificates_total, revocation_completed_at, created_at, \
     renewal_of_desk_certificates, ocsp, crl_validity, crl_overlap, crl_shards, delta_crl_validity, csr_der, above_der, \
     spki_sha256, use_pss, ocsp_signer, owners \
     FROM certificate_authorities WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(common_name) + octet_length(certificate_der) + octet_length(owners) \
     + COALESCE(octet_length(csr_der), 0) + COALESCE(octet_length(above_der), 0)";

row! {
    struct Row {
        id: String,
        name: String,
        common_name: String,
        kind: String,
        parent_id: Option<String>,
        key_type: String,
        key_size: i64,
        serial_number: Vec<u8>,
        not_before: i64,
        not_after: i64,
        path_length: Option<i64>,
        certificate_der: Vec<u8>,
        certificates_issued: i64,
        revoked_at: Option<i64>,
        revocation_reason: Option<i64>,
        certificates_revoked: i64,
        certificates_total: i64,
        revocation_completed_at: Option<i64>,
        created_at: i64,
        renewal_of_desk_certificates: String,
        ocsp: bool,
        crl_validity: Option<i64>,
        crl_overlap: Option<i64>,
        crl_shards: i64,
        delta_crl_validity: Option<i64>,
        csr_der: Option<Vec<u8>>,
        above_der: Option<Vec<u8>>,
        spki_sha256: Option<String>,
        use_pss: bool,
        ocsp_signer: String,
        owners: String,
    }
}

/// Stores a new CA with its sealed private key. [`StorageError::AlreadyExists`] when its name is taken, or its key is that of
/// another one.
pub async fn insert(tx: &mut Tx, ca: &Ca, sealed_key: Vec<u8>) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO certificate_authorities (tenant_id, id, name, common_name, kind, parent_id, key_type, \
         key_size, serial_number, not_before, not_after, path_length, certificate_der, sealed_key, created_at, \
         renewal_of_desk_certificates, ocsp, crl_validity, crl_overlap, csr_der, above_der, spki_sha256, crl_shards, \
         delta_crl_validity, use_pss, ocsp_signer, owners) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
         $25, $26, $27)",
    )
    .bind(tx.tenant_key())
    .bind(ca.id.to_string())
    .bind(ca.name.clone())
    .bind(ca.common_name.clone())
    .bind(if is_below_strangers(ca) { CaKind::Root.as_str() } else { CA_KIND.write(&ca.kind)? })
    .bind(ca.parent_id.map(|id| id.to_string()))
    .bind(ca.key_type.clone())
    .bind(i64::from(ca.key_size))
    .bind(ca.serial_number.as_bytes())
    .bind(ca.not_before.unix_micros())
    .bind(ca.not_after.unix_micros())
    .bind(ca.path_length.map(i64::from))
    .bind(ca.certificate_der.clone())
    .bind(sealed_key)
    .bind(ca.created_at.unix_micros())
    .bind(DESK_RENEWAL.write(&ca.renewal_of_desk_certificates)?)
    .bind(ca.ocsp)
    .bind(seconds(ca.crl_validity))
    .bind(seconds(ca.crl_overlap))
    .bind(ca.foreign.as_ref().and_then(|foreign| foreign.csr_der.clone()))
    .bind(ca.foreign.as_ref().and_then(|foreign| foreign.above_der.clone()))
    .bind(ca.foreign.as_ref().map(|foreign| foreign.spki_sha256.clone()))
    .bind(i64::from(ca.crl_shards))
    .bind(seconds(ca.delta_crl_validity))
    .bind(ca.use_pss)
    .bind(OCSP_SIGNER.write(&ca.ocsp_signer)?)
    .bind(owners::written(TABLE, &ca.owners)?);
    tx.link().execute(query).await.map(drop)
}

/// The kind in a CA's row: what has no parent here has that of a root.
pub(crate) fn stored_kind(ca: &Ca) -> CaKind {
    if is_below_strangers(ca) || ca.parent_id.is_none() { CaKind::Root } else { CaKind::Intermediate }
}

/// Whether what is above a CA is not here. Its row has the kind of a root, since it has no parent.
fn is_below_strangers(ca: &Ca) -> bool {
    ca.foreign.as_ref().is_some_and(|foreign| foreign.above_der.is_some())
}

/// Stores what may be changed about a CA: `false` when there is no such CA. Whoever changes a part of it holds the row.
pub async fn update(tx: &mut Tx, ca: &Ca) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET renewal_of_desk_certificates = $1, ocsp = $2, crl_validity = $3, \
         crl_overlap = $4, crl_shards = $5, delta_crl_validity = $6, ocsp_signer = $7, owners = $8 \
         WHERE tenant_id = $9 AND id = $10",
    )
    .bind(ca.renewal_of_desk_certificates.as_str().to_owned())
    .bind(ca.ocsp)
    .bind(seconds(ca.crl_validity))
    .bind(seconds(ca.crl_overlap))
    .bind(i64::from(ca.crl_shards))
    .bind(seconds(ca.delta_crl_validity))
    .bind(ca.ocsp_signer.as_str().to_owned())
    .bind(owners::written(TABLE, &ca.owners)?)
    .bind(tx.tenant_key())
    .bind(ca.id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// A span out of its column.
fn span(seconds: Option<i64>) -> Option<Duration> {
    seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs)
}

fn seconds(span: Option<Duration>) -> Option<i64> {
    span.and_then(|span| i64::try_from(span.as_secs()).ok())
}

/// A CA of the tenant.
pub async fn find(session: &mut Session, id: CaId) -> Result<Option<Ca>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(ca).transpose()
}

/// A CA's certificate in any tenant, for the public distribution point.
pub async fn public_certificate(
    session: &mut SystemSession,
    id: CaId,
) -> Result<Option<Vec<u8>>, StorageError> {
    let query =
        Query::new("SELECT certificate_der FROM certificate_authorities WHERE id = $1").bind(id.to_string());
    let row = session.link().fetch_optional::<(Vec<u8>,)>(query).await?;
    Ok(row.map(|(der,)| der).filter(|der| !der.is_empty()))
}

/// The sealed private key of a CA.
pub async fn sealed_key(session: &mut Session, id: CaId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT sealed_key FROM certificate_authorities WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    Ok(session.link().fetch_optional::<(Vec<u8>,)>(query).await?.map(|(key,)| key))
}

/// The tenant's CAs, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<CaId>,
    wanted: Extent,
) -> Result<Listed<Ca>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(ca)
}

/// Counts `count` certificates as issued by a CA that may issue now. `false`, and nothing is counted, when the
/// CA is revoked or has ended: this is the lock between issuing and revoking, since both change this row.
pub async fn count_issued(tx: &mut Tx, id: CaId, count: i64, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET certificates_issued = certificates_issued + $1 \
         WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL AND not_after >= $4",
    )
    .bind(count)
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// Revokes a CA and, in the same transaction, every CA under it that was not revoked before; answers their ids.
/// The CA itself is not among them when it was revoked already, and then nothing changes.
pub async fn revoke_tree(
    tx: &mut Tx,
    top: CaId,
    reason: RevocationReason,
    below: RevocationReason,
    now: Timestamp,
) -> Result<Vec<CaId>, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET revoked_at = $1, revoked_with = $3, \
         revocation_reason = CASE WHEN id = $3 THEN CAST($4 AS BIGINT) ELSE CAST($5 AS BIGINT) END \
         WHERE tenant_id = $2 AND revoked_at IS NULL AND id IN (\
           WITH RECURSIVE tree (id) AS (\
             SELECT id FROM certificate_authorities WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL \
             UNION \
             SELECT child.id FROM certificate_authorities child JOIN tree ON child.parent_id = tree.id \
             WHERE child.tenant_id = $2) \
           SELECT id FROM tree) \
         RETURNING id",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(top.to_string())
    .bind(i64::from(reason.code()))
    .bind(i64::from(below.code()));
    let rows: Vec<(String,)> = tx.link().fetch_all(query).await?;
    let mut revoked = rows.iter().map(|(id,)| parsed(TABLE, "id", id)).collect::<Result<Vec<_>, _>>()?;
    // On Postgres a statement does not see a CA that was committed while the statement waited for the row of the
    // CA's parent. The rows revoked so far are locked by now, so a second look finds the last of these.
    let mut late = revoked.clone();
    while !late.is_empty() {
        late = revoke_children(tx, top, below, now).await?;
        revoked.extend_from_slice(&late);
    }
    Ok(revoked)
}

/// Revokes the CAs that are not revoked although their parent was revoked with `top`; answers their ids.
async fn revoke_children(
    tx: &mut Tx,
    top: CaId,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<Vec<CaId>, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET revoked_at = $1, revoked_with = $3, revocation_reason = $4 \
         WHERE tenant_id = $2 AND revoked_at IS NULL AND parent_id IN (\
           SELECT id FROM certificate_authorities WHERE tenant_id = $2 AND revoked_with = $3) \
         RETURNING id",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(top.to_string())
    .bind(i64::from(reason.code()));
    let rows: Vec<(String,)> = tx.link().fetch_all(query).await?;
    rows.iter().map(|(id,)| parsed(TABLE, "id", id)).collect()
}

/// Gives a revoked CA another reason; `false` when it is not revoked for the one that the caller has seen.
pub async fn change_reason(
    tx: &mut Tx,
    id: CaId,
    seen: RevocationReason,
    reason: RevocationReason,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET revocation_reason = $1 \
         WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NOT NULL AND revocation_reason = $4",
    )
    .bind(i64::from(reason.code()))
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(i64::from(seen.code()));
    Ok(tx.link().execute(query).await? == 1)
}

/// Sets how many certificates the revocation of `top` will take along: those under every CA revoked with it.
pub async fn set_revocation_total(tx: &mut Tx, top: CaId) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET certificates_total = (\
           SELECT count(*) FROM certificates c WHERE c.tenant_id = $1 AND c.status = 'active' AND c.ca_id IN (\
             SELECT id FROM certificate_authorities WHERE tenant_id = $1 AND revoked_with = $2)) \
           + (SELECT count(*) FROM certificate_authorities WHERE tenant_id = $1 AND revoked_with = $2 AND id <> $2) \
         WHERE tenant_id = $1 AND id = $2",
    )
    .bind(tx.tenant_key())
    .bind(top.to_string());
    tx.link().execute(query).await.map(drop)
}

/// The CAs that the revocation of `top` took along, itself included, in a fixed order.
pub async fn revoked_with(session: &mut Session, top: CaId) -> Result<Vec<CaId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM certificate_authorities WHERE tenant_id = $1 AND revoked_with = $2 ORDER BY id",
    )
    .bind(session.tenant_key())
    .bind(top.to_string());
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.iter().map(|(id,)| parsed(TABLE, "id", id)).collect()
}

/// Sets the progress of a revocation that has just begun to the CAs revoked with it; later calls change nothing.
pub async fn start_revocation_progress(tx: &mut Tx, top: CaId, sub_cas: i64) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET certificates_revoked = $1 \
         WHERE tenant_id = $2 AND id = $3 AND certificates_revoked = 0",
    )
    .bind(sub_cas)
    .bind(tx.tenant_key())
    .bind(top.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Adds to the visible progress of the revocation of `top`, and of the CA below it whose certificates they were.
pub async fn add_revocation_progress(tx: &mut Tx, ids: &[CaId], revoked: i64) -> Result<(), StorageError> {
    for id in ids {
        let query = Query::new(
            "UPDATE certificate_authorities SET certificates_revoked = certificates_revoked + $1, \
             certificates_total = CASE WHEN certificates_total < certificates_revoked + $1 \
             THEN certificates_revoked + $1 ELSE certificates_total END \
             WHERE tenant_id = $2 AND id = $3",
        )
        .bind(revoked)
        .bind(tx.tenant_key())
        .bind(id.to_string());
        tx.link().execute(query).await?;
    }
    Ok(())
}

/// Marks the revocation of everything under `top` as complete.
pub async fn complete_revocation(tx: &mut Tx, top: CaId, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET revocation_completed_at = $1 \
         WHERE tenant_id = $2 AND revoked_with = $3 AND revocation_completed_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(top.to_string());
    tx.link().execute(query).await.map(drop)
}

/// CAs, of any tenant, whose revocation has not been carried through to everything under them.
pub async fn unfinished_revocations(
    session: &mut SystemSession,
    kind: &'static str,
    limit: i64,
) -> Result<Vec<(certmill_domain::TenantId, CaId)>, StorageError> {
    let mut query = Query::new(
        "SELECT tenant_id, id FROM certificate_authorities \
         WHERE revoked_with = id AND revocation_completed_at IS NULL AND ",
    );
    jobs::push_has_none(&mut query, kind, "certificate_authorities.id");
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", tenant)?, parsed(TABLE, "id", id)?)))
        .collect()
}

/// A revoked CA's certificates, former ones too, as entries of the CRL of the CA that has issued them.
pub async fn revoked_children(
    session: &mut Session,
    parent: CaId,
    since: Timestamp,
) -> Result<Vec<crate::crls::RevokedEntry>, StorageError> {
    let query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason FROM certificate_authorities \
         WHERE tenant_id = $1 AND parent_id = $2 AND revoked_at IS NOT NULL AND not_after >= $3 \
         UNION SELECT f.serial_number, ca.revoked_at, ca.revocation_reason FROM ca_certificates f \
         JOIN certificate_authorities ca ON ca.tenant_id = f.tenant_id AND ca.id = f.ca_id \
         WHERE f.tenant_id = $1 AND f.issuer_id = $2 AND f.ca_id <> $2 AND ca.revoked_at IS NOT NULL \
         AND f.not_after >= $3 ORDER BY serial_number",
    )
    .bind(session.tenant_key())
    .bind(parent.to_string())
    .bind(since.unix_micros());
    let rows: Vec<(Vec<u8>, i64, Option<i64>)> = session.link().fetch_all(query).await?;
    let reason = |code| CA_REVOCATION_REASON.read_code(code);
    rows.into_iter().map(|row| crate::crls::revoked_entry(row, reason)).collect()
}

fn ca(row: Row) -> Result<Ca, StorageError> {
    let key_size = u32::try_from(row.key_size).map_err(|error| corrupt(TABLE, "key_size", error))?;
    Ok(Ca {
        id: parsed(TABLE, "id", &row.id)?,
        kind: if row.above_der.is_some() {
            Stored::from(CaKind::Intermediate)
        } else {
            CA_KIND.read(&row.kind)
        },
        parent_id: row.parent_id.as_deref().map(|id| parsed(TABLE, "parent_id", id)).transpose()?,
        key_type: row.key_type,
        key_size,
        serial_number: SerialNumber::from_bytes(&row.serial_number)
            .map_err(|error| corrupt(TABLE, "serial_number", error))?,
        not_before: Timestamp::from_unix_micros(row.not_before),
        not_after: Timestamp::from_unix_micros(row.not_after),
        path_length: row
            .path_length
            .map(|length| u8::try_from(length).map_err(|error| corrupt(TABLE, "path_length", error)))
            .transpose()?,
        revocation: row.revoked_at.map(|revoked_at| CaRevocation {
            reason: CA_REVOCATION_REASON.read_code(row.revocation_reason),
            revoked_at: Timestamp::from_unix_micros(revoked_at),
            certificates_revoked: row.certificates_revoked,
            certificates_total: row.certificates_total,
            completed_at: row.revocation_completed_at.map(Timestamp::from_unix_micros),
        }),
        name: row.name,
        common_name: row.common_name,
        certificate_der: row.certificate_der,
        foreign: row.spki_sha256.map(|spki_sha256| ForeignCa {
            csr_der: row.csr_der,
            above_der: row.above_der,
            spki_sha256,
        }),
        certificates_issued: row.certificates_issued,
        created_at: Timestamp::from_unix_micros(row.created_at),
        renewal_of_desk_certificates: DESK_RENEWAL.read(&row.renewal_of_desk_certificates),
        ocsp: row.ocsp,
        crl_validity: span(row.crl_validity),
        crl_overlap: span(row.crl_overlap),
        delta_crl_validity: span(row.delta_crl_validity),
        crl_shards: u32::try_from(row.crl_shards).map_err(|error| corrupt(TABLE, "crl_shards", error))?,
        use_pss: row.use_pss,
        ocsp_signer: OCSP_SIGNER.read(&row.ocsp_signer),
        owners: owners::read(TABLE, &row.owners)?,
    })
}
