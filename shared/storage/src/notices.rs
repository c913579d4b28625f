//! Notices: mails to owners, their lines, and how far each tenant's events have become notices.

use certmill_domain::{EmailAddress, Notice, NoticeId, NoticeLine, Stored, TenantId, Timestamp};

use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink};

const TABLE: &str = "notices";

row! {
    struct Row {
        id: String,
        address: String,
        is_urgent: bool,
        due_at: i64,
        attempts: i64,
        more: i64,
    }
}

/// How far a tenant's events have become notices, and how the mail server answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticePlace {
    /// The place in the tenant's audit log.
    pub place: i64,
    /// How often in a row the mail server could not be spoken to.
    pub failures: i64,
    /// Until when it is left alone because of that.
    pub paused_until: Option<Timestamp>,
}

/// Tenants without a job of this kind for which there is something to do: there is a notice to send, something has happened since a
/// look before `looked`, or nobody has looked yet. Where there are more than `limit`, chance decides which.
pub async fn behind(
    session: &mut SystemSession,
    kind: &'static str,
    (now, looked): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<TenantId>, StorageError> {
    // A look that lies ahead was noted by a wrong clock.
    let query = Query::new(
        "SELECT t.id FROM tenants t LEFT JOIN notice_places p ON p.tenant_id = t.id WHERE (p.tenant_id IS NULL \
         OR ((p.paused_until IS NULL OR p.paused_until <= $1) AND EXISTS (SELECT 1 FROM notices n \
           WHERE n.tenant_id = t.id AND n.state IN ('gathering', 'waiting') AND n.next_at <= $1)) \
         OR ((p.looked_at <= $2 OR p.looked_at > $1) AND EXISTS (SELECT 1 FROM audit_heads h \
           WHERE h.tenant_id = t.id AND h.sequence > p.place))) \
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = $3 AND j.subject = t.id \
           AND j.state IN ('pending', 'queued', 'running')) ORDER BY random() LIMIT $4",
    )
    .bind(now.unix_micros())
    .bind(looked.unix_micros())
    .bind(kind)
    .bind(limit);
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed("tenants", "id", &id)).collect()
}

/// How far the tenant's events have become notices; none before the first look.
pub async fn place(session: &mut Session) -> Result<Option<NoticePlace>, StorageError> {
    let query = Query::new("SELECT place, failures, paused_until FROM notice_places WHERE tenant_id = $1")
        .bind(session.tenant_key());
    let row = session.link().fetch_optional::<(i64, i64, Option<i64>)>(query).await?;
    Ok(row.map(|(place, failures, paused_until)| NoticePlace {
        place,
        failures,
        paused_until: paused_until.map(Timestamp::from_unix_micros),
    }))
}

/// Stores where the tenant's notices begin.
pub async fn begin(tx: &mut Tx, place: i64, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO notice_places (tenant_id, place, looked_at, failures) VALUES ($1, $2, $3, 0) \
         ON CONFLICT (tenant_id) DO NOTHING",
    )
    .bind(tx.tenant_key())
    .bind(place)
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Notes that the events up to a place have become lines; `false` when somebody else has moved it meanwhile.
pub async fn advance(tx: &mut Tx, (from, to): (i64, i64), now: Timestamp) -> Result<bool, StorageError> {
    let query =
        Query::new("UPDATE notice_places SET place = $1, looked_at = $2 WHERE tenant_id = $3 AND place = $4")
            .bind(to)
            .bind(now.unix_micros())
            .bind(tx.tenant_key())
            .bind(from);
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes how often in a row the mail server could not be spoken to, and until when it is left alone.
pub async fn note_server(
    tx: &mut Tx,
    (failures, paused_until): (i64, Option<Timestamp>),
) -> Result<(), StorageError> {
    let query = Query::new("UPDATE notice_places SET failures = $1, paused_until = $2 WHERE tenant_id = $3")
        .bind(failures)
        .bind(paused_until.map(Timestamp::unix_micros))
        .bind(tx.tenant_key());
    tx.link().execute(query).await.map(drop)
}

/// The notice that takes lines for an address.
pub async fn gathering(
    session: &mut Session,
    address: &EmailAddress,
    is_urgent: bool,
) -> Result<Option<NoticeId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM notices WHERE tenant_id = $1 AND address = $2 AND is_urgent = $3 AND state = 'gathering'",
    )
    .bind(session.tenant_key())
    .bind(address.to_string())
    .bind(is_urgent);
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// When the last notice out of turn to an address was, or will be, complete.
pub async fn last_urgent(
    session: &mut Session,
    address: &EmailAddress,
) -> Result<Option<Timestamp>, StorageError> {
    let query = Query::new(
        "SELECT MAX(due_at) FROM notices WHERE tenant_id = $1 AND address = $2 AND is_urgent = TRUE",
    )
    .bind(session.tenant_key())
    .bind(address.to_string());
    let row = session.link().fetch_optional::<(Option<i64>,)>(query).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp::from_unix_micros))
}

