//! Another key for an account (RFC 8555 section 7.3.5).
//!
//! The new key is stored before the CA hears of it, and takes the old one's place once the CA is known to have it. Whoever
//! takes over after a crash asks the CA for the account of the new key, and goes on from what it says.

use std::time::Duration;

use certmill_acme::{AccountKey, AcmeError};
use certmill_domain::{AccountStatus, AcmeAccount, AcmeAccountId, Action, Failure, TenantId};
use certmill_keys::SealPlace;
use certmill_storage::acme_account_keys::{self, AccountKeyRow};
use certmill_storage::{StorageError, acme_accounts, acme_orders};

use super::super::judgement::{Judgement, Request, judge};
use super::super::orders::refuse_unusable;
use super::{TAKEOVER, client, find, key};
use crate::change::Act;
use crate::failpoint;
use crate::jobs::{Job, JobKind, Lease};
use crate::{App, Caller, ServiceError};

/// How long to wait before the CA is asked again what became of a change.
const AGAIN: Duration = Duration::from_mins(1);

/// What became of a change.
enum Outcome {
    /// The CA has the new key, and so have we.
    Changed,
    /// The CA may have it; after this time it is worth asking again.
    Unknown(Duration),
    /// The CA goes on with the old one.
    Refused(Failure),
}

/// Gives an account a new key. The account is the answer; its `key_change_pending` is true when the CA may have taken the key
/// without our hearing of it, and then a worker finds out. While control is being proven for an order, which has to do with the
/// key, there is no change.
pub async fn roll_over(app: &App, caller: &Caller, id: AcmeAccountId) -> Result<AcmeAccount, ServiceError> {
    let account = find(app, caller, id).await?;
    refuse_unusable(&account)?;
    refuse_proving(app, caller, id).await?;
    let _place = app.place_to_call_out(caller.tenant).await?;
    let new = AccountKey::generate().map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let mut session = app.database().read(caller.tenant).await?;
    let generation = acme_account_keys::next_generation(&mut session, id).await?;
    drop(session);
    let pkcs8 = new.to_pkcs8_der().map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let row = row_of(id, generation);
    let sealed_key = app.keyring().seal(app, &place(caller.tenant, &row), &pkcs8).await?;
    let mut change = app.change(caller).await?;
    match acme_account_keys::insert(&mut change, id, AccountKeyRow { generation, sealed_key }, app.now())
        .await
    {
        Err(StorageError::AlreadyExists) => {
            let message = format!("the key of {id} is being changed: try again in a minute");
            let possible_from = &["valid"];
            return Err(ServiceError::InvalidState { message, state: "key_change_pending", possible_from });
        }
        other => other?,
    }
    let job = Job::RollOverAcmeAccountKey(id);
    app.enqueue_after(&mut change, job, Some(&caller.request_id), TAKEOVER).await?;
    change.commit(Act::new(Action::AcmeAccountRollover, id).after(new.thumbprint())).await?;
    failpoint::reached("rollover.key_stored");
    // An order may have got so far since: it looks for a change that is pending before it publishes anything.
    if let Err(error) = refuse_proving(app, caller, id).await {
        discard(app, caller.tenant, id, generation).await?;
        return Err(error);
    }
    match carry_out(app, caller.tenant, &account, false).await? {
        Outcome::Changed | Outcome::Unknown(_) => find(app, caller, id).await,
        Outcome::Refused(failure) => Err(ServiceError::Upstream(failure)),
    }
}

async fn refuse_proving(app: &App, caller: &Caller, id: AcmeAccountId) -> Result<(), ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    match acme_orders::proving_for_account(&mut session, id).await? {
        None => Ok(()),
        Some(order) => {
            let message = format!(
                "{order} is proving control with the present key of {id}: wait for its end, or cancel it, and try again"
            );
            Err(ServiceError::InUse { message, by: order.to_string() })
        }
    }
}

fn row_of(id: AcmeAccountId, generation: i64) -> String {
    format!("{id}/{generation}")
}

fn place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "acme_account_keys", row, column: "sealed_key" }
}

/// Opens a key of an account.
pub(super) async fn open(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
    row: &AccountKeyRow,
) -> Result<AccountKey, ServiceError> {
    let name = row_of(id, row.generation);
    let pkcs8 = app.keyring().open(app, &place(tenant, &name), &row.sealed_key).await?;
    AccountKey::from_pkcs8_der(&pkcs8).map_err(|error| ServiceError::Internal(Box::new(error)))
}

