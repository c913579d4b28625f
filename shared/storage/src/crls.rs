//! CRLs: one present full list per CA and one per shard, and the entries from which the next one is made.

pub mod deltas;
mod entries;
mod watch;

use certmill_domain::{CaId, Crl, CrlId, CrlInfo, Timestamp};

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::{Session, StorageError, SystemSession, Tx, WithLink};

pub use entries::{RevokedEntry, invalidities, leaving, revoked_page};
pub(crate) use entries::{push_page, revoked_entry};
pub use watch::{BuildKinds, Late, all, due, late, note_late, overtaken, unnamed};

/// Where lists are.
pub(crate) struct CrlTable {
    pub(crate) name: &'static str,
    /// The table with the alias `l`.
    pub(crate) from: &'static str,
    /// The number of a row's shard.
    pub(crate) shard: &'static str,
    /// The text of a row's [`CrlId`].
    pub(crate) subject: &'static str,
    /// The text of the [`CrlId`] of the delta CRL that belongs to a row.
    delta_subject: &'static str,
}

pub(crate) const FULL: CrlTable = CrlTable {
    name: "crls",
    from: "crls l",
    shard: "CAST(0 AS BIGINT)",
    subject: "l.ca_id",
    delta_subject: "(l.ca_id || '-delta')",
};
pub(crate) const SHARDS: CrlTable = CrlTable {
    name: "crl_shards",
    from: "crl_shards l",
    shard: "l.shard",
    subject: "(l.ca_id || '-' || CAST(l.shard AS TEXT))",
    delta_subject: "(l.ca_id || '-' || CAST(l.shard AS TEXT) || '-delta')",
};
/// Delta CRLs, of full lists and of shards.
pub(crate) const DELTAS: CrlTable = CrlTable {
    name: "delta_crls",
    from: "delta_crls l",
    shard: "l.shard",
    subject: OF_DELTAS,
    delta_subject: OF_DELTAS,
};
const OF_DELTAS: &str =
    "(l.ca_id || CASE WHEN l.shard > 0 THEN '-' || CAST(l.shard AS TEXT) ELSE '' END || '-delta')";

impl CrlTable {
    const fn of(list: CrlId) -> Self {
        if list.is_delta() {
            DELTAS
        } else if list.is_full() {
            FULL
        } else {
            SHARDS
        }
    }

    /// The list of this table that belongs to another one.
    pub(crate) fn named(&self, list: CrlId) -> CrlId {
        if self.name == DELTAS.name { list.delta() } else { list }
    }
}

const SELECT_INFO: &str = "SELECT number, this_update, next_update, entries, builds";

/// The size of a listed row: all in it has a fixed one.
const NO_OCTETS: &str = "0";

type InfoRow = (i64, i64, i64, i64, i64);
type ShardRow = (i64, i64, i64, i64, i64, i64);
type CrlRow = (i64, i64, i64, i64, i64, Vec<u8>);

/// A list about to be stored for the first time.
#[derive(Debug, Clone)]
pub struct FirstCrl {
    /// Which one.
    pub list: CrlId,
    /// By which addresses certificates name it, of a shard.
    pub urls: Vec<String>,
    /// The list.
    pub crl: Crl,
}

/// Stores first lists.
pub async fn insert(tx: &mut Tx, first: &[FirstCrl]) -> Result<(), StorageError> {
    for FirstCrl { list, urls, crl } in first {
        let mut query = Query::new("INSERT INTO ");
        query.push(CrlTable::of(*list).name);
        query.push(" (tenant_id, ca_id, number, this_update, next_update, entries, builds, der");
        query.push(if list.is_full() { ") VALUES (" } else { ", shard, urls) VALUES (" });
        query.push_bind(tx.tenant_key()).push(", ").push_bind(list.ca().to_string());
        let CrlInfo { number, this_update, next_update, entries, builds } = crl.info;
        for figure in [number, this_update.unix_micros(), next_update.unix_micros(), entries, builds] {
            query.push(", ").push_bind(figure);
        }
        query.push(", ").push_bind(crl.der.clone());
        if !list.is_full() {
            query.push(", ").push_bind(i64::from(list.shard())).push(", ").push_bind(urls.join("\n"));
        }
        query.push(")");
        tx.link().execute(query).await?;
    }
    Ok(())
}

