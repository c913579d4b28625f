//! From events to lines of notices.

use std::collections::HashMap;
use std::time::Duration;

use certmill_domain::{
    CaId, Certificate, CertificateId, CsrId, CsrStatus, EmailAddress, EventKind, Notice, NoticeId,
    NoticeLine, Owners, Timestamp,
};
use certmill_storage::{Session, Tx, audit, certificates, csrs, notices as rows};
use serde_json::Value;

use super::owners::Finder;
use super::words::{self, Facts};
use super::{LOOK, Turn};
use crate::events::{self, Entry};
use crate::{ServiceError, failpoint};

/// Events that are read at a time.
const BATCH: i64 = 200;
/// Certificates that are read at a time.
const FACTS: usize = 50;
/// Of what happened longer ago nobody is told: when mail is configured for the first time, or has been off for long.
const OLDEST: Duration = Duration::from_hours(3 * 24);
/// What ends within this time cannot wait for a digest.
const URGENT: Duration = Duration::from_hours(24);
/// Between two notices to one address that are sent out of turn.
const URGENT_PAUSE: Duration = Duration::from_mins(15);
/// Notices that a tenant may begin in a day: whatever it writes, the service sends no more mail for it.
const MOST_A_DAY: i64 = 1_000;
/// Lines of a notice; what comes beyond that is counted.
const MOST_LINES: i64 = 200;
const DAY: Duration = Duration::from_hours(24);

/// Something that owners are told.
struct Item {
    line: NoticeLine,
    owners: Owners,
    is_urgent: bool,
}

impl Turn<'_> {
    /// Makes lines of the next events. Answers whether there may be more.
    pub(super) async fn read_on(&self) -> Result<bool, ServiceError> {
        let now = self.app.now();
        let mut session = self.app.database().read(self.tenant).await?;
        let head = audit::head(&mut session).await?.sequence;
        let Some(from) = rows::place(&mut session).await?.map(|place| place.place) else {
            let first = events::places_before(&mut session, now.minus(OLDEST), head).await?;
            drop(session);
            let mut tx = self.app.database().begin(self.tenant).await?;
            self.lease.confirm(&mut tx).await?;
            rows::begin(&mut tx, first, now.minus(LOOK)).await?;
            tx.commit().await?;
            return Ok(true);
        };
        let (items, to) = if from >= head {
            (Vec::new(), from)
        } else {
            let (found, to) = events::after(&mut session, &words::kinds(), (from, head), BATCH).await?;
            let mut entries = events::tell(&mut session, found).await?;
            entries.retain(|(_, entry)| entry.at > now.minus(OLDEST));
            (self.items(&mut session, &entries).await?, to)
        };
        drop(session);
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        if !rows::advance(&mut tx, (from, to), now).await? {
            return Ok(false);
        }
        let mut room = MOST_A_DAY - rows::count_since(&mut tx, now.minus(DAY)).await?;
        let mut left_out = 0;
        for item in &items {
            for address in item.owners.addresses() {
                match self.notice(&mut tx, address, item.is_urgent, &mut room).await? {
                    Some(notice) => rows::put_line(&mut tx, notice, &item.line, MOST_LINES).await?,
                    None => left_out += 1,
                }
            }
        }
        tx.commit().await?;
        if left_out > 0 {
            tracing::warn!(tenant.id = %self.tenant, left_out, "a tenant has caused {MOST_A_DAY} mails within a day: further owners of it are told nothing until there is room");
        }
        failpoint::reached("notice.read");
        Ok(to > from && to < head)
    }

    /// The notice that takes a line for an address; none when there is no room for another one. The operator's own always have room.
    async fn notice(
        &self,
        tx: &mut Tx,
        address: &EmailAddress,
        is_urgent: bool,
        room: &mut i64,
    ) -> Result<Option<NoticeId>, ServiceError> {
        if let Some(id) = rows::gathering(tx, address, is_urgent).await? {
            return Ok(Some(id));
        }
        let operators = &self.app.settings().notices.default_owners;
        if *room <= 0 && !operators.addresses().contains(address) {
            return Ok(None);
        }
        *room -= 1;
        let now = self.app.now();
        let due_at = if is_urgent {
            let last = rows::last_urgent(tx, address).await?;
            // One that lies further ahead was noted by a wrong clock.
            last.map_or(now, |last| now.max(last.plus(URGENT_PAUSE).min(now.plus(URGENT_PAUSE))))
        } else {
            next_digest(now, self.app.settings().notices.digest_at)
        };
        let id = NoticeId::generate(now, self.app.entropy());
        let notice = Notice { id, address: address.clone(), is_urgent, due_at, attempts: 0, more: 0 };
        rows::insert(tx, &notice, now).await?;
        Ok(Some(id))
    }

    async fn items(
        &self,
        session: &mut Session,
        entries: &[(i64, Entry)],
    ) -> Result<Vec<Item>, ServiceError> {
        let certificates = certificates_of(session, entries).await?;
        let mut finder = Finder::new(self.app);
        let mut items = Vec::new();
        for (_, entry) in entries {
            let Ok(kind) = entry.kind.known() else { continue };
            if is_told_elsewhere(kind, &entry.data) {
                continue;
            }
            let object = entry.object.clone().unwrap_or_default();
            let mut facts = Facts { object: &object, data: &entry.data, name: None, ends: None };
            let owners = match (certificates.get(&object), object.parse::<CaId>(), object.parse::<CsrId>()) {
                (Some(certificate), _, _) => {
                    if is_over(kind, certificate) {
                        continue;
                    }
                    facts.name = name_of(certificate);
                    facts.ends = Some(certificate.not_after);
                    finder.of_certificate(session, certificate).await?
                }
                (None, Ok(ca), _) => {
                    let (owners, name) = finder.of_ca(session, ca).await?;
                    facts.name = Some(name);
                    owners
                }
                (None, Err(_), Ok(csr)) => match wait_at_desk(session, csr).await? {
                    Some((name, renews)) => {
                        facts.name = name;
                        match renews {
                            Some(certificate) => finder.of_certificate(session, &certificate).await?,
                            None => finder.of_nothing(),
                        }
                    }
                    None => continue,
                },
                (None, Err(_), Err(_)) => finder.of_nothing(),
            };
            let text = words::line(kind, &facts);
            let is_urgent = is_urgent(kind, &facts, self.app.now());
            items.push(Item { line: NoticeLine { kind: kind.into(), object, text }, owners, is_urgent });
        }
        Ok(items)
    }
}

