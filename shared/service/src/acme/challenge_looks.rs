//! What follows a look at an authorization whose challenge the CA was told of: decided from the challenge and the answer, and
//! from nothing else. Whoever does it is in `challenge_steps.rs`.

use std::time::Duration;

use certmill_acme::{Authorization, AuthorizationStatus};
use certmill_domain::{AcmeChallenge, Failure, Timestamp, Told};

use super::judgement::{VALIDATION_FAILED, problem_failure};

/// How long a CA may take to look, and after which time it is told once more.
const CA_LOOKS_FOR: Duration = Duration::from_mins(15);
const TELL_AGAIN: Duration = Duration::from_secs(90);
const TELLINGS: i64 = 3;
/// The pauses between looks at the CA, in seconds; the last one repeats.
const LOOKS: [u64; 7] = [1, 1, 2, 3, 5, 8, 10];
/// The longest that a CA may ask to be left alone: a day, as one CA has it, would be longer than the challenge lives.
const LONGEST: Duration = Duration::from_mins(1);

/// What follows a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The CA is satisfied.
    Valid,
    /// It is not, or has not decided in time.
    Invalid(Failure),
    /// It has not decided.
    Pending {
        /// What it has seen so far: some CAs keep looking after a first failure, and say so by leaving the challenge as it is.
        note: Option<String>,
        /// What is done meanwhile.
        then: Then,
    },
}

/// What is done while a CA has not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It is told once more, since it seems not to know.
    Tell,
    /// It is asked again after this time.
    Look(Duration),
}

/// The pause before look number `look`, counted from none.
pub(super) fn pause(look: i64) -> Duration {
    let look = usize::try_from(look).unwrap_or_default().min(LOOKS.len() - 1);
    Duration::from_secs(LOOKS.get(look).copied().unwrap_or(10))
}

/// What a look at the authorization of a challenge comes to.
pub(super) fn seen(challenge: &AcmeChallenge, authorization: &Authorization, now: Timestamp) -> Seen {
    match authorization.status {
        AuthorizationStatus::Valid => Seen::Valid,
        AuthorizationStatus::Pending => pending(challenge, authorization, now),
        status => {
            let own = own(challenge, authorization).and_then(|own| own.error.as_ref());
            let problem =
                own.or_else(|| authorization.challenges.iter().find_map(|other| other.error.as_ref()));
            let sentence = match problem {
                Some(_) => format!("the CA did not find control of {} proven", challenge.identifier),
                None => format!("the CA's authorization of {} is {status}", challenge.identifier),
            };
            Seen::Invalid(problem_failure(VALIDATION_FAILED, &sentence, problem))
        }
    }
}

fn pending(challenge: &AcmeChallenge, authorization: &Authorization, now: Timestamp) -> Seen {
    let told = challenge.progress.told().unwrap_or(Told { times: 0, last: now });
    let waited = now.since(told.last);
    if waited > CA_LOOKS_FOR {
        let message = format!("the CA has not decided about {} in time", challenge.identifier);
        return Seen::Invalid(Failure::new("timed_out", message));
    }
    let own = own(challenge, authorization);
    let is_untouched = own.is_some_and(|own| own.status == "pending");
    let note =
        own.and_then(|own| own.error.as_ref()).map(|problem| format!("the CA says: {}", problem.detail));
    // Where no answer of the CA was written, a process may have died before it could ask: nothing is to be waited for then.
    let is_unheard = told.times == 0 || waited > TELL_AGAIN && told.times < TELLINGS;
    let then = if is_untouched && is_unheard {
        Then::Tell
    } else {
        let told = authorization.retry_after.map(|after| after.min(LONGEST));
        Then::Look(told.unwrap_or(pause(challenge.attempts)))
    };
    Seen::Pending { note, then }
}

fn own<'a>(
    challenge: &AcmeChallenge,
    authorization: &'a Authorization,
) -> Option<&'a certmill_acme::Challenge> {
    authorization.challenges.iter().find(|own| own.url == challenge.url)
}

#[cfg(test)]
mod tests {
    use certmill_acme::{Identifier, Problem};
    use certmill_domain::ChallengeProgress;

    use super::super::order_steps::tests::{at_responders, challenge};
    use super::*;

    const NOW: i64 = 1_000_000;

