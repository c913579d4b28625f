//! Figures about what ends and what waits, for alarms. Every query is bounded by a limit or by a partial index.

use std::time::Duration;

use certmill_domain::{TenantId, Timestamp};

use crate::query::Query;
use crate::row::row;
use crate::{StorageError, SystemSession, WithLink};

/// Certificates of a tenant that are looked at; what is beyond ends later than all of these.
const MOST_CERTIFICATES: i64 = 100_000;
/// Renewals that are looked at.
const MOST_RENEWALS: i64 = 100_000;

const DAY: Duration = Duration::from_hours(24);

/// A CA that is in use, with its CRL.
#[derive(Debug, Clone)]
pub struct CaFigures {
    /// The tenant that it belongs to.
    pub tenant_id: String,
    /// Its id.
    pub id: String,
    /// When its certificate ends.
    pub not_after: Timestamp,
    /// When its CRL was made; where it has several, the oldest of them.
    pub this_update: Option<Timestamp>,
    /// Until when its CRL counts; where it has several, the one that ends first.
    pub next_update: Option<Timestamp>,
    /// Its delta CRLs, while lists are good that name them.
    pub deltas: Option<DeltaFigures>,
}

/// The delta CRLs of a CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaFigures {
    /// When the oldest of them was made.
    pub this_update: Timestamp,
    /// When the first of them ends.
    pub next_update: Timestamp,
}

/// CAs that are neither revoked nor over, those that end first; at most `limit`.
pub async fn cas(
    session: &mut SystemSession,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<CaFigures>, StorageError> {
    row! {
        struct Row {
            tenant_id: String,
            id: String,
            not_after: i64,
            this_update: Option<i64>,
            next_update: Option<i64>,
            this_shards: Option<i64>,
            next_shards: Option<i64>,
            this_deltas: Option<i64>,
            next_deltas: Option<i64>,
        }
    }
    let query = Query::new(
        "SELECT ca.tenant_id, ca.id, ca.not_after, crl.this_update, crl.next_update, \
         (SELECT MIN(s.this_update) FROM crl_shards s WHERE s.tenant_id = ca.tenant_id AND s.ca_id = ca.id) AS this_shards, \
         (SELECT MIN(s.next_update) FROM crl_shards s WHERE s.tenant_id = ca.tenant_id AND s.ca_id = ca.id) AS next_shards, \
         (SELECT MIN(d.this_update) FROM delta_crls d WHERE d.tenant_id = ca.tenant_id AND d.ca_id = ca.id \
           AND (d.kept_until IS NULL OR d.kept_until > $1)) AS this_deltas, \
         (SELECT MIN(d.next_update) FROM delta_crls d WHERE d.tenant_id = ca.tenant_id AND d.ca_id = ca.id \
           AND (d.kept_until IS NULL OR d.kept_until > $1)) AS next_deltas \
         FROM certificate_authorities ca \
         LEFT JOIN crls crl ON crl.tenant_id = ca.tenant_id AND crl.ca_id = ca.id \
         WHERE ca.revoked_at IS NULL AND ca.not_after > $1 ORDER BY ca.not_after LIMIT $2",
    )
    .bind(now.unix_micros())
    .bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    let first = |full: Option<i64>, shards: Option<i64>| {
        full.into_iter().chain(shards).min().map(Timestamp::from_unix_micros)
    };
    Ok(rows
        .into_iter()
        .map(|row| CaFigures {
            tenant_id: row.tenant_id,
            id: row.id,
            not_after: Timestamp::from_unix_micros(row.not_after),
            this_update: first(row.this_update, row.this_shards),
            next_update: first(row.next_update, row.next_shards),
            deltas: row.this_deltas.zip(row.next_deltas).map(|(this_update, next_update)| DeltaFigures {
                this_update: Timestamp::from_unix_micros(this_update),
                next_update: Timestamp::from_unix_micros(next_update),
            }),
        })
        .collect())
}

/// Certificates of one source that end soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// How they came to be.
    pub source: String,
    /// How many end within a day.
    pub within_1d: i64,
    /// How many end within seven days.
    pub within_7d: i64,
    /// How many end within thirty days.
    pub within_30d: i64,
    /// When the first one ends.
    pub soonest: Timestamp,
}

