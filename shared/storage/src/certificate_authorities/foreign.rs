//! CAs whose certificates or keys come from elsewhere.

use certmill_domain::{Ca, CaId, CaKind};
use certmill_x509::SerialNumber;

use super::{Row, SELECT, TABLE, ca, is_below_strangers};
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

/// Gives a CA that waits for its certificate what it says; `false` when it has one already, or was revoked.
pub async fn set_certificate(tx: &mut Tx, ca: &Ca) -> Result<bool, StorageError> {
    let above_der = ca.foreign.as_ref().and_then(|foreign| foreign.above_der.clone());
    let kind =
        if is_below_strangers(ca) || ca.parent_id.is_none() { CaKind::Root } else { CaKind::Intermediate };
    let query = Query::new(
        "UPDATE certificate_authorities SET certificate_der = $1, common_name = $2, kind = $3, parent_id = $4, \
         serial_number = $5, not_before = $6, not_after = $7, path_length = $8, above_der = $9 \
         WHERE tenant_id = $10 AND id = $11 AND octet_length(certificate_der) = 0 AND revoked_at IS NULL",
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
    .bind(ca.id.to_string());
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
