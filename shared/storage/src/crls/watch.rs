//! CRLs whose next one is due, and those that are late.

use std::time::Duration;

use certmill_domain::{CrlId, TenantId, Timestamp};

use super::{CrlTable, DELTAS, FULL, SHARDS, crl_id};
use crate::error::parsed;
use crate::query::Query;
use crate::{StorageError, SystemSession, Tx, WithLink, jobs};

/// The times of a CA that has its own: by how much its next list comes before the end of the present one, in microseconds.
const OWN_OVERLAP: &str = "COALESCE(ca.crl_overlap * 1000000, ca.crl_validity * 1000000 / 3)";
/// Whether a CA has its own times, in the words of an index.
const HAS_OWN_TIMES: &str = "(ca.crl_overlap IS NOT NULL OR ca.crl_validity IS NOT NULL)";

/// The kinds of the jobs that build full lists and those of shards.
#[derive(Debug, Clone, Copy)]
pub struct BuildKinds {
    /// Of full lists.
    pub full: &'static str,
    /// Of those of shards.
    pub shard: &'static str,
    /// Of delta CRLs.
    pub delta: &'static str,
}

type Row = (String, String, i64);

/// Lists, of CAs of any tenant, whose next one is due: the present one ends within the CA's own overlap (a third of its own
/// validity when that is all it has), else within `ahead`.
pub async fn due(
    session: &mut SystemSession,
    kinds: BuildKinds,
    ahead: Duration,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut rows: Vec<Row> = Vec::new();
    for (table, kind) in [(FULL, kinds.full), (SHARDS, kinds.shard)] {
        // Each from the index that finds what is due: CROSS JOIN keeps SQLite from beginning at the other table.
        let mut plain = select(&table);
        plain.push(" FROM ").push(table.from).push(" CROSS JOIN certificate_authorities ca");
        plain.push(" WHERE l.next_update < ").push_bind(now.plus(ahead).unix_micros());
        plain.push(" AND ca.crl_overlap IS NULL AND ca.crl_validity IS NULL");
        let mut own = select(&table);
        own.push(" FROM certificate_authorities ca CROSS JOIN ").push(table.from);
        own.push(" WHERE ").push(HAS_OWN_TIMES).push(" AND l.next_update - ").push(OWN_OVERLAP);
        own.push(" < ").push_bind(now.unix_micros());
        for mut query in [plain, own] {
            query.push(" AND ca.tenant_id = l.tenant_id AND ca.id = l.ca_id AND ca.not_after >= ");
            query.push_bind(now.unix_micros()).push(" AND ");
            jobs::push_has_none(&mut query, kind, table.subject);
            query.push(" ORDER BY l.next_update LIMIT ").push_bind(limit);
            rows.extend(session.link().fetch_all::<Row>(query).await?);
        }
    }
    read(&rows)
}

/// Lists of shards, of any tenant, that do not say this address of the service, by which new certificates name them. Every list
/// is looked at.
pub async fn unnamed(
    session: &mut SystemSession,
    kinds: BuildKinds,
    address: &str,
    limit: i64,
) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut query = select(&SHARDS);
    query.push(" FROM ").push(SHARDS.from).push(" WHERE replace(l.urls, ");
    query.push_bind(address.to_owned()).push(", '') = l.urls AND ");
    jobs::push_has_none(&mut query, kinds.shard, SHARDS.subject);
    query.push(" LIMIT ").push_bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    read(&rows)
}

/// How much later than the list was made a change must be, in microseconds: a list says whole seconds.
const LIST_SECOND: i64 = 1_000_000;

