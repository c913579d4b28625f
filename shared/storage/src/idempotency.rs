//! Calls with an `Idempotency-Key`: who holds the key, what the call changed, and its answer.

use certmill_domain::{Digest, Timestamp};

use crate::error::corrupt;
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, SystemTx, Tx, WithLink};

/// A call that holds a key, as the change that it makes names it.
#[derive(Debug, Clone)]
pub struct Hold {
    /// SHA-256 of the caller's identity and the key.
    pub key_sha256: Digest,
    /// The one call that may write the answer.
    pub holder: String,
}

/// A key that is taken for a call.
#[derive(Debug, Clone)]
pub struct NewHold {
    /// The key and who holds it.
    pub hold: Hold,
    /// SHA-256 of method, path and body.
    pub request_sha256: Digest,
    /// Until when no other call may take it.
    pub held_until: Timestamp,
    /// Until when it is kept.
    pub expires_at: Timestamp,
    /// The present.
    pub now: Timestamp,
}

/// What is known of a call.
#[derive(Debug, Clone)]
pub struct Known {
    /// SHA-256 of method, path and body.
    pub request_sha256: Digest,
    /// Until when its holder has it for itself.
    pub held_until: Timestamp,
    /// The object that it changed, whatever became of its answer.
    pub effect: Option<String>,
    /// Its answer, once that is known.
    pub answer: Option<StoredAnswer>,
}

/// An answer; its bodies are sealed.
#[derive(Debug, Clone)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: i64,
    /// The `Location` header.
    pub location: Option<String>,
    /// The body without secrets.
    pub sealed: Vec<u8>,
    /// The body with its secrets, and until when it may be given.
    pub sealed_secret: Option<(Vec<u8>, Timestamp)>,
}

row! {
    struct Row {
        request_sha256: Vec<u8>,
        held_until: i64,
        effect: Option<String>,
        status: Option<i64>,
        location: Option<String>,
        sealed_answer: Option<Vec<u8>>,
        sealed_secret_answer: Option<Vec<u8>>,
        secret_until: Option<i64>,
    }
}

/// Takes a key that is new, expired, or was left by a call that ended without effect; `false` when it is not to be had.
pub async fn take(tx: &mut Tx, new: &NewHold) -> Result<bool, StorageError> {
    // The row of another request stays, even when its call has ended: the key means that request until it expires.
    let query = Query::new(
        "INSERT INTO idempotency_keys (tenant_id, key_sha256, request_sha256, holder, held_until, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, key_sha256) DO UPDATE SET request_sha256 = excluded.request_sha256, \
           holder = excluded.holder, held_until = excluded.held_until, expires_at = excluded.expires_at, \
           effect = NULL, status = NULL, location = NULL, sealed_answer = NULL, sealed_secret_answer = NULL, \
           secret_until = NULL \
         WHERE idempotency_keys.expires_at <= $7 OR (idempotency_keys.status IS NULL \
           AND idempotency_keys.effect IS NULL AND idempotency_keys.held_until <= $7 \
           AND idempotency_keys.request_sha256 = excluded.request_sha256)",
    )
    .bind(tx.tenant_key())
    .bind(Vec::from(new.hold.key_sha256))
    .bind(Vec::from(new.request_sha256))
    .bind(new.hold.holder.clone())
    .bind(new.held_until.unix_micros())
    .bind(new.expires_at.unix_micros())
    .bind(new.now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// What is known of a key.
pub async fn find(session: &mut Session, key_sha256: &Digest) -> Result<Option<Known>, StorageError> {
    let query = Query::new(
        "SELECT request_sha256, held_until, effect, status, location, sealed_answer, sealed_secret_answer, \
         secret_until FROM idempotency_keys WHERE tenant_id = $1 AND key_sha256 = $2",
    )
    .bind(session.tenant_key())
    .bind(key_sha256.as_slice());
    session.link().fetch_optional::<Row>(query).await?.map(known).transpose()
}

/// Notes what the holder's call changes, in the transaction of the change; `false` when it holds the key no longer.
pub async fn note_effect(tx: &mut Tx, hold: &Hold, object: &str) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE idempotency_keys SET effect = $1 \
         WHERE tenant_id = $2 AND key_sha256 = $3 AND holder = $4 AND status IS NULL",
    )
    .bind(object.to_owned())
    .bind(tx.tenant_key())
    .bind(Vec::from(hold.key_sha256))
    .bind(hold.holder.clone());
    Ok(tx.link().execute(query).await? == 1)
}

