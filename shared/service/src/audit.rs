//! The audit log: reading it, recording what was refused, and proving that it was not changed.

pub mod archive;

use certmill_domain::{Action, AuditRecord, TenantId};
use certmill_storage::{StorageError, audit};

pub use certmill_storage::audit::{Filter, Head};

use crate::{App, Caller, Page, PageRequest, ServiceError, change};

/// Rows that are verified at a time.
const BATCH: i64 = 1_000;
/// The longest name of an object that is recorded of a refused call, in characters.
const LONGEST_OBJECT: usize = 256;

/// The tenant's audit log, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    page: &PageRequest,
) -> Result<Page<AuditRecord>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<i64>()?);
    let texts = [&filter.identity, &filter.object, &filter.request_id];
    // No stored text has a NUL, and Postgres refuses to compare with one.
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        return Ok(Page::empty(page));
    }
    let mut session = app.database().read(caller.tenant).await?;
    let rows = audit::search(&mut session, filter, before, limit).await?;
    Ok(Page::of(rows, |row| row.sequence.to_string()))
}

/// Records a call that was refused. `object` is what the call named, `code` the error's code. Of the calls of a token
/// or certificate that come within a minute, the first have rows of their own; the rest is counted, and [`write_refusals`] writes how
/// many there were.
pub async fn refused(
    app: &App,
    caller: &Caller,
    action: Action,
    object: Option<&str>,
    code: &'static str,
) -> Result<(), ServiceError> {
    if !app.refusals().has_row(caller, code, app.now()) {
        return Ok(());
    }
    let legal = |letter: &char| !letter.is_control();
    let object = object.map(|text| text.chars().filter(legal).take(LONGEST_OBJECT).collect());
    let entry = change::entry(app, caller, action, object, Some(code.to_owned()));
    app.committer().record(caller.tenant, entry).await
}

/// Writes the numbers of refused calls without rows of their own, one row per caller: of the minutes that are over, or of
/// `all`, as a process does before it ends.
pub async fn write_refusals(app: &App, all: bool) -> Result<(), ServiceError> {
    let mut result = Ok(());
    for (identity, rest) in app.refusals().take(app.now(), all) {
        let written = app.committer().record(rest.tenant(), rest.entry(app, identity)).await;
        if let Err(error) = written {
            app.refusals().give_back(identity, rest);
            result = Err(error);
        }
    }
    result
}

/// Records that a kept answer with a private key or a token's secret in it was given again.
pub async fn handed_out(
    app: &App,
    caller: &Caller,
    action: Action,
    object: Option<String>,
) -> Result<(), ServiceError> {
    let entry = change::entry(app, caller, action, object, None);
    app.committer().record(caller.tenant, entry).await
}

/// What became of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every row carries the hash of the one before, and the last one is where the chain ends.
    Intact(Head),
    /// The chain is broken.
    Broken {
        /// The place of the first row that does not fit.
        sequence: i64,
        /// Why not.
        reason: &'static str,
    },
}

/// The last row of a tenant's log that is in a file; the beginning of the chain when none is.
pub async fn archived(app: &App, tenant: TenantId) -> Result<Head, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    Ok(audit::archived(&mut session).await?)
}

/// Recomputes a tenant's chain from its first row, or the first that is in no file, to its end; it must lead through
/// `expected`, an end that was noted earlier. Rows that are added meanwhile are not looked at.
pub async fn verify(app: &App, tenant: TenantId, expected: Option<Head>) -> Result<Verdict, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let head = audit::head(&mut session).await?;
    let mut reached = audit::archived(&mut session).await?;
    if expected.is_some_and(|end| end.sequence < reached.sequence) {
        let reason = "the expected end is in a file: name the files with --archive";
        return Ok(Verdict::Broken { sequence: reached.sequence, reason });
    }
    if expected.is_some_and(|end| end.sequence == reached.sequence && end.hash != reached.hash) {
        let reason = "the chain does not lead through the expected end";
        return Ok(Verdict::Broken { sequence: reached.sequence, reason });
    }
    let mut batch = BATCH;
    while reached.sequence < head.sequence {
        let limit = batch.min(head.sequence - reached.sequence);
        let rows = match audit::chain(&mut session, reached.sequence, limit).await {
            Ok(rows) => rows,
            Err(StorageError::Corrupt { .. }) if limit > 1 => {
                batch = 1;
                continue;
            }
            Err(StorageError::Corrupt { .. }) => {
                let reason = "the row, or the one that follows, cannot be read any more";
                return Ok(Verdict::Broken { sequence: reached.sequence + 1, reason });
            }
            Err(error) => return Err(error.into()),
        };
        if rows.is_empty() {
            let reason = "the row is missing, and so is everything up to the end of the chain";
            return Ok(Verdict::Broken { sequence: reached.sequence + 1, reason });
        }
        for row in rows {
            if row.sequence != reached.sequence + 1 {
                let reason = "the row is missing";
                return Ok(Verdict::Broken { sequence: reached.sequence + 1, reason });
            }
            if row.previous_hash != reached.hash {
                let reason = "the row before it was changed after it was written, or this one was";
                return Ok(Verdict::Broken { sequence: row.sequence, reason });
            }
            reached = Head { sequence: row.sequence, hash: row.hash() };
            if expected.is_some_and(|end| end.sequence == reached.sequence && end.hash != reached.hash) {
                let reason = "the chain does not lead through the expected end";
                return Ok(Verdict::Broken { sequence: reached.sequence, reason });
            }
        }
    }
    if expected.is_some_and(|end| end.sequence > reached.sequence) {
        let reason = "the chain ends before the expected end";
        return Ok(Verdict::Broken { sequence: reached.sequence + 1, reason });
    }
    if reached.hash != head.hash {
        let reason = "the last row was changed after it was written";
        return Ok(Verdict::Broken { sequence: reached.sequence, reason });
    }
    // A row beyond the end was not written by the service, unless the end has moved since.
    let beyond = audit::chain(&mut session, head.sequence, 1).await?;
    if let Some(row) = beyond.first()
        && row.previous_hash != head.hash
    {
        let reason = "the row does not follow from the end of the chain";
        return Ok(Verdict::Broken { sequence: row.sequence, reason });
    }
    Ok(Verdict::Intact(head))
}
