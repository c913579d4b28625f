//! `/v1/pki/acme/accounts`.

use certmill_service::acme::accounts::{self, AccountChange, NewAccount};
use certmill_service::acme::ledger;
use certmill_service::domain::{AccountStatus, AcmeAccount, AcmeEnvironment, AcmeProvider, Failure};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::acme_check::AcmeBudgetLine;
use crate::acts::{AcmeAccountCreate, AcmeAccountDelete, AcmeAccountRollover, AcmeAccountUpdate};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Accepted, Body, Created, Either, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::TextList;
use crate::words::{AcmeKeyType, Word};

pub(crate) struct AcmeAccountsApi;

/// An account to register.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterAccountRequest {
    /// What to call it: 1 to 128 characters, unique in the tenant.
    name: String,
    /// `letsencrypt`, `zerossl`, `buypass`, `google` or `custom`. Buypass has announced the end of its service.
    provider: Word<AcmeProvider>,
    /// `production` (default) or `staging`; ZeroSSL has no staging server.
    environment: Option<Word<AcmeEnvironment>>,
    /// Whom the CA may write to.
    email: Option<String>,
    /// The directory, for `custom`: an https URL.
    directory_url: Option<String>,
    /// Key id of an external account, for CAs that want one (ZeroSSL, Google, many custom ones).
    eab_kid: Option<String>,
    /// HMAC key of the external account, as the CA shows it: base64url. Never answered.
    eab_hmac_key: Option<String>,
    /// A secret with `eab_kid` and `eab_hmac_key`, or of the type `text` with the key alone, in place of them.
    eab_secret_path: Option<String>,
    /// ZeroSSL's API key, by which an external account is fetched, in place of the two above. Not kept.
    zerossl_api_key: Option<String>,
    /// Registering agrees to the CA's terms of service; `false` is refused.
    terms_of_service_agreed: Option<bool>,
    /// Accounts that are asked, in this order, when this one's CA cannot issue in time: up to 10.
    fallback_account_ids: Option<TextList>,
    /// Whether this one is asked when the CA of an account that names no others cannot issue in time; false when absent.
    default_fallback: Option<bool>,
}

/// What is to change about an account; what is left out stays.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateAccountRequest {
    /// What to call it: 1 to 128 characters, unique in the tenant.
    name: Option<String>,
    /// Whom the CA may write to; null for nobody.
    #[serde(default)]
    email: MaybeUndefined<String>,
    /// Accounts that are asked, in this order, when this one's CA cannot issue in time: up to 10.
    fallback_account_ids: Option<TextList>,
    /// Whether this one is asked when the CA of an account that names no others cannot issue in time. Of several, the oldest is
    /// asked first.
    default_fallback: Option<bool>,
}

/// What is left of the limits of an account's CA, as far as they are known here.
#[derive(Object, Serialize)]
struct AcmeBudget {
    account_id: String,
    directory_url: String,
    /// Empty when no limit of the CA is known.
    limits: Vec<AcmeBudgetLine>,
}

/// An account at an ACME server.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeAccount")]
struct AccountView {
    /// `acct_…`
    id: String,
    name: String,
    provider: Word<AcmeProvider>,
    environment: Word<AcmeEnvironment>,
    directory_url: String,
    email: Option<String>,
    /// `valid`, `deactivated`, `pending` while a worker finds out what became of a registration, `invalid` when the CA
    /// refuses it.
    status: Word<AccountStatus>,
    /// What the CA knows it by.
    account_url: Option<String>,
    /// Always `ec`: P-256.
    key_type: Word<AcmeKeyType>,
    /// The terms that were agreed to.
    terms_of_service: Option<String>,
    created_at: String,
    /// Key id of the external account.
    eab_kid: Option<String>,
    /// Why it is invalid.
    error: Option<FailureView>,
    /// Whether a worker finds out if the CA has taken a new key of the account.
    key_change_pending: bool,
    /// What you should know about its CA, such as that it has announced its end.
    warnings: Vec<String>,
    /// The accounts that are asked when its CA cannot issue in time.
    fallback_account_ids: Vec<String>,
    /// Whether it is asked when the CA of an account that names no others cannot issue in time.
    default_fallback: bool,
}

/// Why something failed or does not go on.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeFailure")]
pub(super) struct FailureView {
    code: String,
    message: String,
    /// What the server at the other end said, such as a problem document of RFC 8555.
    upstream: Option<Value>,
}

impl From<Failure> for FailureView {
    fn from(Failure { code, message, upstream }: Failure) -> Self {
        Self { code, message, upstream }
    }
}

