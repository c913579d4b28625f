//! What happened in a tenant, in the order of the commits. A place in that order is the cursor: a reader that goes on from it misses
//! nothing, however late something was committed.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certmill_domain::{Action, Certificate, CertificateId, EventKind, Stored, TenantId, Timestamp};
use certmill_storage::events::{self, Filter, Happening};
use certmill_storage::{Session, audit, certificates};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{App, Caller, PageRequest, ServiceError};

/// The longest that a call waits for an event.
pub const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Between two looks of a call that waits. Each reads one row.
const LOOK: Duration = Duration::from_millis(500);
/// Places of the audit log that are read at a time, and so many times in one call: a call whose filter fits little ends
/// before it has read everything, and its cursor goes on from there.
const STRETCH: i64 = 10_000;
const STRETCHES: usize = 20;
/// Certificates that are read at a time.
const FACTS: usize = 50;
/// A change has its time before it is committed, so that times are not quite in the order of the places. No transaction is
/// open for so long.
const DISORDER: Duration = Duration::from_mins(2);

/// In which order events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The oldest first: for those who follow.
    #[default]
    Oldest,
    /// The newest first: for those who look back.
    Newest,
}

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub struct FeedRequest {
    /// What to look for.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// How many at most, and after which cursor.
    pub page: PageRequest,
}

/// An event.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `evt_…`; the same whenever the event is told.
    pub id: String,
    /// What happened.
    pub kind: Stored<EventKind>,
    /// When it happened.
    pub at: Timestamp,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Who: the id of a token, `operator` or `service`.
    pub identity: String,
    /// The id of what it happened to.
    pub object: Option<String>,
    /// More about it.
    pub data: Value,
    /// The request in which it happened.
    pub request_id: Option<String>,
    /// Send it as `cursor` for what came after this event.
    pub cursor: String,
}

/// A part of the events.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Events, in the order that was asked for.
    pub entries: Vec<Entry>,
    /// Where to go on. At the end of the oldest-first order too: what comes next is found from there.
    pub cursor: Option<String>,
    /// Whether there are more now.
    pub has_more: bool,
}

/// The kinds that a list such as `certificate.*,order.failed` names.
///
/// # Errors
/// `validation_error` of the field `type`.
pub fn kinds(text: &str) -> Result<Vec<EventKind>, ServiceError> {
    let mut found = Vec::new();
    for word in text.split(',').map(str::trim) {
        found.extend(kinds_of(word).ok_or_else(|| unknown("type", word))?);
    }
    Ok(found)
}

/// The kinds that one word such as `order.failed` or `certificate.*` names; none when it names none.
pub(crate) fn kinds_of(word: &str) -> Option<Vec<EventKind>> {
    let is_named = |kind: &EventKind| match word.strip_suffix('*') {
        Some(beginning) => {
            beginning.is_empty() || beginning.ends_with('.') && kind.as_str().starts_with(beginning)
        }
        None => kind.as_str() == word,
    };
    let found: Vec<EventKind> = EventKind::ALL.iter().copied().filter(is_named).collect();
    (!found.is_empty()).then_some(found)
}

/// The refusal of a word that names no kind.
pub(crate) fn unknown(field: &str, word: &str) -> ServiceError {
    let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let given: String = word.chars().take(64).collect();
    let problem = format!(
        "`{given}` is unknown: use some of {}, divided by commas, or all of an object, such as `certificate.*`",
        known.join(", ")
    );
    ServiceError::field(field, problem)
}

/// The events that are wanted.
///
/// # Errors
/// `invalid_cursor`, and a wrong limit.
pub async fn list(app: &App, caller: &Caller, request: &FeedRequest) -> Result<Feed, ServiceError> {
    let limit = request.page.rows()?.rows;
    let cursor = request.page.key()?.map(|Place(place)| place);
    let mut session = app.database().read(caller.tenant).await?;
    let head = audit::head(&mut session).await?.sequence;
    // No stored text has a NUL, and Postgres refuses to compare with one.
    if request.filter.object.as_deref().is_some_and(|object| object.contains('\0')) {
        let cursor = (request.order == Order::Oldest).then(|| written(head));
        return Ok(Feed { entries: Vec::new(), cursor, has_more: false });
    }
    let mut reader =
        Reader { session: &mut session, filter: &request.filter, limit, is_full: false, found: Vec::new() };
    let head = match request.filter.to {
        Some(to) => places_before(reader.session, to.plus(DISORDER), head).await?,
        None => head,
    };
    let (cursor, has_more) = match request.order {
        Order::Oldest => reader.forwards(cursor, head).await?,
        Order::Newest => reader.backwards(cursor, head).await?,
    };
    let found = reader.found;
    let entries = tell(&mut session, found).await?.into_iter().map(|(_, entry)| entry).collect();
    Ok(Feed { entries, cursor, has_more })
}

