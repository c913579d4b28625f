//! When a certificate from an ACME server is renewed.

use std::time::Duration;

use crate::{AcmeAccountId, AcmeOrderId, CertificateId, Timestamp};

/// Under this lifetime a certificate is renewed at half of it.
const SHORT: Duration = Duration::from_hours(10 * 24);
/// The least time before the end at which a renewal is an emergency.
const EMERGENCY: Duration = Duration::from_hours(3);

/// When the CA wants a certificate to be renewed (RFC 9773).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalWindow {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Where people can read why.
    pub explanation_url: Option<String>,
}

/// The renewal of one certificate.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The account that it was ordered with.
    pub account_id: AcmeAccountId,
    /// The order that it came from.
    pub order_id: AcmeOrderId,
    /// Whether it is renewed on its own.
    pub auto_renew: bool,
    /// Renewed, revoked or given up.
    pub is_over: bool,
    /// Start of the certificate's validity.
    pub not_before: Timestamp,
    /// Its end.
    pub not_after: Timestamp,
    /// When the lifetime alone says that it is time.
    pub base_renew_at: Timestamp,
    /// When it is time, with what the CA says.
    pub renew_at: Timestamp,
    /// When it is renewed whatever the CA says.
    pub emergency_at: Timestamp,
    /// What the CA says.
    pub window: Option<RenewalWindow>,
    /// When the CA last said it.
    pub window_checked_at: Option<Timestamp>,
    /// When the CA is asked next.
    pub next_window_check_at: Option<Timestamp>,
    /// The order that is under way.
    pub open_order_id: Option<AcmeOrderId>,
    /// Failures in a row.
    pub failures: i64,
    /// Before this time nothing is tried.
    pub next_attempt_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// The highest alert that was given.
    pub alert_level: i64,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Renewal {
    /// When to renew by the lifetime alone: with a third of it left, or half of one under ten days; up to a fiftieth of
    /// the lifetime earlier (twelve hours at most), by `chance` from 0 to 1, so that what was issued together does
    /// not return together.
    pub fn planned(not_before: Timestamp, not_after: Timestamp, chance: f64) -> Timestamp {
        let life = not_after.since(not_before);
        let left = if life < SHORT { life / 2 } else { life / 3 };
        let spread = (life / 50).min(Duration::from_hours(12));
        not_after.minus(left).minus(spread.mul_f64(chance.clamp(0.0, 1.0)))
    }

    /// When to renew whatever the CA says: with a twentieth of the lifetime left, three hours at least, but never
    /// before half of the lifetime.
    pub fn emergency(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
        let life = not_after.since(not_before);
        not_after.minus((life / 20).max(EMERGENCY).min(life / 2))
    }

    /// How long after a failure the next try comes: 1, 10, 100 minutes, then a day; sooner when little is left.
    pub fn backoff(&self, now: Timestamp) -> Duration {
        let steps = [1, 10, 100].map(Duration::from_mins);
        let step = usize::try_from(self.failures.max(1) - 1)
            .ok()
            .and_then(|at| steps.get(at).copied())
            .unwrap_or(Duration::from_hours(24));
        let remaining = if self.not_after > now { self.not_after.since(now) } else { Duration::ZERO };
        step.min((remaining / 12).max(Duration::from_mins(15)))
    }

    /// How alarming its state is: 0 not at all, 1 when it should have been renewed, 2 when the end is near, 3 when
    /// it is very near.
    pub fn alarm(&self, now: Timestamp) -> i64 {
        let life = self.not_after.since(self.not_before);
        let left = if self.not_after > now { self.not_after.since(now) } else { Duration::ZERO };
        let overdue = now > self.renew_at && now.since(self.renew_at) > life / 10;
        if left < (life / 20).max(Duration::from_hours(24).min(life / 4)) {
            3
        } else if left < life / 6 {
            2
        } else {
            i64::from(overdue || self.failures >= 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn at(days: u64) -> Timestamp {
        START.plus(Duration::from_hours(24 * days))
    }

    #[test]
    fn a_third_is_left_or_half_of_a_short_life() {
        assert_eq!(Renewal::planned(START, at(90), 0.0), at(60));
        assert_eq!(Renewal::planned(START, at(90), 1.0), at(60).minus(Duration::from_hours(12)));
        assert_eq!(Renewal::planned(START, at(6), 0.0), at(3));
        assert_eq!(Renewal::planned(START, at(6), 1.0), at(3).minus(Duration::from_hours(6 * 24) / 50));
    }

    #[test]
    fn an_emergency_is_never_in_the_first_half() {
        assert_eq!(Renewal::emergency(START, at(100)), at(95));
        assert_eq!(Renewal::emergency(START, at(1)), at(1).minus(Duration::from_hours(3)));
        let minutes = |n| START.plus(Duration::from_mins(n));
        assert_eq!(Renewal::emergency(START, minutes(10)), minutes(5));
    }
}
