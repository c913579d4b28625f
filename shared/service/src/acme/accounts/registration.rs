//! Registering an account: in the call that asks for it, or in a worker when that call was cut off.

use certmill_acme::{AcmeError, Directory, ExternalAccount, Registration};
use certmill_domain::{AccountStatus, AcmeAccount, AcmeAccountId, AcmeProvider, Failure, TenantId};
use certmill_egress::{Limits, Purpose};
use certmill_storage::acme_accounts;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::directories::{has_no_external_account, needs_external_account};
use super::super::judgement::{Judgement, Request, judge};
use super::{Checked, NewAccount, contact, key, place};
use crate::jobs::{JobKind, Lease};
use crate::{App, ServiceError};

/// When a registration whose outcome stays unknown is given up.
const GIVEN_UP_AFTER: std::time::Duration = std::time::Duration::from_hours(24);
/// For an answer of ZeroSSL's API.
const ZEROSSL: Limits = Limits { timeout: std::time::Duration::from_secs(20), max_bytes: 64 << 10 };

/// An external account as it is stored: the HMAC key as octets.
pub(super) struct ExternalKey {
    pub(super) kid: String,
    pub(super) hmac_key: Zeroizing<Vec<u8>>,
}

/// What became of a registration.
pub(super) enum Outcome {
    /// The CA has the account, and so have we.
    Registered,
    /// The CA may have it, or may take it later; after this time it is worth asking again.
    Unknown(std::time::Duration),
    /// The CA does not want it, or was never asked.
    Refused(Failure),
}

/// The external account that the request names or that ZeroSSL gives; an error when the CA wants one and there is none.
pub(super) async fn external_account(
    app: &App,
    tenant: TenantId,
    checked: &Checked,
    new: &NewAccount,
    directory: &Directory,
) -> Result<Option<ExternalKey>, ServiceError> {
    if new.eab_hmac_key.is_some()
        && has_no_external_account(checked.provider)
        && !directory.external_account_required
    {
        let problem = format!("{} binds accounts to no external one: leave it out", checked.provider);
        return Err(ServiceError::field("eab_kid", problem));
    }
    if let (Some(kid), Some(text)) = (&new.eab_kid, &new.eab_hmac_key) {
        return external_key(kid, text)
            .map(Some)
            .map_err(|problem| ServiceError::field("eab_hmac_key", problem));
    }
    if let Some(api_key) = &new.zerossl_api_key {
        return fetch_from_zerossl(app, tenant, api_key).await.map(Some);
    }
    refuse_unbound(checked, new, directory.external_account_required)?;
    Ok(None)
}

/// Refuses a request without an external account where the CA wants one: by its rules, or because its directory says so.
pub(super) fn refuse_unbound(
    checked: &Checked,
    new: &NewAccount,
    required: bool,
) -> Result<(), ServiceError> {
    let bound = new.eab_hmac_key.is_some() || new.zerossl_api_key.is_some();
    if bound || !(required || needs_external_account(checked.provider)) {
        return Ok(());
    }
    let hint = if checked.provider == AcmeProvider::ZeroSsl { ", or zerossl_api_key" } else { "" };
    let problem = format!("this CA binds accounts to an external one: send eab_kid and eab_hmac_key{hint}");
    Err(ServiceError::field("eab_kid", problem))
}

fn external_key(kid: &str, text: &str) -> Result<ExternalKey, String> {
    let account = ExternalAccount::parse(kid, text).map_err(|error| error.to_string())?;
    Ok(ExternalKey { kid: account.kid, hmac_key: account.hmac_key })
}

#[derive(Deserialize)]
struct ZeroSslAnswer {
    eab_kid: Option<String>,
    eab_hmac_key: Option<Zeroizing<String>>,
    error: Option<serde_json::Value>,
}

/// Asks ZeroSSL for an external account (its API answers 200 for failures too).
async fn fetch_from_zerossl(app: &App, tenant: TenantId, api_key: &str) -> Result<ExternalKey, ServiceError> {
    let refused = |message: String, upstream| {
        ServiceError::Upstream(Failure { code: "refused_by_ca".to_owned(), message, upstream })
    };
    if api_key.is_empty() || !api_key.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        return Err(ServiceError::field(
            "zerossl_api_key",
            "must be the letters and digits that ZeroSSL shows",
        ));
    }
    let url = format!("{}/acme/eab-credentials", app.settings().zerossl_api_url);
    let body = Zeroizing::new(format!("access_key={api_key}"));
    let answer = app
        .egress(tenant, Purpose::Acme)
        .await?
        .with_credentials()
        .post(&url, "application/x-www-form-urlencoded", body.as_bytes().to_vec(), ZEROSSL)
        .await
        .map_err(|error| refused(format!("ZeroSSL's API cannot be reached: {error}"), None))?;
    let read: Result<ZeroSslAnswer, _> = serde_json::from_slice(answer.body());
    match read {
        Ok(ZeroSslAnswer { eab_kid: Some(kid), eab_hmac_key: Some(text), .. }) => external_key(&kid, &text)
            .map_err(|problem| refused(format!("ZeroSSL's API answered an unusable key: {problem}"), None)),
        Ok(ZeroSslAnswer { error, .. }) => {
            Err(refused("ZeroSSL's API does not give an external account for this key".to_owned(), error))
        }
        Err(_) => Err(refused(format!("ZeroSSL's API answered with status {}", answer.status()), None)),
    }
}