/// How many notices of the tenant were begun since.
pub async fn count_since(session: &mut Session, since: Timestamp) -> Result<i64, StorageError> {
    let query = Query::new("SELECT COUNT(*) FROM notices WHERE tenant_id = $1 AND created_at > $2")
        .bind(session.tenant_key())
        .bind(since.unix_micros());
    session.link().fetch_count(query).await
}

/// Stores a notice that takes lines until it is due.
pub async fn insert(tx: &mut Tx, notice: &Notice, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO notices (tenant_id, id, address, is_urgent, state, due_at, attempts, next_at, more, created_at) \
         VALUES ($1, $2, $3, $4, 'gathering', $5, 0, $5, 0, $6)",
    )
    .bind(tx.tenant_key())
    .bind(notice.id.to_string())
    .bind(notice.address.to_string())
    .bind(notice.is_urgent)
    .bind(notice.due_at.unix_micros())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Adds a line to a notice, or replaces the one about the same; one beyond `most` is only counted.
pub async fn put_line(tx: &mut Tx, id: NoticeId, line: &NoticeLine, most: i64) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO notice_lines (tenant_id, notice_id, kind, object, line) SELECT $1, $2, $3, $4, $5 \
         WHERE (SELECT COUNT(*) FROM notice_lines WHERE tenant_id = $1 AND notice_id = $2) < $6 OR EXISTS \
         (SELECT 1 FROM notice_lines WHERE tenant_id = $1 AND notice_id = $2 AND kind = $3 AND object = $4) \
         ON CONFLICT (tenant_id, notice_id, kind, object) DO UPDATE SET line = excluded.line",
    )
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(line.kind.as_str().to_owned())
    .bind(line.object.clone())
    .bind(line.text.clone())
    .bind(most);
    if tx.link().execute(query).await? == 0 {
        let query = Query::new("UPDATE notices SET more = more + 1 WHERE tenant_id = $1 AND id = $2")
            .bind(tx.tenant_key())
            .bind(id.to_string());
        tx.link().execute(query).await?;
    }
    Ok(())
}

