//! Taking old rows of the audit log to a file. The file has the same chain: its first row follows from the one before it, and its
//! last row is what the first row that stays follows from.

use std::io::{BufRead, Write};

use certmill_domain::{Action, AuditRecord, Digest, TenantId, Timestamp};
use certmill_storage::audit::{self, Head};
use certmill_storage::{notices, webhooks};
use certmill_x509::hex;
use serde_json::{Value, json};

use super::{BATCH, Verdict};
use crate::change::Act;
use crate::{App, Caller, ServiceError};

/// Rows that are deleted in one transaction.
const DELETED: i64 = 500;

/// Rows that were written to a file and are still in the database.
pub struct Written {
    tenant: TenantId,
    /// The end that the file goes on from.
    pub from: Head,
    /// Its last row.
    pub to: Head,
}

/// Writes the tenant's rows from before a time, oldest first, each as a line of JSON, and stops at the first that is not
/// older, or that a webhook or an owner has not been told of yet. Nothing when there is none. Nothing is deleted.
///
/// # Errors
/// Those of the database, and `internal_error` when the file cannot be written or a row does not follow from the one before.
pub async fn write(
    app: &App,
    tenant: TenantId,
    before: Timestamp,
    to: &mut (dyn Write + Send),
) -> Result<Option<Written>, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let from = audit::archived(&mut session).await?;
    let mut last = webhooks::told_to_all(&mut session).await?;
    if app.mailer().is_some() {
        let told = notices::place(&mut session).await?.map(|place| place.place);
        last = told.into_iter().chain(last).min();
    }
    drop(session);
    let mut reached = from;
    loop {
        // A session per batch, so that none is held while the file is written.
        let mut session = app.database().read(tenant).await?;
        let rows = audit::chain(&mut session, reached.sequence, BATCH).await?;
        drop(session);
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < BATCH);
        for row in rows {
            if row.at >= before || last.is_some_and(|last| row.sequence > last) {
                return Ok(written(tenant, from, reached));
            }
            if row.sequence != reached.sequence + 1 || row.previous_hash != reached.hash {
                let message =
                    format!("row {} does not follow from the one before: run audit verify", row.sequence);
                return Err(ServiceError::internal(message));
            }
            reached = Head { sequence: row.sequence, hash: row.hash() };
            writeln!(to, "{}", line(&row)).map_err(|error| ServiceError::Internal(Box::new(error)))?;
        }
        if is_last {
            return Ok(written(tenant, from, reached));
        }
    }
}

fn written(tenant: TenantId, from: Head, to: Head) -> Option<Written> {
    (to.sequence > from.sequence).then_some(Written { tenant, from, to })
}

/// Notes that the rows are in a file of this name, which must be safe on its disk by now, and deletes them. What is left by a crash is
/// deleted by the next call.
pub async fn forget(app: &App, written: &Written, file: &str) -> Result<(), ServiceError> {
    let caller = Caller::operator(app, written.tenant);
    let mut change = app.change(&caller).await?;
    if !audit::set_archived(&mut change, written.from, written.to, app.now()).await? {
        return Err(ServiceError::CallInProgress { seconds: 1 });
    }
    let said = format!("rows {} to {} in {file}", written.from.sequence + 1, written.to.sequence);
    change.commit(Act::new(Action::AuditArchive, said).after(written.to.hash)).await?;
    clear(app, written.tenant).await
}

/// Deletes rows that are in files.
pub async fn clear(app: &App, tenant: TenantId) -> Result<(), ServiceError> {
    loop {
        let mut tx = app.database().begin(tenant).await?;
        let deleted = audit::delete_archived(&mut tx, DELETED).await?;
        tx.commit().await?;
        if deleted < DELETED.unsigned_abs() {
            return Ok(());
        }
    }
}

/// Recomputes the chain in a file from the end `from` on: where it leads to, and whether it leads through `expected`.
///
/// # Errors
/// A file that cannot be read.
pub fn verify_file(
    from: Head,
    expected: Option<Head>,
    file: impl BufRead,
) -> std::io::Result<(Verdict, bool)> {
    let broken = |sequence, reason| Ok((Verdict::Broken { sequence, reason }, false));
    let (mut reached, mut is_met) = (from, false);
    for text in file.lines() {
        let text = text?;
        let sequence = reached.sequence + 1;
        let Some((row, said)) = record(&text) else {
            return broken(sequence, "the line in the file is not a row");
        };
        if row.sequence != sequence || row.previous_hash != reached.hash {
            return broken(sequence, "the row in the file does not follow from the one before");
        }
        reached = Head { sequence, hash: row.hash() };
        if said != reached.hash {
            return broken(sequence, "the row in the file was changed");
        }
        if let Some(end) = expected.filter(|end| end.sequence == sequence) {
            if end.hash != reached.hash {
                return broken(sequence, "the chain does not lead through the expected end");
            }
            is_met = true;
        }
    }
    Ok((Verdict::Intact(reached), is_met))
}

/// A row as a line. The time is in microseconds, as it is hashed.
fn line(row: &AuditRecord) -> Value {
    json!({
        "sequence": row.sequence, "id": row.id, "at": row.at.unix_micros(), "timestamp": row.at.to_string(),
        "identity": row.identity, "action": row.action, "object": row.object, "refusal": row.refusal,
        "source_address": row.source_address, "request_id": row.request_id,
        "before_sha256": row.before_sha256.as_ref().map(|digest| hex(digest)),
        "after_sha256": row.after_sha256.as_ref().map(|digest| hex(digest)),
        "previous_hash": hex(&row.previous_hash), "hash": hex(&row.hash()),
    })
}

/// Reads a line back: the row, and the hash that the line says it has.
fn record(line: &str) -> Option<(AuditRecord, Digest)> {
    let row: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| row.get(field)?.as_str().map(str::to_owned);
    let digest = |field: &str| digest(row.get(field)?.as_str()?);
    let record = AuditRecord {
        sequence: row.get("sequence")?.as_i64()?,
        previous_hash: digest("previous_hash")?,
        id: text("id")?,
        at: Timestamp::from_unix_micros(row.get("at")?.as_i64()?),
        identity: text("identity")?,
        action: text("action")?.into(),
        object: text("object"),
        refusal: text("refusal"),
        source_address: text("source_address"),
        request_id: text("request_id"),
        before_sha256: digest("before_sha256"),
        after_sha256: digest("after_sha256"),
    };
    Some((record, digest("hash")?))
}

/// A digest of 64 hexadecimal digits.
pub fn digest(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 2 * digest.len() || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}
