//! The job of a challenge: publish the answer, have the CA look, take the answer back.

use std::time::Duration;

use certmill_acme::{Account, AcmeError};
use certmill_domain::{
    AcmeAccount, AcmeChallenge, AcmeChallengeId, AcmeIdentifier, AcmeOrder, ChallengeAnswer,
    ChallengeProgress, Exposure, Failure, TenantId, Timestamp, Told,
};
use certmill_storage::acme_pauses::Standing;
use certmill_storage::{Tx, acme_challenges, acme_orders};

use super::accounts::lost::{self, Fate};
use super::advance::response_ends;
use super::challenge_due::{self, Due, Left};
use super::challenge_looks::{self, Seen, Then};
use super::driver::{self, InHand, Next};
use super::judgement::{
    AUTHORIZATION_GONE, Asked, DOUBTS, Judgement, Request, VALIDATION_FAILED, backoff, failure, judge,
};
use super::pauses::Scopes;
use super::{accounts, dns_steps, give_up, grants, issuing, ledger, pauses, preflight};
use crate::failpoint;
use crate::jobs::{Job, Lease};
use crate::{App, ServiceError};

/// How long to wait while another order's answer is in the way.
const IN_THE_WAY: Duration = Duration::from_secs(3);
/// A challenge in hand.
pub(super) struct Work<'a> {
    pub(super) app: &'a App,
    pub(super) lease: &'a Lease,
    pub(super) tenant: TenantId,
    pub(super) order: AcmeOrder,
    pub(super) challenge: AcmeChallenge,
    /// What is known of pauses and suspicions since the present step began.
    standing: Standing,
    request_id: Option<&'a str>,
}

/// Does what can be done for a challenge now.
pub(crate) async fn advance(app: &App, lease: &Lease, id: AcmeChallengeId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let challenge = acme_challenges::find(&mut session, id).await?;
    let order = match &challenge {
        Some(challenge) => acme_orders::find(&mut session, challenge.order_id).await?,
        None => None,
    };
    drop(session);
    let (Some(challenge), Some(order)) = (challenge, order) else {
        return driver::over(app, lease).await;
    };
    order.state().known()?;
    let (standing, request_id) = (Standing::default(), lease.request_id());
    driver::drive(Work { app, lease, tenant, order, challenge, standing, request_id }).await
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

    fn latest(&self) -> Option<Timestamp> {
        None
    }

    async fn store(
        &mut self,
        tx: &mut Tx,
        now: Timestamp,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), ServiceError> {
        self.challenge.updated_at = now;
        self.challenge.next_attempt_at = next_attempt_at;
        Ok(acme_challenges::save(tx, &self.challenge).await?)
    }

    async fn step(&mut self) -> Result<Next, ServiceError> {
        self.challenge.attempts += 1;
        match challenge_due::due(&self.challenge, &self.order.progress, self.app.now())? {
            Due::TakeBack => self.take_back().await,
            Due::GiveUp(failure) => self.fail(failure).await,
            Due::Answer => self.answer().await,
            Due::FindPlace => dns_steps::claim(self).await,
            Due::Add(txt) => dns_steps::add(self, txt).await,
            Due::AwaitChange(txt, change) => dns_steps::await_change(self, (txt, change)).await,
            Due::AwaitPropagation(txt, confirmations) => {
                dns_steps::await_propagation(self, (txt, confirmations)).await
            }
            Due::HaveTheCaLook(told) => self.have_the_ca_look(told).await,
        }
    }
}

