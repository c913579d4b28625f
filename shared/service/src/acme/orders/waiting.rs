//! Waiting for what a worker does with an order.

use std::time::Duration;

use certmill_domain::{AcmeOrder, AcmeOrderId, OrderProgress, Timestamp};
use tokio::time::Instant;

use super::{OrderWithChallenges, find};
use crate::{App, Caller, ServiceError};

/// How often a waiting call looks.
const LOOK: Duration = Duration::from_millis(300);
/// How long a call waits for the challenges of an order, and how often it looks: sooner at first.
const FOR_CHALLENGES: Duration = Duration::from_secs(5);
const FIRST_LOOK: Duration = Duration::from_millis(40);

/// Waits until an order has ended, or has changed since `since`, but no longer than `up_to`. Where another order has taken its
/// place at another CA, that one is waited for.
pub async fn wait(
    app: &App,
    caller: &Caller,
    mut id: AcmeOrderId,
    since: Option<Timestamp>,
    up_to: Duration,
) -> Result<OrderWithChallenges, ServiceError> {
    let end = Instant::now() + up_to;
    loop {
        let found = find(app, caller, id).await?;
        if let Some(next) = found.order.progress.successor() {
            id = next;
            continue;
        }
        let changed = since.is_some_and(|since| found.order.updated_at > since);
        if !found.order.progress.is_open() || changed || Instant::now() + LOOK > end {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the challenges of an order are known, it has ended, or something went wrong for which it waits itself; five
/// seconds at most.
pub async fn wait_for_challenges(
    app: &App,
    caller: &Caller,
    mut id: AcmeOrderId,
) -> Result<OrderWithChallenges, ServiceError> {
    let end = Instant::now() + FOR_CHALLENGES;
    let mut look = FIRST_LOOK;
    loop {
        let found = find(app, caller, id).await?;
        if let Some(next) = found.order.progress.successor() {
            id = next;
            continue;
        }
        let left = end.saturating_duration_since(Instant::now());
        if !is_on_its_way(app, &found.order, left) || left < look {
            return Ok(found);
        }
        tokio::time::sleep(look).await;
        look = (look * 2).min(LOOK);
    }
}

/// Whether the challenges may become known in so much time.
fn is_on_its_way(app: &App, order: &AcmeOrder, left: Duration) -> bool {
    matches!(order.progress, OrderProgress::New | OrderProgress::Authorizing(_))
        && order.error.is_none()
        && order.next_attempt_at.is_none_or(|at| at <= app.now().plus(left))
}
