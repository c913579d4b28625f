//! When a certificate from an ACME server is renewed.

use std::time::Duration;

use super::{AcmeOrder, ChallengeType};
use crate::{AcmeAccountId, AcmeOrderId, CertificateId, DnsProviderId, Stored, Timestamp};

/// Under this lifetime a certificate is renewed at half of it.
const SHORT: Duration = Duration::from_hours(10 * 24);
/// The least time before the end at which a renewal is an emergency.
const EMERGENCY: Duration = Duration::from_hours(3);

/// The least time between issuance and a renewal that the CA asks for by a window: a hundredth of the lifetime up to this.
const FIRST_FLOOR: Duration = Duration::from_hours(1);
/// The same for a certificate that came out of such a renewal itself: a thirtieth of the lifetime and at least this, and twice
/// as long with each further one.
const NEXT_FLOOR: Duration = Duration::from_hours(24);

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

/// How the next certificate is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalWish {
    /// How control is proven.
    pub challenge_type: Stored<ChallengeType>,
    /// The DNS provider, where one was named.
    pub dns_provider_id: Option<DnsProviderId>,
    /// The CA's profile.
    pub profile: Option<String>,
    /// Common name of the topmost issuer of the chain that is preferred.
    pub preferred_chain: Option<String>,
}

impl RenewalWish {
    /// As a certificate was ordered.
    pub fn of(order: &AcmeOrder) -> Self {
        Self {
            challenge_type: order.challenge_type.clone(),
            dns_provider_id: order.dns_provider_id,
            profile: order.profile.clone(),
            preferred_chain: order.preferred_chain.clone(),
        }
    }
}

/// The renewal of one certificate.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The account that the next one is ordered with.
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
    /// How the next one is ordered, where that is not as the present one was.
    pub wish: Option<RenewalWish>,
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
    /// How many certificates in a row before this one were renewed before their time, because the CA said so.
    pub early_renewals: i64,
    /// Whether the CA may be told that an order replaces it (RFC 9773 section 5): until it has refused such an order.
    pub may_replace: bool,
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

    /// Before this time no window makes it renewed: so a CA whose windows lie in the past for every new certificate costs one
    /// certificate more on the first day and fewer and fewer afterwards, while one that has a reason to want a certificate
    /// replaced is obeyed within the hour. The time that the lifetime alone gives is never put off.
    pub fn earliest_by_window(&self) -> Timestamp {
        let life = self.not_after.since(self.not_before);
        let floor = match u32::try_from(self.early_renewals.clamp(0, 16)) {
            Ok(0) | Err(_) => (life / 100).min(FIRST_FLOOR),
            Ok(repeated) => (life / 30).max(NEXT_FLOOR).saturating_mul(2_u32.saturating_pow(repeated - 1)),
        };
        self.created_at.plus(floor.min(life)).min(self.base_renew_at)
    }

    /// Has the lifetime alone say when it is time: the CA says nothing, or nothing that counts.
    pub fn forget_window(&mut self) {
        self.window = None;
        self.renew_at = self.base_renew_at;
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

    fn renewal(days: u64, early_renewals: i64) -> Renewal {
        let id = |prefix: &str| format!("{prefix}_01ARZ3NDEKTSV4RRFFQ69G5FAV");
        Renewal {
            certificate_id: id("cert").parse().unwrap(),
            account_id: id("acct").parse().unwrap(),
            order_id: id("ord").parse().unwrap(),
            auto_renew: true,
            is_over: false,
            not_before: START,
            not_after: at(days),
            base_renew_at: Renewal::planned(START, at(days), 0.0),
            renew_at: Renewal::planned(START, at(days), 0.0),
            emergency_at: Renewal::emergency(START, at(days)),
            window: None,
            window_checked_at: None,
            next_window_check_at: None,
            open_order_id: None,
            failures: 0,
            next_attempt_at: START,
            last_error: None,
            alert_level: 0,
            early_renewals,
            may_replace: true,
            wish: None,
            created_at: START,
            updated_at: START,
        }
    }

    #[test]
    fn windows_that_ask_for_one_renewal_after_the_other_are_kept_waiting() {
        let floor = |days, early| renewal(days, early).earliest_by_window().since(START);
        let hours = Duration::from_hours;
        assert_eq!([0, 1, 2, 3, 4].map(|early| floor(90, early)), [1, 72, 144, 288, 576].map(hours));
        // Never later than by the lifetime alone, whatever the count.
        assert_eq!([5, 6, i64::MAX].map(|early| floor(90, early)), [1152, 1440, 1440].map(hours));
        assert_eq!([0, 1, 2, 9].map(|early| floor(6, early)), [1, 24, 48, 72].map(hours));
        assert_eq!(floor(1, 1), hours(12));
    }

    #[test]
    fn an_emergency_is_never_in_the_first_half() {
        assert_eq!(Renewal::emergency(START, at(100)), at(95));
        assert_eq!(Renewal::emergency(START, at(1)), at(1).minus(Duration::from_hours(3)));
        let minutes = |n| START.plus(Duration::from_mins(n));
        assert_eq!(Renewal::emergency(START, minutes(10)), minutes(5));
    }
}
