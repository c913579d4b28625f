//! What follows in dns-01 from what a provider or the name servers have answered: decided from that, the challenge and the time,
//! and from nothing else.

use std::time::Duration;

use certmill_dns::{DnsError, Propagation, PropagationSettings};
use certmill_domain::{AcmeChallenge, Timestamp, TxtAnswer};

use super::pace;

/// The value must be seen at every server so often in a row, and so far apart.
const CONFIRMATIONS: i64 = 2;
pub(super) const APART: Duration = Duration::from_secs(3);
/// A value that was seen nowhere for so long, or for half of the time that it has, is added once more: somebody may have removed
/// it.
const ADD_AGAIN: Duration = Duration::from_mins(2);
/// How often it is added at most.
const ADDITIONS: i64 = 2;
/// The limit ends nothing before so many looks: of one look alone nobody knows whether it was a bad moment.
const LOOKS: i64 = 3;
/// Tries with credentials or a zone that the provider refuses, and the wait before the next one.
const REFUSALS: i64 = 3;
const AFTER_REFUSAL: Duration = Duration::from_secs(20);
/// What a provider gets that asks for patience and does not say how much, and the most.
const PATIENCE: Duration = Duration::from_secs(30);
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_hours(1);

/// A step, and what it depends on.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) now: Timestamp,
    pub(super) challenge: &'a AcmeChallenge,
    pub(super) settings: &'a PropagationSettings,
    /// Whether a person publishes the value.
    pub(super) by_hand: bool,
}

/// What follows a look for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The CA may look.
    Submit,
    /// It is there; another look confirms it.
    Confirm,
    /// It is looked for again after a time, with some chance in it.
    Again(Duration),
    /// A person has not published it yet.
    AwaitPerson,
    /// It is added once more.
    AddAgain,
    /// It was not seen in time.
    TooLate,
}

impl Circumstances<'_> {
    /// Until when a new value is left alone; none when it is looked for now. Where a look can find what a person has published,
    /// it need not wait.
    pub(super) fn left_alone_until(&self, txt: &TxtAnswer) -> Option<Timestamp> {
        let settled = self.since(txt).plus(self.settings.settle());
        (self.now < settled && (!self.by_hand || self.settings.asks_nobody())).then_some(settled)
    }

    /// What follows a look; the value was seen so often in a row before.
    pub(super) fn looked(&self, txt: &TxtAnswer, confirmations: i64, seen: &Propagation) -> Look {
        if seen.complete {
            return if confirmations + 1 >= CONFIRMATIONS { Look::Submit } else { Look::Confirm };
        }
        if self.by_hand {
            return Look::AwaitPerson;
        }
        if self.is_too_late(txt) {
            return Look::TooLate;
        }
        let additions = txt.added.map_or(0, |added| added.times);
        let patience = (limit(self.settings) / 2).min(ADD_AGAIN);
        if seen.is_nowhere() && additions < ADDITIONS && self.waited(txt) > patience {
            return Look::AddAgain;
        }
        Look::Again(pace::look_again(self.challenge))
    }

    /// When a provider is asked again whether it has applied a change, which says to ask after a time; none when that took too
    /// long. What it names is the least: one that always says "soon" is asked less and less often.
    pub(super) fn not_applied(&self, txt: &TxtAnswer, after: Duration) -> Option<Duration> {
        let told = after.clamp(Duration::from_secs(1), Duration::from_mins(1));
        (!self.is_too_late(txt)).then(|| told.max(pace::look_again(self.challenge)))
    }

    /// Whether a value has had the time that its provider's configuration gives it.
    pub(super) fn is_too_late(&self, txt: &TxtAnswer) -> bool {
        let has_had_it = self.waited(txt) > limit(self.settings);
        !self.by_hand && has_had_it && self.challenge.attempts >= LOOKS
    }

    /// How long a value has been there.
    pub(super) fn waited(&self, txt: &TxtAnswer) -> Duration {
        self.now.since(self.since(txt))
    }

    fn since(&self, txt: &TxtAnswer) -> Timestamp {
        txt.added.map_or(self.now, |added| added.since)
    }
}

