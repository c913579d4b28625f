//! What a CA wants proven before it issues, and the challenges that do it.

use std::time::Duration;

use certmill_acme::{AcmeError, Authorization, AuthorizationStatus, Identifier};
use certmill_domain::{
    AcmeChallenge, AcmeChallengeId, AcmeIdentifier, AcmeOrder, ChallengeProgress, ChallengeType, Failure,
    OrderAtCa, OrderProgress, Timestamp,
};
use certmill_storage::acme_challenges;

use super::accounts;
use super::advance::{LOOK_AFTER, MARGIN, Work};
use super::driver::{InHand, Next};
use super::judgement::problem_failure;
use crate::ServiceError;
use crate::failpoint;
use crate::jobs::Job;

/// When to look again whether the account's key is still being changed.
pub(super) const KEY_CHANGES_FOR: Duration = Duration::from_secs(2);
/// The most types of challenges that a failure lists.
const MOST_KINDS: usize = 10;

/// How an authorization is met.
enum Way {
    /// By this challenge.
    By(Box<AcmeChallenge>),
    /// Not at all.
    None(Failure),
}

impl Work<'_> {
    /// `authorizing`: reads what is to be proven, and writes the challenges that do it.
    pub(super) async fn read_authorizations(&mut self, at_ca: OrderAtCa) -> Result<Next, ServiceError> {
        // What proves control has to do with the account's key.
        if accounts::key_change_pending(self.app, self.tenant, self.account.id).await? {
            return self.save(Next::At(self.app.now().plus(KEY_CHANGES_FOR))).await;
        }
        let read = match self.client.authorizations(&at_ca.url, self.order.identifiers.iter().count()).await {
            Ok(read) => read,
            Err(error) => return self.setback(&error).await,
        };
        failpoint::reached("order.authorizations_read");
        if let Err(what) = belong(&self.order, &read) {
            return self.setback(&AcmeError::Protocol(what)).await;
        }
        self.succeeded().await?;
        let mut challenges = Vec::with_capacity(read.len());
        for (url, authorization) in &read {
            match self.challenge(url, authorization).await? {
                Way::By(challenge) => challenges.push(*challenge),
                Way::None(failure) => return self.fail(failure).await,
            }
        }
        let mut tx = self.begin().await?;
        acme_challenges::insert(&mut tx, &challenges).await?;
        for challenge in challenges.iter().filter(|challenge| challenge.progress.is_open()) {
            self.app.enqueue(&mut tx, Job::AdvanceChallenge(challenge.id), self.request_id).await?;
        }
        self.order.progress = OrderProgress::Challenging(at_ca);
        let all_met = !challenges.iter().any(|challenge| challenge.progress.is_open());
        let next = if all_met { Next::GoOn } else { Next::At(self.app.now().plus(LOOK_AFTER)) };
        let next = self.commit(tx, next).await?;
        self.app.wake_workers();
        Ok(next)
    }

    /// The challenge by which an authorization is met: one that the CA is satisfied with already, or the one of the type
    /// that was ordered.
    async fn challenge(&self, url: &str, authorization: &Authorization) -> Result<Way, ServiceError> {
        let identifier = text(&authorization.identifier);
        let wildcard = authorization.wildcard;
        let met = authorization.status == AuthorizationStatus::Valid;
        let wanted = self.order.challenge_type.known()?;
        let offered = authorization.challenges.iter().find(|challenge| {
            let kind = ChallengeType::parse(&challenge.kind);
            if met { kind.is_some() && challenge.status == "valid" } else { kind == Some(wanted) }
        });
        let offered =
            offered.or_else(|| authorization.challenges.iter().find(|c| met && c.kind == wanted.as_str()));
        if !met && authorization.status != AuthorizationStatus::Pending {
            let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            let sentence = format!("the CA's authorization of {identifier} is {}", authorization.status);
            return Ok(Way::None(problem_failure("authorization_failed", &sentence, problem)));
        }
        if !met && offered.is_some_and(|challenge| challenge.token.is_none()) {
            let message = format!("the CA's {wanted} challenge for {identifier} has no `token`");
            return Ok(Way::None(Failure::new("ca_error", message)));
        }
        if !met && offered.is_none() {
            let kinds: Vec<&str> =
                authorization.challenges.iter().map(|c| c.kind.as_str()).take(MOST_KINDS).collect();
            let message =
                format!("the CA does not offer {wanted} for {identifier}; it offers {}", kinds.join(", "));
            return Ok(Way::None(Failure::new("challenge_unavailable", message)));
        }
        let now = self.app.now();
        let token = offered.and_then(|challenge| challenge.token.clone()).unwrap_or_default();
        let key_authorization = if met {
            String::new()
        } else {
            accounts::key(self.app, self.tenant, self.account.id).await?.key_authorization(&token)
        };
        // One that ends before it can be met has been dated by a wrong clock.
        let ends = authorization.expires.map(|at| Timestamp::from_unix_seconds(at).minus(MARGIN));
        let ends = ends.filter(|at| *at > now);
        Ok(Way::By(Box::new(AcmeChallenge {
            id: AcmeChallengeId::generate(now, self.app.entropy()),
            order_id: self.order.id,
            authorization_url: url.to_owned(),
            url: offered.map(|challenge| challenge.url.clone()).unwrap_or_default(),
            identifier,
            wildcard,
            kind: offered
                .and_then(|challenge| ChallengeType::parse(&challenge.kind))
                .unwrap_or(wanted)
                .into(),
            token,
            key_authorization,
            progress: if met {
                ChallengeProgress::Waiting.validated(now)
            } else {
                ChallengeProgress::Waiting
            },
            failures: 0,
            forced: false,
            note: met.then(|| "the CA has it on record that this is proven".to_owned()),
            dns_servers: Vec::new(),
            attempts: 0,
            next_attempt_at: (!met).then_some(now),
            deadline_at: ends.map_or(self.order.ends(), |ends| ends.min(self.order.ends())),
            created_at: now,
            updated_at: now,
        })))
    }
}

/// What control is proven of, without `*.`.
fn text(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(address) => address.to_string(),
    }
}

/// Whether each authorization is for a name of the order, and each name has one at most: whatever else a server wants
/// published was not asked for (RFC 8555 sections 7.1.3 and 7.1.4).
fn belong(order: &AcmeOrder, read: &[(String, Authorization)]) -> Result<(), String> {
    let mut open: Vec<(String, bool)> = order
        .identifiers
        .iter()
        .map(|identifier| match identifier {
            AcmeIdentifier::Dns(name) => match name.strip_prefix("*.") {
                Some(base) => (base.to_owned(), true),
                None => (name.clone(), false),
            },
            AcmeIdentifier::Ip(address) => (address.to_string(), false),
        })
        .collect();
    for (_, authorization) in read {
        let wanted = (text(&authorization.identifier), authorization.wildcard);
        // Some servers leave the flag of a wildcard out.
        let found = open
            .iter()
            .position(|name| *name == wanted)
            .or_else(|| open.iter().position(|(name, _)| !wanted.1 && *name == wanted.0));
        let Some(at) = found else {
            let star = if wanted.1 { "*." } else { "" };
            return Err(format!(
                "it wants control of `{star}{}` proven, which the order does not ask for, or asks for once only",
                wanted.0
            ));
        };
        open.remove(at);
    }
    Ok(())
}
