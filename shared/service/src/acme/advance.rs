//! The job of an order: one step after the other until it has to wait.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_acme::{Account, Identifier};
use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeChallenge, AcmeChallengeId, AcmeIdentifier, AcmeOrder, AcmeOrderId,
    ChallengeState, EventKind, Exposure, Failure, OrderState, TenantId, Timestamp,
};
use certmill_storage::acme_pauses::Standing;
use certmill_storage::{Tx, acme_challenges, acme_orders};
use serde_json::json;

use super::judgement::{AUTHORIZATION_GONE, Asked};
use super::pauses::Scopes;
use super::{accounts, fallback, issuing, ledger, pauses, preflight, renewal, siblings};
use crate::failpoint;
use crate::jobs::{Job, Lease};
use crate::{App, ServiceError, events};

/// An answer of a responder is kept this long after the order must have ended.
const GRACE: Duration = Duration::from_hours(1);
/// A challenge is given up so long before its authorization ends at the CA.
pub(super) const MARGIN: Duration = Duration::from_mins(5);
/// How often an order looks after challenges that have not called.
pub(super) const LOOK_AFTER: Duration = Duration::from_mins(5);

/// An order in hand.
pub(super) struct Work<'a> {
    pub(super) app: &'a App,
    pub(super) lease: &'a Lease,
    pub(super) tenant: TenantId,
    pub(super) account: AcmeAccount,
    pub(super) client: Account,
    pub(super) order: AcmeOrder,
    /// What is known of pauses and suspicions since the present step began.
    pub(super) standing: Standing,
    pub(super) request_id: Option<&'a str>,
}

/// What follows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next step, at once.
    GoOn,
    /// The job again, at this time.
    At(Timestamp),
    /// Nothing: the order has ended.
    Over,
}

/// Does what can be done for an order now.
pub(crate) async fn advance(app: &App, lease: &Lease, id: AcmeOrderId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let order = acme_orders::find(&mut session, id).await?.filter(|order| order.state.is_open());
    let cancelled = acme_orders::cancel_requested(&mut session, id).await?;
    drop(session);
    let Some(mut order) = order else {
        let mut tx = app.database().begin(tenant).await?;
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    };
    order.attempts += 1;
    order.understood()?;
    let account = accounts::of_tenant(app, tenant, order.account_id).await?;
    account.status.known()?;
    let client = accounts::client(app, tenant, &account).await?;
    let (standing, request_id) = (Standing::default(), lease.request_id());
    let mut work = Work { app, lease, tenant, account, client, order, standing, request_id };
    if cancelled && work.is_before_csr() {
        return work.fail(Failure::new("cancelled", "the order was cancelled")).await.map(drop);
    }
    while work.step().await? == Next::GoOn {}
    Ok(())
}