/// The tenant's active certificates that end within thirty days, were not renewed and are in the last third of their time,
/// by source: a certificate that lives for a day is not an alarm from its first hour on.
pub async fn expiring(
    session: &mut SystemSession,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Vec<Expiring>, StorageError> {
    type Row = (String, i64, i64, i64, i64);
    let query = Query::new(
        "SELECT source, CAST(SUM(CASE WHEN not_after < $3 THEN 1 ELSE 0 END) AS BIGINT), \
           CAST(SUM(CASE WHEN not_after < $4 THEN 1 ELSE 0 END) AS BIGINT), COUNT(*), MIN(not_after) \
         FROM (SELECT source, not_after FROM certificates \
           WHERE tenant_id = $1 AND not_after >= $2 AND not_after < $5 AND status = 'active' AND renewed_by IS NULL \
             AND (not_after - $2) * 3 < not_after - not_before \
           ORDER BY not_after LIMIT $6) AS soon \
         GROUP BY source ORDER BY source",
    )
    .bind(tenant.to_string())
    .bind(now.unix_micros())
    .bind(now.plus(DAY).unix_micros())
    .bind(now.plus(7 * DAY).unix_micros())
    .bind(now.plus(30 * DAY).unix_micros())
    .bind(MOST_CERTIFICATES);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    Ok(rows
        .into_iter()
        .map(|(source, within_1d, within_7d, within_30d, soonest)| Expiring {
            source,
            within_1d,
            within_7d,
            within_30d,
            soonest: Timestamp::from_unix_micros(soonest),
        })
        .collect())
}

/// Renewals at ACME servers that are not as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewals {
    /// The last try failed.
    pub failing: i64,
    /// Should have been renewed a day ago.
    pub overdue: i64,
}

/// Counts the renewals that fail or are late.
pub async fn renewals(session: &mut SystemSession, now: Timestamp) -> Result<Renewals, StorageError> {
    let query = Query::new(
        "SELECT CAST(COALESCE(SUM(CASE WHEN failures > 0 THEN 1 ELSE 0 END), 0) AS BIGINT), \
           CAST(COALESCE(SUM(CASE WHEN auto_renew AND renew_at < $1 THEN 1 ELSE 0 END), 0) AS BIGINT) \
         FROM (SELECT failures, auto_renew, renew_at FROM acme_renewals WHERE is_over = FALSE \
           ORDER BY renew_at LIMIT $2) AS open",
    )
    .bind(now.minus(DAY).unix_micros())
    .bind(MOST_RENEWALS);
    let rows: Vec<(i64, i64)> = session.link().fetch_all(query).await?;
    let (failing, overdue) = rows.first().copied().unwrap_or_default();
    Ok(Renewals { failing, overdue })
}

/// Open ACME orders by state: state, count.
pub async fn open_orders(session: &mut SystemSession) -> Result<Vec<(String, i64)>, StorageError> {
    let query = Query::new(
        "SELECT state, COUNT(*) FROM acme_orders WHERE state NOT IN ('issued', 'failed') GROUP BY state",
    );
    session.link().fetch_all(query).await
}

/// Tokens that count and end within seven days.
pub async fn expiring_tokens(session: &mut SystemSession, now: Timestamp) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT COUNT(*) FROM tokens WHERE revoked_at IS NULL AND expires_at >= $1 AND expires_at < $2",
    )
    .bind(now.unix_micros())
    .bind(now.plus(7 * DAY).unix_micros());
    let rows: Vec<(i64,)> = session.link().fetch_all(query).await?;
    Ok(rows.first().map_or(0, |row| row.0))
}
