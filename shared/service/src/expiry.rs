//! Telling what comes to its end: one event for each threshold, in the order of the ends.

use std::time::{Duration, Instant};

use certmill_domain::{Entropy, EventKind, TenantId, Timestamp};
use certmill_storage::expiry::{self, Ending, Ends, Place};
use certmill_storage::tenants;
use certmill_x509::SerialNumber;
use serde_json::json;

use crate::jobs::Lease;
use crate::{App, ServiceError, events};

/// Things that are looked at in one transaction.
const BATCH: i64 = 500;
/// After so long a turn ends, well before its deadline.
const ENOUGH: Duration = Duration::from_mins(2);

/// Where nothing ends, the place is moved this seldom.
const SELDOM: Duration = Duration::from_hours(1);
/// Sorts behind every id.
const BEHIND_ALL: &str = "~";

/// The thresholds where an operator names none.
pub const THRESHOLDS: [Duration; 4] = [
    Duration::from_hours(30 * 24),
    Duration::from_hours(14 * 24),
    Duration::from_hours(7 * 24),
    Duration::from_hours(24),
];

/// What is told of, by one threshold.
#[derive(Clone, Copy)]
struct Look {
    what: Ending,
    threshold: Duration,
    /// The next smaller one: what is within it already is told by that.
    below: Duration,
}

/// The periodic job: tells of everything that has come within a threshold since the last time. Tenants take turns, a batch each.
pub(crate) async fn tell(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut session = app.database().read_system().await?;
    let mut tenants = tenants::list(&mut session).await?;
    drop(session);
    // The first tenant changes, so that none is always late.
    rotate(&mut tenants, app.entropy());
    let looks = looks(&app.settings().expiry_thresholds);
    let mut left: Vec<(TenantId, Look)> =
        tenants.iter().flat_map(|tenant| looks.iter().map(|look| (tenant.id, *look))).collect();
    let started = Instant::now();
    while !left.is_empty() && started.elapsed() < ENOUGH {
        let mut again = Vec::new();
        for (tenant, look) in left {
            if started.elapsed() >= ENOUGH || look_once(app, lease, tenant, look).await? {
                again.push((tenant, look));
            }
        }
        left = again;
    }
    let mut tx = app.database().begin_system().await?;
    // The next turn finds what is left.
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Begins a list somewhere.
pub(crate) fn rotate<T>(list: &mut [T], entropy: &dyn Entropy) {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    if let Some(first) = usize::from_le_bytes(random).checked_rem(list.len()) {
        list.rotate_left(first);
    }
}

/// Every kind of thing with every threshold.
fn looks(thresholds: &[Duration]) -> Vec<Look> {
    let mut thresholds = thresholds.to_vec();
    thresholds.sort();
    thresholds.dedup();
    let below = std::iter::once(Duration::ZERO).chain(thresholds.iter().copied());
    let pairs: Vec<(Duration, Duration)> = thresholds.iter().copied().zip(below).collect();
    Ending::ALL
        .into_iter()
        .flat_map(|what| {
            pairs.iter().map(move |(threshold, below)| Look { what, threshold: *threshold, below: *below })
        })
        .collect()
}

/// Tells of a batch. Answers whether there may be more.
async fn look_once(app: &App, lease: &Lease, tenant: TenantId, look: Look) -> Result<bool, ServiceError> {
    let Look { what, threshold, below } = look;
    let seconds = i64::try_from(threshold.as_secs()).unwrap_or(i64::MAX);
    let now = app.now();
    let last = now.plus(threshold);
    let mut session = app.database().read(tenant).await?;
    // A place further on than this was written by a clock that was ahead: what has come since would never be told.
    let known = expiry::place(&mut session, what, seconds).await?;
    let is_ahead = known.as_ref().is_some_and(|known| known.at.since(last) > SELDOM);
    let known = known.map(|known| if is_ahead { Place { at: last, ..known } } else { known });
    // The first time, of what has come within several thresholds the smallest tells.
    let place = known.clone().unwrap_or_else(|| Place { at: now.plus(below), id: String::new() });
    let found = expiry::between(&mut session, what, (&place, last), BATCH).await?;
    drop(session);
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count >= BATCH);
    let next = match found.last() {
        Some(last) if is_full => Place { at: last.ends, id: last.id.clone() },
        _ => Place { at: last, id: BEHIND_ALL.to_owned() },
    };
    if found.is_empty() && !is_ahead && known.is_some_and(|known| next.at.since(known.at) < SELDOM) {
        return Ok(false);
    }
    let mut tx = app.database().begin(tenant).await?;
    lease.confirm(&mut tx).await?;
    for ends in found.iter().filter(|ends| is_told(ends, look, now)) {
        raise(app, &mut tx, look, ends);
    }
    expiry::set_place(&mut tx, (what, seconds), &next).await?;
    tx.commit().await?;
    Ok(is_full)
}

