//! What a tenant has, and what needs a person, in numbers.
//!
//! Counting certificates reads an index from one end to the other, which takes one to three seconds where there are a million.
//! So what was counted is kept in the process, for twenty times as long as counting took: it costs a twentieth of a connection
//! at the most, and where it takes no time the figures are always new. Everything else is read for each call.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certmill_domain::{CaId, TenantId, Timestamp};
use certmill_storage::overview::{self, Cas, Ends, Group, Matters, NearEnd};

use crate::{App, Caller, ServiceError};

const DAY: Duration = Duration::from_hours(24);
/// Days that are told one by one, and months after them.
const DAYS: usize = 90;
const MONTHS: usize = 24;
/// CAs that are named: by their certificates, and for their ends.
const MOST_CAS: usize = 1_000;
const MOST_NEAR_THEIR_END: i64 = 100;

/// Counting that is done within this time is done for each call.
const NO_TIME: Duration = Duration::from_millis(50);
/// So many times as long as it took, the result is kept.
const KEPT_TIMES: u32 = 20;
/// A call waits so long for new figures while there are old ones.
const PATIENCE: Duration = Duration::from_millis(250);
/// Older figures are not answered.
const TOO_OLD: Duration = Duration::from_mins(10);

/// What a tenant has, and what needs a person.
pub struct Overview {
    /// Its certificates, as they were a moment ago.
    pub certificates: Arc<CertificateFigures>,
    /// What waits, and what has failed.
    pub matters: Matters,
    /// Its CAs.
    pub cas: Cas,
    /// The CAs that need attention, at most a hundred, those that end first.
    pub near_their_end: Vec<NearEnd>,
}

/// Certificates in numbers.
#[derive(Debug)]
pub struct CertificateFigures {
    /// When they were counted.
    pub as_of: Timestamp,
    /// All of them.
    pub all: Counts,
    /// By how they came to be, most first.
    pub by_source: Vec<(String, Counts)>,
    /// By the CA of the tenant that issued them, most first; at most a thousand CAs.
    pub by_ca: Vec<(Option<CaId>, Counts)>,
    /// Those that were not renewed.
    pub unrenewed: Unrenewed,
    /// The active ones by their ends: ninety days, the rest of the month, twenty-three months, and what is later.
    pub expiring: Vec<Span>,
}

/// How many are in each state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Valid.
    pub active: i64,
    /// Over.
    pub expired: i64,
    /// Revoked.
    pub revoked: i64,
}

/// Certificates that are not revoked and that no other one renews.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unrenewed {
    /// Ended within the last thirty days.
    pub expired_30d: i64,
    /// End within a day.
    pub expiring_1d: i64,
    /// End within seven days.
    pub expiring_7d: i64,
    /// End within thirty days.
    pub expiring_30d: i64,
}

/// What ends in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From when on.
    pub from: Timestamp,
    /// Until before when; none for the last one.
    pub to: Option<Timestamp>,
    /// How many.
    pub ends: Ends,
}

/// What the caller's tenant has, and what needs a person.
pub async fn overview(app: &App, caller: &Caller) -> Result<Overview, ServiceError> {
    let certificates = certificates(app, caller.tenant).await?;
    let now = app.now();
    let mut session = app.database().read(caller.tenant).await?;
    Ok(Overview {
        certificates,
        matters: overview::matters(&mut session, now).await?,
        cas: overview::cas(&mut session, now).await?,
        near_their_end: overview::near_their_end(&mut session, now, MOST_NEAR_THEIR_END).await?,
    })
}

/// What was counted last for each tenant.
#[derive(Default)]
pub(crate) struct Counted(Mutex<HashMap<TenantId, Arc<OfTenant>>>);

#[derive(Default)]
struct OfTenant {
    last: Mutex<Option<Last>>,
    /// One counts, and the others wait for what it finds.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Last {
    figures: Arc<CertificateFigures>,
    begun: Instant,
    good_for: Duration,
}

impl Counted {
    fn of(&self, tenant: TenantId) -> Arc<OfTenant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().clone()
    }
}

impl OfTenant {
    fn last(&self) -> Option<Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, last: Last) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }
}

async fn certificates(app: &App, tenant: TenantId) -> Result<Arc<CertificateFigures>, ServiceError> {
    let (kept, asked) = (app.counted().of(tenant), Instant::now());
    let known = kept.last();
    let age = |last: &Last| app.now().since(last.figures.as_of);
    if let Some(last) = known.as_ref().filter(|last| age(last) < last.good_for) {
        return Ok(last.figures.clone());
    }
    // On a task of its own: it goes on when this call does not wait any more.
    let counting = tokio::spawn(count(app.clone(), tenant, kept, asked));
    let found = match known.filter(|last| age(last) < TOO_OLD) {
        None => counting.await,
        Some(last) => match tokio::time::timeout(PATIENCE, counting).await {
            Ok(found) => found,
            Err(_) => return Ok(last.figures),
        },
    };
    found.map_err(|error| ServiceError::Internal(Box::new(error)))?
}