/// Takes out of the notices that are due what has been settled meanwhile: certificates that were renewed or revoked, and CSRs that were
/// decided. A notice of which nothing is left goes.
pub async fn drop_settled(tx: &mut Tx, now: Timestamp) -> Result<(), StorageError> {
    let lines = Query::new(
        "DELETE FROM notice_lines WHERE tenant_id = $1 AND notice_id IN (SELECT n.id FROM notices n \
           WHERE n.tenant_id = $1 AND n.state = 'gathering' AND n.due_at <= $2) \
         AND ((kind IN ('certificate.expiring', 'certificate.renewal_failed') AND EXISTS (SELECT 1 FROM certificates c \
           WHERE c.tenant_id = $1 AND c.id = notice_lines.object AND (c.renewed_by IS NOT NULL OR c.revoked_at IS NOT NULL))) \
         OR (kind = 'csr.pending' AND NOT EXISTS (SELECT 1 FROM csrs s \
           WHERE s.tenant_id = $1 AND s.id = notice_lines.object AND s.status = 'pending')))",
    );
    let notices = Query::new(
        "DELETE FROM notices WHERE tenant_id = $1 AND state = 'gathering' AND due_at <= $2 AND more = 0 \
         AND NOT EXISTS (SELECT 1 FROM notice_lines l WHERE l.tenant_id = $1 AND l.notice_id = notices.id)",
    );
    for query in [lines, notices] {
        let query = query.bind(tx.tenant_key()).bind(now.unix_micros());
        tx.link().execute(query).await?;
    }
    Ok(())
}

/// Completes the notices that are due: they are sent as they are from now on.
pub async fn complete(tx: &mut Tx, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE notices SET state = 'waiting' WHERE tenant_id = $1 AND state = 'gathering' AND due_at <= $2",
    )
    .bind(tx.tenant_key())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Complete notices that are to be sent now, the longest waiting first, those out of turn before the others.
pub async fn due(session: &mut Session, now: Timestamp, limit: i64) -> Result<Vec<Notice>, StorageError> {
    let query = Query::new(
        "SELECT id, address, is_urgent, due_at, attempts, more FROM notices WHERE tenant_id = $1 AND state = 'waiting' \
         AND next_at <= $2 ORDER BY is_urgent DESC, next_at, id LIMIT $3",
    )
    .bind(session.tenant_key())
    .bind(now.unix_micros())
    .bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(notice).collect()
}

/// The lines of a notice, by what happened.
pub async fn lines(session: &mut Session, id: NoticeId) -> Result<Vec<NoticeLine>, StorageError> {
    let query = Query::new(
        "SELECT kind, object, line FROM notice_lines WHERE tenant_id = $1 AND notice_id = $2 ORDER BY kind, line, object",
    )
    .bind(session.tenant_key())
    .bind(id.to_string());
    let rows: Vec<(String, String, String)> = session.link().fetch_all(query).await?;
    let line = |(kind, object, text): (String, String, String)| NoticeLine {
        kind: Stored::read(&kind),
        object,
        text,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// What became of an attempt to send a notice.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The mail server took it.
    Sent,
    /// It is sent again at this time, since this went wrong.
    Again(Timestamp, String),
    /// It is given up, since this went wrong.
    Failed(String),
}

/// Notes what became of an attempt.
pub async fn note(tx: &mut Tx, id: NoticeId, outcome: &Outcome, now: Timestamp) -> Result<(), StorageError> {
    let (state, next_at, error) = match outcome {
        Outcome::Sent => ("sent", now, None),
        Outcome::Again(at, error) => ("waiting", *at, Some(error)),
        Outcome::Failed(error) => ("failed", now, Some(error)),
    };
    let finished = (state != "waiting").then(|| now.unix_micros());
    let query = Query::new(
        "UPDATE notices SET state = $1, attempts = attempts + 1, next_at = $2, last_error = $3, finished_at = $4 \
         WHERE tenant_id = $5 AND id = $6 AND state = 'waiting'",
    )
    .bind(state)
    .bind(next_at.unix_micros())
    .bind(error.cloned())
    .bind(finished)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes up to `limit` notices that have been over since before `before`, with their lines; answers how many.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM notices WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM notices \
         WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}

fn notice(row: Row) -> Result<Notice, StorageError> {
    Ok(Notice {
        id: parsed(TABLE, "id", &row.id)?,
        address: row.address.parse().map_err(|error| corrupt(TABLE, "address", error))?,
        is_urgent: row.is_urgent,
        due_at: Timestamp::from_unix_micros(row.due_at),
        attempts: row.attempts,
        more: row.more,
    })
}