/// Whether a threshold is one for this: not for what lives so shortly that it would be told at its birth or soon after, and not
/// when a smaller threshold tells it too, or it is over.
fn is_told(ends: &Ends, look: Look, now: Timestamp) -> bool {
    let life = ends.ends.since(ends.starts);
    look.threshold.saturating_mul(2) <= life && ends.ends > now.plus(look.below)
}

fn raise(app: &App, tx: &mut certmill_storage::Tx, look: Look, ends: &Ends) {
    let kind = match look.what {
        Ending::Certificates => EventKind::CertificateExpiring,
        Ending::Cas => EventKind::CaExpiring,
        Ending::TrustAnchors => EventKind::TrustAnchorExpiring,
        Ending::Tokens => EventKind::TokenExpiring,
    };
    let end = if look.what == Ending::Tokens { "expires_at" } else { "not_after" };
    let mut data =
        json!({ "name": ends.name, "threshold": written(look.threshold), end: ends.ends.to_string() });
    let serial_number =
        ends.serial_number.as_deref().and_then(|octets| SerialNumber::from_bytes(octets).ok());
    if let Some(serial_number) = serial_number {
        data["serial_number"] = serial_number.to_string().into();
    }
    events::raise(app, tx, kind, &ends.id, data);
}

/// As durations are written: in days where they are whole.
fn written(threshold: Duration) -> String {
    let seconds = threshold.as_secs();
    match (seconds % 86_400, seconds % 3_600) {
        (0, _) => format!("{}d", seconds / 86_400),
        (_, 0) => format!("{}h", seconds / 3_600),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn told(life: u32, left: u32) -> Vec<String> {
        let now = Timestamp::from_unix_seconds(1_000_000_000);
        let ends = now.plus(left * DAY);
        let ends = Ends {
            id: String::new(),
            name: String::new(),
            serial_number: None,
            starts: ends.minus(life * DAY),
            ends,
        };
        let looks = looks(&THRESHOLDS).into_iter().filter(|look| look.what == Ending::Certificates);
        let within = looks.filter(|look| ends.ends <= now.plus(look.threshold));
        within.filter(|look| is_told(&ends, *look, now)).map(|look| written(look.threshold)).collect()
    }

    #[test]
    fn a_threshold_tells_what_lives_twice_as_long_and_only_the_smallest_does() {
        assert_eq!(told(90, 30), ["30d"]);
        assert_eq!(told(90, 14), ["14d"]);
        assert_eq!(told(90, 5), ["7d"]);
        assert_eq!(told(90, 1), ["1d"]);
        assert_eq!(told(90, 0), Vec::<String>::new(), "it is over");
        assert_eq!(told(47, 30), Vec::<String>::new(), "that is more than half of its life");
        assert_eq!(told(47, 10), ["14d"]);
        assert_eq!(told(1, 1), Vec::<String>::new(), "nothing is told at birth");
        assert_eq!(told(2, 1), ["1d"]);
    }
}
