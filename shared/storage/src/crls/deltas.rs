//! Delta CRLs: the present one of each list, and what has changed since another one was made.

use certmill_domain::{CaId, Crl, CrlId, CrlInfo, Stored, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use super::{BuildKinds, CrlTable, DELTAS, FULL, SHARDS, crl_id, push_where};
use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink, jobs};

/// A list that deltas go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Its number.
    pub number: i64,
    /// When it was made.
    pub made: Timestamp,
}

/// The figures of a delta CRL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta {
    /// What it says of itself.
    pub info: CrlInfo,
    /// The list that it goes on from.
    pub base: Base,
    /// The list that the next ones go on from, once all before it have ended.
    pub next_base: Base,
    /// When that is; none where an older version has made the delta.
    pub next_base_due: Option<Timestamp>,
    /// Of a CA that has no deltas any more: until when lists are good that name them.
    pub kept_until: Option<Timestamp>,
}

type Row = (i64, i64, i64, i64, i64, i64, i64, i64, i64, Option<i64>, Option<i64>);

/// The figures of the present delta CRL to a list.
pub async fn find(session: &mut Session, list: CrlId) -> Result<Option<Delta>, StorageError> {
    let mut query = Query::new(
        "SELECT number, this_update, next_update, entries, builds, base_number, base_update, next_base_number, \
         next_base_update, next_base_due, kept_until FROM delta_crls",
    );
    push_where(&mut query, Some(session.tenant_key()), list.delta());
    let row = session.link().fetch_optional::<Row>(query).await?;
    let base = |number, made| Base { number, made: Timestamp::from_unix_micros(made) };
    Ok(row.map(
        |(number, this, next, entries, builds, base_number, base_made, next_number, next_made, due, kept)| {
            Delta {
                info: super::crl_info((number, this, next, entries, builds)),
                base: base(base_number, base_made),
                next_base: base(next_number, next_made),
                next_base_due: due.map(Timestamp::from_unix_micros),
                kept_until: kept.map(Timestamp::from_unix_micros),
            }
        },
    ))
}

/// Stores the next delta CRL to a list; `false` when another build was first. `seen` is the number of the present one.
pub async fn store(
    tx: &mut Tx,
    list: CrlId,
    seen: Option<i64>,
    (delta, due_at): (&Delta, Timestamp),
    crl: Crl,
) -> Result<bool, StorageError> {
    let CrlInfo { number, this_update, next_update, entries, builds } = delta.info;
    let figures = [
        ("base_number", delta.base.number),
        ("base_update", delta.base.made.unix_micros()),
        ("next_base_number", delta.next_base.number),
        ("next_base_update", delta.next_base.made.unix_micros()),
        ("next_base_due", delta.next_base_due.map_or(0, Timestamp::unix_micros)),
        ("number", number),
        ("this_update", this_update.unix_micros()),
        ("next_update", next_update.unix_micros()),
        ("due_at", due_at.unix_micros()),
        ("entries", entries),
        ("builds", builds),
    ];
    let mut query;
    if let Some(seen) = seen {
        query = Query::new("UPDATE delta_crls SET der = ");
        query.push_bind(crl.der);
        for (column, value) in figures {
            query.push(", ").push(column).push(" = ").push_bind(value);
        }
        push_where(&mut query, Some(tx.tenant_key()), list.delta());
        query.push(" AND number = ").push_bind(seen);
    } else {
        query = Query::new("INSERT INTO delta_crls (tenant_id, ca_id, shard, der");
        for (column, _) in figures {
            query.push(", ").push(column);
        }
        query.push(") VALUES (").push_bind(tx.tenant_key()).push(", ").push_bind(list.ca().to_string());
        query.push(", ").push_bind(i64::from(list.shard())).push(", ").push_bind(crl.der);
        for (_, value) in figures {
            query.push(", ").push_bind(value);
        }
        query.push(") ON CONFLICT DO NOTHING");
    }
    Ok(tx.link().execute(query).await? == 1)
}