/// Replaces a list, whose number the caller has read, by the next one; `false` when another build was first. `urls` are the
/// addresses that it names, of a shard.
pub async fn replace(
    tx: &mut Tx,
    list: CrlId,
    seen: i64,
    urls: &[String],
    crl: Crl,
) -> Result<bool, StorageError> {
    let mut query = Query::new("UPDATE ");
    query.push(CrlTable::of(list).name).push(" SET previous_update = this_update");
    // What the row says before the statement: the end of the list that is replaced.
    query.push(
        ", earlier_until = CASE WHEN earlier_until > next_update THEN earlier_until ELSE next_update END",
    );
    query.push(", number = ").push_bind(crl.info.number);
    query.push(", this_update = ").push_bind(crl.info.this_update.unix_micros());
    query.push(", next_update = ").push_bind(crl.info.next_update.unix_micros());
    query.push(", entries = ").push_bind(crl.info.entries);
    query.push(", builds = ").push_bind(crl.info.builds);
    query.push(", der = ").push_bind(crl.der);
    if !list.is_full() {
        query.push(", urls = ").push_bind(urls.join("\n"));
    }
    push_where(&mut query, Some(tx.tenant_key()), list);
    query.push(" AND number = ").push_bind(seen);
    Ok(tx.link().execute(query).await? == 1)
}

/// Narrows a statement to the row of a list.
fn push_where(query: &mut Query, tenant: Option<String>, list: CrlId) {
    query.push(" WHERE ca_id = ").push_bind(list.ca().to_string());
    if let Some(tenant) = tenant {
        query.push(" AND tenant_id = ").push_bind(tenant);
    }
    if list.is_delta() || !list.is_full() {
        query.push(" AND shard = ").push_bind(i64::from(list.shard()));
    }
}

fn select(columns: &'static str, tenant: Option<String>, list: CrlId) -> Query {
    let mut query = Query::new(columns);
    query.push(" FROM ").push(CrlTable::of(list).name);
    push_where(&mut query, tenant, list);
    query
}

/// A list in DER.
pub async fn der(session: &mut Session, list: CrlId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = select("SELECT der", Some(session.tenant_key()), list);
    Ok(session.link().fetch_optional::<(Vec<u8>,)>(query).await?.map(|(der,)| der))
}

/// The addresses by which certificates of a shard name its list, the newest first; none of a full list.
pub async fn urls(session: &mut Session, list: CrlId) -> Result<Vec<String>, StorageError> {
    if list.is_full() {
        return Ok(Vec::new());
    }
    let query = select("SELECT urls", Some(session.tenant_key()), list);
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    Ok(row.map(|(urls,)| urls.lines().map(ToOwned::to_owned).collect()).unwrap_or_default())
}

/// The figures of a list.
pub async fn info(session: &mut Session, list: CrlId) -> Result<Option<CrlInfo>, StorageError> {
    let query = select(SELECT_INFO, Some(session.tenant_key()), list);
    Ok(session.link().fetch_optional::<InfoRow>(query).await?.map(crl_info))
}

/// Until when somebody may hold a list that was made before the present one; of a first list, or one that an older version has made,
/// the end of the list itself.
pub async fn earlier_until(session: &mut Session, list: CrlId) -> Result<Option<Timestamp>, StorageError> {
    let query = select("SELECT COALESCE(earlier_until, next_update)", Some(session.tenant_key()), list);
    let row = session.link().fetch_optional::<(i64,)>(query).await?;
    Ok(row.map(|(until,)| Timestamp::from_unix_micros(until)))
}