async fn count(
    app: App,
    tenant: TenantId,
    kept: Arc<OfTenant>,
    asked: Instant,
) -> Result<Arc<CertificateFigures>, ServiceError> {
    let _turn = kept.turn.lock().await;
    if let Some(last) = kept.last().filter(|last| last.begun >= asked) {
        return Ok(last.figures);
    }
    let (begun, now) = (Instant::now(), app.now());
    let mut session = app.database().read(tenant).await?;
    let groups = overview::certificates(&mut session, now).await?;
    let (expiring, unrenewed) = (expiring(now), unrenewed(now));
    let spans: Vec<_> = unrenewed.into_iter().chain(expiring).collect();
    let ends = overview::ends(&mut session, &spans).await?;
    drop(session);
    let figures = Arc::new(figures(now, &groups, &spans, &ends));
    let took = begun.elapsed();
    let good_for = if took < NO_TIME { Duration::ZERO } else { took * KEPT_TIMES };
    kept.keep(Last { figures: figures.clone(), begun, good_for });
    Ok(figures)
}

/// The spans of [`Unrenewed`], in the order of its fields. As lists have it, what ends at the last instant is within.
fn unrenewed(now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let within = |days: u32| (now, now.plus(days * DAY + Duration::from_micros(1)));
    vec![(now.minus(30 * DAY), now), within(1), within(7), within(30)]
}

/// The spans by which ends are told: days, months, and everything later.
fn expiring(now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut since = now;
    let mut spans: Vec<_> = (0..DAYS + MONTHS)
        .map(|place| {
            let until = if place < DAYS { since.next_day() } else { since.next_month() };
            (std::mem::replace(&mut since, until), until)
        })
        .collect();
    spans.push((since, LAST));
    spans
}

const LAST: Timestamp = Timestamp::from_unix_micros(i64::MAX);

fn figures(
    as_of: Timestamp,
    groups: &[Group],
    spans: &[(Timestamp, Timestamp)],
    ends: &[Ends],
) -> CertificateFigures {
    let (mut all, mut by_source, mut by_ca) = (Counts::default(), BTreeMap::new(), BTreeMap::new());
    for group in groups {
        all.add(group);
        by_source.entry(group.source.clone()).or_insert_with(Counts::default).add(group);
        by_ca.entry(group.ca_id).or_insert_with(Counts::default).add(group);
    }
    let mut left = ends.iter().map(|ends| ends.count - ends.renewed);
    let mut next = || left.next().unwrap_or_default();
    let unrenewed =
        Unrenewed { expired_30d: next(), expiring_1d: next(), expiring_7d: next(), expiring_30d: next() };
    let expiring = spans.iter().zip(ends).skip(4).map(|((from, to), ends)| Span {
        from: *from,
        to: Some(*to).filter(|to| *to < LAST),
        ends: *ends,
    });
    let mut by_ca = most_first(by_ca);
    by_ca.truncate(MOST_CAS);
    CertificateFigures {
        as_of,
        all,
        by_source: most_first(by_source),
        by_ca,
        unrenewed,
        expiring: expiring.collect(),
    }
}

impl Counts {
    /// All of them together.
    pub fn total(self) -> i64 {
        self.active + self.expired + self.revoked
    }

    fn add(&mut self, group: &Group) {
        match group.status.as_str() {
            "active" => self.active += group.count,
            "expired" => self.expired += group.count,
            _ => self.revoked += group.count,
        }
    }
}

fn most_first<K>(counts: BTreeMap<K, Counts>) -> Vec<(K, Counts)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.total()));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_follow_each_other_without_a_gap() {
        let now = Timestamp::parse_rfc3339("2027-11-29T10:30:00Z").unwrap();
        let spans = expiring(now);
        assert_eq!(spans.len(), DAYS + MONTHS + 1);
        assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0), "{spans:?}");
        let shown = |place: usize| (spans[place].0.to_string(), spans[place].1.to_string());
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(shown(0), pair("2027-11-29T10:30:00Z", "2027-11-30T00:00:00Z"));
        assert_eq!(shown(89), pair("2028-02-26T00:00:00Z", "2028-02-27T00:00:00Z"));
        assert_eq!(shown(90), pair("2028-02-27T00:00:00Z", "2028-03-01T00:00:00Z"));
        assert_eq!(shown(91), pair("2028-03-01T00:00:00Z", "2028-04-01T00:00:00Z"));
        assert_eq!(spans[114], (Timestamp::parse_rfc3339("2030-02-01T00:00:00Z").unwrap(), LAST));
    }
}