/// Has the delta CRLs of a CA made until all its lists of now have ended, `until` at the soonest; those that have such an end
/// keep it.
pub async fn keep(tx: &mut Tx, ca: CaId, until: Timestamp) -> Result<(), StorageError> {
    let mut query =
        Query::new("SELECT MAX(next_update) FROM (SELECT next_update FROM crls WHERE tenant_id = ");
    query.push_bind(tx.tenant_key()).push(" AND ca_id = ").push_bind(ca.to_string());
    query.push(" UNION ALL SELECT next_update FROM crl_shards WHERE tenant_id = ");
    query.push_bind(tx.tenant_key()).push(" AND ca_id = ").push_bind(ca.to_string()).push(") ends");
    let last = tx.link().fetch_optional::<(Option<i64>,)>(query).await?.and_then(|(last,)| last);
    let until = until.unix_micros().max(last.unwrap_or(i64::MIN));
    let mut query = Query::new("UPDATE delta_crls SET kept_until = ");
    query.push_bind(until).push(" WHERE kept_until IS NULL AND tenant_id = ").push_bind(tx.tenant_key());
    query.push(" AND ca_id = ").push_bind(ca.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Takes back that the delta CRLs of a CA have an end.
pub async fn keep_on(tx: &mut Tx, ca: CaId) -> Result<(), StorageError> {
    let query = Query::new("UPDATE delta_crls SET kept_until = NULL WHERE tenant_id = $1 AND ca_id = $2")
        .bind(tx.tenant_key())
        .bind(ca.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes delta CRLs that no list names which is still good.
pub async fn prune(tx: &mut SystemTx, now: Timestamp) -> Result<u64, StorageError> {
    let query = Query::new("DELETE FROM delta_crls WHERE kept_until <= $1").bind(now.unix_micros());
    tx.link().execute(query).await
}

/// Delta CRLs, of CAs of any tenant, whose next one is due or whose first one is missing.
pub async fn due(
    session: &mut SystemSession,
    kinds: BuildKinds,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut query = Query::new(
        "SELECT l.tenant_id, l.ca_id, l.shard FROM delta_crls l CROSS JOIN certificate_authorities ca WHERE l.due_at < ",
    );
    query.push_bind(now.unix_micros());
    query.push(" AND ca.tenant_id = l.tenant_id AND ca.id = l.ca_id AND ca.not_after >= ");
    query.push_bind(now.unix_micros()).push(" AND (ca.delta_crl_validity IS NOT NULL OR l.kept_until > ");
    query.push_bind(now.unix_micros()).push(") AND ");
    jobs::push_has_none(&mut query, kinds.delta, DELTAS.subject);
    query.push(" ORDER BY l.due_at LIMIT ").push_bind(limit);
    let mut rows: Vec<DeltaRow> = session.link().fetch_all(query).await?;
    // The build of a list asks for the delta to it: it is missing when neither is to come.
    for (table, kind) in [(FULL, kinds.full), (SHARDS, kinds.shard)] {
        let mut query = wanted(&table);
        query.push(" AND ca.not_after >= ").push_bind(now.unix_micros());
        query.push(" AND NOT EXISTS (SELECT 1 FROM delta_crls d WHERE d.ca_id = l.ca_id AND d.shard = ");
        query.push(table.shard).push(") AND ");
        jobs::push_has_none(&mut query, kind, table.subject);
        query.push(" AND ");
        jobs::push_has_none(&mut query, kinds.delta, table.delta_subject);
        query.push(" LIMIT ").push_bind(limit);
        rows.extend(session.link().fetch_all::<DeltaRow>(query).await?);
    }
    read(&rows)
}

/// The delta CRLs that there are to be, of CAs of any tenant.
pub async fn all(session: &mut SystemSession) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut rows: Vec<DeltaRow> = Vec::new();
    for table in [FULL, SHARDS] {
        rows.extend(session.link().fetch_all::<DeltaRow>(wanted(&table)).await?);
    }
    read(&rows)
}

type DeltaRow = (String, String, i64);

/// The lists of a table whose CAs have delta CRLs.
fn wanted(table: &CrlTable) -> Query {
    let mut query = Query::new("SELECT l.tenant_id, l.ca_id, ");
    query.push(table.shard).push(" FROM certificate_authorities ca CROSS JOIN ").push(table.from);
    query.push(" WHERE ca.delta_crl_validity IS NOT NULL AND l.tenant_id = ca.tenant_id AND l.ca_id = ca.id");
    query
}

fn read(rows: &[DeltaRow]) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    rows.iter()
        .map(|(tenant, ca, shard)| {
            Ok((parsed("delta_crls", "tenant_id", tenant)?, crl_id(ca, *shard)?.delta()))
        })
        .collect()
}

/// A certificate that was revoked, got another reason, or was released.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Since when it is revoked, and why; nothing when it was released.
    pub revoked: Option<(Timestamp, Stored<RevocationReason>)>,
    /// Since when its key may have been in wrong hands.
    pub invalidity_at: Option<Timestamp>,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// Where certificates are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Those that are stored.
    Whole,
    /// Those of which only what is needed to revoke them is kept.
    Thin,
}

/// The next `limit` certificates of a list that were changed at `since` or later, in the order of the changes, after `after`.
pub async fn changed_page(
    session: &mut Session,
    (list, kept): (CrlId, Kept),
    since: Timestamp,
    after: Option<&Changed>,
    limit: i64,
) -> Result<Vec<Changed>, StorageError> {
    type Row = (Vec<u8>, Option<i64>, Option<i64>, Option<i64>, i64);
    let mut query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason, invalidity_at, crl_changed_at FROM ",
    );
    query.push(match kept {
        Kept::Whole => "certificates",
        Kept::Thin => "unstored_certificates",
    });
    query.push(" WHERE tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND ca_id = ").push_bind(list.ca().to_string());
    if !list.is_full() {
        // With the unary plus SQLite takes the index of what has changed, which is little, and not that of the shard.
        query.push(" AND +crl_shard = ").push_bind(i64::from(list.shard()));
    }
    query.push(" AND crl_changed_at >= ").push_bind(since.unix_micros());
    if let Some(after) = after {
        let at = after.changed_at.unix_micros();
        query.push(" AND crl_changed_at >= ").push_bind(at);
        query.push(" AND (crl_changed_at > ").push_bind(at);
        query.push(" OR serial_number > ").push_bind(after.serial_number.as_bytes()).push(")");
    }
    query.push(" ORDER BY crl_changed_at, serial_number LIMIT ").push_bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(serial, revoked_at, reason, invalidity, changed_at)| {
            let reason = CERTIFICATE_REVOCATION_REASON.read_code(reason);
            Ok(Changed {
                serial_number: SerialNumber::from_bytes(&serial)
                    .map_err(|error| corrupt("certificates", "serial_number", error))?,
                revoked: revoked_at.map(|at| (Timestamp::from_unix_micros(at), reason)),
                invalidity_at: invalidity.map(Timestamp::from_unix_micros),
                changed_at: Timestamp::from_unix_micros(changed_at),
            })
        })
        .collect()
}
