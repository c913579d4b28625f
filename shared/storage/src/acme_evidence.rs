//! What speaks against a CA, or for a limit of an account there, until a good answer ends it. Shared by every worker.

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::{StorageError, SystemTx, WithLink};

/// Notes that `witness` has met a failure with `subject`. How often is of no account: the column `failures` is there because
/// older versions write it.
pub async fn note(
    tx: &mut SystemTx,
    (subject, witness): (&str, &str),
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_evidence (subject, witness, failures, last_at) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (subject, witness) DO UPDATE SET last_at = excluded.last_at",
    )
    .bind(subject.to_owned())
    .bind(witness.to_owned())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// How many different witnesses have met failures with `subject` since a time.
pub async fn witnesses(tx: &mut SystemTx, subject: &str, since: Timestamp) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT count(*) FROM acme_evidence WHERE subject = $1 AND witness <> '' AND last_at > $2",
    )
    .bind(subject.to_owned())
    .bind(since.unix_micros());
    tx.link().fetch_count(query).await
}

/// Forgets what speaks against `subject`.
pub async fn clear(tx: &mut SystemTx, subject: &str) -> Result<(), StorageError> {
    let query = Query::new("DELETE FROM acme_evidence WHERE subject = $1").bind(subject.to_owned());
    tx.link().execute(query).await.map(drop)
}

/// Forgets what was noted before a time, whatever it is about, as far as the bound allows; answers how much.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM acme_evidence WHERE (subject, witness) IN \
         (SELECT subject, witness FROM acme_evidence WHERE last_at < $1 LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}
