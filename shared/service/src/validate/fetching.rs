//! What one validation fetches: all of it together within one time and one number of octets, whatever the certificates of
//! its paths name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certmill_domain::TenantId;
use certmill_egress::{Egress, EgressError, Limits, Response};
use certmill_x509::revocation::ParsedCrl;
use tokio::sync::OnceCell;

use super::input;
use crate::app::off_thread;
use crate::shares::Place;
use crate::{App, ServiceError};

/// The time.
const TIME: Duration = Duration::from_secs(20);
/// One address.
const ONE_FETCH: Duration = Duration::from_secs(6);
/// Octets of all CRLs together: more than a million entries.
const CRLS: usize = 64 << 20;
/// Octets of all OCSP responses together. They have their own, so that a large CRL does not keep OCSP from being asked.
const OCSP: usize = 1 << 20;
/// Octets of an OCSP response.
const LARGEST_OCSP: usize = 64 << 10;

/// The CRLs that an address has, shared by all who ask about them.
pub(super) type FetchedCrls = Arc<Vec<ParsedCrl>>;

/// Why something was not fetched.
pub(super) enum Unavailable {
    /// Nothing more is fetched in this validation.
    Exhausted(&'static str),
    /// This address cannot be fetched from.
    Failed(String),
}

/// What is left, and what was fetched.
pub(super) struct Fetching {
    /// What the tenant's validations may connect to.
    egress: Egress,
    /// The place among the validations that fetch, and until when there is time. It is taken when something is first to be
    /// fetched: what our own records or the given CRLs answer waits for nobody.
    begun: OnceCell<(Place, Instant)>,
    left: Mutex<Left>,
    /// By address: several paths have the same certificates.
    crls: Mutex<HashMap<String, FetchedCrls>>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    crls: usize,
    ocsp: usize,
}

impl Left {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Crl => &mut self.crls,
            Kind::Ocsp => &mut self.ocsp,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Crl,
    Ocsp,
}

impl Fetching {
    /// Nothing is fetched before [`Fetching::take_place`].
    pub(super) fn with(egress: Egress) -> Self {
        Self {
            egress,
            begun: OnceCell::new(),
            left: Mutex::new(Left { crls: CRLS, ocsp: OCSP }),
            crls: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a place, unless there is one already. The time begins when it was got, and not while it is waited for.
    pub(super) async fn take_place(&self, app: &App, tenant: TenantId) -> Result<(), ServiceError> {
        let begin = || async { Ok((app.place_to_fetch(tenant).await?, Instant::now() + TIME)) };
        self.begun.get_or_try_init(begin).await.map(drop)
    }

    /// The CRLs at an address.
    pub(super) async fn crls(&self, url: &str) -> Result<FetchedCrls, Unavailable> {
        let known = self.crls.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let limits = self.limits(Kind::Crl)?;
        let body = self.take(Kind::Crl, limits, self.egress.get(url, limits).await)?;
        let found = off_thread(move || Ok(input::crls(&body))).await;
        let found =
            found.map_err(|error| Unavailable::Failed(error.to_string()))?.map_err(Unavailable::Failed)?;
        let found = Arc::new(found);
        let mut crls = self.crls.lock().unwrap_or_else(PoisonError::into_inner);
        crls.insert(url.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// The answer of an OCSP responder (RFC 6960 §A.1).
    pub(super) async fn ocsp(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, Unavailable> {
        let limits = self.limits(Kind::Ocsp)?;
        let answer = self.egress.post(url, "application/ocsp-request", request, limits).await;
        self.take(Kind::Ocsp, limits, answer)
    }

    /// What one fetch may cost.
    fn limits(&self, kind: Kind) -> Result<Limits, Unavailable> {
        let now = Instant::now();
        let until = self.begun.get().map_or(now + TIME, |(_, until)| *until);
        let time = until
            .checked_duration_since(now)
            .ok_or(Unavailable::Exhausted("the time for fetching was used up"))?;
        let octets = *self.left.lock().unwrap_or_else(PoisonError::into_inner).of(kind);
        if octets == 0 {
            return Err(Unavailable::Exhausted("what one validation may fetch was used up"));
        }
        let max_bytes = match kind {
            Kind::Crl => octets,
            Kind::Ocsp => octets.min(LARGEST_OCSP),
        };
        Ok(Limits { timeout: time.min(ONE_FETCH), max_bytes })
    }

    /// The body of an answer, which counts whatever its status.
    fn take(
        &self,
        kind: Kind,
        limits: Limits,
        answer: Result<Response, EgressError>,
    ) -> Result<Vec<u8>, Unavailable> {
        let cost = match &answer {
            Ok(response) => response.body().len(),
            // So much has been read, or would have been.
            Err(EgressError::TooLarge { .. }) => limits.max_bytes,
            Err(_) => 0,
        };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = left.of(kind);
        *left = left.saturating_sub(cost);
        let response = answer.and_then(Response::success);
        response.map(Response::into_body).map_err(|error| Unavailable::Failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use certmill_egress::EgressPolicy;

    use super::*;

    #[test]
    fn what_was_too_large_uses_up_what_there_was() {
        let fetching = Fetching::with(Egress::new(EgressPolicy::public_only()).unwrap());
        let limits = fetching.limits(Kind::Crl).ok().unwrap();
        assert_eq!((limits.max_bytes, limits.timeout), (CRLS, ONE_FETCH));
        let too_large = EgressError::TooLarge { host: "a.example".to_owned(), max_bytes: limits.max_bytes };
        assert!(matches!(fetching.take(Kind::Crl, limits, Err(too_large)), Err(Unavailable::Failed(_))));
        assert!(matches!(fetching.limits(Kind::Crl), Err(Unavailable::Exhausted(_))));
        assert_eq!(fetching.limits(Kind::Ocsp).ok().unwrap().max_bytes, LARGEST_OCSP);
    }
}
