//! What a tenant has, in numbers. Certificates are counted over an index that holds all that is asked of them; everything else
//! reads no more rows than it counts.

use std::time::Duration;

use certmill_domain::{CaId, Timestamp};

use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, WithLink};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How many certificates have all of this in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The CA of the tenant that issued them.
    pub ca_id: Option<CaId>,
    /// How they came to be, as it is stored.
    pub source: String,
    /// `active`, `expired` or `revoked`.
    pub status: String,
    /// How many there are.
    pub count: i64,
}

/// The tenant's certificates by CA, source and state at `now`.
pub async fn certificates(session: &mut Session, now: Timestamp) -> Result<Vec<Group>, StorageError> {
    let query = Query::new(
        "SELECT ca_id, source, CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN not_after < $2 THEN 'expired' \
           ELSE 'active' END AS status_now, COUNT(*) \
         FROM certificates WHERE tenant_id = $1 GROUP BY ca_id, source, status_now",
    )
    .bind(session.tenant_key())
    .bind(now.unix_micros());
    let rows: Vec<(Option<String>, String, String, i64)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(ca_id, source, status, count)| {
            let ca_id = ca_id.map(|id| parsed("certificates", "ca_id", &id)).transpose()?;
            Ok(Group { ca_id, source, status, count })
        })
        .collect()
}

/// How many certificates that are not revoked end within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// All of them.
    pub count: i64,
    /// Those that were renewed.
    pub renewed: i64,
}

/// The ends in each of these spans, from the one time on and before the other.
pub async fn ends(
    session: &mut Session,
    spans: &[(Timestamp, Timestamp)],
) -> Result<Vec<Ends>, StorageError> {
    let mut query = Query::new("WITH spans (place, since, until) AS (VALUES ");
    for (place, (since, until)) in (0_i64..).zip(spans) {
        query.push(if place == 0 { "(" } else { ", (" }).push_bind(place);
        query.push(", ").push_bind(since.unix_micros()).push(", ").push_bind(until.unix_micros()).push(")");
    }
    query.push(") SELECT (SELECT COUNT(*) ");
    push_span(&mut query, session.tenant_key());
    query.push("), (SELECT COUNT(c.renewed_by) ");
    push_span(&mut query, session.tenant_key());
    query.push(") FROM spans ORDER BY place");
    let rows: Vec<(i64, i64)> = session.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(count, renewed)| Ends { count, renewed }).collect())
}

fn push_span(query: &mut Query, tenant: String) {
    query.push("FROM certificates c WHERE c.tenant_id = ").push_bind(tenant);
    query.push(" AND c.not_after >= since AND c.not_after < until AND c.revoked_at IS NULL");
}

/// What waits for a person, and what has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matters {
    /// CSRs without a decision.
    pub csrs_pending: i64,
    /// CSRs that were approved and are not signed.
    pub csrs_approved: i64,
    /// Renewals at ACME servers whose last try failed.
    pub renewals_failing: i64,
    /// Renewals that should have been a day ago.
    pub renewals_overdue: i64,
    /// Orders that have not ended.
    pub orders_open: i64,
    /// Orders that failed within thirty days.
    pub orders_failed: i64,
    /// Jobs that were given up.
    pub jobs_dead: i64,
}

/// Counts what waits for a person, and what has failed.
pub async fn matters(session: &mut Session, now: Timestamp) -> Result<Matters, StorageError> {
    let query = Query::new(
        "SELECT (SELECT COUNT(*) FROM csrs WHERE tenant_id = $1 AND status = 'pending'), \
           (SELECT COUNT(*) FROM csrs WHERE tenant_id = $1 AND status = 'approved'), \
           (SELECT COUNT(*) FROM acme_renewals WHERE tenant_id = $1 AND is_over = FALSE AND failures > 0), \
           (SELECT COUNT(*) FROM acme_renewals \
             WHERE tenant_id = $1 AND is_over = FALSE AND auto_renew AND renew_at < $2), \
           (SELECT COUNT(*) FROM acme_orders WHERE tenant_id = $1 AND state NOT IN ('issued', 'failed')), \
           (SELECT COUNT(*) FROM acme_orders WHERE tenant_id = $1 AND state = 'failed' AND updated_at >= $3), \
           (SELECT COUNT(*) FROM jobs WHERE tenant_id = $1 AND state = 'dead')",
    )
    .bind(session.tenant_key())
    .bind(now.minus(DAY).unix_micros())
    .bind(now.minus(30 * DAY).unix_micros());
    let row: Option<(i64, i64, i64, i64, i64, i64, i64)> = session.link().fetch_optional(query).await?;
    let (
        csrs_pending,
        csrs_approved,
        renewals_failing,
        renewals_overdue,
        orders_open,
        orders_failed,
        jobs_dead,
    ) = row.unwrap_or_default();
    Ok(Matters {
        csrs_pending,
        csrs_approved,
        renewals_failing,
        renewals_overdue,
        orders_open,
        orders_failed,
        jobs_dead,
    })
}

