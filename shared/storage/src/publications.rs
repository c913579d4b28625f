//! What of CAs is at places beside `/pub`, and what should be.

use certmill_domain::{CrlId, TenantId, Timestamp};
use certmill_x509::SerialNumber;

use crate::crls::{CrlTable, DELTAS, FULL, SHARDS, crl_id};
use crate::error::parsed;
use crate::query::Query;
use crate::{StorageError, SystemSession, Tx, WithLink, jobs};

/// Tenant, CA, shard, number, since when and why.
type BehindRow = (String, String, i64, i64, Option<i64>, Option<String>);
/// Tenant, CA, shard, whether it is a delta, number, since when and why.
type LateRow = (String, String, i64, bool, i64, i64, Option<String>);

/// A place beside `/pub`.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The word for what it is.
    pub target: &'static str,
    /// Which one.
    pub name: &'a str,
}

/// What was brought to a place.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The number of the list.
    pub number: i64,
    /// The serial number of the CA's certificate, which goes with the full list.
    pub certificate: Option<&'a SerialNumber>,
}

/// Notes that something is about to be brought to a place, which is behind until that is done.
pub async fn begin(tx: &mut Tx, list: CrlId, place: Place<'_>, now: Timestamp) -> Result<(), StorageError> {
    let mut query = Query::new(
        "INSERT INTO publications (tenant_id, ca_id, shard, is_delta, target, place, behind_since, failures) VALUES (",
    );
    query.push_bind(tx.tenant_key()).push(", ").push_bind(list.ca().to_string());
    query.push(", ").push_bind(i64::from(list.shard())).push(", ").push_bind(list.is_delta());
    query.push(", ").push_bind(place.target.to_owned()).push(", ").push_bind(place.name.to_owned());
    query.push(", ").push_bind(now.unix_micros()).push(
        ", 0) ON CONFLICT (ca_id, shard, is_delta, target) DO UPDATE SET \
         behind_since = COALESCE(publications.behind_since, excluded.behind_since), \
         number = CASE WHEN publications.place = excluded.place THEN publications.number END, \
         certificate_serial = CASE WHEN publications.place = excluded.place THEN publications.certificate_serial END, \
         place = excluded.place",
    );
    tx.link().execute(query).await.map(drop)
}

