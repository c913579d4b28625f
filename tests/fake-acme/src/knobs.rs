//! What a test can make the server do, at any time.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{log::Endpoint, problem::Problem};

/// The value of a Retry-After header (RFC 9110 §10.2.3), always as seconds from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Written as a number of seconds.
    Seconds(u32),
    /// Written as the date that is so many seconds away.
    Date(u32),
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The request is checked (its nonce is used up) and refused with this problem; nothing is done.
    Problem(Problem),
    /// Answered by something in front of the server: this status, a page of HTML, no nonce; nothing is checked or done.
    Html {
        /// 502, 503 and the like, but also 200.
        status: u16,
        /// The page's Retry-After.
        retry_after: Option<RetryAfter>,
    },
    /// The connection ends before anything is checked or done.
    DropBefore,
    /// Everything is done as always, but instead of the answer the connection ends.
    DropAfter,
    /// Done and answered after this time only, for time-outs of clients.
    Delay(Duration),
    /// A redirect to this address, without a nonce; nothing is checked or done.
    Redirect(String),
}

/// What is wrong with certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// It is for another key than the CSR's.
    WrongKey,
    /// It is for other names than the order's.
    WrongNames,
    /// It is for all of the order's names but the first.
    FewerNames,
}

/// What questions about the renewal of a certificate are answered with (RFC 9773 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The last third of the certificate's life until a tenth before its end; for a revoked one, a time that is past.
    Late,
    /// From and until so many seconds from now; negative ones are past, and the end may lie before the start.
    Window {
        /// When the window begins.
        start: i64,
        /// When it ends.
        end: i64,
        /// A page for people (`explanationURL`).
        explanation: Option<String>,
    },
    /// 200 with this text.
    Garbage(String),
    /// 404.
    NotFound,
    /// 500.
    ServerError,
}

/// How the server behaves until it is told otherwise; the default is a correct server that reuses nothing.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Refuse so many next nonces, good as they are.
    pub reject_nonces: u32,
    /// Refuse this percentage of good nonces, evenly spread: 25 is each fourth.
    pub reject_nonce_percent: u8,
    /// Answer an identical newOrder (account, names, profile) with the same order while it is pending or ready.
    pub reuse_orders: bool,
    /// Give a new order the account's pending authorizations.
    pub reuse_pending_authorizations: bool,
    /// Give a new order the account's valid authorizations.
    pub reuse_valid_authorizations: bool,
    /// Give the authorizations of a name and of its wildcard in one order the same token.
    pub same_token: bool,
    /// Leave a finalized order in `processing` for so many polls.
    pub processing_polls: u32,
    /// The Retry-After of an order in `processing`.
    pub processing_retry_after: Option<RetryAfter>,
    /// Instead of issuing make the order invalid with this error, after the polls in `processing`.
    pub fail_in_processing: Option<Problem>,
    /// Fail every submitted challenge with this error instead of validating it.
    pub fail_challenges: Option<Problem>,
    /// Leave submitted challenges in `processing` until this is false again and they are submitted once more.
    pub hold_challenges: bool,
    /// The Retry-After of pending authorizations and challenges.
    pub authorization_retry_after: Option<RetryAfter>,
    /// Give out certificates with this flaw.
    pub certificate_flaw: Option<CertificateFlaw>,
    /// What questions about renewal are answered with.
    pub renewal: Renewal,
    /// The Retry-After of these answers.
    pub renewal_retry_after: Option<RetryAfter>,
    /// How long new orders live, in seconds; negative is already over.
    pub order_lifetime: i64,
    /// How long new authorizations live, in seconds; negative is already over.
    pub authorization_lifetime: i64,
    /// Added to every `expires` that is written, in seconds, as with a clock that goes wrong. What counts is not changed.
    pub expires_skew: i64,
    /// The validity of certificates in seconds.
    pub certificate_lifetime: i64,
    /// Refuse every request to one of these paths (as `/order/3`) with its problem, as when one resource is broken and all
    /// others are well.
    pub broken: Vec<(String, Problem)>,
    /// Refuse newOrder with the problem when one of the names is this one.
    pub refused_names: Vec<(String, Problem)>,
    /// Refuse newOrder with this problem when it names a certificate that is replaced.
    pub refuse_replacing: Option<Problem>,
    /// Names and e-mail addresses (with an `@`) that certificates have beside those of their orders.
    pub extra_names: Vec<String>,
    /// What a chain is made of, a letter for each certificate: the leaf, its issuer (`I`), the root (`R`), a stranger (`U`).
    pub chain: &'static str,
    /// Names that newOrder rejects (`rejectedIdentifier`), each with a subproblem of its own.
    pub rejected_names: Vec<String>,
    /// Refuse a CSR without a common name, as front ends of other CAs do.
    pub need_common_name: bool,
    /// Give new orders so many authorizations for names that nobody asked for.
    pub foreign_authorizations: usize,
    /// Changes the JSON of every answer before it is sent.
    pub rewrite: Option<fn(Endpoint, &mut serde_json::Value)>,
    /// Answer nothing before this time has passed.
    pub delay: Duration,
    /// Cut every connection without an answer, as when the server is away.
    pub down: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            reject_nonces: 0,
            reject_nonce_percent: 0,
            reuse_orders: false,
            reuse_pending_authorizations: false,
            reuse_valid_authorizations: false,
            same_token: false,
            processing_polls: 0,
            processing_retry_after: None,
            fail_in_processing: None,
            fail_challenges: None,
            hold_challenges: false,
            authorization_retry_after: None,
            certificate_flaw: None,
            renewal: Renewal::Late,
            renewal_retry_after: Some(RetryAfter::Seconds(21_600)),
            order_lifetime: 7 * 86_400,
            authorization_lifetime: 7 * 86_400,
            expires_skew: 0,
            certificate_lifetime: 90 * 86_400,
            broken: Vec::new(),
            refused_names: Vec::new(),
            refuse_replacing: None,
            extra_names: Vec::new(),
            chain: "LI",
            rejected_names: Vec::new(),
            need_common_name: false,
            foreign_authorizations: 0,
            rewrite: None,
            delay: Duration::ZERO,
            down: false,
        }
    }
}

