//! CAs whose certificates or keys come from elsewhere.

use certmill_domain::{Ca, CaId, CaKind};
use certmill_x509::SerialNumber;

use super::{Row, SELECT, TABLE, ca, stored_kind};
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

/// A CA below one that was not here when it came.
#[derive(Debug)]
pub struct BelowStrangers {
    /// Its id.
    pub id: CaId,
    /// Its certificate.
    pub certificate_der: Vec<u8>,
    /// The certificates above it, one after the other.
    pub above_der: Vec<u8>,
    /// Whether it is revoked.
    pub is_revoked: bool,
}

/// Gives a CA that waits for its certificate what it says; `false` when it has one already, was revoked, or has another number
/// of shards by now.
pub async fn set_certificate(tx: &mut Tx, ca: &Ca) -> Result<bool, StorageError> {
    let above_der = ca.foreign.as_ref().and_then(|foreign| foreign.above_der.clone());
    let kind = stored_kind(ca);
    let query = Query::new(
        "UPDATE certificate_authorities SET certificate_der = $1, common_name = $2, kind = $3, parent_id = $4, \
         serial_number = $5, not_before = $6, not_after = $7, path_length = $8, above_der = $9 \
         WHERE tenant_id = $10 AND id = $11 AND octet_length(certificate_der) = 0 AND revoked_at IS NULL \
         AND crl_shards = $12",
    )
    .bind(ca.certificate_der.clone())
    .bind(ca.common_name.clone())
    .bind(kind.as_str())
    .bind(ca.parent_id.map(|id| id.to_string()))
    .bind(ca.serial_number.as_bytes())
    .bind(ca.not_before.unix_micros())
    .bind(ca.not_after.unix_micros())
    .bind(ca.path_length.map(i64::from))
    .bind(above_der)
    .bind(tx.tenant_key())
    .bind(ca.id.to_string())
    .bind(i64::from(ca.crl_shards));
    Ok(tx.link().execute(query).await? == 1)
}

/// The CA of the tenant with this key, of those whose key or certificate comes from elsewhere.
pub async fn find_by_key(session: &mut Session, spki_sha256: &str) -> Result<Option<CaId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM certificate_authorities WHERE tenant_id = $1 AND spki_sha256 = $2 \
         AND spki_sha256 IS NOT NULL",
    )
    .bind(session.tenant_key())
    .bind(spki_sha256.to_owned());
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// The CAs of the tenant whose certificates have this serial number.
pub async fn find_by_serial_number(
    session: &mut Session,
    serial_number: &SerialNumber,
) -> Result<Vec<Ca>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND serial_number = ").push_bind(serial_number.as_bytes());
    query.push(" ORDER BY id");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(ca).collect()
}

/// The CAs of the tenant below ones that are not here, in the order of their ids, those after `after`.
pub async fn below_strangers(
    session: &mut Session,
    after: Option<CaId>,
    limit: i64,
) -> Result<Vec<BelowStrangers>, StorageError> {
    type Columns = (String, Vec<u8>, Vec<u8>, Option<i64>);
    let mut query = Query::new(
        "SELECT id, certificate_der, above_der, revoked_at FROM certificate_authorities \
         WHERE octet_length(above_der) > 0 AND octet_length(certificate_der) > 0 AND tenant_id = ",
    );
    query.push_bind(session.tenant_key());
    if let Some(after) = after {
        query.push(" AND id > ").push_bind(after.to_string());
    }
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    let rows: Vec<Columns> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(id, certificate_der, above_der, revoked_at)| {
            let id = parsed(TABLE, "id", &id)?;
            Ok(BelowStrangers { id, certificate_der, above_der, is_revoked: revoked_at.is_some() })
        })
        .collect()
}

/// Puts a CA that is below one that was not here under that one, which has come, and says how many CAs may follow below.
pub async fn set_parent(
    tx: &mut Tx,
    (id, parent): (CaId, CaId),
    path_length: Option<u8>,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET parent_id = $1, kind = $2, path_length = $3, above_der = NULL \
         WHERE tenant_id = $4 AND id = $5 AND parent_id IS NULL",
    )
    .bind(parent.to_string())
    .bind(CaKind::Intermediate.as_str())
    .bind(path_length.map(i64::from))
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}