/// Has the CA register the account, or tell that it has it. Can be repeated after anything.
pub(super) async fn register(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
) -> Result<Outcome, ServiceError> {
    let key = key(app, tenant, account.id).await?;
    let external_account = stored_external_account(app, tenant, account).await?;
    let registration = told(account, external_account);
    match app.acme(tenant).await?.register(&account.directory_url, &key, &registration).await {
        Ok(registered) => {
            let mut tx = app.database().begin(tenant).await?;
            acme_accounts::confirm(&mut tx, account.id, &registered.account_url, app.now()).await?;
            tx.commit().await?;
            Ok(Outcome::Registered)
        }
        Err(error) => Ok(judged(app, &error)),
    }
}

/// What the CA is told of an account.
pub(super) fn told(account: &AcmeAccount, external_account: Option<ExternalAccount>) -> Registration {
    Registration { contact: contact(&account.email), terms_of_service_agreed: true, external_account }
}

fn judged(app: &App, error: &AcmeError) -> Outcome {
    let never_sent = matches!(error, AcmeError::Unreachable { .. });
    match judge(app, error, &Request::REGISTRATION) {
        Judgement::Retry { failure, .. } if never_sent || failure.code == "rate_limited" => {
            Outcome::Refused(failure)
        }
        Judgement::Retry { failure, .. } if failure.code == "user_action_required" => {
            Outcome::Refused(failure)
        }
        Judgement::Retry { after, .. } => Outcome::Unknown(after),
        Judgement::Give(failure) | Judgement::AccountRefused(failure) => Outcome::Refused(failure),
    }
}

async fn stored_external_account(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
) -> Result<Option<ExternalAccount>, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let secrets = acme_accounts::secrets(&mut session, account.id).await?;
    drop(session);
    let (Some(kid), Some(sealed)) = (account.eab_kid.clone(), secrets.and_then(|secrets| secrets.eab_key))
    else {
        return Ok(None);
    };
    let row = account.id.to_string();
    let hmac_key = app.keyring().open(app, &place(tenant, &row, "sealed_eab_key"), &sealed).await?;
    Ok(Some(ExternalAccount { kid, hmac_key }))
}

/// Carries a registration through whose call has not told us the end: the job.
pub(crate) async fn resume(app: &App, lease: &Lease, id: AcmeAccountId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let account = acme_accounts::find(&mut session, id).await?;
    drop(session);
    account.as_ref().map(|account| account.status.known()).transpose()?;
    let outcome = match &account {
        Some(account) if account.status == AccountStatus::Pending => register(app, tenant, account).await?,
        _ => Outcome::Registered,
    };
    let now = app.now();
    let too_late = account.is_some_and(|account| now.since(account.created_at) > GIVEN_UP_AFTER);
    let mut tx = app.database().begin(tenant).await?;
    match outcome {
        Outcome::Registered => lease.finish(&mut tx).await?,
        Outcome::Unknown(after) if !too_late => lease.put_off(&mut tx, now.plus(after)).await?,
        Outcome::Unknown(_) => {
            let failure = Failure::new("ca_unreachable", "the CA could not be asked for a day");
            give_up(app, &mut tx, lease, (id, &failure)).await?;
        }
        Outcome::Refused(failure) if failure.code == "ca_unreachable" && !too_late => {
            lease.put_off(&mut tx, now.plus(std::time::Duration::from_mins(1))).await?;
        }
        Outcome::Refused(failure) => give_up(app, &mut tx, lease, (id, &failure)).await?,
    }
    Ok(tx.commit().await?)
}

async fn give_up(
    app: &App,
    tx: &mut certmill_storage::Tx,
    lease: &Lease,
    (id, failure): (AcmeAccountId, &Failure),
) -> Result<(), ServiceError> {
    let step = (AccountStatus::Pending, AccountStatus::Invalid);
    if acme_accounts::set_status(tx, id, step, Some(failure), app.now()).await? {
        super::raise_failed(app, tx, id, failure);
    }
    lease.finish(tx).await
}

/// Registrations that nobody works on although their call must have ended.
pub(crate) async fn overdue(app: &App, limit: i64) -> Result<Vec<(TenantId, AcmeAccountId)>, ServiceError> {
    let mut session = app.database().read_system().await?;
    let (kind, before) = (JobKind::RegisterAcmeAccount.as_str(), app.now().minus(super::TAKEOVER * 2));
    Ok(acme_accounts::pending(&mut session, kind, before, limit).await?)
}
