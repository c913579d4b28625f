//! Public keys that nothing is issued for.

use certmill_domain::{BlockedKey, BlockedKeyId, Timestamp};

use crate::error::parsed;
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "blocked_keys";
const SELECT: &str = "SELECT id, spki_sha256, comment, created_at FROM blocked_keys WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(spki_sha256) + octet_length(comment)";

row! {
    struct Row {
        id: String,
        spki_sha256: String,
        comment: String,
        created_at: i64,
    }
}

/// Stores a blocked key. [`StorageError::AlreadyExists`] when the tenant has blocked it already.
pub async fn insert(tx: &mut Tx, key: &BlockedKey) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO blocked_keys (tenant_id, id, spki_sha256, comment, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tx.tenant_key())
    .bind(key.id.to_string())
    .bind(key.spki_sha256.clone())
    .bind(key.comment.clone())
    .bind(key.created_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// A blocked key of the tenant.
pub async fn find(session: &mut Session, id: BlockedKeyId) -> Result<Option<BlockedKey>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(key).transpose()
}

/// The blocked key with this hash.
pub async fn find_by_hash(
    session: &mut Session,
    spki_sha256: &str,
) -> Result<Option<BlockedKey>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND spki_sha256 = ").push_bind(spki_sha256.to_owned());
    session.link().fetch_optional::<Row>(query).await?.map(key).transpose()
}

/// The tenant's blocked keys, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<BlockedKeyId>,
    wanted: Extent,
) -> Result<Listed<BlockedKey>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(key)
}

/// Removes a blocked key; `false` when there is none.
pub async fn delete(tx: &mut Tx, id: BlockedKeyId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM blocked_keys WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

fn key(row: Row) -> Result<BlockedKey, StorageError> {
    Ok(BlockedKey {
        id: parsed(TABLE, "id", &row.id)?,
        spki_sha256: row.spki_sha256,
        comment: row.comment,
        created_at: Timestamp::from_unix_micros(row.created_at),
    })
}
