//! Events, for those who want to be told.

use certmill_domain::{Action, AuditEntry, Event, EventKind, TenantId, Timestamp};

use crate::error::{corrupt, from_json, parsed};
use crate::listing::Listed;
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::EVENT_KIND;
use crate::{Session, StorageError, Tx, WithLink, audit};

const TABLE: &str = "events";
const INSERT: &str = "INSERT INTO events (tenant_id, id, kind, subject, data, created_at, sequence)";

/// Stores events, and their rows in the audit log. Last in a transaction, like [`audit::append`].
pub(crate) async fn store(tx: &mut Tx, raised: Vec<(AuditEntry, Event)>) -> Result<(), StorageError> {
    let tenant = tx.tenant();
    store_for(tx, tenant, raised).await
}

/// Stores events of a tenant in a transaction across tenants, last in it: those of several tenants in the order of their ids.
pub async fn store_for(
    tx: &mut impl WithLink,
    tenant: TenantId,
    raised: Vec<(AuditEntry, Event)>,
) -> Result<(), StorageError> {
    if raised.is_empty() {
        return Ok(());
    }
    let (entries, events): (Vec<_>, Vec<_>) = raised.into_iter().unzip();
    let mut sequence = audit::append_for(tx, tenant, entries).await?;
    let tenant = tenant.to_string();
    let mut rows = Rows::new(INSERT, 7);
    for event in events {
        sequence += 1;
        rows.value(tenant.clone())
            .value(event.id.to_string())
            .value(EVENT_KIND.write(&event.kind)?)
            .value(event.subject)
            .value(event.data.to_string())
            .value(event.created_at.unix_micros())
            .value(sequence);
    }
    tx.link().insert(rows).await
}

/// The tenant's stored events about a subject, oldest first.
pub async fn of_subject(session: &mut Session, subject: &str) -> Result<Vec<Event>, StorageError> {
    type Row = (String, String, String, String, i64);
    let query = Query::new(
        "SELECT id, kind, subject, data, created_at FROM events WHERE tenant_id = $1 AND subject = $2 ORDER BY id",
    )
    .bind(session.tenant_key())
    .bind(subject.to_owned());
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(id, kind, subject, data, created_at)| {
            Ok(Event {
                id: parsed(TABLE, "id", &id)?,
                kind: EVENT_KIND.read(&kind),
                subject,
                data: json(&data)?,
                created_at: Timestamp::from_unix_micros(created_at),
            })
        })
        .collect()
}

fn json(data: &str) -> Result<serde_json::Value, StorageError> {
    from_json(TABLE, "data", Some(data))?.ok_or_else(|| corrupt(TABLE, "data", "is absent"))
}

/// What to look for. Every field that is set narrows the result.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of one of these kinds; of any when empty.
    pub kinds: Vec<EventKind>,
    /// About this object.
    pub object: Option<String>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// Something that happened, as the audit log and the stored events tell it together.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Its place in the tenant's audit log.
    pub sequence: i64,
    /// The id of its row there.
    pub log_id: String,
    /// When.
    pub at: Timestamp,
    /// Who: the id of a token, `operator` or `service`.
    pub identity: String,
    /// What was done.
    pub action: String,
    /// The id of what it happened to.
    pub object: Option<String>,
    /// The request in which it happened.
    pub request_id: Option<String>,
    /// The stored event, when no call has caused it: its id, its kind and the rest.
    pub stored: Option<(String, String, serde_json::Value)>,
}

row! {
    struct Row {
        sequence: i64,
        id: String,
        at: i64,
        identity: String,
        action: String,
        object: Option<String>,
        request_id: Option<String>,
        event_id: Option<String>,
        event_kind: Option<String>,
        event_data: Option<String>,
    }
}

const SELECT: &str = "SELECT a.sequence, a.id, a.at, a.identity, a.action, a.object, a.request_id, \
     e.id AS event_id, e.kind AS event_kind, e.data AS event_data FROM audit_logs a \
     LEFT JOIN events e ON e.tenant_id = a.tenant_id AND e.sequence = a.sequence WHERE a.tenant_id = ";

/// The size of a listed row.
const OCTETS: &str = "COALESCE(octet_length(e.data), 0) + COALESCE(octet_length(a.object), 0) + COALESCE(octet_length(a.request_id), 0)";

/// What happened at the places after `after` up to `last`, in their order, or backwards.
pub async fn between(
    session: &mut Session,
    filter: &Filter,
    (after, last): (i64, i64),
    backwards: bool,
    limit: i64,
) -> Result<Listed<Happening>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push_bind(session.tenant_key());
    query.push(" AND a.sequence > ").push_bind(after);
    query.push(" AND a.sequence <= ").push_bind(last);
    query.push(" AND a.refusal IS NULL");
    audit::push_times(&mut query, filter.from, filter.to);
    if let Some(object) = &filter.object {
        query.push(" AND a.object = ").push_bind(object.clone());
    }
    push_kinds(&mut query, &filter.kinds);
    query.push(if backwards { " ORDER BY a.sequence DESC" } else { " ORDER BY a.sequence" });
    session.link().fetch_page::<Row>(query, OCTETS, limit).await?.read(happening)
}

/// Events are the actions that have a kind, and what was raised.
fn push_kinds(query: &mut Query, kinds: &[EventKind]) {
    let wanted = if kinds.is_empty() { EventKind::ALL } else { kinds };
    query.push(" AND (e.id IS NOT NULL");
    if !kinds.is_empty() {
        query.push(" AND e.kind IN (");
        push_words(query, kinds.iter().map(|kind| kind.as_str()));
        query.push(")");
    }
    let actions: Vec<&str> = wanted.iter().flat_map(|kind| kind.actions()).map(Action::as_str).collect();
    if !actions.is_empty() {
        query.push(" OR a.action IN (");
        push_words(query, actions.into_iter());
        query.push(")");
    }
    query.push(")");
}

fn push_words<'a>(query: &mut Query, words: impl Iterator<Item = &'a str>) {
    for (number, word) in words.enumerate() {
        if number > 0 {
            query.push(", ");
        }
        query.push_bind(word.to_owned());
    }
}

fn happening(row: Row) -> Result<Happening, StorageError> {
    let stored = match (row.event_id, row.event_kind, row.event_data) {
        (Some(id), Some(kind), Some(data)) => Some((id, kind, json(&data)?)),
        _ => None,
    };
    Ok(Happening {
        sequence: row.sequence,
        log_id: row.id,
        at: Timestamp::from_unix_micros(row.at),
        identity: row.identity,
        action: row.action,
        object: row.object,
        request_id: row.request_id,
        stored,
    })
}

/// The time of the first row of the audit log at this place or after it.
pub async fn time_at(session: &mut Session, place: i64) -> Result<Option<Timestamp>, StorageError> {
    let query = Query::new(
        "SELECT at FROM audit_logs WHERE tenant_id = $1 AND sequence >= $2 ORDER BY sequence LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(place);
    let found = session.link().fetch_optional::<(i64,)>(query).await?;
    Ok(found.map(|(at,)| Timestamp::from_unix_micros(at)))
}