/// A page of accounts.
#[derive(Object, Serialize)]
struct AccountList {
    accounts: Vec<AccountView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki/acme", tag = "Group::Acme")]
impl AcmeAccountsApi {
    /// List ACME accounts
    ///
    /// Newest first.
    #[oai(path = "/accounts", method = "get", operation_id = "listAcmeAccounts")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<AccountList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = accounts::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let accounts = page.items.into_iter().map(view).collect();
        Ok(Reply(AccountList { accounts, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Register an ACME account
    ///
    /// The CA is asked during the call. `201` with a valid account; `202` with a pending one when the CA
    /// may have registered it without our hearing of it: a worker finds out. What the CA refuses is `502 upstream_error`
    /// and leaves nothing behind. Registering agrees to the CA's terms of service.
    #[oai(path = "/accounts", method = "post", operation_id = "createAcmeAccount")]
    async fn register(
        &self,
        caller: Authorized<Admin, AcmeAccountCreate>,
        app: Data<&App>,
        body: Body<RegisterAccountRequest>,
    ) -> Result<Either<Created<AccountView>, Accepted<AccountView>>, ApiError> {
        let body = body.0;
        let new = NewAccount {
            name: body.name,
            provider: body.provider.into(),
            environment: body.environment.map(Into::into),
            email: body.email,
            directory_url: body.directory_url,
            eab_kid: body.eab_kid,
            eab_hmac_key: body.eab_hmac_key.map(Zeroizing::new),
            eab_secret_path: body.eab_secret_path,
            zerossl_api_key: body.zerossl_api_key.map(Zeroizing::new),
            terms_of_service_agreed: body.terms_of_service_agreed,
            fallback_account_ids: body.fallback_account_ids.map(|ids| ids.0).unwrap_or_default(),
            default_fallback: body.default_fallback.unwrap_or(false),
        };
        let account = accounts::create(&app, &caller, new).await?;
        if account.status == AccountStatus::Pending {
            return Ok(Either::Right(Accepted(view(account))));
        }
        Ok(Either::Left(Created::at(format!("/v1/pki/acme/accounts/{}", account.id), view(account))))
    }

    /// Read an ACME account
    #[oai(path = "/accounts/:id", method = "get", operation_id = "getAcmeAccount")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<AccountView>, ApiError> {
        Ok(Reply(view(accounts::find(&app, &caller, accounts::parse_id(&id)?).await?)))
    }

    /// Deactivate an ACME account
    ///
    /// The CA is asked during the call, and believed only when it confirms; otherwise
    /// `502 upstream_error`, and nothing changes. `409 in_use` while an open order or an automatic renewal needs the account,
    /// unless `force=true`. The account stays readable, and another one can have its name. Revoke its certificates first if that is what you want: afterwards
    /// only their own keys can.
    #[oai(path = "/accounts/:id", method = "delete", operation_id = "deactivateAcmeAccount")]
    async fn deactivate(
        &self,
        caller: Authorized<Admin, AcmeAccountDelete>,
        app: Data<&App>,
        id: Path<String>,
        /// Even though orders or renewals need it.
        force: Query<Option<bool>>,
    ) -> Result<NoContent, ApiError> {
        let id = accounts::parse_id(&id)?;
        accounts::deactivate(&app, &caller, id, force.0.unwrap_or(false)).await?;
        Ok(NoContent)
    }

    /// Change an ACME account
    ///
    /// Name, e-mail address, and the accounts that stand in for it. The CA is told of another address during the call (RFC 8555 section
    /// 7.3.2); when it refuses, `502 upstream_error`, and nothing changes.
    #[oai(path = "/accounts/:id", method = "patch", operation_id = "updateAcmeAccount")]
    async fn update(
        &self,
        caller: Authorized<Admin, AcmeAccountUpdate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateAccountRequest>,
    ) -> Result<Reply<AccountView>, ApiError> {
        let email = match body.0.email {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(email) => Some(Some(email)),
        };
        let fallback_account_ids = body.0.fallback_account_ids.map(|ids| ids.0);
        let default_fallback = body.0.default_fallback;
        let change = AccountChange { name: body.0.name, email, fallback_account_ids, default_fallback };
        let id = accounts::parse_id(&id)?;
        Ok(Reply(view(accounts::update(&app, &caller, id, change).await?)))
    }

    /// See what is left of a CA's limits
    ///
    /// What this service has asked of the CA of an account, by what the CA counts, where its limits are
    /// known: those of Let's Encrypt, and what the operator configures. An order for which there is no room waits for it, or
    /// goes to the next account.
    #[oai(path = "/accounts/:id/budget", method = "get", operation_id = "getAcmeAccountBudget")]
    async fn budget(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<AcmeBudget>, ApiError> {
        let (account, lines) = ledger::budget(&app, &caller, accounts::parse_id(&id)?).await?;
        Ok(Reply(AcmeBudget {
            account_id: account.id.to_string(),
            directory_url: account.directory_url,
            limits: lines.into_iter().map(Into::into).collect(),
        }))
    }

    /// Give an ACME account a new key
    ///
    /// The service makes the key, stores it, and has the CA take it in place of the old one during the call
    /// (RFC 8555 section 7.3.5). `200` with the account when it has; `202` with `key_change_pending` when it may have without
    /// our hearing of it: a worker finds out. What the CA refuses is `502 upstream_error`, and the old key stays. `409 in_use`
    /// while an order of the account proves control, which has to do with the key.
    #[oai(path = "/accounts/:id/rollover", method = "post", operation_id = "rollOverAcmeAccountKey")]
    async fn roll_over(
        &self,
        caller: Authorized<Admin, AcmeAccountRollover>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Either<Accepted<AccountView>, Reply<AccountView>>, ApiError> {
        let account = accounts::roll_over(&app, &caller, accounts::parse_id(&id)?).await?;
        let pending = account.key_change_pending;
        let view = view(account);
        Ok(if pending { Either::Left(Accepted(view)) } else { Either::Right(Reply(view)) })
    }
}

fn view(account: AcmeAccount) -> AccountView {
    AccountView {
        warnings: accounts::warnings(&account).into_iter().map(str::to_owned).collect(),
        id: account.id.to_string(),
        name: account.name,
        provider: account.provider.into(),
        environment: account.environment.into(),
        directory_url: account.directory_url,
        email: Some(account.email).filter(|email| !email.is_empty()),
        status: account.status.into(),
        account_url: account.account_url,
        key_type: Word::shown("ec"),
        terms_of_service: account.terms_of_service,
        created_at: account.created_at.to_string(),
        eab_kid: account.eab_kid,
        error: account.error.map(FailureView::from),
        key_change_pending: account.key_change_pending,
        fallback_account_ids: account.fallback_account_ids.iter().map(ToString::to_string).collect(),
        default_fallback: account.default_fallback,
    }
}