/// What has happened of these kinds (of any when there are none) after a place, up to `limit` of it; and the place up to which
/// this is all.
pub(crate) async fn after(
    session: &mut Session,
    kinds: &[EventKind],
    (place, head): (i64, i64),
    limit: i64,
) -> Result<(Vec<Happening>, i64), ServiceError> {
    let filter = Filter { kinds: kinds.to_vec(), ..Filter::default() };
    let last = head.min(place.saturating_add(STRETCH));
    let found = events::between(session, &filter, (place, last), false, limit).await?;
    let end = found.rows.last().filter(|_| found.more).map_or(last, |last| last.sequence);
    Ok((found.rows, end))
}

/// What has happened, as it is told, with its places.
pub(crate) async fn tell(
    session: &mut Session,
    found: Vec<Happening>,
) -> Result<Vec<(i64, Entry)>, ServiceError> {
    let (tenant, facts) = (session.tenant(), facts(session, &found).await?);
    let told = found.into_iter().map(|happening| (happening.sequence, entry(tenant, happening, &facts)));
    Ok(told.collect())
}

/// The events that are wanted, or, when there are none yet, those that come within `up_to`. Without a cursor and without a
/// beginning only those that come.
///
/// # Errors
/// As [`list`].
pub async fn wait(
    app: &App,
    caller: &Caller,
    request: &FeedRequest,
    up_to: Duration,
) -> Result<Feed, ServiceError> {
    let mut request = request.clone();
    if request.order == Order::Newest {
        return Err(ServiceError::field(
            "sort",
            "what is to come has one order: leave it out to wait or to listen",
        ));
    }
    if request.page.cursor.is_none() && request.filter.from.is_none() {
        request.page.cursor = Some(written(last_place(app, caller.tenant).await?));
    }
    let end = Instant::now() + up_to.min(LONGEST_WAIT);
    let Ok(place) = tokio::time::timeout_at(end, app.followers().take(caller.tenant)).await else {
        return list(app, caller, &request).await;
    };
    let _place = place?;
    loop {
        let feed = list(app, caller, &request).await?;
        if !feed.entries.is_empty() || app.is_stopping() || Instant::now() + LOOK > end {
            return Ok(feed);
        }
        // However much happens that is not wanted: a call that waits reads no faster than this.
        tokio::time::sleep(LOOK).await;
        request.page.cursor.clone_from(&feed.cursor);
        let Place(from) = request.page.key()?.unwrap_or_default();
        if !feed.has_more && !has_moved(app, caller.tenant, from, end).await? {
            return Ok(feed);
        }
    }
}

/// Waits until something was committed after this place.
async fn has_moved(app: &App, tenant: TenantId, place: i64, end: Instant) -> Result<bool, ServiceError> {
    loop {
        if last_place(app, tenant).await? > place {
            return Ok(true);
        }
        if app.is_stopping() || Instant::now() + LOOK > end {
            return Ok(false);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn last_place(app: &App, tenant: TenantId) -> Result<i64, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    Ok(audit::head(&mut session).await?.sequence)
}

/// A place in the log as a cursor has it: those of other lists are none.
#[derive(Default)]
struct Place(i64);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let place =
            text.strip_prefix("event ").and_then(|place| place.parse().ok()).filter(|place| *place >= 0);
        place.map(Self).ok_or(())
    }
}

fn written(place: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("event {place}"))
}

struct Reader<'a> {
    session: &'a mut Session,
    filter: &'a Filter,
    limit: i64,
    is_full: bool,
    found: Vec<Happening>,
}

