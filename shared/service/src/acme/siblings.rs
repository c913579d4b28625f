//! Orders of ours that the CA answers with one and the same order of its own, as Boulder does for the same names and profile.
//!
//! They share the authorizations, which is well. But a CSR can be sent for it once: the first one to come so far has it. The
//! others wait until the CA has taken it, and are then placed anew, which gives them an order of their own.

use std::time::Duration;

use certmill_domain::{AcmeOrderId, Failure, OrderProgress};
use certmill_storage::acme_orders::Sharing;
use certmill_storage::{Tx, acme_accounts, acme_orders};

use super::advance::{LOOK_AFTER, Work};
use super::driver::{InHand, Next};
use super::judgement::backoff;
use super::ledger;
use crate::ServiceError;
use crate::jobs::Job;

/// When an order is placed anew: by then the CA has taken note of the other one's CSR. Where it has not, the waits grow.
const AGAIN_AFTER: Duration = Duration::from_secs(3);
/// So often an order is worked on before it can have lost to another one.
const USUAL_ATTEMPTS: i64 = 3;
/// The code of an order that waits for another one.
const SHARED: &str = "order_shared";

/// What became of the CA's order that several of ours have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nobody has sent a CSR for it.
    Free,
    /// Another one is sending its CSR, which may take long where the CA fails.
    InHand(AcmeOrderId),
    /// The CA has the CSR of another one, or had it.
    UsedUp,
}

/// Whether another order has the CA's order as it seems now, when nothing is held yet: then no key is made for this one.
pub(super) async fn seems_taken(work: &Work<'_>) -> Result<Taken, ServiceError> {
    let mut session = work.app.database().read(work.tenant).await?;
    if acme_orders::sharing_url(&mut session, &work.order, Sharing::UsedUp).await?.is_some() {
        return Ok(Taken::UsedUp);
    }
    if let Some(other) = acme_orders::sharing_url(&mut session, &work.order, Sharing::InHand).await? {
        return Ok(Taken::InHand(other));
    }
    // The one that it has waited for has failed, and may have left an order that takes no other CSR.
    let has_waited = work.order.error.as_ref().is_some_and(|error| error.code == SHARED);
    Ok(if has_waited { Taken::UsedUp } else { Taken::Free })
}

/// The same, where nobody else finds out the opposite before the transaction ends.
pub(super) async fn is_taken(work: &Work<'_>, tx: &mut Tx) -> Result<Taken, ServiceError> {
    if acme_orders::sharing_url(tx, &work.order, Sharing::Open).await?.is_none() {
        return Ok(Taken::Free);
    }
    acme_accounts::hold(tx, work.account.id).await?;
    if acme_orders::sharing_url(tx, &work.order, Sharing::UsedUp).await?.is_some() {
        return Ok(Taken::UsedUp);
    }
    let other = acme_orders::sharing_url(tx, &work.order, Sharing::InHand).await?;
    Ok(other.map_or(Taken::Free, Taken::InHand))
}

/// Waits for the other order, or has the CA make one for this one alone.
pub(super) async fn give_way(work: &mut Work<'_>, mut tx: Tx, taken: Taken) -> Result<Next, ServiceError> {
    if let Taken::InHand(other) = taken {
        let message = format!("the CA gave the order {other} the same order, which has to be through first");
        work.order.error = Some(Failure::new(SHARED, message));
        let at = work.app.now().plus(LOOK_AFTER);
        return work.commit(tx, Next::At(at)).await;
    }
    ledger::placed_anew(work.app, &mut tx, &work.order).await?;
    tracing::info!(order.id = %work.order.id, "another order has used the CA's order up: placing this one anew");
    work.order.progress = OrderProgress::New;
    let message = "the CA gave another order for the same names the same order: this one is placed anew";
    work.order.error = Some(Failure::new(SHARED, message));
    let grown = backoff(work.app, work.order.attempts - USUAL_ATTEMPTS);
    let at = work.app.now().plus(AGAIN_AFTER.max(grown));
    work.commit(tx, Next::At(at)).await
}

/// Wakes the orders that wait for this one, which had the CA's order in hand.
pub(super) async fn wake(work: &Work<'_>, tx: &mut Tx) -> Result<(), ServiceError> {
    for other in acme_orders::waiting_for(tx, &work.order).await? {
        work.app.enqueue(tx, Job::AdvanceOrder(other), work.request_id).await?;
    }
    Ok(())
}