impl Behaviour {
    /// Reuses orders and authorizations, pending and valid, as Boulder does.
    pub fn like_boulder() -> Self {
        Self {
            reuse_orders: true,
            reuse_pending_authorizations: true,
            reuse_valid_authorizations: true,
            ..Self::default()
        }
    }
}

/// The handle to change the server's behaviour; all changes count from the next request on.
#[derive(Debug, Default)]
pub struct Knobs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    behaviour: Behaviour,
    faults: HashMap<Endpoint, VecDeque<Fault>>,
    /// What `reject_nonce_percent` has saved up; 100 is one nonce.
    rejection: u32,
}

impl Knobs {
    /// Changes the behaviour, as `knobs.set(|behaviour| behaviour.reject_nonces = 3)`.
    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.lock().behaviour);
    }

    /// The next `times` requests to the endpoint go wrong like this; what was ordered before comes first.
    pub fn fail(&self, endpoint: Endpoint, fault: Fault, times: usize) {
        let mut inner = self.lock();
        inner.faults.entry(endpoint).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// How many ordered faults have not happened yet.
    pub fn faults_left(&self) -> usize {
        self.lock().faults.values().map(VecDeque::len).sum()
    }

    /// Back to a correct server: the default behaviour and no faults.
    pub fn reset(&self) {
        *self.lock() = Inner::default();
    }

    /// The behaviour as it is now.
    pub fn behaviour(&self) -> Behaviour {
        self.lock().behaviour.clone()
    }

    pub(crate) fn take_fault(&self, endpoint: Endpoint) -> Option<Fault> {
        self.lock().faults.get_mut(&endpoint)?.pop_front()
    }

    pub(crate) fn rejects_nonce(&self) -> bool {
        let mut inner = self.lock();
        if inner.behaviour.reject_nonces > 0 {
            inner.behaviour.reject_nonces -= 1;
            return true;
        }
        inner.rejection += u32::from(inner.behaviour.reject_nonce_percent);
        let rejects = inner.rejection >= 100;
        if rejects {
            inner.rejection -= 100;
        }
        rejects
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Knobs;

    #[test]
    fn nonces_are_rejected_first_by_number_and_then_by_percentage() {
        let knobs = Knobs::default();
        assert!(!knobs.rejects_nonce());
        knobs.set(|behaviour| {
            behaviour.reject_nonces = 2;
            behaviour.reject_nonce_percent = 25;
        });
        let rejected: Vec<bool> = (0..10).map(|_| knobs.rejects_nonce()).collect();
        let expected = [true, true, false, false, false, true, false, false, false, true];
        assert_eq!(rejected, expected);
        knobs.reset();
        assert!((0..10).all(|_| !knobs.rejects_nonce()));
    }
}
