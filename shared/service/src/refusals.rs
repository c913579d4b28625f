//! Which refused calls get audit rows of their own. A token or certificate that is refused again and again would fill the disk: the
//! first calls of a minute are recorded one by one, and the rest of them by one row with their number.
//!
//! Each process counts for itself, in memory: a process that is killed loses the numbers that it has not written, which
//! are those of the last minute.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certmill_domain::{Action, AuditEntry, Identity, LogId, TenantId, Timestamp};

use crate::{App, Caller};

/// Refused calls of one token or certificate that have rows of their own in a minute.
const ROWS: u32 = 20;
const MINUTE: Duration = Duration::from_mins(1);

/// The refused calls of the last minute, by token or certificate.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<State>);

#[derive(Default)]
struct State {
    minutes: HashMap<Identity, Minute>,
    /// What is left of minutes that are over.
    over: HashMap<Identity, Rest>,
}

struct Minute {
    began: Timestamp,
    rows: u32,
    rest: Option<Rest>,
}

impl Minute {
    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was put back begins a new one.
        now < self.began || now.since(self.began) >= MINUTE
    }
}

/// Refused calls of a caller without rows of their own.
#[derive(Clone)]
pub(crate) struct Rest {
    tenant: TenantId,
    first: Timestamp,
    last: Timestamp,
    /// How many were refused with each code.
    codes: BTreeMap<&'static str, u64>,
    /// Where all of them came from, if that is one address.
    source_address: Option<IpAddr>,
}

impl Refusals {
    /// Whether this call is to have a row. If not, it is counted.
    pub(crate) fn has_row(&self, caller: &Caller, code: &'static str, now: Timestamp) -> bool {
        if matches!(caller.identity, Identity::Operator | Identity::Service) {
            return true;
        }
        let mut state = self.state();
        let fresh = || Minute { began: now, rows: 0, rest: None };
        let State { minutes, over } = &mut *state;
        let minute = minutes.entry(caller.identity).or_insert_with(fresh);
        if minute.is_over(now)
            && let Some(rest) = std::mem::replace(minute, fresh()).rest
        {
            keep(over, caller.identity, rest);
        }
        if minute.rows < ROWS {
            minute.rows += 1;
            return true;
        }
        let one = Rest {
            tenant: caller.tenant,
            first: now,
            last: now,
            codes: BTreeMap::from([(code, 1)]),
            source_address: caller.source_address,
        };
        match &mut minute.rest {
            Some(rest) => rest.add(one),
            None => minute.rest = Some(one),
        }
        metrics::counter!("certmill_audit_rows_suppressed_total").increment(1);
        false
    }

    /// Takes out what is to be written: of the minutes that are over, or of `all`.
    pub(crate) fn take(&self, now: Timestamp, all: bool) -> Vec<(Identity, Rest)> {
        let mut state = self.state();
        let State { minutes, over } = &mut *state;
        minutes.retain(|identity, minute| {
            let ends = minute.is_over(now);
            if (ends || all)
                && let Some(rest) = minute.rest.take()
            {
                keep(over, *identity, rest);
            }
            !ends
        });
        over.drain().collect()
    }

    /// Takes back what could not be written.
    pub(crate) fn give_back(&self, identity: Identity, rest: Rest) {
        keep(&mut self.state().over, identity, rest);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(over: &mut HashMap<Identity, Rest>, identity: Identity, rest: Rest) {
    match over.get_mut(&identity) {
        Some(kept) => kept.add(rest),
        None => {
            over.insert(identity, rest);
        }
    }
}

impl Rest {
    fn add(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        if self.source_address != other.source_address {
            self.source_address = None;
        }
    }

    /// The tenant whose log it belongs to.
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The row that stands for all of them; its code is the most frequent one.
    pub(crate) fn entry(&self, app: &App, identity: Identity) -> AuditEntry {
        let at = app.now();
        let count: u64 = self.codes.values().sum();
        let codes: Vec<String> = self.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let most = self.codes.iter().max_by_key(|(_, count)| **count).map(|(code, _)| (*code).to_owned());
        let (first, last) = (self.first, self.last);
        AuditEntry {
            id: LogId::generate(at, app.entropy()),
            at,
            identity,
            action: Action::CallsRefused,
            object: Some(format!("{count} refused calls from {first} to {last}: {}", codes.join(", "))),
            refusal: most,
            source_address: self.source_address,
            request_id: None,
            before_sha256: None,
            after_sha256: None,
        }
    }
}
