//! Accounts at ACME servers.
//!
//! The key of an account is stored before it is used for the first time. So a registration that was cut off at any point is
//! carried through by asking the CA for the account of that key first: no second account, no external account wasted.

mod external;
pub(super) mod lost;
mod registration;
mod rollover;
mod update;

use std::collections::BTreeMap;

use certmill_acme::{Account, AccountKey, AcmeError};
use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeEnvironment, AcmeProvider, Action, EventKind, Failure,
    FieldErrors, TenantId,
};
use certmill_keys::SealPlace;
use certmill_storage::acme_accounts::{self, SealedSecrets};
use certmill_storage::{StorageError, Tx, acme_account_keys, acme_orders, acme_renewals};
use serde_json::json;
use zeroize::Zeroizing;

use super::directories;
use super::judgement::failure;
use crate::change::Act;
use crate::jobs::{Job, JobKind};
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError, events};

use registration::{ExternalKey, Outcome};
pub(crate) use registration::{overdue, resume};
pub use rollover::roll_over;
pub(super) use rollover::{key_change_pending, key_was_changed};
pub(crate) use rollover::{overdue as overdue_rollovers, resume as resume_rollover};
pub use update::{AccountChange, update};

/// How long the call that registers an account has before a worker takes over.
const TAKEOVER: std::time::Duration = std::time::Duration::from_mins(1);
const LONGEST_NAME: usize = 128;
const LONGEST_EMAIL: usize = 254;

/// An account that is to be registered.
pub struct NewAccount {
    /// What to call it.
    pub name: String,
    /// `letsencrypt`, `zerossl`, `buypass`, `google` or `custom`.
    pub provider: String,
    /// `production` (default) or `staging`.
    pub environment: Option<String>,
    /// Whom the CA may write to.
    pub email: Option<String>,
    /// The directory, for the provider `custom`.
    pub directory_url: Option<String>,
    /// Key id of an external account (RFC 8555 section 7.3.4).
    pub eab_kid: Option<String>,
    /// HMAC key of the external account, base64url.
    pub eab_hmac_key: Option<Zeroizing<String>>,
    /// The secret that holds the two above, in place of them.
    pub eab_secret_path: Option<String>,
    /// ZeroSSL's API key, by which an external account is fetched.
    pub zerossl_api_key: Option<Zeroizing<String>>,
    /// Whether the CA's terms are agreed to; true when absent, since there is no account without.
    pub terms_of_service_agreed: Option<bool>,
    /// Accounts that are asked when this one's CA cannot issue in time.
    pub fallback_account_ids: Vec<String>,
    /// Whether it is asked for accounts that name no others.
    pub default_fallback: bool,
}

/// Registers an account. It is valid in the answer, or pending when the CA may have made it without our hearing of it, and
/// then a worker finds out. What the CA refuses leaves nothing behind.
pub async fn create(app: &App, caller: &Caller, mut new: NewAccount) -> Result<AcmeAccount, ServiceError> {
    external::from_secret(app, caller, &mut new).await?;
    let checked = Checked::of(&new, &app.settings().acme_directories)?;
    registration::refuse_unbound(&checked, &new, false)?;
    let fallbacks = update::fallbacks(app, caller, None, &new.fallback_account_ids).await?;
    let _place = app.place_to_call_out(caller.tenant).await?;
    let directory = app.acme(caller.tenant).await?.directory(&checked.directory_url).await;
    let directory = directory.map_err(|error| upstream(&error))?;
    let external = registration::external_account(app, caller.tenant, &checked, &new, &directory).await?;
    let key = AccountKey::generate().map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let now = app.now();
    let account = AcmeAccount {
        id: AcmeAccountId::generate(now, app.entropy()),
        name: new.name,
        provider: checked.provider.into(),
        environment: checked.environment.into(),
        directory_url: checked.directory_url,
        email: new.email.unwrap_or_default(),
        status: AccountStatus::Pending.into(),
        account_url: None,
        eab_kid: external.as_ref().map(|external| external.kid.clone()),
        terms_of_service: directory.terms_of_service.clone(),
        error: None,
        created_at: now,
        updated_at: now,
        fallback_account_ids: fallbacks,
        default_fallback: new.default_fallback,
        key_generation: 0,
        key_change_pending: false,
    };
    let secrets = seal(app, caller.tenant, account.id, &key, external.as_ref()).await?;
    let mut change = app.change(caller).await?;
    acme_accounts::free_name(&mut change, &account.name).await?;
    match acme_accounts::insert(&mut change, &account, secrets).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "ACME account", name: account.name });
        }
        other => other?,
    }
    let job = Job::RegisterAcmeAccount(account.id);
    app.enqueue_after(&mut change, job, Some(&caller.request_id), TAKEOVER).await?;
    change.commit(Act::new(Action::AcmeAccountCreate, account.id).after(&account.directory_url)).await?;
    match registration::register(app, caller.tenant, &account).await? {
        Outcome::Registered | Outcome::Unknown(_) => find(app, caller, account.id).await,
        Outcome::Refused(failure) => {
            let mut tx = app.database().begin(caller.tenant).await?;
            acme_accounts::delete(&mut tx, account.id).await?;
            tx.commit().await?;
            Err(ServiceError::Upstream(failure))
        }
    }
}

