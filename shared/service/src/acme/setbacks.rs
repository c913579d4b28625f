//! What an order does when the CA does not do what was asked of it: wait, begin anew, or end.

use std::time::Duration;

use certmill_acme::AcmeError;
use certmill_domain::{AccountStatus, Failure, OrderProgress};
use certmill_storage::acme_pauses::Pause;
use certmill_storage::{acme_challenges, acme_orders, acme_renewals};

use super::accounts::lost::{self, Fate};
use super::advance::Work;
use super::authorizations::KEY_CHANGES_FOR;
use super::driver::{InHand, Next};
use super::judgement::{Asked, DOUBTS, Judgement, Request, backoff, failure, judge};
use super::{accounts, fallback, issuing, ledger, pauses};
use crate::ServiceError;

/// How often an order that the CA has lost is made anew.
const PLACEMENTS: i64 = 2;
/// When to look again whether the challenges of such an order are over.
const UNTIL_SETTLED: Duration = Duration::from_secs(10);

impl Work<'_> {
    /// Waits for the end of a pause, unless the order ends before it.
    pub(super) async fn stay_paused(&mut self, pause: &Pause) -> Result<Next, ServiceError> {
        if self.order.progress == OrderProgress::New && pause.until > self.order.ends() {
            let message = format!(
                "it would have to wait until {}, and is given up at {}: {}",
                pause.until,
                self.order.ends(),
                pause.reason
            );
            return self.fail_until(Failure::new("paused", message), Some(pause.until)).await;
        }
        let message = format!("waits until {}: {}", pause.until, pause.reason);
        let at = pauses::resume_at(self.app, pause);
        if fallback::is_too_late(self, at).await? {
            return self.fail(Failure::new("paused", message)).await;
        }
        self.order.error = Some(Failure::new("paused", message));
        self.save(Next::At(at)).await
    }

    /// The CA has not, when it was asked about the order or something that belongs to it: waits, or gives the order up.
    pub(super) async fn setback(&mut self, error: &AcmeError) -> Result<Next, ServiceError> {
        self.setback_of(Asked::Resource, error).await
    }

    pub(super) async fn setback_of(&mut self, asked: Asked, error: &AcmeError) -> Result<Next, ServiceError> {
        if error.problem().is_some()
            && accounts::key_was_changed(self.app, self.tenant, &self.account).await?
        {
            let failure = Failure::new("key_changed", "the account has got a new key meanwhile");
            let at = self.app.now().plus(KEY_CHANGES_FOR);
            return self.wait(failure, at).await;
        }
        if error.is_verdict() {
            self.server_answers().await?;
        }
        let is_read =
            asked == Asked::Resource && matches!(self.order.progress, OrderProgress::Authorizing(_));
        if is_read && issuing::is_gone(error) && self.order.failures >= DOUBTS {
            return self.place_anew(failure(issuing::GONE, error)).await;
        }
        let names = self.order.identifiers.texts();
        let request = Request { asked, failures: self.order.failures, names: &names };
        let judgement = judge(self.app, error, &request);
        tracing::warn!(
            order.id = %self.order.id,
            order.state = %self.order.state(),
            error = error as &dyn std::error::Error,
            "the CA did not do what was asked of it"
        );
        match judgement {
            Judgement::Retry { after, pause, failure } => {
                pauses::begin(self.app, self.scopes(), pause, after, &failure).await?;
                let at = self.app.now().plus(after);
                let too_late = at > self.order.ends() || fallback::is_too_late(self, at).await?;
                if too_late && self.order.progress.is_before_csr() {
                    return self.fail_until(failure, Some(at)).await;
                }
                self.wait(failure, at).await
            }
            Judgement::AccountRefused(failure) => self.account_is_unknown(failure).await,
            Judgement::Give(failure) if issuing::is_about_csr(error) => self.refused(failure).await,
            Judgement::Give(failure) => self.fail(failure).await,
        }
    }

    /// The CA says that it does not know the account.
    async fn account_is_unknown(&mut self, refusal: Failure) -> Result<Next, ServiceError> {
        let at = self.app.now().plus(backoff(self.app, self.order.failures));
        match lost::find_out(self.app, self.tenant, &self.account).await? {
            Fate::Known => self.wait(refusal, at).await,
            Fate::Another(account) => {
                self.client = accounts::client(self.app, self.tenant, &account).await?;
                self.account = *account;
                if self.order.progress == OrderProgress::New {
                    return self.wait(refusal, self.app.now()).await;
                }
                // It belonged to the former account.
                self.place_anew(refusal).await
            }
            Fate::Lost(failure) if self.order.failures < DOUBTS => self.wait(failure, at).await,
            Fate::Lost(failure) => {
                accounts::mark_refused(self.app, self.tenant, self.account.id, &failure).await?;
                self.account.status = AccountStatus::Invalid.into();
                self.fail(failure).await
            }
            Fate::Untold(error) => {
                let failure = failure("account_refused", &error);
                self.wait(failure, at).await
            }
        }
    }

    /// Has the CA make the order anew, since it does not know it any more. Key and CSR stay, if there are any: a certificate that
    /// the CA made for the former order without our hearing of it would be for the same key.
    pub(super) async fn place_anew(&mut self, failure: Failure) -> Result<Next, ServiceError> {
        let mut tx = self.begin().await?;
        if acme_orders::note_placement(&mut tx, self.order.id).await? > PLACEMENTS {
            drop(tx);
            return self.fail(failure).await;
        }
        acme_challenges::forget_settled(&mut tx, self.order.id).await?;
        ledger::placed_anew(self.app, &mut tx, &self.order).await?;
        tracing::warn!(order.id = %self.order.id, reason = failure.message, "the CA has lost an order: it is made anew");
        self.order.progress = OrderProgress::New;
        self.order.failures = 0;
        self.order.error = Some(failure);
        self.commit(tx, Next::GoOn).await
    }

    /// The CA has lost authorizations of the order: it is made anew when every challenge is over and has taken back what it
    /// had published.
    pub(super) async fn authorizations_are_gone(
        &mut self,
        failure: Failure,
        is_settled: bool,
    ) -> Result<Next, ServiceError> {
        if is_settled {
            return self.place_anew(failure).await;
        }
        self.order.error = Some(failure);
        let at = self.app.now().plus(UNTIL_SETTLED);
        self.save(Next::At(at)).await
    }

    /// The CA did not make an order that names the certificate which it replaces. That is a hint to the CA, without which the
    /// order is as good (RFC 9773 section 5): an order gives it once, whatever the CA has against it, and no other order for
    /// the same certificate gives it after a refusal.
    pub(super) async fn not_replacing(&mut self, error: &AcmeError) -> Result<Next, ServiceError> {
        if refuses_nothing(error) {
            return self.setback_of(Asked::NewOrder, error).await;
        }
        self.order.forget_replaces();
        // A fault or a limit may come of the hint, as this order finds out without it, but refuses nothing.
        if !error.is_verdict() || error.is_problem("rateLimited") {
            return self.setback_of(Asked::NewOrder, error).await;
        }
        if let Some(replaced) = self.order.renewal_of() {
            let mut tx = self.begin().await?;
            acme_renewals::forbid_replacing(&mut tx, replaced).await?;
            self.commit(tx, Next::GoOn).await?;
        }
        tracing::info!(
            order.id = %self.order.id,
            error = error as &dyn std::error::Error,
            "ordering without naming what is replaced"
        );
        Ok(Next::GoOn)
    }
}

/// Whether an error of newOrder is about the server or the account, so that nothing was said of what was ordered.
fn refuses_nothing(error: &AcmeError) -> bool {
    let elsewhere = ["badNonce", "userActionRequired", "accountDoesNotExist"];
    let is_unasked = matches!(error, AcmeError::Unreachable { .. } | AcmeError::Busy { .. });
    is_unasked || error.is_of_whole_server() || elsewhere.iter().any(|kind| error.is_problem(kind))
}