impl Work<'_> {
    /// Has the responders answer, which every replica does as soon as this is committed.
    async fn answer(&mut self) -> Result<Next, ServiceError> {
        let mut tx = self.begin().await?;
        let name = AcmeIdentifier::stored(&self.challenge.identifier);
        if let Some(failure) = grants::refusal(&mut tx, self.tenant, &name).await? {
            drop(tx);
            return self.fail(failure).await;
        }
        if !acme_challenges::publish(&mut tx, &self.challenge, response_ends(&self.challenge)).await? {
            drop(tx);
            let note = format!("another order is being answered for {}", self.challenge.identifier);
            self.challenge.note = Some(note);
            let at = self.app.now().plus(IN_THE_WAY);
            return self.save(Next::At(at)).await;
        }
        let answer = ChallengeAnswer::AtResponders { since: self.app.now(), is_removed: false };
        self.enter(ChallengeProgress::Submitted { answer, told: None });
        self.commit(tx, Next::GoOn).await
    }

    /// `submitted`: tells the CA to look, and asks what it saw.
    async fn have_the_ca_look(&mut self, told: Option<Told>) -> Result<Next, ServiceError> {
        let account = accounts::of_tenant(self.app, self.tenant, self.order.account_id).await?;
        self.standing = pauses::standing(self.app, Scopes::of(&account)).await?;
        if let Some(pause) = self.standing.pause.take() {
            self.challenge.note = Some(format!("waits until {}: {}", pause.until, pause.reason));
            let at = pauses::resume_at(self.app, &pause);
            return self.save(Next::At(at)).await;
        }
        let client = accounts::client(self.app, self.tenant, &account).await?;
        if let Some(next) = preflight::before_telling(self).await? {
            return Ok(next);
        }
        if told.is_none() {
            return self.tell(&account, &client).await;
        }
        let authorization = match client.authorization(&self.challenge.authorization_url).await {
            Ok(authorization) => authorization,
            Err(error) => return self.setback(&account, &error).await,
        };
        self.ca_answers(&account).await?;
        match challenge_looks::seen(&self.challenge, &authorization, self.app.now()) {
            Seen::Valid => self.validated().await,
            Seen::Invalid(failure) => self.fail(failure).await,
            Seen::Pending { note, then } => {
                self.challenge.note = note.or(self.challenge.note.take());
                match then {
                    Then::Tell => self.tell(&account, &client).await,
                    Then::Look(after) => self.save(Next::At(self.app.now().plus(after))).await,
                }
            }
        }
    }

    /// Writes that the CA is about to be told, tells it, and writes that it has answered. Told twice, it does nothing more
    /// (RFC 8555 section 7.5.1).
    async fn tell(&mut self, account: &AcmeAccount, client: &Account) -> Result<Next, ServiceError> {
        let now = self.app.now();
        self.challenge.progress = self.challenge.progress.about_to_tell(now);
        self.save(Next::GoOn).await?;
        failpoint::reached("challenge.submission_stored");
        let told = client.answer_challenge(&self.challenge.url).await;
        failpoint::reached("challenge.submitted");
        self.challenge.progress = self.challenge.progress.once_told();
        match told {
            Ok(()) => {
                self.ca_answers(account).await?;
                self.save(Next::At(now.plus(challenge_looks::pause(0)))).await
            }
            // Decided meanwhile, as the authorization tells.
            Err(AcmeError::Problem { problem, .. }) if problem.kind == "malformed" => {
                self.save(Next::At(now.plus(challenge_looks::pause(0)))).await
            }
            Err(error) => self.setback(account, &error).await,
        }
    }

    async fn validated(&mut self) -> Result<Next, ServiceError> {
        self.challenge.note = None;
        self.enter(self.challenge.progress.validated(self.app.now()));
        self.tell_the_order(Next::GoOn).await
    }

    /// Ends the challenge without success.
    pub(super) async fn fail(&mut self, failure: Failure) -> Result<Next, ServiceError> {
        tracing::warn!(
            challenge.id = %self.challenge.id,
            order.id = %self.order.id,
            code = failure.code,
            reason = failure.message,
            "a challenge has failed"
        );
        let by_ca = failure.code == VALIDATION_FAILED;
        self.enter(self.challenge.progress.failed(failure));
        if by_ca {
            let account = accounts::of_tenant(self.app, self.tenant, self.order.account_id).await?;
            let mut tx = self.begin().await?;
            ledger::validation_failed(self.app, &mut tx, &account, &self.challenge).await?;
            tx.commit().await?;
        }
        self.tell_the_order(Next::GoOn).await
    }

    async fn tell_the_order(&mut self, next: Next) -> Result<Next, ServiceError> {
        let mut tx = self.begin().await?;
        self.app.enqueue(&mut tx, Job::AdvanceOrder(self.order.id), self.request_id).await?;
        let next = self.commit(tx, next).await?;
        self.app.wake_workers();
        Ok(next)
    }

    /// Takes the answer back, and then the authorization of an order that has failed. Nothing is published any more afterwards.
    async fn take_back(&mut self) -> Result<Next, ServiceError> {
        match challenge_due::left(&self.challenge, &self.order.progress) {
            Left::Txt(txt) => dns_steps::remove(self, &txt.record).await,
            Left::Response => {
                let mut tx = self.begin().await?;
                acme_challenges::unpublish(&mut tx, self.challenge.id).await?;
                self.now_exposed(Exposure::Removed);
                let next = self.after_removal();
                self.commit(tx, next).await
            }
            Left::Authorization => give_up::give_up(self).await,
            Left::Nothing => self.save(Next::Over).await,
        }
    }

    /// What follows when nothing is published any more.
    pub(super) fn after_removal(&self) -> Next {
        match challenge_due::left(&self.challenge, &self.order.progress) {
            Left::Nothing => Next::Over,
            Left::Authorization | Left::Txt(_) | Left::Response => Next::GoOn,
        }
    }

    /// The CA has answered as it should.
    async fn ca_answers(&mut self, account: &AcmeAccount) -> Result<(), ServiceError> {
        self.challenge.failures = 0;
        pauses::server_answers(self.app, Scopes::of(account), &mut self.standing).await
    }

    /// The CA did not answer as it should.
    async fn setback(&mut self, account: &AcmeAccount, error: &AcmeError) -> Result<Next, ServiceError> {
        if error.is_verdict() {
            pauses::server_answers(self.app, Scopes::of(account), &mut self.standing).await?;
        }
        if issuing::is_gone(error) && self.challenge.failures >= DOUBTS {
            return self.fail(failure(AUTHORIZATION_GONE, error)).await;
        }
        let request = Request {
            asked: Asked::Resource,
            failures: self.challenge.failures,
            names: std::slice::from_ref(&self.challenge.identifier),
        };
        let judgement = judge(self.app, error, &request);
        self.challenge.failures += 1;
        match judgement {
            Judgement::Retry { after, pause, failure } => {
                pauses::begin(self.app, Scopes::of(account), pause, after, &failure).await?;
                self.challenge.note = Some(failure.message);
                let at = self.app.now().plus(after);
                self.save(Next::At(at)).await
            }
            Judgement::AccountRefused(failure) => self.account_is_unknown(account, failure).await,
            Judgement::Give(failure) => self.fail(failure).await,
        }
    }

    /// The CA says that it does not know the account.
    async fn account_is_unknown(
        &mut self,
        account: &AcmeAccount,
        refusal: Failure,
    ) -> Result<Next, ServiceError> {
        let failure = match lost::find_out(self.app, self.tenant, account).await? {
            // The authorization was the former account's.
            Fate::Another(_) => {
                return self.fail(Failure { code: AUTHORIZATION_GONE.to_owned(), ..refusal }).await;
            }
            Fate::Lost(failure) if self.challenge.failures > DOUBTS => {
                accounts::mark_refused(self.app, self.tenant, account.id, &failure).await?;
                return self.fail(failure).await;
            }
            Fate::Lost(failure) => failure,
            Fate::Known => refusal,
            Fate::Untold(error) => failure("account_refused", &error),
        };
        self.challenge.note = Some(failure.message);
        let at = self.app.now().plus(backoff(self.app, self.challenge.failures));
        self.save(Next::At(at)).await
    }

    /// A new state, in which nothing was tried yet.
    pub(super) fn enter(&mut self, progress: ChallengeProgress) {
        self.challenge.progress = progress;
        self.challenge.attempts = 0;
        self.challenge.failures = 0;
    }

    /// The answer is at another point of its way.
    pub(super) fn now_exposed(&mut self, exposure: Exposure) {
        self.challenge.progress = self.challenge.progress.clone().exposed(exposure);
    }
}
