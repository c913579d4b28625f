//! The index of common names by their trigrams. Postgres keeps it with each certificate; SQLite's, an FTS5 table, is written
//! for many certificates at a time.

use crate::backend::Pools;
use crate::query::Query;
use crate::{Database, StorageError, WithLink};

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
    match &database.pools {
        Pools::Sqlite { .. } => {}
        Pools::Postgres(_) => return Ok(true),
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
