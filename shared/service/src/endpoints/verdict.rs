//! What a served certificate comes to, and when it is looked at again.

use std::time::Duration;

use certmill_domain::{
    Certificate, CertificateEndpoint, Endpoint, EndpointFinding, EndpointState, Timestamp,
};
use certmill_x509::ParsedCertificate;
use certmill_x509::chain::ExpectedName;

/// After the first look without a certificate the next one comes so soon.
const AFTER_FAILURE: Duration = Duration::from_mins(5);
const SHORTEST: Duration = Duration::from_mins(1);

/// What is wrong with a certificate that is served at an endpoint, whichever it is.
pub(super) fn findings(
    parsed: &ParsedCertificate,
    known: Option<&Certificate>,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Vec<EndpointFinding> {
    let seconds = now.unix_seconds();
    let all = [
        (parsed.not_after() < seconds, EndpointFinding::Expired),
        (parsed.not_before() > seconds, EndpointFinding::NotYetValid),
        (!is_for(parsed, endpoint.name()), EndpointFinding::NameMismatch),
        (known.is_some_and(|known| known.revoked_at.is_some()), EndpointFinding::Revoked),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, finding)| finding).collect()
}

/// RFC 9525 section 6: alternative names alone count, and a wildcard is a whole left-most label that stands for one label.
fn is_for(parsed: &ParsedCertificate, host: &ExpectedName) -> bool {
    let names = parsed.subject_alt_names();
    match host {
        ExpectedName::Ip(address) => names.ip.contains(address),
        ExpectedName::Dns(wanted) => names.dns.iter().any(|name| match name.as_str().strip_prefix("*.") {
            Some(base) => wanted.as_str().split_once('.').is_some_and(|(_, rest)| rest == base),
            None => name == wanted,
        }),
        ExpectedName::Email(_) => false,
    }
}

/// Since when the right certificate is seen there, after a look that found this. One that finds nothing tells nothing new.
pub(super) fn deployed_since(
    before: &CertificateEndpoint,
    state: EndpointState,
    now: Timestamp,
) -> Option<Timestamp> {
    match state {
        EndpointState::Deployed => before.deployed_since.or(Some(now)),
        EndpointState::Unreachable | EndpointState::Unchecked => before.deployed_since,
        EndpointState::ServingOld | EndpointState::OtherCertificate => None,
    }
}

/// How an operator wants endpoints to be looked at.
pub(super) struct Pace {
    /// How often.
    pub(super) every: Duration,
    /// After how long a renewal that is not served is told of.
    pub(super) within: Duration,
    /// From 0 to 1, so that what began together does not stay together.
    pub(super) chance: f64,
}

/// When the next look comes: soon after a renewal, more and more seldom while it is not there; soon after a server that was
/// there is gone; and not later than what is late is to be told.
pub(super) fn next_check(
    before: &CertificateEndpoint,
    (state, failures): (EndpointState, i64),
    deployed_since: Option<Timestamp>,
    pace: &Pace,
    now: Timestamp,
) -> Timestamp {
    let waits = before.renewed_at.filter(|_| deployed_since.is_none());
    let after_renewal = waits.map_or(pace.every, |renewed_at| (now.since(renewed_at) / 2).max(SHORTEST));
    let after_failure = if state == EndpointState::Unreachable {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(16);
        AFTER_FAILURE.saturating_mul(1 << doublings)
    } else {
        pace.every
    };
    let pause = pace.every.min(after_renewal).min(after_failure).max(SHORTEST);
    let next = now.plus(pause.mul_f64(0.9 + 0.2 * pace.chance));
    match waits.map(|renewed_at| renewed_at.plus(pace.within)) {
        Some(late) if late > now => next.min(late.plus(Duration::from_secs(1))),
        _ => next,
    }
}

#[cfg(test)]
mod tests {
    use certmill_domain::{CertificateId, SystemEntropy};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const PACE: Pace = Pace { every: HOUR, within: Duration::from_hours(24), chance: 0.5 };

    fn endpoint(renewed_at: Option<Timestamp>, deployed_since: Option<Timestamp>) -> CertificateEndpoint {
        let now = Timestamp::from_unix_seconds(1_000_000);
        CertificateEndpoint {
            certificate_id: CertificateId::generate(now, &SystemEntropy),
            endpoint: "a.example:443".to_owned(),
            state: EndpointState::Unchecked.into(),
            reason: None,
            findings: Vec::new(),
            deployed_since,
            served: None,
            renewed_at,
            asked_at: None,
            failures: 0,
            checked_at: None,
            next_check_at: now,
        }
    }

    fn pause(before: &CertificateEndpoint, state: EndpointState, failures: i64, now: Timestamp) -> Duration {
        let since = deployed_since(before, state, now);
        next_check(before, (state, failures), since, &PACE, now).since(now)
    }

    #[test]
    fn looks_are_near_each_other_after_a_renewal_and_after_a_failure() {
        use EndpointState::{Deployed, ServingOld, Unreachable};
        let renewed = Timestamp::from_unix_seconds(1_000_000);
        let minutes = |count: u32| Duration::from_mins(1) * count;
        let waits = endpoint(Some(renewed), None);
        for (age, wanted) in [(1, 1_u64), (2, 1), (10, 5), (60, 30), (600, 60), (1_420, 20)] {
            let got = pause(&waits, ServingOld, 0, renewed.plus(minutes(age))).as_secs();
            assert_eq!(got / 60, wanted, "{age}");
        }
        assert_eq!(pause(&waits, Deployed, 0, renewed.plus(minutes(1))), HOUR);
        assert_eq!(pause(&endpoint(None, None), ServingOld, 0, renewed), HOUR, "nothing is expected of it");
        let stands = endpoint(Some(renewed), Some(renewed));
        let later = renewed.plus(100 * HOUR);
        for (failures, wanted) in [(1, 5), (2, 10), (4, 40), (5, 60), (60, 60)] {
            assert_eq!(pause(&stands, Unreachable, failures, later), minutes(wanted), "{failures}");
        }
        let late = pause(&waits, Unreachable, 9, later);
        assert_eq!(late, HOUR);
    }

    #[test]
    fn a_look_in_vain_changes_nothing_about_what_was_seen() {
        let (before, now) = (Timestamp::from_unix_seconds(1), Timestamp::from_unix_seconds(2));
        let stands = endpoint(None, Some(before));
        assert_eq!(deployed_since(&stands, EndpointState::Unreachable, now), Some(before));
        assert_eq!(deployed_since(&stands, EndpointState::Deployed, now), Some(before));
        assert_eq!(deployed_since(&stands, EndpointState::ServingOld, now), None);
        assert_eq!(deployed_since(&endpoint(None, None), EndpointState::Deployed, now), Some(now));
        assert_eq!(deployed_since(&endpoint(None, None), EndpointState::Unreachable, now), None);
    }
}