/// The parts of a request that were found good.
struct Checked {
    provider: AcmeProvider,
    environment: AcmeEnvironment,
    directory_url: String,
}

impl Checked {
    fn of(
        new: &NewAccount,
        elsewhere: &[(AcmeProvider, AcmeEnvironment, String)],
    ) -> Result<Self, ServiceError> {
        let mut errors = BTreeMap::new();
        let words = |all: &[&str]| all.join(", ");
        check_name(&new.name, &mut errors);
        let provider = AcmeProvider::parse(&new.provider);
        if provider.is_none() {
            let known: Vec<&str> = AcmeProvider::ALL.iter().map(|provider| provider.as_str()).collect();
            errors.insert("provider".to_owned(), format!("is unknown: use one of {}", words(&known)));
        }
        let environment = AcmeEnvironment::parse(new.environment.as_deref().unwrap_or("production"));
        if environment.is_none() {
            errors.insert("environment".to_owned(), "is unknown: use production or staging".to_owned());
        }
        check_email(new.email.as_deref(), &mut errors);
        if new.eab_kid.is_some() != new.eab_hmac_key.is_some() {
            let missing = if new.eab_kid.is_some() { "eab_hmac_key" } else { "eab_kid" };
            errors.insert(missing.to_owned(), "eab_kid and eab_hmac_key belong together".to_owned());
        }
        if new.zerossl_api_key.is_some() && (provider != Some(AcmeProvider::ZeroSsl) || new.eab_kid.is_some())
        {
            let problem = "is only for the provider zerossl, in place of eab_kid and eab_hmac_key".to_owned();
            errors.insert("zerossl_api_key".to_owned(), problem);
        }
        if new.terms_of_service_agreed == Some(false) {
            let problem = "must be true, or left out: no CA registers an account without".to_owned();
            errors.insert("terms_of_service_agreed".to_owned(), problem);
        }
        let directory_url = provider.zip(environment).and_then(|(provider, environment)| {
            let urls = (new.directory_url.as_deref(), elsewhere);
            directories::directory_url(provider, environment, urls, &mut errors)
        });
        match (provider, environment, directory_url) {
            (Some(provider), Some(environment), Some(directory_url)) if errors.is_empty() => {
                Ok(Self { provider, environment, directory_url })
            }
            _ => Err(ServiceError::Validation(FieldErrors(errors))),
        }
    }
}

fn check_name(name: &str, errors: &mut BTreeMap<String, String>) {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let problem = format!("must have 1 to {LONGEST_NAME} characters, none of them a control character");
        errors.insert("name".to_owned(), problem);
    }
}

fn check_email(email: Option<&str>, errors: &mut BTreeMap<String, String>) {
    if email.is_some_and(|email| !is_email(email)) {
        let problem = "is no e-mail address such as pki@example.com".to_owned();
        errors.insert("email".to_owned(), problem);
    }
}

fn is_email(text: &str) -> bool {
    let plain =
        text.len() <= LONGEST_EMAIL && text.chars().all(|c| c.is_ascii_graphic() && !",;<>\"?".contains(c));
    plain
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !local.contains('@') && domain.parse::<certmill_x509::DnsName>().is_ok()
        })
}

async fn seal(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
    key: &AccountKey,
    external: Option<&ExternalKey>,
) -> Result<SealedSecrets, ServiceError> {
    let row = id.to_string();
    let pkcs8 = key.to_pkcs8_der().map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let key = app.keyring().seal(app, &place(tenant, &row, "sealed_key"), &pkcs8).await?;
    let eab_key = match external {
        Some(external) => {
            Some(app.keyring().seal(app, &place(tenant, &row, "sealed_eab_key"), &external.hmac_key).await?)
        }
        None => None,
    };
    Ok(SealedSecrets { key, eab_key })
}

fn place<'a>(tenant: TenantId, row: &'a str, column: &'static str) -> SealPlace<'a> {
    SealPlace { tenant, table: "acme_accounts", row, column }
}

/// An account of the tenant.
pub async fn find(app: &App, caller: &Caller, id: AcmeAccountId) -> Result<AcmeAccount, ServiceError> {
    of_tenant(app, caller.tenant, id).await
}

pub(super) async fn of_tenant(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
) -> Result<AcmeAccount, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    acme_accounts::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::AcmeAccount, id))
}

/// The tenant's accounts, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<AcmeAccount>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<AcmeAccountId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = acme_accounts::list(&mut session, before, limit).await?;
    Ok(Page::of(rows, |account| account.id.to_string()))
}

