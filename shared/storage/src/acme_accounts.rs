//! Accounts at ACME servers.

use certmill_domain::{AccountStatus, AcmeAccount, AcmeAccountId, Failure, TenantId, Timestamp};

use crate::error::{from_json, parsed, to_json};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::{ACCOUNT_ENVIRONMENT, ACCOUNT_PROVIDER, ACCOUNT_STATUS};
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

const TABLE: &str = "acme_accounts";
/// A listing parts the text at its first ` FROM `, so those inside begin lines.
const SELECT: &str = "SELECT id, COALESCE(former_name, name) AS name, provider, environment, directory_url, email, status, \
     account_url, eab_kid, terms_of_service, error, created_at, updated_at, \
     fallback_account_ids, default_fallback, (SELECT COALESCE(MAX(k.generation), 0)\nFROM acme_account_keys k WHERE k.tenant_id = acme_accounts.tenant_id \
     AND k.account_id = acme_accounts.id AND k.confirmed_at IS NOT NULL) AS key_generation, \
     EXISTS (SELECT 1\nFROM acme_account_keys k WHERE k.tenant_id = acme_accounts.tenant_id \
     AND k.account_id = acme_accounts.id AND k.confirmed_at IS NULL) AS key_change_pending \
     FROM acme_accounts WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(directory_url) + octet_length(email) + \
     COALESCE(octet_length(account_url), 0) + COALESCE(octet_length(eab_kid), 0) + \
     COALESCE(octet_length(terms_of_service), 0) + COALESCE(octet_length(error), 0)";

row! {
    struct Row {
        id: String,
        name: String,
        provider: String,
        environment: String,
        directory_url: String,
        email: String,
        status: String,
        account_url: Option<String>,
        eab_kid: Option<String>,
        terms_of_service: Option<String>,
        error: Option<String>,
        created_at: i64,
        updated_at: i64,
        fallback_account_ids: Option<String>,
        default_fallback: bool,
        key_generation: i64,
        key_change_pending: bool,
    }
}

/// The secrets of an account, sealed.
pub struct SealedSecrets {
    /// Its private key.
    pub key: Vec<u8>,
    /// The HMAC key of the external account, until the registration is confirmed.
    pub eab_key: Option<Vec<u8>>,
}

/// Stores a new account. [`StorageError::AlreadyExists`] when the tenant has one of this name.
pub async fn insert(tx: &mut Tx, account: &AcmeAccount, secrets: SealedSecrets) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_accounts (tenant_id, id, name, provider, environment, directory_url, email, status, \
         account_url, sealed_key, eab_kid, sealed_eab_key, terms_of_service, error, created_at, updated_at, \
         fallback_account_ids, default_fallback) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(tx.tenant_key())
    .bind(account.id.to_string())
    .bind(account.name.clone())
    .bind(ACCOUNT_PROVIDER.write(&account.provider)?)
    .bind(ACCOUNT_ENVIRONMENT.write(&account.environment)?)
    .bind(account.directory_url.clone())
    .bind(account.email.clone())
    .bind(ACCOUNT_STATUS.write(&account.status)?)
    .bind(account.account_url.clone())
    .bind(secrets.key)
    .bind(account.eab_kid.clone())
    .bind(secrets.eab_key)
    .bind(account.terms_of_service.clone())
    .bind(to_json(TABLE, "error", account.error.as_ref())?)
    .bind(account.created_at.unix_micros())
    .bind(account.updated_at.unix_micros())
    .bind(ids_as_json(&account.fallback_account_ids)?)
    .bind(account.default_fallback);
    tx.link().execute(query).await.map(drop)
}

/// An account of the tenant.
pub async fn find(session: &mut Session, id: AcmeAccountId) -> Result<Option<AcmeAccount>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(account).transpose()
}

/// The sealed secrets of an account.
pub async fn secrets(
    session: &mut Session,
    id: AcmeAccountId,
) -> Result<Option<SealedSecrets>, StorageError> {
    let query =
        Query::new("SELECT sealed_key, sealed_eab_key FROM acme_accounts WHERE tenant_id = $1 AND id = $2")
            .bind(session.tenant_key())
            .bind(id.to_string());
    let row = session.link().fetch_optional::<(Vec<u8>, Option<Vec<u8>>)>(query).await?;
    Ok(row.map(|(key, eab_key)| SealedSecrets { key, eab_key }))
}

/// The tenant's accounts, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<AcmeAccountId>,
    wanted: Extent,
) -> Result<Listed<AcmeAccount>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(account)
}

/// The CA has confirmed a registration: its URL is kept, and the HMAC key is not needed any more. `false` when the
/// account is not pending.
pub async fn confirm(
    tx: &mut Tx,
    id: AcmeAccountId,
    account_url: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_accounts SET status = 'valid', account_url = $1, sealed_eab_key = NULL, error = NULL, \
         updated_at = $2 WHERE tenant_id = $3 AND id = $4 AND status = 'pending'",
    )
    .bind(account_url.to_owned())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that the CA knows a valid account by another URL.
pub async fn set_url(
    tx: &mut Tx,
    id: AcmeAccountId,
    account_url: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_accounts SET account_url = $1, updated_at = $2 \
         WHERE tenant_id = $3 AND id = $4 AND status = 'valid'",
    )
    .bind(account_url.to_owned())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Changes the status of an account that is `from`; `false` when it is not. An HMAC key goes with it.