/// An order that goes on at another CA has not failed, and of one that renews a certificate that certificate's owners are told.
fn is_told_elsewhere(kind: EventKind, data: &Value) -> bool {
    kind == EventKind::OrderFailed && !(data["renews"].is_null() && data["fallback_order_id"].is_null())
}

/// Whether what was told of a certificate needs nobody any more.
fn is_over(kind: EventKind, certificate: &Certificate) -> bool {
    let is_about_end = matches!(kind, EventKind::CertificateExpiring | EventKind::CertificateRenewalFailed);
    certificate.revoked_at.is_some() || (is_about_end && certificate.renewed_by.is_some())
}

/// A CRL that comes too late, and what ends within a day.
fn is_urgent(kind: EventKind, facts: &Facts<'_>, now: Timestamp) -> bool {
    let ends_soon = || facts.end().is_some_and(|end| end <= now.plus(URGENT));
    match kind {
        EventKind::CrlLate => true,
        EventKind::CertificateExpiring
        | EventKind::CertificateRenewalFailed
        | EventKind::CaExpiring
        | EventKind::TrustAnchorExpiring
        | EventKind::TokenExpiring => ends_soon(),
        _ => false,
    }
}

/// The first time after `now` at which digests are sent.
fn next_digest(now: Timestamp, at: Duration) -> Timestamp {
    let day = i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX);
    let midnight = Timestamp::from_unix_seconds(now.unix_seconds().div_euclid(day) * day);
    let today = midnight.plus(at);
    if today > now { today } else { today.plus(DAY) }
}

fn name_of(certificate: &Certificate) -> Option<String> {
    certificate.common_name.clone().or_else(|| certificate.sans.iter().next().map(ToString::to_string))
}

/// A CSR that waits for somebody: its name, and the certificate that it renews.
async fn wait_at_desk(
    session: &mut Session,
    id: CsrId,
) -> Result<Option<(Option<String>, Option<Certificate>)>, ServiceError> {
    let Some(csr) = csrs::find(session, id).await? else { return Ok(None) };
    if csr.status != CsrStatus::Pending {
        return Ok(None);
    }
    let renews = match csr.renewal_of {
        Some(id) => certificates::find(session, id).await?,
        None => None,
    };
    let name = csr.subject.common_name.or_else(|| csr.sans.iter().next().map(ToString::to_string));
    Ok(Some((name, renews)))
}

async fn certificates_of(
    session: &mut Session,
    entries: &[(i64, Entry)],
) -> Result<HashMap<String, Certificate>, ServiceError> {
    let ids: Vec<CertificateId> =
        entries.iter().filter_map(|(_, entry)| entry.object.as_deref()?.parse().ok()).collect();
    let mut known = HashMap::new();
    for ids in ids.chunks(FACTS) {
        let found = certificates::find_all(session, ids).await?;
        known.extend(found.into_iter().map(|certificate| (certificate.id.to_string(), certificate)));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_day_is_sent_once_and_after_what_it_tells() {
        let at = Duration::from_hours(7);
        let time = |text: &str| Timestamp::parse_rfc3339(text).expect("legal in this test");
        for (now, next) in [
            ("2026-03-01T06:59:59Z", "2026-03-01T07:00:00Z"),
            ("2026-03-01T07:00:00Z", "2026-03-02T07:00:00Z"),
            ("2026-02-28T23:00:00Z", "2026-03-01T07:00:00Z"),
        ] {
            assert_eq!(next_digest(time(now), at), time(next));
        }
    }
}