    fn told(seconds_ago: i64, times: i64) -> AcmeChallenge {
        let last = Timestamp::from_unix_seconds(NOW - seconds_ago);
        let told = Some(Told { times, last });
        challenge(ChallengeProgress::Submitted { answer: at_responders(false), told })
    }

    fn answer(status: AuthorizationStatus, own: &str, problem: Option<&str>) -> Authorization {
        let problem = problem.map(|detail| Problem { detail: detail.to_owned(), ..Problem::default() });
        Authorization {
            identifier: Identifier::Dns("www.example.org".to_owned()),
            wildcard: false,
            status,
            expires: None,
            challenges: vec![certmill_acme::Challenge {
                kind: "http-01".to_owned(),
                url: String::new(),
                token: None,
                status: own.to_owned(),
                error: problem,
                validated: None,
            }],
            retry_after: None,
        }
    }

    fn look(challenge: &AcmeChallenge, authorization: &Authorization) -> Seen {
        seen(challenge, authorization, Timestamp::from_unix_seconds(NOW))
    }

    #[test]
    fn a_decision_of_the_ca_is_taken_over_with_its_reason() {
        assert_eq!(look(&told(1, 1), &answer(AuthorizationStatus::Valid, "valid", None)), Seen::Valid);
        for (status, problem, says) in [
            (AuthorizationStatus::Invalid, Some("wrong answer"), "wrong answer"),
            (AuthorizationStatus::Invalid, None, "is invalid"),
            (AuthorizationStatus::Expired, None, "is expired"),
        ] {
            let Seen::Invalid(failure) = look(&told(1, 1), &answer(status, "invalid", problem)) else {
                panic!("{status} is the end")
            };
            assert_eq!(failure.code, VALIDATION_FAILED);
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }

    #[test]
    fn a_ca_that_has_not_decided_is_asked_less_and_less_often_up_to_a_minute_as_it_says() {
        let pending = answer(AuthorizationStatus::Pending, "processing", None);
        for (attempts, seconds) in [(0, 1), (3, 3), (6, 10), (i64::MAX, 10), (-1, 1)] {
            let challenge = AcmeChallenge { attempts, ..told(1, 1) };
            let then = Then::Look(Duration::from_secs(seconds));
            assert_eq!(look(&challenge, &pending), Seen::Pending { note: None, then });
        }
        let patient = Authorization { retry_after: Some(Duration::from_hours(24)), ..pending };
        assert_eq!(look(&told(1, 1), &patient), Seen::Pending { note: None, then: Then::Look(LONGEST) });
    }

    #[test]
    fn a_ca_that_seems_not_to_know_is_told_again_three_times_at_most() {
        let untouched = answer(AuthorizationStatus::Pending, "pending", Some("first try failed"));
        let then = |challenge: &AcmeChallenge, answer: &Authorization| match look(challenge, answer) {
            Seen::Pending { then, .. } => then,
            other => panic!("{other:?}"),
        };
        assert_eq!(then(&told(91, 1), &untouched), Then::Tell);
        assert_eq!(then(&told(91, 2), &untouched), Then::Tell);
        assert!(matches!(then(&told(91, 3), &untouched), Then::Look(_)));
        assert!(matches!(then(&told(90, 1), &untouched), Then::Look(_)));
        assert_eq!(then(&told(0, 0), &untouched), Then::Tell, "it was perhaps never told");
        let at_work = answer(AuthorizationStatus::Pending, "processing", None);
        assert!(matches!(then(&told(91, 1), &at_work), Then::Look(_)));
        assert!(matches!(then(&told(0, 0), &at_work), Then::Look(_)));
        let Seen::Pending { note, .. } = look(&told(91, 1), &untouched) else { panic!("it is pending") };
        assert_eq!(note.as_deref(), Some("the CA says: first try failed"));
    }

    #[test]
    fn a_ca_that_does_not_decide_is_not_waited_for_any_longer() {
        let pending = answer(AuthorizationStatus::Pending, "processing", None);
        assert!(matches!(look(&told(15 * 60, 1), &pending), Seen::Pending { .. }));
        let Seen::Invalid(failure) = look(&told(15 * 60 + 1, 1), &pending) else {
            panic!("it took too long")
        };
        assert_eq!(failure.code, "timed_out");
    }
}
