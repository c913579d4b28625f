//! Events, for those who want to be told.

use certmill_domain::{Event, Timestamp};

use crate::error::{corrupt, from_json, parsed};
use crate::query::Query;
use crate::words::EVENT_KIND;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "events";

/// Stores an event in the transaction of what happened.
pub async fn insert(tx: &mut Tx, event: &Event) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO events (tenant_id, id, kind, subject, data, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tx.tenant_key())
    .bind(event.id.to_string())
    .bind(EVENT_KIND.write(&event.kind)?)
    .bind(event.subject.clone())
    .bind(event.data.to_string())
    .bind(event.created_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// The tenant's events about a subject, oldest first.
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
                data: from_json(TABLE, "data", Some(&data))?
                    .ok_or_else(|| corrupt(TABLE, "data", "is absent"))?,
                created_at: Timestamp::from_unix_micros(created_at),
            })
        })
        .collect()
}