pub async fn set_status(
    tx: &mut Tx,
    id: AcmeAccountId,
    (from, to): (AccountStatus, AccountStatus),
    error: Option<&Failure>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_accounts SET status = $1, sealed_eab_key = CASE WHEN $1 = 'pending' THEN sealed_eab_key END, \
         error = $2, updated_at = $3 WHERE tenant_id = $4 AND id = $5 AND status = $6",
    )
    .bind(to.as_str())
    .bind(to_json(TABLE, "error", error)?)
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(from.as_str());
    Ok(tx.link().execute(query).await? == 1)
}

/// Frees the name of an account that was deactivated, which keeps it for people to read.
pub async fn free_name(tx: &mut Tx, name: &str) -> Result<(), StorageError> {
    // The column needs a name of its own. Names that callers give have no control characters, so this one is unique.
    let query = Query::new(
        "UPDATE acme_accounts SET former_name = name, name = $1 || id \
         WHERE tenant_id = $2 AND name = $3 AND status = 'deactivated' AND former_name IS NULL",
    )
    .bind("\u{1}")
    .bind(tx.tenant_key())
    .bind(name.to_owned());
    tx.link().execute(query).await.map(drop)
}

/// Whether the tenant has another account of this name, deactivated ones left out.
pub async fn is_name_taken(
    session: &mut Session,
    name: &str,
    other_than: AcmeAccountId,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "SELECT id FROM acme_accounts WHERE tenant_id = $1 AND name = $2 AND id <> $3 AND status <> 'deactivated'",
    )
    .bind(session.tenant_key())
    .bind(name.to_owned())
    .bind(other_than.to_string());
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

fn ids_as_json(ids: &[AcmeAccountId]) -> Result<Option<String>, StorageError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    to_json(TABLE, "fallback_account_ids", Some(&ids).filter(|ids| !ids.is_empty()))
}

/// Sets which accounts are asked when the CA of this one cannot issue in time, and whether this one is asked for those that
/// name none.
pub async fn set_fallbacks(
    tx: &mut Tx,
    id: AcmeAccountId,
    (fallbacks, is_default): (&[AcmeAccountId], bool),
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_accounts SET fallback_account_ids = $1, default_fallback = $2 WHERE tenant_id = $3 AND id = $4",
    )
    .bind(ids_as_json(fallbacks)?)
    .bind(is_default)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// The tenant's accounts that are asked for those that name none, the oldest first.
pub async fn default_fallbacks(
    session: &mut Session,
    limit: usize,
) -> Result<Vec<AcmeAccountId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM acme_accounts WHERE tenant_id = $1 AND default_fallback AND status <> 'deactivated' \
         ORDER BY id LIMIT $2",
    )
    .bind(session.tenant_key())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed(TABLE, "id", &id)).collect()
}

/// The tenant's accounts of these names that can be ordered with, in the order of the names.
pub async fn valid_named(
    session: &mut Session,
    names: &[String],
) -> Result<Vec<AcmeAccountId>, StorageError> {
    let mut found = Vec::new();
    for name in names {
        let query = Query::new(
            "SELECT id FROM acme_accounts WHERE tenant_id = $1 AND name = $2 AND status = 'valid'",
        )
        .bind(session.tenant_key())
        .bind(name.clone());
        if let Some((id,)) = session.link().fetch_optional::<(String,)>(query).await? {
            found.push(parsed(TABLE, "id", &id)?);
        }
    }
    Ok(found)
}

/// Changes name and address; `false` when the account was deactivated meanwhile. [`StorageError::AlreadyExists`] when the
/// tenant has another one of this name.
pub async fn update(
    tx: &mut Tx,
    id: AcmeAccountId,
    (name, email): (&str, &str),
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_accounts SET name = $1, email = $2, updated_at = $3 \
         WHERE tenant_id = $4 AND id = $5 AND status <> 'deactivated'",
    )
    .bind(name.to_owned())
    .bind(email.to_owned())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Holds an account for the rest of the transaction: others that hold it wait.
pub async fn hold(tx: &mut Tx, id: AcmeAccountId) -> Result<(), StorageError> {
    let query = Query::new("UPDATE acme_accounts SET name = name WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes an account that has no order.
pub async fn delete(tx: &mut Tx, id: AcmeAccountId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM acme_accounts WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Registrations that were begun before `before` and are not confirmed.
pub async fn pending(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, AcmeAccountId)>, StorageError> {
    let mut query =
        Query::new("SELECT tenant_id, id FROM acme_accounts WHERE status = 'pending' AND updated_at < ");
    query.push_bind(before.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "acme_accounts.id");
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "id", &id)?)))
        .collect()
}

fn account(row: Row) -> Result<AcmeAccount, StorageError> {
    Ok(AcmeAccount {
        id: parsed(TABLE, "id", &row.id)?,
        name: row.name,
        provider: ACCOUNT_PROVIDER.read(&row.provider),
        environment: ACCOUNT_ENVIRONMENT.read(&row.environment),
        directory_url: row.directory_url,
        email: row.email,
        status: ACCOUNT_STATUS.read(&row.status),
        account_url: row.account_url,
        eab_kid: row.eab_kid,
        terms_of_service: row.terms_of_service,
        error: from_json(TABLE, "error", row.error.as_deref())?,
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
        fallback_account_ids: from_json::<Vec<String>>(
            TABLE,
            "fallback_account_ids",
            row.fallback_account_ids.as_deref(),
        )?
        .unwrap_or_default()
        .iter()
        .map(|id| parsed(TABLE, "fallback_account_ids", id))
        .collect::<Result<_, _>>()?,
        default_fallback: row.default_fallback,
        key_generation: row.key_generation,
        key_change_pending: row.key_change_pending,
    })
}