/// Has the CA take the pending key. `resumed` when it may have been told before.
async fn carry_out(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    resumed: bool,
) -> Result<Outcome, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let Some(row) = acme_account_keys::pending(&mut session, account.id).await? else {
        return Ok(Outcome::Changed);
    };
    drop(session);
    let new = open(app, tenant, account.id, &row).await?;
    if resumed {
        match has_key(app, tenant, account, &new).await {
            Ok(true) => return confirm(app, tenant, account.id, row.generation).await,
            Ok(false) => {}
            Err(error) => return Ok(Outcome::Unknown(wait(app, &error))),
        }
    }
    let told = client(app, tenant, account).await?.change_key(&new).await;
    failpoint::reached("rollover.told");
    match told {
        Ok(()) => confirm(app, tenant, account.id, row.generation).await,
        Err(error) => {
            // Only while the CA knows the account by the old key it is certain that it has not taken the new one.
            let never_sent = matches!(error, AcmeError::Unreachable { .. });
            let refused = matches!(error, AcmeError::Problem { .. } | AcmeError::Protocol(_));
            let old = key(app, tenant, account.id).await?;
            let kept =
                never_sent || (refused && matches!(has_key(app, tenant, account, &old).await, Ok(true)));
            if !kept {
                return Ok(Outcome::Unknown(wait(app, &error)));
            }
            discard(app, tenant, account.id, row.generation).await?;
            Ok(Outcome::Refused(super::failure_of_call(&error)))
        }
    }
}

fn wait(app: &App, error: &AcmeError) -> Duration {
    match judge(app, error, &Request::REGISTRATION) {
        Judgement::Retry { after, .. } => after.max(AGAIN),
        Judgement::AccountRefused(_) | Judgement::Give(_) => AGAIN,
    }
}

async fn has_key(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    key: &AccountKey,
) -> Result<bool, AcmeError> {
    let acme =
        app.acme(tenant).await.map_err(|error| AcmeError::OutcomeUnknown { reason: error.to_string() })?;
    match acme.find_account(&account.directory_url, key).await {
        Ok(found) => Ok(found.is_some() && found == account.account_url),
        // Some servers say in other words that they know no such key.
        Err(error) if error.problem().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn confirm(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
    generation: i64,
) -> Result<Outcome, ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    acme_account_keys::confirm(&mut tx, id, generation, app.now()).await?;
    tx.commit().await?;
    tracing::info!(account.id = %id, "an ACME account has a new key");
    Ok(Outcome::Changed)
}

async fn discard(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
    generation: i64,
) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    acme_account_keys::discard(&mut tx, id, generation).await?;
    Ok(tx.commit().await?)
}

/// Carries a change through whose call has not told us the end: the job.
pub(crate) async fn resume(app: &App, lease: &Lease, id: AcmeAccountId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let account = acme_accounts::find(&mut session, id).await?;
    let pending = acme_account_keys::pending(&mut session, id).await?;
    drop(session);
    let outcome = match (&account, pending) {
        (Some(account), Some(row)) if account.status.known()? != AccountStatus::Valid => {
            discard(app, tenant, id, row.generation).await?;
            Outcome::Changed
        }
        (Some(account), Some(_)) => carry_out(app, tenant, account, true).await?,
        _ => Outcome::Changed,
    };
    let mut tx = app.database().begin(tenant).await?;
    match outcome {
        Outcome::Changed => lease.finish(&mut tx).await?,
        Outcome::Unknown(after) => lease.put_off(&mut tx, app.now().plus(after)).await?,
        Outcome::Refused(failure) => {
            tracing::warn!(account.id = %id, reason = failure.message, "an ACME account keeps its key");
            lease.finish(&mut tx).await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Changes that nobody works on although their call must have ended.
pub(crate) async fn overdue(app: &App, limit: i64) -> Result<Vec<(TenantId, AcmeAccountId)>, ServiceError> {
    let mut session = app.database().read_system().await?;
    let (kind, before) = (JobKind::RollOverAcmeAccountKey.as_str(), app.now().minus(TAKEOVER * 2));
    Ok(acme_account_keys::overdue(&mut session, kind, before, limit).await?)
}

/// Whether the key of an account is being changed, so that nothing may be published that has to do with it.
pub(in crate::acme) async fn key_change_pending(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
) -> Result<bool, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    Ok(acme_account_keys::pending(&mut session, id).await?.is_some())
}

/// Whether the key of an account was changed, or is being changed, since this row was read: then a refusal may mean the old key.
pub(in crate::acme) async fn key_was_changed(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
) -> Result<bool, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let present = acme_accounts::find(&mut session, account.id).await?;
    Ok(present.is_some_and(|present| {
        present.key_change_pending || present.key_generation != account.key_generation
    }))
}
