//! The index of common names by their trigrams. Postgres keeps it with each certificate. SQLite's is an FTS5 table: it is written
//! for many certificates at a time, and gone through for what is left there of those that were deleted.

use crate::query::Query;
use crate::{Database, StorageError, SystemTx, WithLink};

/// Certificates whose names are taken over together. Others that want to write wait so long: a few milliseconds.
const BATCH: i64 = 400;
/// So many times in a row, so that the caller can look at something else in between.
const MOST_BATCHES: usize = 100;

/// Takes over the names of certificates that were stored since the last time, many thousands at most; answers whether these
/// were all. Nothing to do on Postgres.
///
/// # Errors
/// When the database cannot be asked or written.
pub async fn catch_up(database: &Database) -> Result<bool, StorageError> {
    if !database.has_text_table() {
        return Ok(true);
    }
    for _ in 0..MOST_BATCHES {
        let mut session = database.read_system().await?;
        let any = Query::new("SELECT sequence FROM certificate_text_waiting LIMIT 1");
        let waits = session.link().fetch_optional::<(i64,)>(any).await?.is_some();
        drop(session);
        if !waits || take_over(database).await? < BATCH.unsigned_abs() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes over a batch; answers how many there were.
async fn take_over(database: &Database) -> Result<u64, StorageError> {
    let mut tx = database.begin_system().await?;
    let add = Query::new(
        "INSERT INTO certificate_text (common_name, tenant_id, certificate_id) \
         SELECT common_name, tenant_id, certificate_id FROM certificate_text_waiting ORDER BY sequence LIMIT $1",
    );
    let added = tx.link().execute(add.bind(BATCH)).await?;
    let remove = Query::new(
        "DELETE FROM certificate_text_waiting WHERE sequence IN \
         (SELECT sequence FROM certificate_text_waiting ORDER BY sequence LIMIT $1)",
    );
    tx.link().execute(remove.bind(BATCH)).await?;
    tx.commit().await?;
    Ok(added)
}

/// A stretch of the index.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// Entries whose certificates are gone.
    pub stale: Vec<i64>,
    /// The last one that was looked at; none at the end.
    pub last: Option<i64>,
}

/// Looks through the next `limit` entries: the index does not say where a certificate's is. There are none on Postgres.
pub async fn stale(database: &Database, after: i64, limit: i64) -> Result<Stretch, StorageError> {
    if !database.has_text_table() {
        return Ok(Stretch::default());
    }
    let query = Query::new(
        "SELECT t.rowid, EXISTS (SELECT 1 FROM certificates c WHERE c.tenant_id = t.tenant_id AND c.id = t.certificate_id) \
         FROM certificate_text t WHERE t.rowid > $1 ORDER BY t.rowid LIMIT $2",
    )
    .bind(after)
    .bind(limit);
    let mut session = database.read_system().await?;
    let rows: Vec<(i64, bool)> = session.link().fetch_all(query).await?;
    let last = rows.last().map(|(row, _)| *row);
    let stale = rows.into_iter().filter(|(_, is_there)| !is_there).map(|(row, _)| row).collect();
    Ok(Stretch { stale, last })
}

/// Deletes entries.
pub async fn forget(tx: &mut SystemTx, stale: &[i64]) -> Result<(), StorageError> {
    if stale.is_empty() {
        return Ok(());
    }
    let mut query = Query::new("DELETE FROM certificate_text WHERE rowid IN (");
    for (at, row) in stale.iter().enumerate() {
        query.push(if at == 0 { "" } else { ", " }).push_bind(*row);
    }
    query.push(")");
    tx.link().execute(query).await.map(drop)
}
