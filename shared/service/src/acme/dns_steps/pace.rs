//! How long a step waits before it is tried again. Every wait grows with the tries in the present state, so that nobody is
//! asked several times in a second for hours.

use std::time::Duration;

use certmill_domain::{AcmeChallenge, Timestamp};

/// The pauses between looks for the value, in seconds; the last one repeats.
const LOOKS: [u64; 9] = [2, 2, 3, 5, 8, 10, 15, 20, 30];
/// The first and the longest wait while another challenge has the name. Each wait is twice the one before, here and below.
const A_TURN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// After a conflict.
const CONFLICT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(2));
/// A challenge that is so old, and was tried so often, ends with the next conflict: what is written does not stay there.
const CONFLICTS: (Duration, i64) = (Duration::from_hours(1), 30);
/// When the provider does not answer as it should.
const FAULT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(2));
/// Before a removal that failed is tried again.
const REMOVE_AGAIN: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(6));

/// Before the next look for a value, or at a change that is being applied.
pub(super) fn look_again(challenge: &AcmeChallenge) -> Duration {
    look(challenge.attempts)
}

fn look(tries: i64) -> Duration {
    let looks = usize::try_from(tries).unwrap_or_default().min(LOOKS.len());
    Duration::from_secs(LOOKS.get(looks.saturating_sub(1)).copied().unwrap_or(30))
}

/// While somebody else comes first.
pub(super) fn turn(challenge: &AcmeChallenge) -> Duration {
    doubling(A_TURN, challenge.attempts)
}

/// After a fault of the provider.
pub(super) fn fault(challenge: &AcmeChallenge) -> Duration {
    doubling(FAULT, challenge.attempts)
}

/// After a removal that failed.
pub(super) fn removal(challenge: &AcmeChallenge) -> Duration {
    doubling(REMOVE_AGAIN, challenge.attempts)
}

/// After a conflict; none when conflicts have gone on for so long that nobody's change can be the reason.
pub(super) fn conflict(challenge: &AcmeChallenge, now: Timestamp) -> Option<Duration> {
    let (age, tries) = CONFLICTS;
    let hopeless = challenge.attempts >= tries && now.since(challenge.created_at) > age;
    (!hopeless).then(|| doubling(CONFLICT, challenge.attempts))
}

/// The first wait after the first try, and twice as long after each further one, up to the longest.
fn doubling((first, longest): (Duration, Duration), tries: i64) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 21) - 1).unwrap_or_default();
    first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_less_and_less_often() {
        assert_eq!(look(0), look(1));
        assert_eq!([1, 3, 9, 10, i64::MAX].map(|tries| look(tries).as_secs()), [2, 3, 30, 30, 30]);
    }

    #[test]
    fn waits_double_from_the_first_to_the_longest() {
        let wait = |tries| doubling(CONFLICT, tries).as_millis();
        assert_eq!(
            [0, 1, 2, 3, 8, 9, 10, i64::MAX].map(wait),
            [500, 500, 1_000, 2_000, 64_000, 120_000, 120_000, 120_000]
        );
    }
}
