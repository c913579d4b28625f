//! Another CA when one cannot issue in time.
//!
//! An account names others, in an order, that are asked in its place. For accounts without a list the tenant can have some, and
//! for tenants without any the operator. An order that cannot succeed in time fails, and another one for the same is made with the next account, in one
//! transaction. The certificate's renewal comes back to the first account.

use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeOrder, AcmeOrderId, Action, Failure, TenantId, Timestamp,
};
use certmill_storage::{Session, StorageError, Tx, acme_accounts, acme_orders, acme_renewals, audit};

use super::advance::Work;
use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, ServiceError};

/// The most accounts that are asked one after the other.
const MOST: usize = 10;

/// What says nothing about the names of an order, but about the CA or the account: elsewhere the same may succeed.
const ELSEWHERE: [&str; 10] = [
    "ca_unreachable",
    "ca_error",
    "ca_busy",
    "rate_limited",
    "limit_reached",
    "paused",
    "paused_by_ca",
    "account_refused",
    "account_not_valid",
    "user_action_required",
];

/// Whether the next try of an order would come too late, so that another CA is asked instead. For a certificate that is renewed that
/// is when the old one leaves no time any more, else after the operator's `acme.fallback_after`.
pub(super) async fn is_too_late(work: &Work<'_>, at: Timestamp) -> Result<bool, ServiceError> {
    let patient_until = work.order.created_at.plus(work.app.settings().acme_fallback_after);
    if !work.order.progress.is_before_csr() || at <= patient_until {
        return Ok(false);
    }
    if let Some(certificate) = work.order.renewal_of() {
        let mut session = work.app.database().read(work.tenant).await?;
        let renewal = acme_renewals::find(&mut session, certificate).await?;
        if renewal.is_some_and(|renewal| at <= renewal.emergency_at) {
            return Ok(false);
        }
    }
    Ok(next_account(work).await?.is_some())
}

/// The order that takes the place of one that fails, if what it fails of is worth another try elsewhere.
pub(super) async fn next_order(
    work: &Work<'_>,
    failure: &Failure,
) -> Result<Option<AcmeOrder>, ServiceError> {
    if !work.order.progress.is_before_csr() || !ELSEWHERE.contains(&failure.code.as_str()) {
        return Ok(None);
    }
    let Some(account) = next_account(work).await? else {
        return Ok(None);
    };
    let (now, old) = (work.app.now(), &work.order);
    let deadline_at = now.plus(old.deadline_at.since(old.created_at));
    let mut order = old.clone().anew(AcmeOrderId::generate(now, work.app.entropy()), now, deadline_at);
    order.fallback_of = Some(old.id);
    take(&mut order, &work.account, &account);
    Ok(Some(order))
}

/// Has an order made with another account than the one it was meant for.
pub(super) fn take(order: &mut AcmeOrder, from: &AcmeAccount, to: &AcmeAccount) {
    order.first_account_id = order.first_account_id.or(Some(from.id));
    order.account_id = to.id;
    order.forget_replaces();
    if from.directory_url != to.directory_url {
        // These are one CA's.
        order.profile = None;
        order.preferred_chain = None;
    }
}

/// Stores the order that takes the place of another one, and has it worked on; `false` when the same is on order there already.
pub(super) async fn store(work: &Work<'_>, tx: &mut Tx, order: &AcmeOrder) -> Result<bool, ServiceError> {
    // Looked for first: a row that is refused would end the transaction on some databases.
    if acme_orders::find_open(tx, order).await?.is_some() {
        return Ok(false);
    }
    match acme_orders::insert(tx, order).await {
        Err(StorageError::AlreadyExists) => return Err(ServiceError::CallInProgress { seconds: 1 }),
        other => other?,
    }
    if let Some(certificate) = order.renewal_of() {
        let orders = (work.order.id, order.id);
        acme_renewals::hand_on(tx, certificate, orders, work.app.now()).await?;
    }
    work.app.enqueue(tx, Job::AdvanceOrder(order.id), work.request_id).await?;
    let caller = Caller::service(work.app, work.tenant, work.request_id);
    let act = Act::new(Action::AcmeOrderCreate, order.id).after(order.identifiers.texts().join(" "));
    audit::append(tx, vec![act.entry(work.app, &caller)]).await?;
    Ok(true)
}

async fn next_account(work: &Work<'_>) -> Result<Option<AcmeAccount>, ServiceError> {
    let first = work.order.first_account_id.filter(|first| *first != work.account.id);
    match first {
        None => after(work.app, work.tenant, &work.account, work.account.id).await,
        Some(first) => {
            let mut session = work.app.database().read(work.tenant).await?;
            let found = acme_accounts::find(&mut session, first).await?;
            drop(session);
            match found {
                Some(first) => after(work.app, work.tenant, &first, work.account.id).await,
                None => Ok(None),
            }
        }
    }
}

/// The account that is asked after `present` when `first` was the one that was wanted; one that can be ordered with.
pub(super) async fn after(
    app: &App,
    tenant: TenantId,
    first: &AcmeAccount,
    present: AcmeAccountId,
) -> Result<Option<AcmeAccount>, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let mut ids = first.fallback_account_ids.clone();
    if ids.is_empty() {
        // One more than are asked, since the first one may be among them.
        ids = acme_accounts::default_fallbacks(&mut session, MOST + 1).await?;
    }
    if ids.is_empty() {
        ids = acme_accounts::valid_named(&mut session, &app.settings().acme_fallback_accounts).await?;
    }
    ids.retain(|id| *id != first.id);
    let from = ids.iter().position(|id| *id == present).map_or(0, |at| at + 1);
    for id in ids.into_iter().take(MOST).skip(from) {
        if let Some(account) = acme_accounts::find(&mut session, id).await?
            && account.status == AccountStatus::Valid
        {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// The order that was made first, when others have taken its place.
pub(super) async fn first_order(
    session: &mut Session,
    order: &AcmeOrder,
) -> Result<Option<AcmeOrder>, ServiceError> {
    let mut first = None;
    let mut before = order.fallback_of;
    for _ in 0..=MOST {
        let Some(id) = before else { break };
        let Some(found) = acme_orders::find(session, id).await? else { break };
        before = found.fallback_of;
        first = Some(found);
    }
    Ok(first)
}
