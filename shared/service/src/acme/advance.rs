//! The job of an order: one step after the other until it has to wait.

use std::time::Duration;

use certmill_acme::{Account, Identifier};
use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeChallenge, AcmeIdentifier, AcmeOrder, AcmeOrderId, EventKind, Failure,
    OrderAtCa, OrderProgress, TenantId, Timestamp,
};
use certmill_storage::acme_pauses::Standing;
use certmill_storage::{Tx, acme_challenges, acme_orders};
use serde_json::json;

use super::challenge_due::is_to_be_woken;
use super::driver::{self, InHand, Next};
use super::judgement::Asked;
use super::order_steps::{self, Proofs};
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

/// Does what can be done for an order now.
pub(crate) async fn advance(app: &App, lease: &Lease, id: AcmeOrderId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let order = acme_orders::find(&mut session, id).await?.filter(|order| order.progress.is_open());
    let cancelled = acme_orders::cancel_requested(&mut session, id).await?;
    drop(session);
    let Some(mut order) = order else { return driver::over(app, lease).await };
    order.attempts += 1;
    order.understood()?;
    let account = accounts::of_tenant(app, tenant, order.account_id).await?;
    account.status.known()?;
    let client = accounts::client(app, tenant, &account).await?;
    let (standing, request_id) = (Standing::default(), lease.request_id());
    let mut work = Work { app, lease, tenant, account, client, order, standing, request_id };
    if cancelled && work.order.progress.is_before_csr() {
        return work.fail(Failure::new("cancelled", "the order was cancelled")).await.map(drop);
    }
    driver::drive(work).await
}

impl InHand for Work<'_> {
    fn app(&self) -> &App {
        self.app
    }

    fn lease(&self) -> &Lease {
        self.lease
    }

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// No wait is longer than the order.
    fn latest(&self) -> Option<Timestamp> {
        Some(self.end().plus(Duration::from_secs(1)))
    }

    async fn store(
        &mut self,
        tx: &mut Tx,
        now: Timestamp,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), ServiceError> {
        self.order.updated_at = now;
        self.order.next_attempt_at = next_attempt_at;
        Ok(acme_orders::save(tx, &self.order).await?)
    }

    async fn step(&mut self) -> Result<Next, ServiceError> {
        let now = self.app.now();
        if self.order.progress.is_before_csr() && self.account.status != AccountStatus::Valid {
            let message = format!("the ACME account {} is {}", self.account.id, self.account.status);
            return self.fail(Failure::new("account_not_valid", message)).await;
        }
        if now > self.end() {
            return self.fail(self.timed_out()).await;
        }
        // Challenges wait for themselves.
        if !matches!(self.order.progress, OrderProgress::Challenging(_)) {
            self.standing = pauses::standing(self.app, self.scopes()).await?;
            if let Some(pause) = self.standing.pause.clone() {
                return self.stay_paused(&pause).await;
            }
        }
        match self.order.progress.clone() {
            OrderProgress::New => self.place().await,
            OrderProgress::Authorizing(at_ca) => self.read_authorizations(at_ca).await,
            OrderProgress::Challenging(at_ca) => self.look_after_challenges(at_ca).await,
            OrderProgress::Finalizing { at_ca, csr } => issuing::finalize(self, &at_ca, &csr).await,
            OrderProgress::Issuing { at_ca, csr, certificate_url } => {
                issuing::collect(self, (&at_ca, &csr), certificate_url).await
            }
            OrderProgress::Issued { .. } | OrderProgress::Failed { .. } => self.save(Next::Over).await,
            OrderProgress::Unknown(_) => Err(self.order.understood().map_or_else(ServiceError::from, |()| {
                ServiceError::internal("an order whose state is not known is not worked on")
            })),
        }
    }
}

impl Work<'_> {
    /// Whose pauses count: those of the names as long as the CA is to make the order.
    pub(super) fn scopes(&self) -> Scopes<'_> {
        let is_new = self.order.progress == OrderProgress::New;
        Scopes { account: &self.account, names: is_new.then_some(&self.order.identifiers) }
    }

    /// When it is given up, whatever it waits for.
    fn end(&self) -> Timestamp {
        if self.order.progress.is_before_csr() { self.order.ends() } else { self.order.given_up_at() }
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
            replaces: self.order.replaces().map(str::to_owned),
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
        self.order.progress = order_steps::placed(placed);
        self.save(Next::GoOn).await
    }

    /// `challenging`: waits for the challenges, which have jobs of their own, and draws the conclusion.
    async fn look_after_challenges(&mut self, at_ca: OrderAtCa) -> Result<Next, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let challenges = acme_challenges::of_orders(&mut session, &[self.order.id]).await?;
        drop(session);
        match order_steps::proofs(&challenges) {
            Proofs::Refused(failure) => self.fail(failure).await,
            Proofs::Lost { failure, is_settled } => self.authorizations_are_gone(failure, is_settled).await,
            Proofs::Open => self.save(Next::At(self.app.now().plus(LOOK_AFTER))).await,
            Proofs::Complete => issuing::make_key(self, at_ca).await,
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
        self.end_failed(failure, None, self.order.progress.is_before_csr()).await
    }

    /// The same, when the CA has said itself that it does not issue (RFC 8555 section 7.1.6), whatever it has got.
    pub(super) async fn refused(&mut self, failure: Failure) -> Result<Next, ServiceError> {
        self.end_failed(failure, None, true).await
    }

    /// The same, when another order for the same names is of no use before a time.
    pub(super) async fn fail_until(
        &mut self,
        failure: Failure,
        until: Option<Timestamp>,
    ) -> Result<Next, ServiceError> {
        self.end_failed(failure, until, self.order.progress.is_before_csr()).await
    }

    /// `is_not_issued`: what the CA has a CSR for may have been issued, and counts there then.
    async fn end_failed(
        &mut self,
        failure: Failure,
        until: Option<Timestamp>,
        is_not_issued: bool,
    ) -> Result<Next, ServiceError> {
        let next = fallback::next_order(self, &failure).await?;
        let mut tx = self.begin().await?;
        let mut successor = None;
        if let Some(next) = next
            && fallback::store(self, &mut tx, &next).await?
        {
            tracing::warn!(order.id = %self.order.id, next.order.id = %next.id, account.id = %next.account_id, "an order goes on at another CA");
            successor = Some(next.id);
        }
        if is_not_issued {
            ledger::order_failed(&mut tx, &self.order).await?;
        }
        if matches!(self.order.progress, OrderProgress::Finalizing { .. }) {
            siblings::wake(self, &mut tx).await?;
        }
        self.order.progress = self.order.progress.failed(self.app.now(), successor);
        self.order.error = Some(failure.clone());
        self.order.failures += 1;
        let data = json!({
            "code": failure.code, "message": failure.message, "domains": self.order.identifiers.texts(),
            "renews": self.order.renewal_of(), "fallback_order_id": successor,
        });
        events::raise(self.app, &mut tx, EventKind::OrderFailed, self.order.id, data);
        self.tidy_up(&mut tx).await?;
        if successor.is_none() {
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
            if is_to_be_woken(&challenge) {
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