impl Reader<'_> {
    /// Reads on from a place, or from the beginning that the filter names. Answers where it ended.
    async fn forwards(
        &mut self,
        cursor: Option<i64>,
        head: i64,
    ) -> Result<(Option<String>, bool), ServiceError> {
        let mut place = match (cursor, self.filter.from) {
            (Some(place), _) => place.min(head),
            (None, Some(from)) => places_before(self.session, from.minus(DISORDER), head).await?,
            (None, None) => 0,
        };
        for _ in 0..STRETCHES {
            let last = head.min(place.saturating_add(STRETCH));
            if place >= last || self.is_full {
                break;
            }
            place = self.read((place, last), false).await?.unwrap_or(last);
        }
        Ok((Some(written(place)), place < head))
    }

    /// Reads back from a place, or from the end.
    async fn backwards(
        &mut self,
        cursor: Option<i64>,
        head: i64,
    ) -> Result<(Option<String>, bool), ServiceError> {
        let mut place = cursor.map_or(head, |place| place.saturating_sub(1).min(head));
        let bound = match self.filter.from {
            Some(from) => places_before(self.session, from.minus(DISORDER), head).await?,
            None => 0,
        };
        for _ in 0..STRETCHES {
            let after = bound.max(place - STRETCH);
            if place <= after || self.is_full {
                break;
            }
            place = self.read((after, place), true).await?.map_or(after, |last| last - 1);
        }
        let has_more = place > bound;
        Ok((has_more.then(|| written(place + 1)), has_more))
    }

    /// Reads a stretch. Answers the place of the last event where the page is full before the stretch has ended.
    async fn read(&mut self, stretch: (i64, i64), backwards: bool) -> Result<Option<i64>, ServiceError> {
        let count = i64::try_from(self.found.len()).unwrap_or(i64::MAX);
        let rows = events::between(self.session, self.filter, stretch, backwards, self.limit - count).await?;
        self.found.extend(rows.rows);
        self.is_full = rows.more;
        Ok(self.found.last().filter(|_| self.is_full).map(|last| last.sequence))
    }
}

/// How many places there are before a time, as far as times are in order: found by halving.
pub(crate) async fn places_before(
    session: &mut Session,
    time: Timestamp,
    head: i64,
) -> Result<i64, ServiceError> {
    let (mut before, mut after) = (0, head);
    while before < after {
        let middle = before + (after - before) / 2;
        match events::time_at(session, middle + 1).await? {
            Some(at) if at < time => before = middle + 1,
            _ => after = middle,
        }
    }
    Ok(before)
}

/// The certificates that calls were about.
async fn facts(session: &mut Session, found: &[Happening]) -> Result<HashMap<String, Value>, ServiceError> {
    let of_calls = found.iter().filter(|happening| happening.stored.is_none());
    let ids: Vec<CertificateId> = of_calls.filter_map(|of| of.object.as_deref()?.parse().ok()).collect();
    let mut facts = HashMap::new();
    for ids in ids.chunks(FACTS) {
        let certificates = certificates::find_all(session, ids).await?;
        facts.extend(certificates.iter().map(|certificate| (certificate.id.to_string(), told(certificate))));
    }
    Ok(facts)
}

fn entry(tenant: TenantId, of: Happening, facts: &HashMap<String, Value>) -> Entry {
    let cursor = written(of.sequence);
    let (id, kind, data) = if let Some((id, kind, data)) = of.stored {
        (id, Stored::read(&kind), data)
    } else {
        let kind = Action::ALL.iter().find(|action| action.as_str() == of.action);
        let kind = kind.and_then(|action| EventKind::of_action(*action));
        let kind = kind.map_or_else(|| Stored::Unknown(of.action.clone()), Stored::Known);
        let id = of.log_id.replacen("log_", "evt_", 1);
        let certificate = of.object.as_deref().and_then(|object| facts.get(object));
        let mut data = certificate.cloned().unwrap_or_else(|| json!({}));
        if let Some(data) = data.as_object_mut().filter(|_| kind != EventKind::CertificateRevoked) {
            data.remove("reason");
        }
        (id, kind, data)
    };
    Entry {
        id,
        kind,
        at: of.at,
        tenant,
        identity: of.identity,
        object: of.object,
        data,
        request_id: of.request_id,
        cursor,
    }
}

/// What is told of a certificate: as it is now.
fn told(certificate: &Certificate) -> Value {
    let mut data = json!({
        "serial_number": certificate.serial_number.to_string(),
        "fingerprint_sha256": certificate.fingerprint_sha256,
        "not_after": certificate.not_after.to_string(),
        "domains": certificate.sans.iter().take(100).collect::<Vec<_>>(),
    });
    let optional = [
        ("common_name", certificate.common_name.clone()),
        ("ca_id", certificate.ca_id.map(|id| id.to_string())),
        ("role", certificate.role.clone()),
        ("order_id", certificate.acme_order_id.map(|id| id.to_string())),
        ("renews", certificate.renewed_from.map(|id| id.to_string())),
        ("reason", certificate.revocation_reason.as_ref().map(|reason| reason.as_str().to_owned())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            data[name] = value.into();
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_one_by_one_or_by_their_object() {
        assert_eq!(kinds("order.failed").unwrap(), [EventKind::OrderFailed]);
        let all = kinds("csr.*, order.issued").unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(kinds("*").unwrap().len(), EventKind::ALL.len());
        for wrong in ["", "csr", "cs*", "csr.pending,", "Csr.pending", ".*"] {
            assert!(kinds(wrong).is_err(), "{wrong}");
        }
    }
}