fn limit(settings: &PropagationSettings) -> Duration {
    Duration::from_secs(settings.timeout_seconds.into())
}

/// Whether the look-up of where a value goes has had the time that the value itself would have.
pub(super) fn has_no_place(
    challenge: &AcmeChallenge,
    settings: &PropagationSettings,
    now: Timestamp,
) -> bool {
    now.since(challenge.created_at) > limit(settings) && challenge.attempts >= LOOKS
}

/// How long a provider is left alone that asks for patience.
pub(super) fn patience(after: Option<Duration>) -> Duration {
    after.unwrap_or(PATIENCE).min(LONGEST_PATIENCE)
}

/// After which time, with some chance in it, a step is tried again that a provider or the DNS has not done; none when that is of
/// no use.
pub(super) fn again(challenge: &AcmeChallenge, error: &DnsError, now: Timestamp) -> Option<Duration> {
    let growing = pace::fault(challenge);
    match error {
        DnsError::RateLimited { after, .. } => Some(patience(*after).max(growing)),
        DnsError::Conflict(_) => pace::conflict(challenge, now),
        DnsError::Unavailable(_) | DnsError::NoAddress(_) | DnsError::OutcomeUnknown(_) => Some(growing),
        DnsError::Auth(_) | DnsError::ZoneNotFound(_) | DnsError::NotAllowed(_) => {
            (challenge.attempts < REFUSALS).then_some(AFTER_REFUSAL)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use certmill_dns::{Seen, ServerView};
    use certmill_domain::{Added, ChallengeProgress, Exposure};

    use super::super::super::order_steps::tests::{challenge, txt};
    use super::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    /// A value that was added so often, at 0 for the first time.
    fn added(times: i64) -> TxtAnswer {
        TxtAnswer { added: Some(Added { since: seconds(0), times }), ..txt(Exposure::Present) }
    }

    fn tried(attempts: i64) -> AcmeChallenge {
        AcmeChallenge { attempts, ..challenge(ChallengeProgress::Waiting) }
    }

    fn settings(settle_seconds: u32, timeout_seconds: u32) -> PropagationSettings {
        PropagationSettings { settle_seconds, timeout_seconds, ..PropagationSettings::default() }
    }

    /// What one server has.
    fn seen(seen: Seen) -> Propagation {
        let complete = seen == Seen::Value;
        let server = ServerView { name: "ns.example.org".to_owned(), seen, addresses: Vec::new() };
        Propagation { servers: vec![server], complete }
    }

    #[test]
    fn a_new_value_is_left_alone_unless_a_person_publishes_it() {
        let (challenge, settings) = (tried(1), settings(20, 600));
        let at = |now, by_hand| Circumstances {
            now: seconds(now),
            challenge: &challenge,
            settings: &settings,
            by_hand,
        };
        assert_eq!(at(19, false).left_alone_until(&added(1)), Some(seconds(20)));
        assert_eq!(at(20, false).left_alone_until(&added(1)), None);
        assert_eq!(at(0, true).left_alone_until(&added(1)), None);
    }

    #[test]
    fn a_value_is_confirmed_before_the_ca_looks() {
        let (challenge, settings) = (tried(9), settings(0, 60));
        let late =
            Circumstances { now: seconds(1_000), challenge: &challenge, settings: &settings, by_hand: false };
        let there = seen(Seen::Value);
        assert_eq!(late.looked(&added(1), 0, &there), Look::Confirm, "what is there is never too late");
        assert_eq!(late.looked(&added(1), 1, &there), Look::Submit);
    }

    #[test]
    fn a_value_that_is_nowhere_is_added_once_more_and_ends_in_time() {
        let settings = settings(0, 600);
        let look = |now, attempts, times, seen: &Propagation| {
            let challenge = tried(attempts);
            let at = Circumstances {
                now: seconds(now),
                challenge: &challenge,
                settings: &settings,
                by_hand: false,
            };
            at.looked(&added(times), 0, seen)
        };
        let (absent, failing) = (seen(Seen::Absent), seen(Seen::Failed("no answer".to_owned())));
        assert!(matches!(look(120, 9, 1, &absent), Look::Again(_)));
        assert_eq!(look(121, 9, 1, &absent), Look::AddAgain);
        assert!(matches!(look(121, 9, 2, &absent), Look::Again(_)), "once");
        assert!(matches!(look(121, 9, 1, &failing), Look::Again(_)), "nobody says that it is not there");
        for seen in [&absent, &failing] {
            assert!(matches!(look(600, 9, 2, seen), Look::Again(_)));
            assert_eq!(look(601, 9, 2, seen), Look::TooLate);
            assert!(!matches!(look(601, 2, 2, seen), Look::TooLate), "not by so few looks");
        }
    }

    #[test]
    fn a_short_limit_adds_again_after_half_of_it() {
        let (challenge, settings) = (tried(9), settings(0, 60));
        let at = |now| Circumstances {
            now: seconds(now),
            challenge: &challenge,
            settings: &settings,
            by_hand: false,
        };
        assert!(matches!(at(30).looked(&added(1), 0, &seen(Seen::Absent)), Look::Again(_)));
        assert_eq!(at(31).looked(&added(1), 0, &seen(Seen::Absent)), Look::AddAgain);
    }

    #[test]
    fn a_person_has_as_long_as_the_order() {
        let (challenge, settings) = (tried(99), settings(0, 60));
        let at =
            Circumstances { now: seconds(86_400), challenge: &challenge, settings: &settings, by_hand: true };
        assert_eq!(at.looked(&added(1), 0, &seen(Seen::Absent)), Look::AwaitPerson);
    }

    #[test]
    fn a_change_that_is_being_applied_is_asked_for_less_and_less_often_and_ends_in_time() {
        let settings = settings(0, 600);
        let wait = |now, attempts, after| {
            let challenge = tried(attempts);
            let at = Circumstances {
                now: seconds(now),
                challenge: &challenge,
                settings: &settings,
                by_hand: false,
            };
            at.not_applied(&added(1), Duration::from_secs(after)).map(|wait| wait.as_secs())
        };
        assert_eq!([wait(1, 1, 0), wait(1, 1, 10), wait(1, 1, 3_600)], [Some(2), Some(10), Some(60)]);
        assert_eq!(wait(600, 99, 1), Some(30));
        assert_eq!(wait(601, 99, 1), None);
    }

    #[test]
    fn faults_pass_refusals_do_not_and_what_cannot_work_ends_at_once() {
        let told = || "told".to_owned();
        let after = |attempts, error: &DnsError| {
            again(&tried(attempts), error, seconds(0)).map(|wait| wait.as_secs())
        };
        assert_eq!(after(1, &DnsError::Unavailable(told())), Some(2));
        assert_eq!(after(99, &DnsError::OutcomeUnknown(told())), Some(120));
        for refusal in [DnsError::Auth(told()), DnsError::ZoneNotFound(told()), DnsError::NotAllowed(told())]
        {
            assert_eq!((after(2, &refusal), after(3, &refusal)), (Some(20), None));
        }
        assert_eq!(after(1, &DnsError::Invalid(told())), None);
        let limited = |seconds: Option<u64>| DnsError::RateLimited {
            message: told(),
            after: seconds.map(Duration::from_secs),
        };
        assert_eq!(after(1, &limited(None)), Some(30));
        assert_eq!(after(1, &limited(Some(300))), Some(300));
        assert_eq!(after(1, &limited(Some(86_400))), Some(3_600), "an hour at most");
    }

    #[test]
    fn a_place_that_cannot_be_looked_up_has_the_time_of_a_value() {
        let settings = settings(0, 60);
        assert!(!has_no_place(&tried(9), &settings, seconds(60)));
        assert!(has_no_place(&tried(9), &settings, seconds(61)));
        assert!(!has_no_place(&tried(2), &settings, seconds(61)));
    }
}