/// The figures of every full list of the tenant whose CA is among these.
pub async fn infos(session: &mut Session, cas: &[CaId]) -> Result<Vec<(CaId, CrlInfo)>, StorageError> {
    if cas.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new(
        "SELECT ca_id, number, this_update, next_update, entries, builds FROM crls WHERE tenant_id = ",
    );
    query.push_bind(session.tenant_key()).push(" AND ca_id IN (");
    for (index, ca) in cas.iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " }).push_bind(ca.to_string());
    }
    query.push(")");
    let rows: Vec<(String, i64, i64, i64, i64, i64)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(ca, number, this, next, entries, builds)| {
            Ok((parsed("crls", "ca_id", &ca)?, crl_info((number, this, next, entries, builds))))
        })
        .collect()
}

/// The figures of the lists of a CA's shards, in the order of their numbers; at most [`CrlId::MOST_SHARDS`].
pub async fn shards(session: &mut Session, ca: CaId) -> Result<Vec<(CrlId, CrlInfo)>, StorageError> {
    let query = Query::new(
        "SELECT shard, number, this_update, next_update, entries, builds FROM crl_shards \
         WHERE tenant_id = $1 AND ca_id = $2 ORDER BY shard LIMIT $3",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(i64::from(CrlId::MOST_SHARDS));
    let rows: Vec<ShardRow> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|row| shard_info(ca, row)).collect()
}

fn shard_info(
    ca: CaId,
    (shard, number, this, next, entries, builds): ShardRow,
) -> Result<(CrlId, CrlInfo), StorageError> {
    Ok((CrlId::of_shard(ca, shard_of(shard)?), crl_info((number, this, next, entries, builds))))
}

/// A page of the lists of a CA's shards, in the order of their numbers, after one of them.
pub async fn shards_page(
    session: &mut Session,
    ca: CaId,
    after: Option<u32>,
    wanted: Extent,
) -> Result<Listed<(CrlId, CrlInfo)>, StorageError> {
    let mut query = Query::new(
        "SELECT shard, number, this_update, next_update, entries, builds FROM crl_shards WHERE tenant_id = ",
    );
    query.push_bind(session.tenant_key()).push(" AND ca_id = ").push_bind(ca.to_string());
    query.end_filter();
    if let Some(after) = after {
        query.push(" AND shard > ").push_bind(i64::from(after));
    }
    query.push(" ORDER BY shard");
    let page = session.link().fetch_page::<ShardRow>(query, NO_OCTETS, wanted).await?;
    page.read(|row| shard_info(ca, row))
}

/// The figures of a list, whoever owns it.
pub async fn public_info(session: &mut SystemSession, list: CrlId) -> Result<Option<CrlInfo>, StorageError> {
    let query = select(SELECT_INFO, None, list);
    Ok(session.link().fetch_optional::<InfoRow>(query).await?.map(crl_info))
}

/// A list, whoever owns it.
pub async fn public(session: &mut SystemSession, list: CrlId) -> Result<Option<Crl>, StorageError> {
    let query = select("SELECT number, this_update, next_update, entries, builds, der", None, list);
    Ok(session.link().fetch_optional::<CrlRow>(query).await?.map(crl))
}

/// The number of a shard out of its column.
pub(crate) fn shard_of(stored: i64) -> Result<u32, StorageError> {
    u32::try_from(stored).map_err(|error| corrupt("crl_shards", "shard", error))
}

pub(crate) fn crl_id(ca: &str, shard: i64) -> Result<CrlId, StorageError> {
    Ok(CrlId::of_shard(parsed("crls", "ca_id", ca)?, shard_of(shard)?))
}

fn crl((number, this_update, next_update, entries, builds, der): CrlRow) -> Crl {
    Crl { info: crl_info((number, this_update, next_update, entries, builds)), der }
}

fn crl_info((number, this_update, next_update, entries, builds): InfoRow) -> CrlInfo {
    CrlInfo {
        number,
        this_update: Timestamp::from_unix_micros(this_update),
        next_update: Timestamp::from_unix_micros(next_update),
        entries,
        builds,
    }
}
