//! What the server has seen and done, for the assertions of tests.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{ambient::now, knobs::RetryAfter};

/// Where a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// The directory.
    Directory,
    /// newNonce.
    NewNonce,
    /// newAccount.
    NewAccount,
    /// One account: reading, changing, deactivating.
    Account,
    /// The list of an account's orders.
    Orders,
    /// newOrder.
    NewOrder,
    /// One order, as when it is polled.
    Order,
    /// Finalizing an order.
    Finalize,
    /// One authorization: reading, deactivating.
    Authorization,
    /// One challenge: reading, submitting.
    Challenge,
    /// Downloading a certificate, by its default or an alternate chain.
    Certificate,
    /// revokeCert.
    RevokeCertificate,
    /// keyChange.
    KeyChange,
    /// renewalInfo.
    RenewalInfo,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it went to.
    pub endpoint: Endpoint,
    /// GET, HEAD or POST.
    pub method: String,
    /// The path, as `/order/3`.
    pub path: String,
    /// When it came.
    pub at: Instant,
    /// The URL of the account that signed it; none for unsigned requests and those signed by a bare key, and none when the
    /// signature was refused.
    pub account: Option<String>,
    /// The status of the answer; none while there is none and when the connection was cut.
    pub status: Option<u16>,
}

/// A request that came before the Retry-After of an earlier answer had passed.
#[derive(Clone, Debug)]
pub struct EarlyRequest {
    /// The path, as `/order/3`.
    pub path: String,
    /// How much too early.
    pub by: Duration,
}

/// What was asked of one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finalizations {
    /// Requests to finalize it, refused ones included.
    pub asked: u32,
    /// Those that were accepted; more than one is a fault of this server.
    pub accepted: u32,
}

/// An issued certificate.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The order's identifiers, sorted.
    pub names: Vec<String>,
    /// The serial number in hexadecimal, upper case, without leading zeros.
    pub serial: String,
    /// The leaf, PEM.
    pub pem: String,
    /// The order's URL.
    pub order: String,
    /// The account's URL.
    pub account: String,
    /// The identifier (RFC 9773 §4.1) of the certificate that the order was to replace.
    pub replaces: Option<String>,
    /// The order's profile.
    pub profile: Option<String>,
}

/// A revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// As [`Issued::serial`].
    pub serial: String,
    /// The reason code (RFC 5280 §5.3.1); none was given when there is none.
    pub reason: Option<u64>,
    /// Whether the certificate's own key signed the request instead of an account's.
    pub by_certificate_key: bool,
}

/// The record of a server's life.
#[derive(Debug, Default)]
pub struct Log {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    requests: Vec<Request>,
    early: Vec<EarlyRequest>,
    /// Until when a path was asked to be left alone, and whose requests were: of this account, or everybody's.
    blocked: HashMap<(String, Option<String>), Instant>,
    pub(crate) accounts: Vec<String>,
    pub(crate) orders: Vec<String>,
    pub(crate) finalizations: BTreeMap<String, Finalizations>,
    pub(crate) issued: Vec<Issued>,
    pub(crate) revoked: Vec<Revoked>,
}

impl Log {
    /// All requests in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// How many requests went to the endpoint.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.lock().requests.iter().filter(|request| request.endpoint == endpoint).count()
    }

    /// Requests that came before the Retry-After of an earlier answer to the same path (and account) had passed; after a
    /// finalization that left the order in processing, its polls are meant.
    pub fn early_requests(&self) -> Vec<EarlyRequest> {
        self.lock().early.clone()
    }

    /// URLs of the accounts that were created; a known key makes no second one.
    pub fn accounts_created(&self) -> Vec<String> {
        self.lock().accounts.clone()
    }

    /// URLs of the orders that were created; a reused one counts once.
    pub fn orders_created(&self) -> Vec<String> {
        self.lock().orders.clone()
    }

    /// Finalizations by the order's URL.
    pub fn finalizations(&self) -> BTreeMap<String, Finalizations> {
        self.lock().finalizations.clone()
    }

    /// All issued certificates in their order.
    pub fn issued(&self) -> Vec<Issued> {
        self.lock().issued.clone()
    }

    /// How many certificates were issued for exactly this set of names, in whatever order they are given.
    pub fn issued_for(&self, names: &[&str]) -> usize {
        let mut names = names.to_vec();
        names.sort_unstable();
        self.lock().issued.iter().filter(|issued| issued.names == names).count()
    }

    /// All revocations in their order.
    pub fn revoked(&self) -> Vec<Revoked> {
        self.lock().revoked.clone()
    }

    /// Notes a request; returns its number, by which its outcome is noted later.
    pub(crate) fn arrived(&self, endpoint: Endpoint, method: &str, path: &str) -> usize {
        let mut inner = self.lock();
        inner.note_early(path, None);
        let (method, path) = (method.to_owned(), path.to_owned());
        inner.requests.push(Request {
            endpoint,
            method,
            path,
            at: Instant::now(),
            account: None,
            status: None,
        });
        inner.requests.len() - 1
    }

    pub(crate) fn signed_by(&self, number: usize, account: String) {
        let mut inner = self.lock();
        let Some(request) = inner.requests.get_mut(number) else { return };
        request.account = Some(account.clone());
        let path = request.path.clone();
        inner.note_early(&path, Some(account));
    }

    pub(crate) fn answered(&self, number: usize, status: u16) {
        if let Some(request) = self.lock().requests.get_mut(number) {
            request.status = Some(status);
        }
    }

    /// Notes that an answer asked for a pause.
    pub(crate) fn block(&self, path: &str, account: Option<String>, pause: RetryAfter) {
        let seconds = match pause {
            RetryAfter::Seconds(seconds) => seconds,
            // A date has no fractions, so that it comes up to a second earlier.
            RetryAfter::Date(seconds) => seconds.saturating_sub(1),
        };
        let until = Instant::now() + Duration::from_secs(seconds.into());
        self.lock().blocked.insert((path.to_owned(), account), until);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn note_early(&mut self, path: &str, account: Option<String>) {
        let key = (path.to_owned(), account);
        if let Some(until) = self.blocked.get(&key) {
            let by = until.saturating_duration_since(Instant::now());
            if by > Duration::ZERO {
                self.early.push(EarlyRequest { path: key.0, by });
            } else {
                self.blocked.remove(&key);
            }
        }
    }
}

impl RetryAfter {
    /// The header's value.
    pub(crate) fn header(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(seconds) => crate::ambient::http_date(now() + i64::from(seconds)),
        }
    }
}