/// Takes the note back: the change did not come about.
pub async fn forget_effect(tx: &mut Tx, hold: &Hold) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE idempotency_keys SET effect = NULL WHERE tenant_id = $1 AND key_sha256 = $2 AND holder = $3",
    )
    .bind(tx.tenant_key())
    .bind(Vec::from(hold.key_sha256))
    .bind(hold.holder.clone());
    tx.link().execute(query).await.map(drop)
}

/// Keeps the answer of the holder's call.
pub async fn keep(tx: &mut Tx, hold: &Hold, answer: &StoredAnswer) -> Result<(), StorageError> {
    let (secret, until) = answer.sealed_secret.clone().unzip();
    let query = Query::new(
        "UPDATE idempotency_keys SET status = $1, location = $2, sealed_answer = $3, sealed_secret_answer = $4, \
         secret_until = $5 WHERE tenant_id = $6 AND key_sha256 = $7 AND holder = $8",
    )
    .bind(answer.status)
    .bind(answer.location.clone())
    .bind(answer.sealed.clone())
    .bind(secret)
    .bind(until.map(Timestamp::unix_micros))
    .bind(tx.tenant_key())
    .bind(Vec::from(hold.key_sha256))
    .bind(hold.holder.clone());
    tx.link().execute(query).await.map(drop)
}

/// Gives a key back whose call changed nothing.
pub async fn release(tx: &mut Tx, hold: &Hold) -> Result<(), StorageError> {
    let query = Query::new(
        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key_sha256 = $2 AND holder = $3 AND effect IS NULL",
    )
    .bind(tx.tenant_key())
    .bind(Vec::from(hold.key_sha256))
    .bind(hold.holder.clone());
    tx.link().execute(query).await.map(drop)
}

/// Deletes up to `limit` expired keys and as many secrets whose time is over; answers how many rows were touched.
pub async fn prune(tx: &mut SystemTx, now: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let expired = Query::new(
        "DELETE FROM idempotency_keys WHERE (tenant_id, key_sha256) IN (SELECT tenant_id, key_sha256 \
         FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind(now.unix_micros())
    .bind(limit);
    let secrets = Query::new(
        "UPDATE idempotency_keys SET sealed_secret_answer = NULL, secret_until = NULL \
         WHERE (tenant_id, key_sha256) IN (SELECT tenant_id, key_sha256 FROM idempotency_keys \
         WHERE secret_until IS NOT NULL AND secret_until <= $1 ORDER BY secret_until LIMIT $2)",
    )
    .bind(now.unix_micros())
    .bind(limit);
    Ok(tx.link().execute(expired).await? + tx.link().execute(secrets).await?)
}

fn known(row: Row) -> Result<Known, StorageError> {
    let digest = Digest::try_from(row.request_sha256)
        .map_err(|_| corrupt("idempotency_keys", "request_sha256", "it has not 32 octets"))?;
    let secret_until = row.secret_until.map(Timestamp::from_unix_micros);
    Ok(Known {
        request_sha256: digest,
        held_until: Timestamp::from_unix_micros(row.held_until),
        effect: row.effect,
        answer: row.status.zip(row.sealed_answer).map(|(status, sealed)| StoredAnswer {
            status,
            location: row.location,
            sealed,
            sealed_secret: row.sealed_secret_answer.zip(secret_until),
        }),
    })
}
