//! Accounts at ACME servers.

use certmill_domain::{AccountStatus, AcmeAccount, AcmeAccountId, Failure, TenantId, Timestamp};

use crate::error::{from_json, parsed, to_json};
use crate::listing::Listed;
use crate::query::Query;
use crate::row::row;
use crate::words::{ACCOUNT_ENVIRONMENT, ACCOUNT_PROVIDER, ACCOUNT_STATUS};
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

const TABLE: &str = "acme_accounts";
const SELECT: &str = "SELECT id, name, provider, environment, directory_url, email, status, account_url, eab_kid, \
     terms_of_service, error, created_at, updated_at FROM acme_accounts WHERE ";

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
         account_url, sealed_key, eab_kid, sealed_eab_key, terms_of_service, error, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
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
    .bind(account.updated_at.unix_micros());
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
    limit: i64,
) -> Result<Listed<AcmeAccount>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, limit).await?.read(account)
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
    })
}