/// Deactivates an account at its CA (RFC 8555 section 7.3.6), and believes that only when the CA says so. `force` does it
/// even though open orders or renewals need the account.
pub async fn deactivate(
    app: &App,
    caller: &Caller,
    id: AcmeAccountId,
    force: bool,
) -> Result<(), ServiceError> {
    let account = find(app, caller, id).await?;
    let status = account.status.known()?;
    if status == AccountStatus::Deactivated {
        return Ok(());
    }
    if status == AccountStatus::Pending {
        let message = format!("{id} is still being registered: try again in a minute");
        return Err(ServiceError::InvalidState {
            message,
            state: "pending",
            possible_from: &["valid", "invalid"],
        });
    }
    if !force {
        refuse_needed(app, caller, id).await?;
    }
    if account.account_url.is_some() {
        let result = client(app, caller.tenant, &account).await?.deactivate().await;
        // An account that the CA refuses anyway cannot be deactivated any better.
        match result {
            Err(error) if status == AccountStatus::Valid && !force => return Err(upstream(&error)),
            Err(error) => tracing::warn!(
                acme.account.id = %id,
                error = &error as &dyn std::error::Error,
                "an account is deactivated here and not at the CA"
            ),
            Ok(()) => {}
        }
    }
    let mut change = app.change(caller).await?;
    let step = (status, AccountStatus::Deactivated);
    if !acme_accounts::set_status(&mut change, id, step, None, app.now()).await? {
        return Err(ServiceError::CallInProgress { seconds: 1 });
    }
    // Without a valid account the next step of each open order ends it and tidies up.
    acme_orders::hurry_those_of_account(&mut change, id, JobKind::AdvanceOrder.as_str(), app.now()).await?;
    change.commit(Act::new(Action::AcmeAccountDelete, id)).await?;
    app.wake_workers();
    Ok(())
}

async fn refuse_needed(app: &App, caller: &Caller, id: AcmeAccountId) -> Result<(), ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let refusal = |what: &str, by: String| {
        let message = format!("{what} {by} needs {id}; `force=true` deactivates it all the same");
        Err(ServiceError::InUse { message, by })
    };
    if let Some(order) = acme_orders::open_of_account(&mut session, id).await? {
        return refusal("the order", order.to_string());
    }
    if let Some(certificate) = acme_renewals::needing_account(&mut session, id).await? {
        return refusal("the renewal of", certificate.to_string());
    }
    Ok(())
}

/// What people should know about an account's CA.
pub fn warnings(account: &AcmeAccount) -> Vec<&'static str> {
    account.provider.known().ok().and_then(directories::warning).into_iter().collect()
}

/// Reads the id of an account; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<AcmeAccountId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::AcmeAccount, text))
}

/// The client that speaks for an account which the CA knows.
pub(super) async fn client(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
) -> Result<Account, ServiceError> {
    let url = account.account_url.as_deref();
    let url = url.ok_or_else(|| ServiceError::internal("a registered account has a URL"))?;
    let key = key(app, tenant, account.id).await?;
    Ok(app.acme(tenant).await?.account(&account.directory_url, url, key))
}

/// The key of an account.
pub(super) async fn key(app: &App, tenant: TenantId, id: AcmeAccountId) -> Result<AccountKey, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    if let Some(row) = acme_account_keys::current(&mut session, id).await? {
        drop(session);
        return rollover::open(app, tenant, id, &row).await;
    }
    let secrets = acme_accounts::secrets(&mut session, id).await?;
    drop(session);
    let secrets = secrets.ok_or_else(|| ServiceError::not_found(Noun::AcmeAccount, id))?;
    let row = id.to_string();
    let pkcs8 = app.keyring().open(app, &place(tenant, &row, "sealed_key"), &secrets.key).await?;
    AccountKey::from_pkcs8_der(&pkcs8).map_err(|error| ServiceError::Internal(Box::new(error)))
}

/// The CA refuses an account that it used to know: nothing more is tried with it.
pub(super) async fn mark_refused(
    app: &App,
    tenant: TenantId,
    id: AcmeAccountId,
    failure: &Failure,
) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    let step = (AccountStatus::Valid, AccountStatus::Invalid);
    if acme_accounts::set_status(&mut tx, id, step, Some(failure), app.now()).await? {
        raise_failed(app, &mut tx, id, failure);
        tx.commit().await?;
        tracing::error!(account.id = %id, reason = failure.message, "the CA refuses an ACME account");
    }
    Ok(())
}

/// Tells that a CA refuses an account.
fn raise_failed(app: &App, tx: &mut Tx, id: AcmeAccountId, failure: &Failure) {
    let data = json!({ "code": failure.code, "message": failure.message });
    events::raise(app, tx, EventKind::AccountFailed, id, data);
}

/// What a CA answered a call with.
pub(super) fn upstream(error: &AcmeError) -> ServiceError {
    ServiceError::Upstream(failure_of_call(error))
}

fn failure_of_call(error: &AcmeError) -> Failure {
    let code = match error.problem() {
        Some(problem) if problem.kind == "rateLimited" => "rate_limited",
        Some(_) => "refused_by_ca",
        None if matches!(error, AcmeError::Protocol(_)) => "ca_error",
        None => "ca_unreachable",
    };
    failure(code, error)
}

/// Whom a CA may write to, in its form; an empty address stands for nobody.
fn contact(email: &str) -> Vec<String> {
    if email.is_empty() { Vec::new() } else { vec![format!("mailto:{email}")] }
}
