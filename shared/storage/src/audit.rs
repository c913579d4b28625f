//! The audit log: appending to a tenant's chain, reading it back.

use certmill_domain::{Action, AuditEntry, AuditRecord, Digest, TenantId, Timestamp, genesis};

use crate::error::corrupt;
use crate::listing::{Extent, Listed};
use crate::query::{Query, Rows};
use crate::row::row;
use crate::{Session, StorageError, SystemTx, Tx, WithLink};

const TABLE: &str = "audit_logs";
const INSERT: &str = "INSERT INTO audit_logs (tenant_id, sequence, id, at, identity, action, object, refusal, \
     source_address, request_id, before_sha256, after_sha256, previous_hash)";
const SELECT: &str = "SELECT sequence, id, at, identity, action, object, refusal, source_address, request_id, \
     before_sha256, after_sha256, previous_hash FROM audit_logs WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(identity) + COALESCE(octet_length(object), 0) + \
     COALESCE(octet_length(request_id), 0)";

row! {
    struct Row {
        sequence: i64,
        id: String,
        at: i64,
        identity: String,
        action: String,
        object: Option<String>,
        refusal: Option<String>,
        source_address: Option<String>,
        request_id: Option<String>,
        before_sha256: Option<Vec<u8>>,
        after_sha256: Option<Vec<u8>>,
        previous_hash: Vec<u8>,
    }
}

/// The end of a tenant's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many rows there are.
    pub sequence: i64,
    /// The hash of the last one; [`genesis`] when there is none.
    pub hash: Digest,
}

/// Appends to the tenant's chain. Call it last in a transaction: from here to the commit the tenant's other
/// transactions wait, and a transaction that wants nothing else any more cannot be part of a deadlock.
pub async fn append(tx: &mut Tx, entries: Vec<AuditEntry>) -> Result<(), StorageError> {
    let tenant = tx.tenant();
    append_for(tx, tenant, entries).await.map(drop)
}

/// Appends to the chain of a tenant in a transaction across tenants, last in it like [`append`].
pub async fn append_system(
    tx: &mut SystemTx,
    tenant: TenantId,
    entries: Vec<AuditEntry>,
) -> Result<(), StorageError> {
    append_for(tx, tenant, entries).await.map(drop)
}

/// Appends like [`append`], and answers the place before the first of them.
pub(crate) async fn append_for(
    on: &mut impl WithLink,
    tenant: TenantId,
    entries: Vec<AuditEntry>,
) -> Result<i64, StorageError> {
    let Ok(count @ 1..) = i64::try_from(entries.len()) else {
        return Ok(0);
    };
    let tenant_key = tenant.to_string();
    let Head { sequence: before, hash: mut previous_hash } = advance(on, tenant, count).await?;
    let mut last = before;
    let mut rows = Rows::new(INSERT, 13);
    for entry in entries {
        let record = AuditRecord::new(last + 1, previous_hash, entry);
        (last, previous_hash) = (record.sequence, record.hash());
        rows.value(tenant_key.clone())
            .value(record.sequence)
            .value(record.id)
            .value(record.at.unix_micros())
            .value(record.identity)
            .value(record.action)
            .value(record.object)
            .value(record.refusal)
            .value(record.source_address)
            .value(record.request_id)
            .value(record.before_sha256.map(Vec::from))
            .value(record.after_sha256.map(Vec::from))
            .value(Vec::from(record.previous_hash));
    }
    on.link().insert(rows).await?;
    let query = Query::new("UPDATE audit_heads SET hash = $1 WHERE tenant_id = $2")
        .bind(Vec::from(previous_hash))
        .bind(tenant_key);
    on.link().execute(query).await?;
    Ok(before)
}