/// Lists of shards and delta CRLs, of any tenant, that lack a change which is newer than they, and that have no job: a process of
/// a version before asks for the full list only.
pub async fn overtaken(
    session: &mut SystemSession,
    kinds: BuildKinds,
    limit: i64,
) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut found = Vec::new();
    for (table, kind) in [(SHARDS, kinds.shard), (DELTAS, kinds.delta)] {
        let mut query = select(&table);
        query.push(" FROM ").push(table.from).push(" WHERE ");
        jobs::push_has_none(&mut query, kind, table.subject);
        for (before, of) in [(" AND (", "certificates"), (" OR ", "unstored_certificates")] {
            query.push(before).push("EXISTS (SELECT 1 FROM ").push(of);
            query.push(" c WHERE c.tenant_id = l.tenant_id AND c.ca_id = l.ca_id AND c.crl_changed_at >= l.this_update + ");
            // With the unary plus SQLite takes the index of what has changed, which is little, and not that of the shard.
            query.push_bind(LIST_SECOND).push(" AND (+c.crl_shard = l.shard OR l.shard = 0))");
        }
        query.push(") LIMIT ").push_bind(limit);
        let rows: Vec<Row> = session.link().fetch_all(query).await?;
        found.extend(read(&rows)?.into_iter().map(|(tenant, list)| (tenant, table.named(list))));
    }
    Ok(found)
}

/// Every list of every tenant, those of shards after the full ones.
pub async fn all(session: &mut SystemSession) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    let mut rows: Vec<Row> = Vec::new();
    for table in [FULL, SHARDS] {
        let mut query = select(&table);
        query.push(" FROM ").push(table.from).push(" ORDER BY l.tenant_id, l.ca_id");
        rows.extend(session.link().fetch_all::<Row>(query).await?);
    }
    read(&rows)
}

fn select(table: &CrlTable) -> Query {
    let mut query = Query::new("SELECT l.tenant_id, l.ca_id, ");
    query.push(table.shard);
    query
}

fn read(rows: &[Row]) -> Result<Vec<(TenantId, CrlId)>, StorageError> {
    rows.iter()
        .map(|(tenant, ca, shard)| Ok((parsed("crls", "tenant_id", tenant)?, crl_id(ca, *shard)?)))
        .collect()
}

/// A CRL that is about to end, or has.
#[derive(Debug, Clone)]
pub struct Late {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which one.
    pub list: CrlId,
    /// Its number.
    pub number: i64,
    /// When it ends.
    pub next_update: Timestamp,
}

/// CRLs of CAs in use that are in the last hour and the last tenth of their time, or past it, and of which that was not told yet.
pub async fn late(
    session: &mut SystemSession,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Late>, StorageError> {
    let mut found = Vec::new();
    for table in [FULL, SHARDS, DELTAS] {
        let mut query = select(&table);
        query.push(", l.number, l.next_update FROM ").push(table.from);
        query.push(" CROSS JOIN certificate_authorities ca WHERE l.next_update < ");
        query.push_bind(now.plus(Duration::from_hours(1)).unix_micros());
        query.push(" AND (l.next_update - ").push_bind(now.unix_micros());
        query.push(") * 10 < l.next_update - l.this_update");
        query.push(" AND (l.late_number IS NULL OR l.late_number <> l.number)");
        query.push(" AND ca.tenant_id = l.tenant_id AND ca.id = l.ca_id AND ca.revoked_at IS NULL AND ca.not_after > ");
        query.push_bind(now.unix_micros());
        if table.name == DELTAS.name {
            query
                .push(" AND (l.kept_until IS NULL OR l.kept_until > ")
                .push_bind(now.unix_micros())
                .push(")");
        }
        query.push(" ORDER BY l.next_update LIMIT ").push_bind(limit);
        let rows: Vec<(String, String, i64, i64, i64)> = session.link().fetch_all(query).await?;
        for (tenant, ca, shard, number, next_update) in rows {
            found.push(Late {
                tenant: parsed("crls", "tenant_id", &tenant)?,
                list: table.named(crl_id(&ca, shard)?),
                number,
                next_update: Timestamp::from_unix_micros(next_update),
            });
        }
    }
    Ok(found)
}

/// Notes that it was told of this CRL that it is late; `false` when there is a newer one, or it was told before.
pub async fn note_late(tx: &mut Tx, list: CrlId, number: i64) -> Result<bool, StorageError> {
    let mut query = Query::new("UPDATE ");
    query.push(CrlTable::of(list).name).push(" SET late_number = ").push_bind(number);
    super::push_where(&mut query, Some(tx.tenant_key()), list);
    query.push(" AND number = ").push_bind(number);
    query.push(" AND (late_number IS NULL OR late_number <> ").push_bind(number).push(")");
    Ok(tx.link().execute(query).await? == 1)
}
