//! Gives up authorizations that orders have left behind: a CA allows an account only so many that are pending.

use std::time::Duration;

use certmill_acme::AcmeError;
use certmill_domain::{AccountStatus, Timestamp};
use certmill_storage::acme_orders;

use super::challenge_steps::Work;
use super::driver::{InHand, Next};
use super::judgement::{Asked, DOUBTS, Judgement, Request, judge};
use super::pauses::Scopes;
use super::{accounts, pauses};
use crate::ServiceError;

/// How long after the end of an order its authorizations are worth a request.
const WORTHWHILE: Duration = Duration::from_hours(1);
/// When to look again whether an order still counts on an authorization.
const LOOK_AGAIN: Duration = Duration::from_mins(2);

/// Deactivates the authorization of a challenge (RFC 8555 section 7.5.2), unless another order may use it: a CA can give the
/// same one to several. What a CA refuses is left as it is, and ends by itself.
pub(super) async fn give_up(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let now = work.app.now();
    let ended = work.order.progress.completed_at().unwrap_or(now);
    let account = accounts::of_tenant(work.app, work.tenant, work.order.account_id).await?;
    if now.since(ended) > WORTHWHILE || account.status.known()? != AccountStatus::Valid {
        return work.save(Next::Over).await;
    }
    let url = work.challenge.authorization_url.clone();
    let mut session = work.app.database().read(work.tenant).await?;
    let may_be_used = acme_orders::may_use_authorization(&mut session, account.id, &url).await?;
    drop(session);
    if may_be_used {
        return work.save(Next::At(now.plus(LOOK_AGAIN))).await;
    }
    let mut standing = pauses::standing(work.app, Scopes::of(&account)).await?;
    if let Some(pause) = standing.pause.take() {
        let at = pauses::resume_at(work.app, &pause);
        return later(work, at, ended).await;
    }
    let client = accounts::client(work.app, work.tenant, &account).await?;
    let deactivated = client.deactivate_authorization(&url).await;
    if deactivated.as_ref().err().is_none_or(AcmeError::is_verdict) {
        pauses::server_answers(work.app, Scopes::of(&account), &mut standing).await?;
    }
    let Err(error) = deactivated else {
        return work.save(Next::Over).await;
    };
    work.challenge.failures += 1;
    // A refusal is believed at once: an authorization that stays behind ends by itself.
    let failures = work.challenge.failures.saturating_add(DOUBTS);
    let request = Request { asked: Asked::Resource, failures, names: &[] };
    match judge(work.app, &error, &request) {
        Judgement::Retry { after, pause, failure } => {
            pauses::begin(work.app, Scopes::of(&account), pause, after, &failure).await?;
            later(work, now.plus(after), ended).await
        }
        Judgement::AccountRefused(_) | Judgement::Give(_) => {
            tracing::info!(
                challenge.id = %work.challenge.id,
                error = &error as &dyn std::error::Error,
                "the CA does not take an authorization back"
            );
            work.save(Next::Over).await
        }
    }
}

/// Tries again at a time, unless that is not worth it any more by then.
async fn later(work: &mut Work<'_>, at: Timestamp, ended: Timestamp) -> Result<Next, ServiceError> {
    work.save(if at.since(ended) > WORTHWHILE { Next::Over } else { Next::At(at) }).await
}