/// Takes the next `count` places of the chain and answers the end before them. Locks the head until the commit.
async fn advance(on: &mut impl WithLink, tenant: TenantId, count: i64) -> Result<Head, StorageError> {
    loop {
        let query = Query::new(
            "UPDATE audit_heads SET sequence = sequence + $1 WHERE tenant_id = $2 RETURNING sequence, hash",
        )
        .bind(count)
        .bind(tenant.to_string());
        if let Some((sequence, hash)) = on.link().fetch_optional::<(i64, Vec<u8>)>(query).await? {
            return Ok(Head { sequence: sequence - count, hash: digest("audit_heads", "hash", &hash)? });
        }
        let query = Query::new(
            "INSERT INTO audit_heads (tenant_id, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        )
        .bind(tenant.to_string())
        .bind(Vec::from(genesis(tenant)));
        on.link().execute(query).await?;
    }
}

/// The end of the tenant's chain.
pub async fn head(session: &mut Session) -> Result<Head, StorageError> {
    let query =
        Query::new("SELECT sequence, hash FROM audit_heads WHERE tenant_id = $1").bind(session.tenant_key());
    match session.link().fetch_optional::<(i64, Vec<u8>)>(query).await? {
        Some((sequence, hash)) => Ok(Head { sequence, hash: digest("audit_heads", "hash", &hash)? }),
        None => Ok(Head { sequence: 0, hash: genesis(session.tenant()) }),
    }
}

/// The last row that is in a file; the beginning of the chain when none is.
pub async fn archived(session: &mut Session) -> Result<Head, StorageError> {
    let query = Query::new("SELECT sequence, hash FROM audit_archives WHERE tenant_id = $1")
        .bind(session.tenant_key());
    match session.link().fetch_optional::<(i64, Vec<u8>)>(query).await? {
        Some((sequence, hash)) => Ok(Head { sequence, hash: digest("audit_archives", "hash", &hash)? }),
        None => Ok(Head { sequence: 0, hash: genesis(session.tenant()) }),
    }
}

/// Notes that the rows after `from` up to `to` are in a file; `false` when that is not where the files end any more.
pub async fn set_archived(tx: &mut Tx, from: Head, to: Head, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "INSERT INTO audit_archives (tenant_id, sequence, hash, archived_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, \
         archived_at = excluded.archived_at WHERE audit_archives.sequence = $5",
    )
    .bind(tx.tenant_key())
    .bind(to.sequence)
    .bind(Vec::from(to.hash))
    .bind(now.unix_micros())
    .bind(from.sequence);
    Ok(tx.link().execute(query).await? == 1)
}

/// Deletes up to `limit` rows that are in files; answers how many.
pub async fn delete_archived(tx: &mut Tx, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM audit_logs WHERE tenant_id = $1 AND sequence IN (SELECT l.sequence FROM audit_logs l \
         WHERE l.tenant_id = $1 AND l.sequence <= (SELECT sequence FROM audit_archives WHERE tenant_id = $1) \
         ORDER BY l.sequence LIMIT $2)",
    )
    .bind(tx.tenant_key())
    .bind(limit);
    tx.link().execute(query).await
}

/// The rows after `after` in the order of the chain, for its verification.
pub async fn chain(session: &mut Session, after: i64, limit: i64) -> Result<Vec<AuditRecord>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND sequence > ").push_bind(after);
    query.push(" ORDER BY sequence LIMIT ").push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(record).collect()
}

/// What to look for. Every field that is set narrows the result.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// This action.
    pub action: Option<Action>,
    /// This identity: the id of a token, or `operator`.
    pub identity: Option<String>,
    /// This object.
    pub object: Option<String>,
    /// Done, or refused.
    pub success: Option<bool>,
    /// Of this request.
    pub request_id: Option<String>,
}

/// The rows that the filter finds, newest first, those before the place `before`.
pub async fn search(
    session: &mut Session,
    filter: &Filter,
    before: Option<i64>,
    wanted: Extent,
) -> Result<Listed<AuditRecord>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    push_times(&mut query, filter.from, filter.to);
    if let Some(action) = filter.action {
        query.push(" AND action = ").push_bind(action.as_str());
    }
    if let Some(identity) = &filter.identity {
        query.push(" AND identity = ").push_bind(identity.clone());
    }
    if let Some(object) = &filter.object {
        query.push(" AND object = ").push_bind(object.clone());
    }
    match filter.success {
        Some(true) => query.push(" AND refusal IS NULL"),
        Some(false) => query.push(" AND refusal IS NOT NULL"),
        None => &mut query,
    };
    if let Some(request_id) = &filter.request_id {
        query.push(" AND request_id = ").push_bind(request_id.clone());
    }
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND sequence < ").push_bind(before);
    }
    query.push(" ORDER BY sequence DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(record)
}

/// Narrows to rows of a time or later, and before one.
pub(crate) fn push_times(query: &mut Query, from: Option<Timestamp>, to: Option<Timestamp>) {
    if let Some(from) = from {
        query.push(" AND at >= ").push_bind(from.unix_micros());
    }
    if let Some(to) = to {
        query.push(" AND at < ").push_bind(to.unix_micros());
    }
}

fn record(row: Row) -> Result<AuditRecord, StorageError> {
    let optional =
        |column, octets: Option<Vec<u8>>| octets.map(|octets| digest(TABLE, column, &octets)).transpose();
    Ok(AuditRecord {
        sequence: row.sequence,
        previous_hash: digest(TABLE, "previous_hash", &row.previous_hash)?,
        id: row.id,
        at: Timestamp::from_unix_micros(row.at),
        identity: row.identity,
        action: row.action.into(),
        object: row.object,
        refusal: row.refusal,
        source_address: row.source_address,
        request_id: row.request_id,
        before_sha256: optional("before_sha256", row.before_sha256)?,
        after_sha256: optional("after_sha256", row.after_sha256)?,
    })
}

fn digest(table: &'static str, column: &'static str, octets: &[u8]) -> Result<Digest, StorageError> {
    Digest::try_from(octets).map_err(|_| corrupt(table, column, "it has not 32 octets"))
}
