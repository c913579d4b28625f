//! How often something was changed that a tenant's CAs sign or answer with.

use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

/// The number of changes so far.
pub async fn find(session: &mut Session) -> Result<i64, StorageError> {
    let query =
        Query::new("SELECT version FROM issuer_versions WHERE tenant_id = $1").bind(session.tenant_key());
    Ok(session.link().fetch_optional::<(i64,)>(query).await?.map_or(0, |(version,)| version))
}

/// Counts a change. The row stays locked until the transaction ends, so this comes last in it: nothing but the audit log is written
/// afterwards.
pub async fn count(tx: &mut Tx) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO issuer_versions (tenant_id, version) VALUES ($1, 1) \
         ON CONFLICT (tenant_id) DO UPDATE SET version = issuer_versions.version + 1",
    )
    .bind(tx.tenant_key());
    tx.link().execute(query).await.map(drop)
}