impl Work<'_> {
    async fn step(&mut self) -> Result<Next, ServiceError> {
        let now = self.app.now();
        let state = self.order.state.known()?;
        let before_csr = self.is_before_csr();
        if before_csr && self.account.status != AccountStatus::Valid {
            let message = format!("the ACME account {} is {}", self.account.id, self.account.status);
            return self.fail(Failure::new("account_not_valid", message)).await;
        }
        if now > self.end() {
            return self.fail(self.timed_out()).await;
        }
        if state != OrderState::Challenging {
            self.standing = pauses::standing(self.app, self.scopes()).await?;
            if let Some(pause) = self.standing.pause.clone() {
                return self.stay_paused(&pause).await;
            }
        }
        match state {
            OrderState::New => self.place().await,
            OrderState::Authorizing => self.read_authorizations().await,
            OrderState::Challenging => self.look_after_challenges().await,
            OrderState::Finalizing => issuing::finalize(self).await,
            OrderState::Issuing => issuing::collect(self).await,
            OrderState::Issued | OrderState::Failed => self.save(Next::Over).await,
        }
    }

    /// Whose pauses count: those of the names as long as the CA is to make the order.
    pub(super) fn scopes(&self) -> Scopes<'_> {
        let is_new = self.order.state == OrderState::New;
        Scopes { account: &self.account, names: is_new.then_some(&self.order.identifiers) }
    }

    /// Whether the CA has no CSR of the order yet, so that giving it up loses no certificate.
    pub(super) fn is_before_csr(&self) -> bool {
        matches!(
            self.order.state.known(),
            Ok(OrderState::New | OrderState::Authorizing | OrderState::Challenging)
        )
    }

    /// When it is given up, whatever it waits for.
    fn end(&self) -> Timestamp {
        if self.is_before_csr() { self.order.ends() } else { self.order.given_up_at() }
    }

    fn timed_out(&self) -> Failure {
        let waited_for = match &self.order.error {
            Some(failure) => format!("; it was waiting because of this: {}", failure.message),
            None => String::new(),
        };
        Failure::new("timed_out", format!("the order did not get through by {}{waited_for}", self.end()))
    }

    /// `new`: has the CA make the order. Told twice, it answers the same order or makes a second one that ends unused.
    async fn place(&mut self) -> Result<Next, ServiceError> {
        if let Some(next) = preflight::before_ordering(self).await? {
            return Ok(next);
        }
        if let Some(next) = ledger::reserve(self).await? {
            return Ok(next);
        }
        let wish = certmill_acme::NewOrder {
            identifiers: self.order.identifiers.iter().map(identifier).collect(),
            profile: self.order.profile.clone(),
            replaces: self.order.replaces.clone(),
        };
        let placed = self.client.new_order(&wish).await;
        failpoint::reached("order.placed");
        match placed {
            Ok(placed) => self.placed(placed).await,
            Err(error) if wish.replaces.is_some() => self.not_replacing(&error).await,
            Err(error) => self.setback_of(Asked::NewOrder, &error).await,
        }
    }

    /// The CA has made the order.
    async fn placed(&mut self, placed: certmill_acme::Order) -> Result<Next, ServiceError> {
        self.succeeded().await?;
        pauses::account_orders(self.app, Scopes::of(&self.account), &mut self.standing).await?;
        self.order.expires_at = placed.expires.map(Timestamp::from_unix_seconds);
        self.order.order_url = Some(placed.url);
        self.order.finalize_url = placed.finalize;
        self.order.state = OrderState::Authorizing.into();
        self.save(Next::GoOn).await
    }

    /// `challenging`: waits for the challenges, which have jobs of their own, and draws the conclusion.
    async fn look_after_challenges(&mut self) -> Result<Next, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let challenges = acme_challenges::of_orders(&mut session, &[self.order.id]).await?;
        drop(session);
        let mut lost = None;
        for failed in challenges.iter().filter(|challenge| challenge.state == ChallengeState::Invalid) {
            let failure = failed.error.clone().unwrap_or_else(|| {
                Failure::new("validation_failed", format!("control of {} was not proven", failed.identifier))
            });
            if failure.code != AUTHORIZATION_GONE {
                return self.fail(failure).await;
            }
            lost = Some(failure);
        }
        if let Some(failure) = lost {
            return self.authorizations_are_gone(&challenges, failure).await;
        }
        let open: BTreeMap<AcmeChallengeId, &AcmeChallenge> = challenges
            .iter()
            .filter(|challenge| challenge.state.is_open())
            .map(|challenge| (challenge.id, challenge))
            .collect();
        if open.is_empty() {
            return issuing::make_key(self).await;
        }
        self.save(Next::At(self.app.now().plus(LOOK_AFTER))).await
    }

    /// The CA's URL of the order.
    pub(super) fn order_url(&self) -> Result<String, ServiceError> {
        self.order
            .order_url
            .clone()
            .ok_or_else(|| ServiceError::internal("an order that was placed has a URL"))
    }

    pub(super) async fn begin(&self) -> Result<Tx, ServiceError> {
        Ok(self.app.database().begin(self.tenant).await?)
    }

    /// Writes the order, and nothing else.
    pub(super) async fn save(&mut self, next: Next) -> Result<Next, ServiceError> {
        let tx = self.begin().await?;
        self.commit(tx, next).await
    }

    /// Writes the order and what is in the transaction already, if the lease still holds.
    pub(super) async fn commit(&mut self, mut tx: Tx, next: Next) -> Result<Next, ServiceError> {
        self.write(&mut tx, next).await?;
        tx.commit().await?;
        Ok(next)
    }

    pub(super) async fn write(&mut self, tx: &mut Tx, next: Next) -> Result<(), ServiceError> {
        let now = self.app.now();
        // No wait is longer than the order.
        let next = match next {
            Next::At(at) => Next::At(at.min(self.end().plus(Duration::from_secs(1)))),
            other => other,
        };
        self.order.updated_at = now;
        self.order.next_attempt_at = match next {
            Next::GoOn => Some(now),
            Next::At(at) => Some(at),
            Next::Over => None,
        };
        acme_orders::save(tx, &self.order).await?;
        match next {
            Next::GoOn => self.lease.confirm(tx).await,
            Next::At(at) => self.lease.put_off(tx, at).await,
            Next::Over => self.lease.finish(tx).await,
        }
    }

    /// The CA has answered as it should.
    pub(super) async fn succeeded(&mut self) -> Result<(), ServiceError> {
        self.server_answers().await?;
        self.order.failures = 0;
        self.order.error = None;
        Ok(())
    }

    pub(super) async fn server_answers(&mut self) -> Result<(), ServiceError> {
        pauses::server_answers(self.app, Scopes::of(&self.account), &mut self.standing).await
    }

    /// Waits because of something that passes.
    pub(super) async fn wait(&mut self, failure: Failure, at: Timestamp) -> Result<Next, ServiceError> {
        self.order.failures += 1;
        self.order.error = Some(failure);
        self.save(Next::At(at)).await
    }

    /// Ends the order without a certificate, and has its challenges tidied up.
    pub(super) async fn fail(&mut self, failure: Failure) -> Result<Next, ServiceError> {
        self.fail_until(failure, None).await
    }

    /// The same, when another order for the same names is of no use before a time.
    pub(super) async fn fail_until(
        &mut self,
        failure: Failure,
        until: Option<Timestamp>,
    ) -> Result<Next, ServiceError> {
        let next = fallback::next_order(self, &failure).await?;
        let mut tx = self.begin().await?;
        if let Some(next) = next
            && fallback::store(self, &mut tx, &next).await?
        {
            tracing::warn!(order.id = %self.order.id, next.order.id = %next.id, account.id = %next.account_id, "an order goes on at another CA");
            self.order.fallback_order_id = Some(next.id);
        }
        // What the CA has a CSR for may have been issued, and counts there.
        if self.is_before_csr() {
            ledger::order_failed(&mut tx, &self.order).await?;
        }
        if self.order.state == OrderState::Finalizing {
            siblings::wake(self, &mut tx).await?;
        }
        self.order.state = OrderState::Failed.into();
        self.order.completed_at = Some(self.app.now());
        self.order.error = Some(failure.clone());
        self.order.failures += 1;
        let data = json!({
            "code": failure.code, "message": failure.message, "domains": self.order.identifiers.texts(),
            "renews": self.order.renewal_of, "fallback_order_id": self.order.fallback_order_id,
        });
        events::raise(self.app, &mut tx, EventKind::OrderFailed, self.order.id, data);
        self.tidy_up(&mut tx).await?;
        if self.order.fallback_order_id.is_none() {
            renewal::order_failed(self.app, &mut tx, &self.order, (&failure, until)).await?;
        }
        self.write(&mut tx, Next::Over).await?;
        acme_orders::drop_key(&mut tx, self.order.id).await?;
        tx.commit().await?;
        self.app.wake_workers();
        metrics::counter!("certmill_acme_orders_ended_total", "state" => "failed").increment(1);
        tracing::warn!(order.id = %self.order.id, code = failure.code, reason = failure.message, "an order has failed");
        Ok(Next::Over)
    }

    /// Wakes the challenges that are not over: with their order ended they take back what they published, and give up what they
    /// asked the CA for.
    pub(super) async fn tidy_up(&self, tx: &mut Tx) -> Result<(), ServiceError> {
        for challenge in acme_challenges::of_orders(tx, &[self.order.id]).await? {
            let exposed = challenge.exposure != Exposure::None && challenge.exposure != Exposure::Removed;
            if exposed || challenge.state != ChallengeState::Valid {
                self.app.enqueue(tx, Job::AdvanceChallenge(challenge.id), self.request_id).await?;
            }
        }
        Ok(())
    }
}

/// Until when the responders may answer for a challenge.
pub(super) fn response_ends(challenge: &AcmeChallenge) -> Timestamp {
    challenge.deadline_at.plus(GRACE)
}

fn identifier(name: &AcmeIdentifier) -> Identifier {
    match name {
        AcmeIdentifier::Dns(name) => Identifier::Dns(name.clone()),
        AcmeIdentifier::Ip(address) => Identifier::Ip(*address),
    }
}
