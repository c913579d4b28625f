//! Renewing certificates from ACME servers: when, and by which order.
//!
//! The plan is a row per certificate. The lifetime gives a date, the CA's renewal window (RFC 9773) moves it, and near the
//! end neither counts any more. A minute's job orders what is due; what fails comes back after a pause that grows.

mod alert;
mod by_hand;
mod moving;
mod window;

use std::time::Duration;

use certmill_acme::certificate_id;
use certmill_domain::{
    AccountStatus, AcmeOrder, AcmeOrderId, Action, Certificate, CertificateId, EventKind, Failure,
    OrderCause, Renewal, RenewalWish, Renewed, TenantId, Timestamp,
};
use certmill_storage::{StorageError, Tx, acme_orders, acme_renewals, certificates};
use serde_json::json;

use super::issuing;
use super::judgement::{chance, jittered};
use super::orders::ORDER_DEADLINE;
use super::{accounts, fallback};
use crate::change::Act;
use crate::jobs::{Job, JobKind, Lease};
use crate::{App, Caller, ServiceError, endpoints, events};

pub use self::by_hand::renew_now;
pub use self::moving::RenewalChange;
pub(crate) use self::moving::{Moved, check_move, refuse_without_key, told};
pub(crate) use self::window::check_window;

/// Renewals that are begun in one run, and windows that are asked for.
const BATCH: i64 = 200;
/// An expired certificate that could not be renewed for so long is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(30 * 24);

/// Plans the renewal of a new certificate, and ends that of the one that it renews.
pub(crate) async fn plan(
    app: &App,
    tx: &mut Tx,
    order: &AcmeOrder,
    certificate: &Certificate,
) -> Result<(), ServiceError> {
    let now = app.now();
    let (not_before, not_after) = (certificate.not_before, certificate.not_after);
    let base_renew_at = Renewal::planned(not_before, not_after, chance(app));
    let wish = first_wish(tx, order).await?;
    let renewal = Renewal {
        certificate_id: certificate.id,
        // A CA that could not issue this time is asked again the next time.
        account_id: order.first_account_id.unwrap_or(order.account_id),
        order_id: order.id,
        auto_renew: order.auto_renew,
        is_over: false,
        not_before,
        not_after,
        base_renew_at,
        renew_at: base_renew_at,
        emergency_at: Renewal::emergency(not_before, not_after),
        wish,
        window: None,
        window_checked_at: None,
        next_window_check_at: Some(now),
        open_order_id: None,
        failures: 0,
        next_attempt_at: now,
        last_error: None,
        alert_level: 0,
        early_renewals: early_renewals(tx, order, now).await?,
        may_replace: true,
        created_at: now,
        updated_at: now,
    };
    acme_renewals::insert(tx, &renewal).await?;
    if let Some(old) = order.renewal_of() {
        acme_renewals::end(tx, old, now).await?;
        // A certificate that was revoked meanwhile is not linked; the new one is as good.
        if certificates::set_renewed_by(tx, old, certificate.id).await? {
            certificates::copy_labels(tx, old, certificate.id).await?;
            endpoints::follow(tx, old, certificate.id, now).await?;
        }
    }
    let more_names = issuing::extra_names(&order.identifiers, &certificate.sans);
    let data = json!({
        "certificate_id": certificate.id, "serial_number": certificate.serial_number.to_string(),
        "not_after": not_after.to_string(), "domains": order.identifiers.texts(), "renews": order.renewal_of(),
        "more_names": more_names.iter().take(issuing::SHOWN).collect::<Vec<_>>(), "more_names_count": more_names.len(),
    });
    events::raise(app, tx, EventKind::OrderIssued, order.id, data);
    Ok(())
}

/// What is wanted of the first CA, when another one has issued in its place: what was wanted of it the last time.
async fn first_wish(tx: &mut Tx, order: &AcmeOrder) -> Result<Option<RenewalWish>, ServiceError> {
    if order.first_account_id.is_none() {
        return Ok(None);
    }
    let old = match order.renewal_of() {
        Some(old) => acme_renewals::find(tx, old).await?,
        None => None,
    };
    let first = match old {
        Some(Renewal { wish: Some(wish), .. }) => return Ok(Some(wish)),
        Some(old) => acme_orders::find(tx, old.order_id).await?,
        None => fallback::first_order(tx, order).await?,
    };
    Ok(first.as_ref().map(RenewalWish::of))
}

/// How many certificates in a row, the one that the order renews included, were renewed before their time.
async fn early_renewals(tx: &mut Tx, order: &AcmeOrder, now: Timestamp) -> Result<i64, ServiceError> {
    let Some(old) = order.renewal_of().filter(|_| order.cause == OrderCause::Renewal) else {
        return Ok(0);
    };
    let old = acme_renewals::find(tx, old).await?;
    let early = old.filter(|old| old.window.is_some() && now < old.base_renew_at);
    Ok(early.map_or(0, |old| old.early_renewals.saturating_add(1)))
}

