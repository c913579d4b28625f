//! How many calls an identity may make: buckets in Redis where there is one and it answers, else in this process.

use std::sync::{Arc, Mutex, PoisonError};

use certmill_domain::{CallCategory, RateLimit, RateLimits, Standing, Taken, Timestamp};
use certmill_queue::SharedBuckets;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use certmill_x509::hex;

use crate::{App, Caller, Counted};

/// Buckets that a process keeps in memory at most. A bucket that is given up for others counts as full when it is
/// next used.
const BUCKETS: u64 = 100_000;

/// A bucket in memory: when it is full again.
type Bucket = Arc<Mutex<Timestamp>>;

/// The limits of a process and their buckets.
pub struct Limiter {
    limits: RateLimits,
    shared: Option<SharedBuckets>,
    buckets: Cache<(Counted, CallCategory), Bucket>,
}

impl Limiter {
    /// These limits, counted over all processes that use the same `shared` buckets, or in this process without them.
    pub fn new(limits: RateLimits, shared: Option<SharedBuckets>) -> Self {
        let buckets = Cache::builder().max_capacity(BUCKETS).eviction_policy(EvictionPolicy::lru()).build();
        Self { limits, shared, buckets }
    }

    /// No limits.
    pub fn off() -> Self {
        Self::new(RateLimits::default(), None)
    }

    /// In the memory of this process, by the app's clock.
    fn take_here(&self, key: (Counted, CallCategory), limit: RateLimit, now: Timestamp) -> Standing {
        let bucket = self.buckets.get_with(key, || Arc::new(Mutex::new(now)));
        let mut full_at = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = limit.take(*full_at, now);
        *full_at = taken.full_at;
        limit.standing(taken, now)
    }
}

/// Whether calls of this category are counted at all.
pub fn applies(app: &App, category: CallCategory) -> bool {
    app.limiter().limits.of(category).is_some()
}

/// Counts a call; nothing when there is no limit for it. A call that is refused ([`Standing::wait`]) is not counted.
/// Never fails: without Redis this process counts on its own.
pub async fn take(app: &App, caller: &Caller, category: CallCategory) -> Option<Standing> {
    let limiter = app.limiter();
    let limit = limiter.limits.of(category)?;
    let counted = match caller.counted {
        Counted::Token(token) => token.to_string(),
        Counted::Names(digest) => hex(&digest),
        Counted::Free => return None,
    };
    let shared = match &limiter.shared {
        Some(shared) => {
            let call = shared.take(&format!("{category}:{counted}"), limit.interval(), limit.burst()).await;
            if call.is_none() {
                metrics::counter!("certmill_rate_limit_fallbacks_total").increment(1);
            }
            call
        }
        None => None,
    };
    let standing = if let Some(call) = shared {
        let full_at = Timestamp::from_unix_micros(call.full_at_micros);
        let taken = Taken { allowed: call.allowed, full_at };
        limit.standing(taken, Timestamp::from_unix_micros(call.now_micros))
    } else {
        limiter.take_here((caller.counted, category), limit, app.now())
    };
    if standing.wait.is_some() {
        metrics::counter!("certmill_rate_limited_total", "category" => category.as_str()).increment(1);
    }
    Some(standing)
}
