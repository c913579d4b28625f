//! Challenges, as people see them.

use certmill_domain::{AcmeChallenge, AcmeChallengeId, Action, ChallengeState};
use certmill_storage::{acme_challenges, acme_orders};

use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, ServiceError};

/// The answer to somebody who says that a challenge is ready.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The challenge.
    pub challenge: AcmeChallenge,
    /// Whether something will happen now; the CA is looking already otherwise, or has looked.
    pub accepted: bool,
}

/// Goes on with a challenge now: its answer is looked for, and when it is there the CA is told. `force` tells the CA
/// without looking.
pub async fn complete(
    app: &App,
    caller: &Caller,
    id: AcmeChallengeId,
    force: bool,
) -> Result<Completed, ServiceError> {
    let mut change = app.change(caller).await?;
    let missing = || ServiceError::not_found(Noun::AcmeChallenge, id);
    let challenge = acme_challenges::find(&mut change, id).await?.ok_or_else(missing)?;
    let order = acme_orders::find(&mut change, challenge.order_id).await?.ok_or_else(missing)?;
    challenge.understood()?;
    order.state().known()?;
    let state = challenge.progress.state().known()?;
    if matches!(state, ChallengeState::Submitted | ChallengeState::Valid) {
        return Ok(Completed { challenge, accepted: false });
    }
    if !order.progress.is_open() || !state.is_open() {
        let message = format!("the order {} of {id} has ended: order again", order.id);
        let possible_from = &["pending"];
        return Err(ServiceError::InvalidState { message, state: state.status(), possible_from });
    }
    if force {
        acme_challenges::set_forced(&mut change, id, true).await?;
    }
    app.enqueue(&mut change, Job::AdvanceChallenge(id), Some(&caller.request_id)).await?;
    change.commit(Act::new(Action::AcmeChallengeComplete, id)).await?;
    app.wake_workers();
    Ok(Completed { challenge, accepted: true })
}

/// The TXT value that meets a dns-01 challenge (RFC 8555 section 8.4).
pub fn txt_value(challenge: &AcmeChallenge) -> String {
    certmill_acme::dns_challenge_value(&challenge.key_authorization)
}

/// Reads the id of a challenge; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<AcmeChallengeId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::AcmeChallenge, text))
}
