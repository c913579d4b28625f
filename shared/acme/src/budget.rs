//! What one server can make us do for one piece of work.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::AcmeError;

/// More than an order of a hundred names needs, with its nonces refused now and then.
const REQUESTS: usize = 500;
const OCTETS: usize = 16 << 20;

/// The requests and octets that are left of what an [`crate::Account`] may use up.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    requests: AtomicUsize,
    octets: AtomicUsize,
}

impl Budget {
    /// Counts a request that is about to be sent.
    pub(crate) fn request(&self) -> Result<(), AcmeError> {
        if self.requests.fetch_add(1, Ordering::Relaxed) < REQUESTS {
            return Ok(());
        }
        Err(AcmeError::protocol(format!("it takes more than {REQUESTS} requests to get one step done")))
    }

    /// Counts the octets of an answer.
    pub(crate) fn answer(&self, octets: usize) -> Result<(), AcmeError> {
        if self.octets.fetch_add(octets, Ordering::Relaxed) + octets <= OCTETS {
            return Ok(());
        }
        Err(AcmeError::protocol(format!("it answered more than {OCTETS} octets in one step")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up() {
        let budget = Budget::default();
        assert!((0..REQUESTS).all(|_| budget.request().is_ok()));
        assert!(matches!(budget.request(), Err(AcmeError::Protocol(_))));
        budget.answer(OCTETS).unwrap();
        assert!(matches!(budget.answer(1), Err(AcmeError::Protocol(_))));
    }
}
