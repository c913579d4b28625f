//! Orders: asking for a certificate, and looking how far it has come.

mod forecast;
mod needless;
mod own_csr;
mod validate;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeChallenge, AcmeOrder, AcmeOrderId, Action, OrderState,
};
use certmill_storage::{StorageError, acme_challenges, acme_orders};

pub use self::forecast::{Forecast, NameForecast, forecast};
use self::needless::refuse_needless;
pub(super) use self::own_csr::take as take_csr;
pub(super) use self::validate::checked;
pub use self::waiting::{wait, wait_for_challenges};
use super::{accounts, ledger};
use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// How long an order may take before it is given up, unless the CA has the CSR by then.
pub(crate) const ORDER_DEADLINE: Duration = Duration::from_hours(24);
/// The CA is asked about an order at most this often on a person's behalf.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);
/// The most other orders that are named in an answer.
const MOST_BESIDE: i64 = 20;

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
    /// Whether renewals keep the key of the certificate; false when absent.
    pub reuse_key: Option<bool>,
    /// A CSR of the caller's, whose key is certified; its names are the order's.
    pub csr_pem: Option<String>,
    /// Whether the CSR has a common name: the first name that fits.
    pub common_name: Option<bool>,
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
    /// What was changed about an order that was under way.
    pub updated: Vec<&'static str>,
    /// Other open orders of the account for the same names, with another wish.
    pub open_beside: Vec<AcmeOrderId>,
}

impl Ordered {
    /// An order that was under way before.
    pub(super) fn known(order: OrderWithChallenges) -> Self {
        Self { order, deduplicated: true, updated: Vec::new(), open_beside: Vec::new() }
    }

    /// An order that was made just now.
    pub(super) fn new(order: AcmeOrder, open_beside: Vec<AcmeOrderId>) -> Self {
        let order = OrderWithChallenges { order, challenges: Vec::new() };
        Self { order, deduplicated: false, updated: Vec::new(), open_beside }
    }
}

/// Orders a certificate. A worker does all that takes time. While the same is on order in the same account, that order is
/// the answer; how its certificate is renewed is then as this call has it. Another wish for the same names (key, challenge,
/// DNS provider, chain, profile, common name, CSR) is another order.
pub async fn create(app: &App, caller: &Caller, new: NewOrder) -> Result<Ordered, ServiceError> {
    let account = usable_account(app, caller, &new.account_id).await?;
    let order = validate::checked(app, caller, &account, &new).await?;
    if let Some(open) = same_open(app, caller, &order).await? {
        return take_up(app, caller, open, &order).await;
    }
    if !new.force {
        refuse_needless(app, caller, &order).await?;
    }
    ledger::refuse_hopeless(app, caller.tenant, &account, &order).await?;
    let mut change = app.change(caller).await?;
    match acme_orders::insert(&mut change, &order).await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            let open = same_open(app, caller, &order).await?;
            let open = open.ok_or(ServiceError::CallInProgress { seconds: 1 })?;
            return take_up(app, caller, open, &order).await;
        }
        other => other?,
    }
    let beside = acme_orders::open_beside(&mut change, &order, MOST_BESIDE).await?;
    app.enqueue(&mut change, Job::AdvanceOrder(order.id), Some(&caller.request_id)).await?;
    let names = order.identifiers.texts().join(" ");
    change.commit(Act::new(Action::AcmeOrderCreate, order.id).after(names)).await?;
    app.wake_workers();
    metrics::counter!("certmill_acme_orders_total", "cause" => order.cause.to_string()).increment(1);
    Ok(Ordered::new(order, beside))
}

/// Answers with an order that is under way, after its certificate's renewal was made what is wished now.
async fn take_up(
    app: &App,
    caller: &Caller,
    mut open: OrderWithChallenges,
    wish: &AcmeOrder,
) -> Result<Ordered, ServiceError> {
    let mut updated = Vec::new();
    let pairs = [
        ("auto_renew", open.order.auto_renew, wish.auto_renew),
        ("reuse_key", open.order.reuse_key, wish.reuse_key),
    ];
    updated.extend(pairs.iter().filter(|(_, is, wished)| is != wished).map(|(field, _, _)| *field));
    if !updated.is_empty() {
        let id = open.order.id;
        let mut change = app.change(caller).await?;
        let wishes = (wish.auto_renew, wish.reuse_key);
        if !acme_orders::set_renewal_wishes(&mut change, id, wishes).await? {
            return Err(ServiceError::CallInProgress { seconds: 1 });
        }
        let text =
            |order: &AcmeOrder| format!("auto_renew {} reuse_key {}", order.auto_renew, order.reuse_key);
        let act = Act::new(Action::AcmeOrderUpdate, id).before(text(&open.order)).after(text(wish));
        change.commit(act).await?;
        (open.order.auto_renew, open.order.reuse_key) = wishes;
    }
    let mut session = app.database().read(caller.tenant).await?;
    let open_beside = acme_orders::open_beside(&mut session, &open.order, MOST_BESIDE).await?;
    Ok(Ordered { updated, open_beside, ..Ordered::known(open) })
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

/// The open order for the same. One that is being cancelled is none: its end is waited for.
async fn same_open(
    app: &App,
    caller: &Caller,
    wish: &AcmeOrder,
) -> Result<Option<OrderWithChallenges>, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let Some(order) = acme_orders::find_open(&mut session, wish).await? else {
        return Ok(None);
    };
    if order.state().known().is_ok() && acme_orders::cancel_requested(&mut session, order.id).await? {
        drop(session);
        let found = wait(app, caller, order.id, None, REFRESH_PAUSE).await?;
        if found.order.progress.is_open() {
            return Err(ServiceError::CallInProgress { seconds: 5 });
        }
        return Ok(None);
    }
    let challenges = acme_challenges::of_orders(&mut session, &[order.id]).await?;
    Ok(Some(OrderWithChallenges { order, challenges }))
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
            Err(_) => return Ok(Page::empty(page)),
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
    if !found.order.progress.is_open() {
        return Ok(found);
    }
    found.order.understood()?;
    let now = app.now();
    let mut change = app.change(caller).await?;
    if !acme_orders::note_refresh(&mut change, id, now, now.minus(REFRESH_PAUSE)).await? {
        return Ok(found);
    }
    app.enqueue(&mut change, Job::AdvanceOrder(id), Some(&caller.request_id)).await?;
    for challenge in found.challenges.iter().filter(|challenge| challenge.progress.is_open()) {
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
        let state = found.order.state().known()?;
        let why = if state.is_open() {
            "the CA may have its CSR, so the certificate may exist already"
        } else {
            "it has ended"
        };
        let message = format!("{id} is {} and cannot be cancelled: {why}", state.status());
        let possible_from = &["pending"];
        return Err(ServiceError::InvalidState { message, state: state.status(), possible_from });
    }
    app.enqueue(&mut change, Job::AdvanceOrder(id), Some(&caller.request_id)).await?;
    change.commit(Act::new(Action::AcmeOrderCancel, id)).await?;
    app.wake_workers();
    wait(app, caller, id, None, REFRESH_PAUSE).await
}

/// Reads the id of an order; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<AcmeOrderId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::AcmeOrder, text))
}