/// An order has failed: if it was to renew something, that is tried again later, and not before the CA takes orders for
/// these names again where it has said when.
pub(crate) async fn order_failed(
    app: &App,
    tx: &mut Tx,
    order: &AcmeOrder,
    (failure, until): (&Failure, Option<Timestamp>),
) -> Result<(), ServiceError> {
    let Some(certificate) = order.renewal_of() else {
        return Ok(());
    };
    let Some(mut renewal) = acme_renewals::find(tx, certificate).await? else {
        return Ok(());
    };
    set_back(app, &mut renewal, failure);
    if let Some(until) = until {
        renewal.next_attempt_at = renewal.next_attempt_at.max(until);
    }
    if acme_renewals::fail(tx, &renewal, order.id, app.now()).await? {
        report_failure(app, tx, &renewal, failure);
    }
    Ok(())
}

fn set_back(app: &App, renewal: &mut Renewal, failure: &Failure) {
    let now = app.now();
    renewal.failures += 1;
    renewal.next_attempt_at = now.plus(jittered(app, renewal.backoff(now)));
    renewal.last_error = Some(failure.message.chars().take(1_000).collect());
}

fn report_failure(app: &App, tx: &mut Tx, renewal: &Renewal, failure: &Failure) {
    let data = json!({
        "code": failure.code, "message": failure.message, "failures": renewal.failures,
        "next_attempt_at": renewal.next_attempt_at.to_string(), "not_after": renewal.not_after.to_string(),
        "level": renewal.alarm(app.now()),
    });
    events::raise(app, tx, EventKind::CertificateRenewalFailed, renewal.certificate_id, data);
}

/// The job that runs every minute: orders what is due, has windows asked for, and raises alerts.
pub(crate) async fn renew_due(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let kind = JobKind::CheckRenewalWindow.as_str();
    let checks = acme_renewals::window_checks_due(&mut session, kind, now, BATCH).await?;
    let worrying = acme_renewals::worrying(&mut session, now, BATCH).await?;
    drop(session);
    begin_all_due(app, lease, now).await?;
    for (tenant, certificate) in checks {
        let job = Job::CheckRenewalWindow(certificate);
        let mut tx = app.database().begin(tenant).await?;
        lease.confirm(&mut tx).await?;
        if !app.is_open(&mut tx, job).await? {
            app.enqueue(&mut tx, job, None).await?;
            tx.commit().await?;
        }
    }
    for (tenant, certificate) in worrying {
        alert::raise(app, lease, tenant, certificate).await?;
    }
    let mut tx = app.database().begin_system().await?;
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}

/// Orders the renewals that are due. Those that only a newer version can order stay due, and others may be behind them.
async fn begin_all_due(app: &App, lease: &Lease, now: Timestamp) -> Result<(), ServiceError> {
    let mut left = 0;
    loop {
        let mut session = app.database().read_system().await?;
        let due = acme_renewals::due(&mut session, now, (left, BATCH)).await?;
        drop(session);
        let is_last = due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        let left_before = left;
        for (tenant, certificate) in due {
            match begin_due(app, lease, tenant, certificate).await {
                Err(ServiceError::NewerVersion(unknown)) => {
                    left += 1;
                    tracing::warn!(certificate.id = %certificate, tenant.id = %tenant, reason = %unknown, "a renewal was not begun");
                }
                other => other?,
            }
        }
        // A batch without such renewals is enough for one turn.
        if is_last || left == left_before {
            return Ok(());
        }
    }
}

/// Orders one renewal that is due, or notes why that is not possible.
async fn begin_due(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    certificate: CertificateId,
) -> Result<(), ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let Some(mut renewal) = acme_renewals::find(&mut session, certificate).await? else {
        return Ok(());
    };
    drop(session);
    let now = app.now();
    let account = accounts::of_tenant(app, tenant, renewal.account_id).await?;
    let substitute = match account.status.known()? {
        AccountStatus::Valid => None,
        AccountStatus::Pending | AccountStatus::Deactivated | AccountStatus::Invalid => {
            let substitute = fallback::after(app, tenant, &account, account.id).await?;
            if substitute.is_none() {
                let message = format!("the ACME account {} is {}", account.id, account.status);
                let failure = Failure::new("account_not_valid", message);
                return not_begun(app, lease, tenant, &mut renewal, &failure).await;
            }
            substitute
        }
    };
    if now > renewal.not_after && now.since(renewal.not_after) > GIVEN_UP_AFTER {
        let mut tx = app.database().begin(tenant).await?;
        lease.confirm(&mut tx).await?;
        acme_renewals::end(&mut tx, certificate, now).await?;
        let failure = Failure::new("given_up", "it expired a month ago and could not be renewed");
        report_failure(app, &mut tx, &renewal, &failure);
        tracing::error!(certificate.id = %certificate, tenant.id = %tenant, "the renewal of an expired certificate was given up");
        return Ok(tx.commit().await?);
    }
    let caller = Caller::service(app, tenant, None);
    let mut order = successor(app, &caller, &renewal, OrderCause::Renewal).await?;
    if let Some(substitute) = &substitute {
        fallback::take(&mut order, &account, substitute);
    }
    if let Some(problem) = csr_missing(&order) {
        return not_begun(app, lease, tenant, &mut renewal, &Failure::new("csr_needed", problem)).await;
    }
    let mut change = app.change(&caller).await?;
    lease.confirm(&mut *change).await?;
    match begin(app, &mut change, &order, certificate, None).await {
        Ok(true) => change.commit(act(&order)).await,
        Ok(false) => Ok(()),
        // The same names are on order in this account by somebody's call. Its certificate is another one; this renewal is
        // tried again when that is through.
        Err(ServiceError::AlreadyExists { .. }) => {
            drop(change);
            let failure = Failure::new("order_open", "another order for the same names is under way");
            not_begun(app, lease, tenant, &mut renewal, &failure).await
        }
        Err(error) => Err(error),
    }
}