/// Notes what is at a place now.
pub async fn done(
    tx: &mut Tx,
    list: CrlId,
    place: Place<'_>,
    (published, now): (Published<'_>, Timestamp),
) -> Result<(), StorageError> {
    let mut query = Query::new("UPDATE publications SET number = ");
    query.push_bind(published.number).push(", certificate_serial = ");
    query.push_bind(published.certificate.map(|serial| serial.as_bytes().to_vec()));
    query.push(", published_at = ").push_bind(now.unix_micros());
    query.push(", behind_since = NULL, told_at = NULL, failures = 0, failure = NULL");
    push_where(&mut query, tx, list, place.target);
    tx.link().execute(query).await.map(drop)
}

/// Notes that something could not be brought to a place; answers how often in a row.
pub async fn failed(
    tx: &mut Tx,
    list: CrlId,
    place: Place<'_>,
    failure: String,
) -> Result<i64, StorageError> {
    let mut query = Query::new("UPDATE publications SET failures = failures + 1, failure = ");
    query.push_bind(failure);
    push_where(&mut query, tx, list, place.target);
    query.push(" RETURNING failures");
    Ok(tx.link().fetch_optional::<(i64,)>(query).await?.map_or(1, |(failures,)| failures))
}

/// Forgets what was noted of a list that is to be at no such place any more.
pub async fn forget(tx: &mut Tx, list: CrlId, target: &'static str) -> Result<(), StorageError> {
    let mut query = Query::new("DELETE FROM publications");
    push_where(&mut query, tx, list, target);
    tx.link().execute(query).await.map(drop)
}

fn push_where(query: &mut Query, tx: &Tx, list: CrlId, target: &'static str) {
    query.push(" WHERE tenant_id = ").push_bind(tx.tenant_key());
    query.push(" AND ca_id = ").push_bind(list.ca().to_string());
    query.push(" AND shard = ").push_bind(i64::from(list.shard()));
    query.push(" AND is_delta = ").push_bind(list.is_delta());
    query.push(" AND target = ").push_bind(target.to_owned());
}

/// Something that is not at a place as it should be.
#[derive(Debug, Clone)]
pub struct Behind {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which list; with the full one the CA's certificate is meant too.
    pub list: CrlId,
    /// The number of the present list.
    pub number: i64,
    /// Since when; absent when nobody has begun with it.
    pub since: Option<Timestamp>,
    /// Why, in the words of the last try.
    pub failure: Option<String>,
}

/// What is not at a place as it should be, of any tenant, and has no job of the kind `without_job` where one is named. Every list is
/// looked at.
pub async fn behind(
    session: &mut SystemSession,
    place: Place<'_>,
    without_job: Option<&'static str>,
    limit: i64,
) -> Result<Vec<Behind>, StorageError> {
    let mut found = Vec::new();
    for table in [FULL, SHARDS, DELTAS] {
        let mut query = Query::new("SELECT l.tenant_id, l.ca_id, ");
        query.push(table.shard).push(", l.number, p.behind_since, p.failure FROM ").push(table.from);
        push_joined(&mut query, &table, place);
        if let Some(kind) = without_job {
            query.push(" AND ");
            jobs::push_has_none(&mut query, kind, table.subject);
        }
        query.push(" LIMIT ").push_bind(limit);
        let rows: Vec<BehindRow> = session.link().fetch_all(query).await?;
        for (tenant, ca, shard, number, since, failure) in rows {
            found.push(Behind {
                tenant: parsed("crls", "tenant_id", &tenant)?,
                list: table.named(crl_id(&ca, shard)?),
                number,
                since: since.map(Timestamp::from_unix_micros),
                failure,
            });
        }
    }
    Ok(found)
}

/// How much is not at a place as it should be, and since when the first of it is not.
pub async fn count_behind(
    session: &mut SystemSession,
    place: Place<'_>,
) -> Result<(i64, Option<Timestamp>), StorageError> {
    let (mut count, mut since) = (0, None);
    for table in [FULL, SHARDS, DELTAS] {
        let mut query = Query::new("SELECT COUNT(*), MIN(p.behind_since) FROM ");
        query.push(table.from);
        push_joined(&mut query, &table, place);
        let row = session.link().fetch_optional::<(i64, Option<i64>)>(query).await?;
        let (more, first) = row.unwrap_or_default();
        count += more;
        since = since.into_iter().chain(first).min();
    }
    Ok((count, since.map(Timestamp::from_unix_micros)))
}

/// Joins the lists of a table with what is at a place, and leaves those that are there.
fn push_joined(query: &mut Query, table: &CrlTable, place: Place<'_>) {
    query.push(" JOIN certificate_authorities ca ON ca.tenant_id = l.tenant_id AND ca.id = l.ca_id");
    query.push(" LEFT JOIN publications p ON p.ca_id = l.ca_id AND p.shard = ").push(table.shard);
    query.push(" AND p.is_delta = ").push_bind(table.name == DELTAS.name);
    query.push(" AND p.target = ").push_bind(place.target.to_owned());
    query.push(" AND p.place = ").push_bind(place.name.to_owned());
    query.push(" WHERE (p.number IS NULL OR p.number < l.number");
    if table.name == FULL.name {
        query.push(" OR p.certificate_serial IS NULL OR p.certificate_serial <> ca.serial_number");
    }
    query.push(")");
}

/// What is behind at a place since before a time, and of which that was not told yet.
pub async fn late(
    session: &mut SystemSession,
    place: Place<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Behind>, StorageError> {
    let mut query = Query::new(
        "SELECT tenant_id, ca_id, shard, is_delta, COALESCE(number, 0), behind_since, failure FROM publications \
         WHERE behind_since < ",
    );
    query.push_bind(before.unix_micros()).push(" AND told_at IS NULL AND target = ");
    query.push_bind(place.target.to_owned()).push(" AND place = ").push_bind(place.name.to_owned());
    query.push(" ORDER BY behind_since LIMIT ").push_bind(limit);
    let rows: Vec<LateRow> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, ca, shard, is_delta, number, since, failure)| {
            let list = crl_id(&ca, shard)?;
            Ok(Behind {
                tenant: parsed("publications", "tenant_id", &tenant)?,
                list: if is_delta { list.delta() } else { list },
                number,
                since: Some(Timestamp::from_unix_micros(since)),
                failure,
            })
        })
        .collect()
}

/// Notes that it was told that something is late; `false` when it is not any more, or that was told before.
pub async fn note_told(
    tx: &mut Tx,
    list: CrlId,
    place: Place<'_>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let mut query = Query::new("UPDATE publications SET told_at = ");
    query.push_bind(now.unix_micros());
    push_where(&mut query, tx, list, place.target);
    query.push(" AND behind_since IS NOT NULL AND told_at IS NULL");
    Ok(tx.link().execute(query).await? == 1)
}
