//! Renewing because somebody says so.

use certmill_domain::{AcmeOrderId, Certificate, OrderCause};
use certmill_storage::{acme_challenges, acme_orders, acme_renewals};

use super::super::accounts;
use super::super::orders::{OrderWithChallenges, Ordered, refuse_unusable, take_csr};
use super::{act, begin, csr_missing, successor};
use crate::{App, Caller, Noun, ServiceError};

/// Renews a certificate now, whatever its plan; an order that is under way is the answer.
pub async fn renew_now(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    csr_pem: Option<String>,
) -> Result<Ordered, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let renewal = acme_renewals::find(&mut session, certificate.id).await?;
    drop(session);
    let renewal = renewal.ok_or_else(|| ServiceError::not_found(Noun::AcmeOrder, certificate.id))?;
    if let Some(open) = renewal.open_order_id {
        return under_way(app, caller, open).await;
    }
    refuse_unusable(&accounts::find(app, caller, renewal.account_id).await?)?;
    let mut order = successor(app, caller, &renewal, OrderCause::Manual).await?;
    if let Some(csr_pem) = csr_pem {
        take_csr(app, caller, &mut order, csr_pem).await?;
    } else if let Some(problem) = csr_missing(&order) {
        return Err(ServiceError::field("csr_pem", problem));
    }
    let mut change = app.change(caller).await?;
    match begin(app, &mut change, &order, certificate.id, Some(&caller.request_id)).await {
        Ok(true) => {}
        Ok(false) => return Err(ServiceError::CallInProgress { seconds: 1 }),
        Err(ServiceError::AlreadyExists { .. }) => {
            drop(change);
            let mut session = app.database().read(caller.tenant).await?;
            let open = acme_orders::find_open(&mut session, &order).await?;
            drop(session);
            let open = open.ok_or(ServiceError::CallInProgress { seconds: 1 })?;
            return under_way(app, caller, open.id).await;
        }
        Err(error) => return Err(error),
    }
    change.commit(act(&order)).await?;
    app.wake_workers();
    Ok(Ordered::new(order, Vec::new()))
}

async fn under_way(app: &App, caller: &Caller, id: AcmeOrderId) -> Result<Ordered, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let order = acme_orders::find(&mut session, id).await?;
    let order = order.ok_or_else(|| ServiceError::not_found(Noun::AcmeOrder, id))?;
    let challenges = acme_challenges::of_orders(&mut session, &[id]).await?;
    Ok(Ordered::known(OrderWithChallenges { order, challenges }))
}