async fn not_begun(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    renewal: &mut Renewal,
    failure: &Failure,
) -> Result<(), ServiceError> {
    // An id that nobody has, so that the row is written as for an order that has failed.
    let id = AcmeOrderId::generate(app.now(), app.entropy());
    set_back(app, renewal, failure);
    let mut tx = app.database().begin(tenant).await?;
    lease.confirm(&mut tx).await?;
    if acme_renewals::begin(&mut tx, renewal.certificate_id, id, app.now()).await? {
        acme_renewals::fail(&mut tx, renewal, id, app.now()).await?;
        report_failure(app, &mut tx, renewal, failure);
    }
    Ok(tx.commit().await?)
}

/// The order that renews a certificate: as the one that it came from.
async fn successor(
    app: &App,
    caller: &Caller,
    renewal: &Renewal,
    cause: OrderCause,
) -> Result<AcmeOrder, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let old = acme_orders::find(&mut session, renewal.order_id).await?;
    let certificate = certificates::find(&mut session, renewal.certificate_id).await?;
    drop(session);
    let (Some(old), Some(certificate)) = (old, certificate) else {
        return Err(ServiceError::internal("a renewal has an order and a certificate"));
    };
    let now = app.now();
    let moved = renewal.account_id != old.account_id;
    // The window tells that the CA knows of replacing; another account's certificate cannot be replaced.
    let replaces = renewal.window.as_ref().filter(|_| renewal.may_replace && !moved);
    let replaces = replaces.and_then(|_| certificate_id(&certificate.der).ok());
    let wish = renewal.wish.clone().unwrap_or_else(|| RenewalWish::of(&old));
    let id = AcmeOrderId::generate(now, app.entropy());
    Ok(AcmeOrder {
        account_id: renewal.account_id,
        challenge_type: wish.challenge_type,
        dns_provider_id: wish.dns_provider_id,
        profile: wish.profile,
        preferred_chain: wish.preferred_chain,
        first_account_id: None,
        cause: cause.into(),
        auto_renew: renewal.auto_renew,
        renews: Some(Renewed { certificate_id: renewal.certificate_id, replaces }),
        ..old.anew(id, now, now.plus(ORDER_DEADLINE))
    })
}

/// Why an order cannot be placed without another CSR of the caller's: the same one is sent again only where they want that key,
/// which they alone have, kept.
fn csr_missing(order: &AcmeOrder) -> Option<&'static str> {
    (order.key.is_callers() && !order.reuse_key).then_some(
        "is needed: the key of this certificate is not kept here. Renew it with POST …/renew and a CSR",
    )
}

/// Stores a renewal's order and has it worked on; false when one is under way or nothing is left to renew.
async fn begin(
    app: &App,
    tx: &mut Tx,
    order: &AcmeOrder,
    certificate: CertificateId,
    request_id: Option<&str>,
) -> Result<bool, ServiceError> {
    if !acme_renewals::begin(tx, certificate, order.id, app.now()).await? {
        return Ok(false);
    }
    match acme_orders::insert(tx, order).await {
        Err(StorageError::AlreadyExists) => {
            let name = order.identifiers.texts().join(", ");
            return Err(ServiceError::AlreadyExists { what: "order", name });
        }
        other => other?,
    }
    app.enqueue(tx, Job::AdvanceOrder(order.id), request_id).await?;
    metrics::counter!("certmill_acme_orders_total", "cause" => order.cause.to_string()).increment(1);
    Ok(true)
}

fn act(order: &AcmeOrder) -> Act {
    Act::new(Action::AcmeOrderCreate, order.id).after(order.identifiers.texts().join(" "))
}