/// The tenant's CAs in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cas {
    /// Neither revoked nor over.
    pub active: i64,
    /// Over.
    pub expired: i64,
    /// Revoked.
    pub revoked: i64,
    /// Active ones that end within ninety days.
    pub ending: i64,
    /// Active ones whose CRL should have been replaced.
    pub late_crls: i64,
}

/// A CA that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearEnd {
    /// Its id.
    pub id: CaId,
    /// Its name.
    pub name: String,
    /// When its certificate ends.
    pub not_after: Timestamp,
    /// When its full CRL ends.
    pub next_update: Option<Timestamp>,
    /// Whether it ends within ninety days.
    pub is_ending: bool,
    /// Whether its CRL, that of a shard, or a delta CRL should have been replaced.
    pub has_late_crl: bool,
}

/// An hour before its end, of a short one in its last tenth, a CRL should have been replaced: long before that its job is due.
/// Takes the present time and that in an hour.
const LATE_CRL: &str = "(COALESCE(crl.next_update < $3 \
     AND crl.next_update - $2 < (crl.next_update - crl.this_update) / 10, FALSE) \
     OR EXISTS (SELECT 1 FROM crl_shards s WHERE s.tenant_id = ca.tenant_id AND s.ca_id = ca.id \
       AND s.next_update < $3 AND s.next_update - $2 < (s.next_update - s.this_update) / 10) \
     OR EXISTS (SELECT 1 FROM delta_crls d WHERE d.tenant_id = ca.tenant_id AND d.ca_id = ca.id \
       AND (d.kept_until IS NULL OR d.kept_until > $2) \
       AND d.next_update < $3 AND d.next_update - $2 < (d.next_update - d.this_update) / 10))";

const ACTIVE_CAS: &str = " FROM certificate_authorities ca \
     LEFT JOIN crls crl ON crl.tenant_id = ca.tenant_id AND crl.ca_id = ca.id \
     WHERE ca.tenant_id = $1 AND ca.revoked_at IS NULL AND ca.not_after >= $2";

/// Counts the tenant's CAs.
pub async fn cas(session: &mut Session, now: Timestamp) -> Result<Cas, StorageError> {
    let mut query = Query::new(
        "SELECT COUNT(*), \
           (SELECT COUNT(*) FROM certificate_authorities WHERE tenant_id = $1 AND revoked_at IS NULL AND not_after < $2), \
           (SELECT COUNT(*) FROM certificate_authorities WHERE tenant_id = $1 AND revoked_at IS NOT NULL), \
           CAST(COALESCE(SUM(CASE WHEN ca.not_after < $4 THEN 1 ELSE 0 END), 0) AS BIGINT), \
           CAST(COALESCE(SUM(CASE WHEN ",
    );
    query.push(LATE_CRL).push(" THEN 1 ELSE 0 END), 0) AS BIGINT)").push(ACTIVE_CAS);
    let query = bound(query, session, now);
    let row: Option<(i64, i64, i64, i64, i64)> = session.link().fetch_optional(query).await?;
    let (active, expired, revoked, ending, late_crls) = row.unwrap_or_default();
    Ok(Cas { active, expired, revoked, ending, late_crls })
}

/// The active CAs that end within ninety days or whose CRL should have been replaced, those that end first; at most `limit`.
pub async fn near_their_end(
    session: &mut Session,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<NearEnd>, StorageError> {
    type Row = (String, String, i64, Option<i64>, bool, bool);
    let mut query = Query::new("SELECT ca.id, ca.name, ca.not_after, crl.next_update, ca.not_after < $4, ");
    query.push(LATE_CRL).push(ACTIVE_CAS).push(" AND (ca.not_after < $4 OR ").push(LATE_CRL);
    query.push(") ORDER BY ca.not_after, ca.id LIMIT $5");
    let query = bound(query, session, now).bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(id, name, not_after, next_update, is_ending, has_late_crl)| {
            Ok(NearEnd {
                id: parsed("certificate_authorities", "id", &id)?,
                name,
                not_after: Timestamp::from_unix_micros(not_after),
                next_update: next_update.map(Timestamp::from_unix_micros),
                is_ending,
                has_late_crl,
            })
        })
        .collect()
}

fn bound(query: Query, session: &Session, now: Timestamp) -> Query {
    let now_and = |later: Duration| now.plus(later).unix_micros();
    query.bind(session.tenant_key()).bind(now.unix_micros()).bind(now_and(HOUR)).bind(now_and(90 * DAY))
}
