//! Orders: asking for a certificate, and looking how far it has come.

mod validate;

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeChallenge, AcmeOrder, AcmeOrderId, Action, OrderState,
    Timestamp,
};
use certmill_storage::certificates::search;
use certmill_storage::{StorageError, acme_challenges, acme_orders, acme_renewals};

use super::accounts;
use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// How long an order may take before it is given up, unless the CA has the CSR by then.
pub(crate) const ORDER_DEADLINE: Duration = Duration::from_hours(24);
/// The CA is asked about an order at most this often on a person's behalf.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);
/// How often a waiting call looks.
const LOOK: Duration = Duration::from_millis(300);

/// What is ordered.
#[derive(Debug, Clone, Default)]
pub struct NewOrder {
    /// The account.
    pub account_id: String,
    /// DNS names, wildcards and IP addresses.
    pub domains: Vec<String>,
    /// `http-01`, `dns-01` or `tls-alpn-01`.
    pub challenge_type: Option<String>,
    /// Whether the certificate is renewed on its own; true when absent.
    pub auto_renew: Option<bool>,
    /// The DNS provider for `dns-01`.
    pub dns_provider_id: Option<String>,
    /// `ec` (default) or `rsa`.
    pub key_type: Option<String>,
    /// Bits of the key.
    pub key_size: Option<u32>,
    /// A profile that the CA offers.
    pub profile: Option<String>,
    /// Common name of the topmost issuer of the preferred chain.
    pub preferred_chain: Option<String>,
    /// Order although a good certificate for the same names is there.
    pub force: bool,
}

/// An order with its challenges.
#[derive(Debug, Clone)]
pub struct OrderWithChallenges {
    /// The order.
    pub order: AcmeOrder,
    /// Its challenges.
    pub challenges: Vec<AcmeChallenge>,
}

/// The answer to a wish.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The order.
    pub order: OrderWithChallenges,
    /// Whether it was under way before.
    pub deduplicated: bool,
}

/// Orders a certificate. A worker does all that takes time. While the same is on order in the same account, that order is
/// the answer.
pub async fn create(app: &App, caller: &Caller, new: NewOrder) -> Result<Ordered, ServiceError> {
    let account = usable_account(app, caller, &new.account_id).await?;
    let order = validate::checked(app, caller, &account, &new).await?;
    if let Some(open) = same_open(app, caller, &order).await? {
        return Ok(Ordered { order: open, deduplicated: true });
    }
    if !new.force {
        refuse_needless(app, caller, &order).await?;
    }
    let mut change = app.change(caller).await?;
    match acme_orders::insert(&mut change, &order).await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            let open = same_open(app, caller, &order).await?;
            let open = open.ok_or(ServiceError::CallInProgress { seconds: 1 })?;
            return Ok(Ordered { order: open, deduplicated: true });
        }
        other => other?,
    }
    app.enqueue(&mut change, Job::AdvanceOrder(order.id), Some(&caller.request_id)).await?;
    let names = order.identifiers.texts().join(" ");
    change.commit(Act::new(Action::AcmeOrderCreate, order.id).after(names)).await?;
    app.wake_workers();
    metrics::counter!("certmill_acme_orders_total", "cause" => order.cause.to_string()).increment(1);
    Ok(Ordered { order: OrderWithChallenges { order, challenges: Vec::new() }, deduplicated: false })
}

async fn usable_account(app: &App, caller: &Caller, id: &str) -> Result<AcmeAccount, ServiceError> {
    let account = accounts::find(app, caller, accounts::parse_id(id)?).await?;
    refuse_unusable(&account)?;
    Ok(account)
}

/// Refuses an account that nothing can be ordered with.
pub(super) fn refuse_unusable(account: &AcmeAccount) -> Result<(), ServiceError> {
    let status = account.status.known()?;
    if status == AccountStatus::Valid {
        return Ok(());
    }
    let message =
        format!("the ACME account {} is {}: only one that is valid can be ordered with", account.id, status);
    Err(ServiceError::InvalidState { message, state: status.as_str(), possible_from: &["valid"] })
}

async fn same_open(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
) -> Result<Option<OrderWithChallenges>, ServiceError> {
    let key = acme_orders::identifiers_key(&order.identifiers, order.profile.as_deref());
    let mut session = app.database().read(caller.tenant).await?;
    let open = acme_orders::find_open(&mut session, order.account_id, &key).await?;
    let Some(order) = open else {
        return Ok(None);
    };
    let challenges = acme_challenges::of_orders(&mut session, &[order.id]).await?;
    Ok(Some(OrderWithChallenges { order, challenges }))
}

/// CAs give out few certificates for the same names: one that is not due for renewal is not ordered again by mistake.
async fn refuse_needless(app: &App, caller: &Caller, order: &AcmeOrder) -> Result<(), ServiceError> {
    let names = order.identifiers.texts();
    let filter = search::Filter {
        san: names.first().cloned(),
        source: Some(certmill_domain::CertificateSource::Acme),
        status: Some(certmill_domain::CertificateStatus::Active),
        ..search::Filter::default()
    };
    let now = app.now();
    let mut session = app.database().read(caller.tenant).await?;
    let found = search::search(&mut session, &filter, search::Page::Newest(None), 20, now).await?;
    for certificate in found.rows.iter().filter(|certificate| certificate.renewed_by.is_none()) {
        let mut held: Vec<&str> = certificate.sans.iter().collect();
        let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        held.sort_unstable();
        wanted.sort_unstable();
        if held != wanted {
            continue;
        }
        let renewal = acme_renewals::find(&mut session, certificate.id).await?;
        if let Some(renewal) =
            renewal.filter(|renewal| renewal.account_id == order.account_id && renewal.renew_at > now)
        {
            let id = certificate.id;
            let message = format!(
                "{id} for the same names is good until {} and not due for renewal before {}: renew it with POST \
                 /v1/pki/certificates/{id}/renew, or order another one with \"force\": true",
                renewal.not_after, renewal.renew_at
            );
            return Err(ServiceError::Duplicate { message, id: id.to_string() });
        }
    }
    Ok(())
}

