//! Orders of ours that the CA answers with one and the same order of its own, as Boulder does for the same names and profile.
//!
//! They share the authorizations, which is well. But a CSR can be sent for it once: the first one to come so far has it, and
//! the others are placed anew, which then gives them an order of their own.

use std::time::Duration;

use certmill_domain::{Failure, OrderState};
use certmill_storage::{Tx, acme_accounts, acme_orders};

use super::advance::{Next, Work};
use crate::ServiceError;

/// When an order is placed anew: by then the CA has taken note of the other one's CSR.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Whether another order has sent its CSR, or is about to, for the order that the CA has for this one. Nobody else finds out the
/// opposite before the transaction ends.
pub(super) async fn is_taken(work: &Work<'_>, tx: &mut Tx) -> Result<bool, ServiceError> {
    if acme_orders::sharing_url(tx, &work.order, false).await?.is_none() {
        return Ok(false);
    }
    acme_accounts::hold(tx, work.account.id).await?;
    Ok(acme_orders::sharing_url(tx, &work.order, true).await?.is_some())
}

/// → `new`: an order that has lost the CA's order to another one is placed once more.
pub(super) async fn place_anew(work: &mut Work<'_>, tx: Tx) -> Result<Next, ServiceError> {
    tracing::info!(order.id = %work.order.id, "another order has used the CA's order up: placing this one anew");
    work.order.state = OrderState::New.into();
    work.order.order_url = None;
    work.order.finalize_url = None;
    work.order.expires_at = None;
    let message = "the CA gave another order for the same names the same order: this one is placed anew";
    work.order.error = Some(Failure::new("order_shared", message));
    let at = work.app.now().plus(AGAIN_AFTER);
    work.commit(tx, Next::At(at)).await
}
