//! What an order does next, decided from what it is at and what was answered, and from nothing else. Whoever does it is in
//! `advance.rs` and `issuing.rs`.

use std::time::Duration;

use certmill_acme::{Order, OrderStatus};
use certmill_domain::{AcmeChallenge, Failure, OrderAtCa, OrderProgress, Timestamp};

use super::challenge_due::is_settled;
use super::judgement::{AUTHORIZATION_GONE, problem_failure};

/// The shortest and the longest that a CA at work may ask to be left alone: for the certificate, and until it has taken note of
/// validations.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
const LONGEST_UNTIL_READY: Duration = Duration::from_mins(5);
/// The code of an order that its CA has not finished with.
const CA_PENDING: &str = "ca_pending";

/// The CA has made an order.
pub(super) fn placed(order: Order) -> OrderProgress {
    OrderProgress::Authorizing(OrderAtCa {
        url: order.url,
        finalize_url: order.finalize,
        expires_at: order.expires.map(Timestamp::from_unix_seconds),
    })
}

/// How far the proofs of an order are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proofs {
    /// One is missing for good.
    Refused(Failure),
    /// The CA has lost authorizations; whether the challenges have taken back all that they had published.
    Lost { failure: Failure, is_settled: bool },
    /// Some are under way.
    Open,
    /// All are there.
    Complete,
}

/// What the challenges of an order come to. A proof that failed counts for more than one that the CA has lost.
pub(super) fn proofs(challenges: &[AcmeChallenge]) -> Proofs {
    let failures = challenges.iter().filter_map(|challenge| challenge.progress.failure());
    let (lost, refused): (Vec<_>, Vec<_>) = failures.partition(|failure| failure.code == AUTHORIZATION_GONE);
    if let Some(failure) = refused.first() {
        return Proofs::Refused((*failure).clone());
    }
    if let Some(failure) = lost.last() {
        return Proofs::Lost { failure: (*failure).clone(), is_settled: challenges.iter().all(is_settled) };
    }
    if challenges.iter().any(|challenge| challenge.progress.is_open()) {
        Proofs::Open
    } else {
        Proofs::Complete
    }
}

/// How long an order waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not at all.
    No,
    /// As the CA says, within reason.
    Told(Duration),
    /// Longer each time, within these bounds.
    Growing(Duration, Duration),
}

impl Wait {
    fn within(told: Option<Duration>, shortest: Duration, longest: Duration) -> Self {
        told.map_or(Self::Growing(shortest, longest), |told| Self::Told(told.clamp(shortest, longest)))
    }
}

/// What follows the CA's answer to a CSR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The CA has it: this is what the order is at.
    Issuing(OrderProgress, Wait),
    /// It is sent again, since the CA does not take it yet.
    SendAgain(Failure, Wait),
    /// The order has come to nothing.
    Fail(Failure),
}

/// What follows a look at an order whose CSR the CA has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// The certificate is fetched from here.
    Fetch(String),
    /// It is looked again; whether the CA says that it is at work.
    AtWork { is_certain: bool, wait: Wait },
    /// The order has come to nothing.
    Fail(Failure),
}

/// The CA does not take the CSR yet.
pub(super) fn not_ready(failure: Failure, told: Option<Duration>) -> Step {
    Step::SendAgain(failure, Wait::within(told, SHORTEST_WAIT, LONGEST_UNTIL_READY))
}

/// The CA has answered the CSR of an order in `finalizing`.
pub(super) fn sent(at_ca: &OrderAtCa, csr: &[u8], order: &Order) -> Step {
    match order.status {
        OrderStatus::Processing | OrderStatus::Valid => {
            let certificate_url = order.certificate.clone();
            let told = order.retry_after.unwrap_or(SHORTEST_WAIT).clamp(SHORTEST_WAIT, LONGEST_WAIT);
            let wait = if certificate_url.is_some() { Wait::No } else { Wait::Told(told) };
            let (at_ca, csr) = (at_ca.clone(), csr.to_owned());
            Step::Issuing(OrderProgress::Issuing { at_ca, csr, certificate_url }, wait)
        }
        OrderStatus::Invalid => {
            Step::Fail(problem_failure("refused_by_ca", "the CA has closed the order", order.error.as_ref()))
        }
        OrderStatus::Pending | OrderStatus::Ready => {
            let message = "the CA has not yet taken note of all validations";
            not_ready(Failure::new(CA_PENDING, message), order.retry_after)
        }
    }
}

/// The CA has told where an order in `issuing` stands.
pub(super) fn looked(order: &Order) -> Look {
    match (order.status, &order.certificate) {
        (OrderStatus::Valid, Some(url)) => Look::Fetch(url.clone()),
        (OrderStatus::Invalid, _) => Look::Fail(problem_failure(
            "refused_by_ca",
            "the CA did not issue the certificate",
            order.error.as_ref(),
        )),
        // One that is ready again, or valid without a certificate, has perhaps forgotten.
        (status, _) => Look::AtWork {
            is_certain: status == OrderStatus::Processing,
            wait: Wait::within(order.retry_after, SHORTEST_WAIT, LONGEST_WAIT),
        },
    }
}

/// What an order shows while the CA makes the certificate.
pub(super) fn at_work(until: Timestamp) -> Failure {
    Failure::new(CA_PENDING, format!("the CA is making the certificate; it is asked again at {until}"))
}

#[cfg(test)]
pub(super) mod tests;