/// An order of the tenant.
pub async fn find(app: &App, caller: &Caller, id: AcmeOrderId) -> Result<OrderWithChallenges, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let order = acme_orders::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::AcmeOrder, id))?;
    let challenges = acme_challenges::of_orders(&mut session, &[id]).await?;
    Ok(OrderWithChallenges { order, challenges })
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// With this status of RFC 8555.
    pub status: Option<String>,
    /// Of this account.
    pub account_id: Option<String>,
}

/// The tenant's orders, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<OrderWithChallenges>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<AcmeOrderId>()?);
    let states = match filter.status.as_deref() {
        None => Vec::new(),
        Some(status) => match OrderState::of_status(status) {
            states if states.is_empty() => {
                let known = "pending, ready, processing, valid or invalid";
                return Err(ServiceError::field("status", format!("is unknown: use {known}")));
            }
            states => states,
        },
    };
    let account_id: Option<AcmeAccountId> = match filter.account_id.as_deref() {
        None => None,
        Some(text) => match text.parse() {
            Ok(id) => Some(id),
            // Nothing is of an account that cannot be.
            Err(_) => return Ok(Page { items: Vec::new(), cursor: None }),
        },
    };
    let filter = acme_orders::Filter { states, account_id };
    let mut session = app.database().read(caller.tenant).await?;
    let rows = acme_orders::list(&mut session, &filter, before, limit).await?;
    let ids: Vec<AcmeOrderId> = rows.rows.iter().map(|order| order.id).collect();
    let mut by_order: BTreeMap<AcmeOrderId, Vec<AcmeChallenge>> = BTreeMap::new();
    for challenge in acme_challenges::of_orders(&mut session, &ids).await? {
        by_order.entry(challenge.order_id).or_default().push(challenge);
    }
    let items = rows.map(|order| OrderWithChallenges {
        challenges: by_order.remove(&order.id).unwrap_or_default(),
        order,
    });
    Ok(Page::of(items, |item: &OrderWithChallenges| item.order.id.to_string()))
}

/// Has the CA asked about an order now, at most every five seconds; a worker does it.
pub async fn refresh(
    app: &App,
    caller: &Caller,
    id: AcmeOrderId,
) -> Result<OrderWithChallenges, ServiceError> {
    let found = find(app, caller, id).await?;
    if !found.order.state.is_open() {
        return Ok(found);
    }
    found.order.understood()?;
    let now = app.now();
    let mut change = app.change(caller).await?;
    if !acme_orders::note_refresh(&mut change, id, now, now.minus(REFRESH_PAUSE)).await? {
        return Ok(found);
    }
    app.enqueue(&mut change, Job::AdvanceOrder(id), Some(&caller.request_id)).await?;
    for challenge in found.challenges.iter().filter(|challenge| challenge.state.is_open()) {
        app.enqueue(&mut change, Job::AdvanceChallenge(challenge.id), Some(&caller.request_id)).await?;
    }
    change.commit(Act::new(Action::AcmeOrderRefresh, id)).await?;
    app.wake_workers();
    wait(app, caller, id, Some(found.order.updated_at), REFRESH_PAUSE).await
}

/// Cancels an order that the CA has no CSR of yet: a worker ends it and takes back what was published for it.
pub async fn cancel(
    app: &App,
    caller: &Caller,
    id: AcmeOrderId,
) -> Result<OrderWithChallenges, ServiceError> {
    let found = find(app, caller, id).await?;
    let mut change = app.change(caller).await?;
    if !acme_orders::request_cancel(&mut change, id, app.now()).await? {
        let state = found.order.state.known()?;
        let message =
            format!("{id} is {}: an order can be cancelled until the CA has its CSR", state.status());
        let possible_from = &["pending"];
        return Err(ServiceError::InvalidState { message, state: state.status(), possible_from });
    }
    app.enqueue(&mut change, Job::AdvanceOrder(id), Some(&caller.request_id)).await?;
    change.commit(Act::new(Action::AcmeOrderCancel, id)).await?;
    app.wake_workers();
    wait(app, caller, id, None, REFRESH_PAUSE).await
}

/// Waits until an order has ended, or has changed since `since`, but no longer than `up_to`.
pub async fn wait(
    app: &App,
    caller: &Caller,
    id: AcmeOrderId,
    since: Option<Timestamp>,
    up_to: Duration,
) -> Result<OrderWithChallenges, ServiceError> {
    let end = tokio::time::Instant::now() + up_to;
    loop {
        let found = find(app, caller, id).await?;
        let changed = since.is_some_and(|since| found.order.updated_at > since);
        if !found.order.state.is_open() || changed || tokio::time::Instant::now() + LOOK > end {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads the id of an order; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<AcmeOrderId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::AcmeOrder, text))
}
