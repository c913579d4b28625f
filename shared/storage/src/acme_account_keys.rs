//! Keys that ACME accounts got after they were registered.

use certmill_domain::{AcmeAccountId, TenantId, Timestamp};

use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

const TABLE: &str = "acme_account_keys";

/// A key of an account.
pub struct AccountKeyRow {
    /// Its number, from 1 on; the key of the registration is not in this table.
    pub generation: i64,
    /// The private key, sealed.
    pub sealed_key: Vec<u8>,
}

/// The number of the next key of an account.
pub async fn next_generation(session: &mut Session, account: AcmeAccountId) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT COALESCE(MAX(generation), 0) + 1 FROM acme_account_keys WHERE tenant_id = $1 AND account_id = $2",
    )
    .bind(session.tenant_key())
    .bind(account.to_string());
    let row = session.link().fetch_optional::<(i64,)>(query).await?;
    Ok(row.map_or(1, |(next,)| next))
}

/// Stores a key that the CA is to be told of. [`StorageError::AlreadyExists`] while it may not have taken note of another one.
pub async fn insert(
    tx: &mut Tx,
    account: AcmeAccountId,
    key: AccountKeyRow,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_account_keys (tenant_id, account_id, generation, sealed_key, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(tx.tenant_key())
    .bind(account.to_string())
    .bind(key.generation)
    .bind(key.sealed_key)
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// The key that requests are signed with, if it is not that of the registration.
pub async fn current(
    session: &mut Session,
    account: AcmeAccountId,
) -> Result<Option<AccountKeyRow>, StorageError> {
    one(session, account, "confirmed_at IS NOT NULL").await
}

/// The key that the CA may have been told of.
pub async fn pending(
    session: &mut Session,
    account: AcmeAccountId,
) -> Result<Option<AccountKeyRow>, StorageError> {
    one(session, account, "confirmed_at IS NULL").await
}

async fn one(
    session: &mut Session,
    account: AcmeAccountId,
    which: &'static str,
) -> Result<Option<AccountKeyRow>, StorageError> {
    let mut query = Query::new("SELECT generation, sealed_key FROM acme_account_keys WHERE tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND account_id = ").push_bind(account.to_string());
    query.push(" AND ").push(which).push(" ORDER BY generation DESC LIMIT 1");
    let row = session.link().fetch_optional::<(i64, Vec<u8>)>(query).await?;
    Ok(row.map(|(generation, sealed_key)| AccountKeyRow { generation, sealed_key }))
}

/// The CA has taken a key: the ones before are wiped. `false` when it was not pending.
pub async fn confirm(
    tx: &mut Tx,
    account: AcmeAccountId,
    generation: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let confirm = Query::new(
        "UPDATE acme_account_keys SET confirmed_at = $1 \
         WHERE tenant_id = $2 AND account_id = $3 AND generation = $4 AND confirmed_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(account.to_string())
    .bind(generation);
    if tx.link().execute(confirm).await? != 1 {
        return Ok(false);
    }
    let older = Query::new(
        "DELETE FROM acme_account_keys WHERE tenant_id = $1 AND account_id = $2 AND generation < $3",
    )
    .bind(tx.tenant_key())
    .bind(account.to_string())
    .bind(generation);
    tx.link().execute(older).await?;
    let first = Query::new(
        "UPDATE acme_accounts SET sealed_key = $1, updated_at = $2 WHERE tenant_id = $3 AND id = $4",
    )
    .bind(Vec::<u8>::new())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(account.to_string());
    tx.link().execute(first).await?;
    Ok(true)
}

/// Forgets a key that the CA has not taken.
pub async fn discard(tx: &mut Tx, account: AcmeAccountId, generation: i64) -> Result<(), StorageError> {
    let query = Query::new(
        "DELETE FROM acme_account_keys \
         WHERE tenant_id = $1 AND account_id = $2 AND generation = $3 AND confirmed_at IS NULL",
    )
    .bind(tx.tenant_key())
    .bind(account.to_string())
    .bind(generation);
    tx.link().execute(query).await.map(drop)
}

/// Accounts of any tenant with a key that was pending before `before`, and without an open job of this kind.
pub async fn overdue(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, AcmeAccountId)>, StorageError> {
    let mut query = Query::new(
        "SELECT tenant_id, account_id FROM acme_account_keys WHERE confirmed_at IS NULL AND created_at < ",
    );
    query.push_bind(before.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "acme_account_keys.account_id");
    query.push(" ORDER BY account_id LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "account_id", &id)?)))
        .collect()
}
