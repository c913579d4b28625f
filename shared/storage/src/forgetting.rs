//! Forgetting what is over: finding a batch by its indexes, and deleting it with everything that refers to it.

use certmill_domain::{CsrId, EventId, Sans, Timestamp};

use crate::certificates::reversed;
use crate::error::corrupt;
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink, jobs};

/// What can be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgettable {
    /// Certificates that have ended, with the ACME orders that they came from. One that was revoked, or whose suspension was
    /// lifted, only when it is on no list of its CA any more; one that is being renewed, or whose predecessor still lives, later.
    Certificates,
    /// Private keys of certificates that have ended.
    PrivateKeys,
    /// CSRs that were rejected or signed.
    Csrs,
    /// ACME orders that have failed.
    AcmeOrders,
    /// What is told of events.
    Events,
    /// What is kept of certificates that are not stored. One that was revoked goes when it is on no list any more.
    UnstoredCertificates,
}

impl Forgettable {
    /// Everything that can.
    pub const ALL: [Self; 6] = [
        Self::Certificates,
        Self::PrivateKeys,
        Self::Csrs,
        Self::AcmeOrders,
        Self::Events,
        Self::UnstoredCertificates,
    ];

    /// The word of metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::PrivateKeys => "private_keys",
            Self::Csrs => "csrs",
            Self::AcmeOrders => "acme_orders",
            Self::Events => "events",
            Self::UnstoredCertificates => "unstored_certificates",
        }
    }
}

/// Which batch.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What has ended before this time.
    pub before: Timestamp,
    /// The present time.
    pub now: Timestamp,
    /// How many rows at most.
    pub limit: i64,
    /// Kind of rows.
    pub what: Forgettable,
}

row! {
    struct Row {
        id: String,
        sans: Option<String>,
        order_id: Option<String>,
        renewed_by: Option<String>,
    }
}

/// A certificate whose renewal failed is kept for so long after its end, whatever the account is in.
const RENEWED_FOR: std::time::Duration = std::time::Duration::from_hours(60 * 24);
/// Names in one statement: SQLite bounds the depth of an expression.
const NAMES: usize = 100;
/// Names in one batch: certificates may have hundreds.
const MOST_NAMES: usize = 1_000;

/// Whether there is anything to forget.
pub async fn is_any(session: &mut Session, wanted: &Wanted) -> Result<bool, StorageError> {
    let query = select(session.tenant_key(), &Wanted { limit: 1, ..*wanted });
    Ok(session.link().fetch_optional::<Row>(query).await?.is_some())
}

/// Forgets a batch and answers the ids of what it was, or whose it was; none when nothing is left.
pub async fn forget(tx: &mut Tx, wanted: &Wanted) -> Result<Vec<String>, StorageError> {
    if wanted.what == Forgettable::UnstoredCertificates {
        return forget_unstored(tx, wanted).await;
    }
    let mut query = select(tx.tenant_key(), wanted);
    let lock = tx.link().skip_locked();
    query.push(lock);
    let mut rows = tx.link().fetch_all::<Row>(query).await?;
    match wanted.what {
        Forgettable::Certificates => forget_certificates(tx, &mut rows).await?,
        Forgettable::PrivateKeys => {
            let ids = ids(&rows);
            run(tx, "UPDATE certificates SET sealed_key = NULL WHERE tenant_id = ", " AND id", &ids).await?;
        }
        Forgettable::Csrs => run(tx, "DELETE FROM csrs WHERE tenant_id = ", " AND id", &ids(&rows)).await?,
        Forgettable::AcmeOrders => delete_orders(tx, &ids(&rows)).await?,
        Forgettable::Events => {
            run(tx, "DELETE FROM events WHERE tenant_id = ", " AND id", &ids(&rows)).await?;
        }
        // Above.
        Forgettable::UnstoredCertificates => {}
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// They are known by their serial numbers, and nothing refers to them.
async fn forget_unstored(tx: &mut Tx, wanted: &Wanted) -> Result<Vec<String>, StorageError> {
    let tenant = tx.tenant_key();
    let mut query = Query::new("DELETE FROM unstored_certificates WHERE tenant_id = ");
    query.push_bind(tenant.clone()).push(" AND serial_number IN (SELECT c.serial_number FROM ");
    push_unstored(&mut query, tenant, wanted);
    query.push_bind(wanted.limit).push(") RETURNING certificate_id");
    let rows = tx.link().fetch_all::<(String,)>(query).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

fn ids(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

/// The rows of a batch. Each begins at an index that has what is over in front.
fn select(tenant: String, wanted: &Wanted) -> Query {
    let before = wanted.before.unix_micros();
    let mut query = Query::new("");
    match wanted.what {
        Forgettable::Certificates => {
            query.push(
                "SELECT c.id, c.sans, c.acme_order_id AS order_id, c.renewed_by FROM certificates c \
                 WHERE c.tenant_id = ",
            );
            query.push_bind(tenant).push(" AND c.not_after < ").push_bind(before);
            push_on_no_list(&mut query, wanted.now);
            push_not_in_renewal(&mut query, wanted.now);
            query.push(
                " AND NOT EXISTS (SELECT 1 FROM certificates p WHERE p.tenant_id = c.tenant_id \
                 AND p.id = c.renewed_from AND p.not_after >= ",
            );
            query.push_bind(before).push(") ORDER BY c.not_after, c.id LIMIT ");
        }
        Forgettable::PrivateKeys => {
            query.push(PLAIN).push("certificates c WHERE c.tenant_id = ").push_bind(tenant);
            query.push(" AND c.sealed_key IS NOT NULL AND c.not_after < ").push_bind(before);
            push_not_in_renewal(&mut query, wanted.now);
            query.push(" ORDER BY c.not_after, c.id LIMIT ");
        }
        Forgettable::Csrs => {
            query.push(PLAIN).push("csrs c WHERE c.tenant_id = ").push_bind(tenant);
            query.push(" AND c.status IN ('rejected', 'signed') AND c.id < ");
            // None is decided before it is made: what is younger need not be looked at.
            query.push_bind(CsrId::first_at(wanted.before).to_string());
            query.push(" AND COALESCE(c.decided_at, c.created_at) < ").push_bind(before).push(" LIMIT ");
        }
        Forgettable::AcmeOrders => {
            query.push(PLAIN).push("acme_orders c WHERE c.tenant_id = ").push_bind(tenant);
            query.push(" AND c.state = 'failed' AND c.updated_at < ").push_bind(before);
            // An order that went on at another CA refers to the first order for what was ordered.
            query.push(
                " AND NOT EXISTS (SELECT 1 FROM acme_orders s WHERE s.tenant_id = c.tenant_id \
                 AND s.id = c.fallback_order_id AND s.state NOT IN ('issued', 'failed')) \
                 AND NOT EXISTS (SELECT 1 FROM acme_challenges h WHERE h.tenant_id = c.tenant_id \
                 AND h.order_id = c.id AND h.exposure IN ('wanted', 'present', 'removing')) \
                 AND NOT EXISTS (SELECT 1 FROM acme_renewals r WHERE r.tenant_id = c.tenant_id \
                 AND r.order_id = c.id) \
                 AND NOT EXISTS (SELECT 1 FROM acme_renewals w WHERE w.tenant_id = c.tenant_id \
                 AND w.certificate_id = c.renewal_of AND w.open_order_id = c.id) AND ",
            );
            jobs::push_has_none(&mut query, "advance_order", "c.id");
            query.push(" ORDER BY c.updated_at LIMIT ");
        }
        Forgettable::Events => {
            query.push(PLAIN).push("events c WHERE c.tenant_id = ").push_bind(tenant);
            query.push(" AND c.id < ").push_bind(EventId::first_at(wanted.before).to_string());
            query.push(" ORDER BY c.id LIMIT ");
        }
        Forgettable::UnstoredCertificates => {
            query.push(
                "SELECT c.certificate_id AS id, CAST(NULL AS TEXT) AS sans, CAST(NULL AS TEXT) AS order_id, \
                 CAST(NULL AS TEXT) AS renewed_by FROM ",
            );
            push_unstored(&mut query, tenant, wanted);
        }
    }
    query.push_bind(wanted.limit);
    query
}

fn push_unstored(query: &mut Query, tenant: String, wanted: &Wanted) {
    query.push("unstored_certificates c WHERE c.tenant_id = ").push_bind(tenant);
    query.push(" AND c.not_after < ").push_bind(wanted.before.unix_micros());
    push_on_no_list(query, wanted.now);
    query.push(" ORDER BY c.not_after LIMIT ");
}

const PLAIN: &str = "SELECT c.id, CAST(NULL AS TEXT) AS sans, CAST(NULL AS TEXT) AS order_id, \
     CAST(NULL AS TEXT) AS renewed_by FROM ";

/// What was revoked is on the lists of its CA for a while after its end, unless the CA itself has ended.
fn push_on_no_list(query: &mut Query, now: Timestamp) {
    query.push(
        " AND ((c.revoked_at IS NULL AND c.released_at IS NULL) OR c.ca_id IS NULL \
         OR (c.not_after < (SELECT l.previous_update FROM crls l \
             WHERE l.tenant_id = c.tenant_id AND l.ca_id = c.ca_id) \
           AND (c.crl_shard = 0 OR c.not_after < (SELECT s.previous_update FROM crl_shards s \
             WHERE s.tenant_id = c.tenant_id AND s.ca_id = c.ca_id AND s.shard = c.crl_shard))) \
         OR (SELECT a.not_after FROM certificate_authorities a \
           WHERE a.tenant_id = c.tenant_id AND a.id = c.ca_id) < ",
    );
    query.push_bind(now.unix_micros()).push(")");
}

/// A certificate that is still to be renewed needs its order, and perhaps its key.
fn push_not_in_renewal(query: &mut Query, now: Timestamp) {
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM acme_renewals r WHERE r.tenant_id = c.tenant_id \
         AND r.certificate_id = c.id AND r.is_over = FALSE AND r.auto_renew = TRUE AND r.not_after >= ",
    );
    query.push_bind(now.minus(RENEWED_FOR).unix_micros()).push(")");
}

/// Deletes certificates and what refers to them; of more names than fit one batch, the certificates behind stay.
async fn forget_certificates(tx: &mut Tx, rows: &mut Vec<Row>) -> Result<(), StorageError> {
    let mut names: Vec<(String, String)> = Vec::new();
    let mut taken = 0;
    for row in &*rows {
        if taken > 0 && names.len() > MOST_NAMES {
            break;
        }
        let sans: Sans = serde_json::from_str(row.sans.as_deref().unwrap_or_default())
            .map_err(|error| corrupt("certificates", "sans", error))?;
        names.extend(sans.iter().map(|name| (reversed(name), row.id.clone())));
        taken += 1;
    }
    rows.truncate(taken);
    for names in names.chunks(NAMES) {
        forget_names(tx, names).await?;
    }
    let certificates = ids(rows);
    for table in [
        "DELETE FROM certificate_tags WHERE tenant_id = ",
        "DELETE FROM acme_renewals WHERE tenant_id = ",
        "DELETE FROM scheduled_revocations WHERE tenant_id = ",
    ] {
        run(tx, table, " AND certificate_id", &certificates).await?;
    }
    let renewals: Vec<String> = rows.iter().filter_map(|row| row.renewed_by.clone()).collect();
    run(tx, "UPDATE certificates SET renewed_from = NULL WHERE tenant_id = ", " AND id", &renewals).await?;
    run(tx, "DELETE FROM certificates WHERE tenant_id = ", " AND id", &certificates).await?;
    let orders: Vec<String> = rows.iter().filter_map(|row| row.order_id.clone()).collect();
    delete_orders(tx, &orders).await
}

async fn forget_names(tx: &mut Tx, names: &[(String, String)]) -> Result<(), StorageError> {
    let tenant = tx.tenant_key();
    let mut query = Query::new("DELETE FROM certificate_names WHERE ");
    for (at, (name, certificate)) in names.iter().enumerate() {
        // Each by its primary key: neither database has to choose an index.
        query.push(if at == 0 { "(tenant_id = " } else { " OR (tenant_id = " }).push_bind(tenant.clone());
        query.push(" AND reversed_name = ").push_bind(name.clone());
        query.push(" AND certificate_id = ").push_bind(certificate.clone()).push(")");
    }
    tx.link().execute(query).await.map(drop)
}

/// Deletes orders with their challenges. Those that went on from one, or to one, at another CA name it no more.
async fn delete_orders(tx: &mut Tx, orders: &[String]) -> Result<(), StorageError> {
    if orders.is_empty() {
        return Ok(());
    }
    for (unlink, link) in [
        ("UPDATE acme_orders SET fallback_of = NULL WHERE tenant_id = ", "fallback_order_id"),
        ("UPDATE acme_orders SET fallback_order_id = NULL WHERE tenant_id = ", "fallback_of"),
    ] {
        let mut query = Query::new(unlink);
        query.push_bind(tx.tenant_key()).push(" AND id IN (SELECT o.").push(link);
        query.push(" FROM acme_orders o WHERE o.tenant_id = ").push_bind(tx.tenant_key()).push(" AND o.id");
        push_in(&mut query, orders);
        query.push(")");
        tx.link().execute(query).await?;
    }
    let mut query = Query::new("DELETE FROM acme_responses WHERE tenant_id = ");
    query.push_bind(tx.tenant_key());
    query.push(" AND challenge_id IN (SELECT id FROM acme_challenges WHERE tenant_id = ");
    query.push_bind(tx.tenant_key()).push(" AND order_id");
    push_in(&mut query, orders);
    query.push(")");
    tx.link().execute(query).await?;
    run(tx, "DELETE FROM acme_challenges WHERE tenant_id = ", " AND order_id", orders).await?;
    // A renewal that names the order would be left without it.
    let unused = " AND NOT EXISTS (SELECT 1 FROM acme_renewals r WHERE r.tenant_id = acme_orders.tenant_id \
                  AND r.order_id = acme_orders.id) AND id";
    run(tx, "DELETE FROM acme_orders WHERE tenant_id = ", unused, orders).await
}

/// Runs a statement on the tenant's rows whose column is one of these.
async fn run(
    tx: &mut Tx,
    statement: &'static str,
    column: &'static str,
    ids: &[String],
) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = Query::new(statement);
    query.push_bind(tx.tenant_key()).push(column);
    push_in(&mut query, ids);
    tx.link().execute(query).await.map(drop)
}

fn push_in(query: &mut Query, ids: &[String]) {
    for (at, id) in ids.iter().enumerate() {
        query.push(if at == 0 { " IN (" } else { ", " }).push_bind(id.clone());
    }
    query.push(")");
}

/// The position of a walk through a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// The last row that was looked at; 0 at the beginning and when the walk is over.
    pub place: i64,
    /// When it began.
    pub began_at: Timestamp,
}

/// The walk of this name.
pub async fn walk(session: &mut SystemSession, name: &'static str) -> Result<Option<Walk>, StorageError> {
    let query = Query::new("SELECT place, began_at FROM walks WHERE name = $1").bind(name);
    let row = session.link().fetch_optional::<(i64, i64)>(query).await?;
    Ok(row.map(|(place, began_at)| Walk { place, began_at: Timestamp::from_unix_micros(began_at) }))
}

/// Notes where it is.
pub async fn set_walk(tx: &mut SystemTx, name: &'static str, walk: Walk) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO walks (name, place, began_at) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET place = excluded.place, began_at = excluded.began_at",
    )
    .bind(name)
    .bind(walk.place)
    .bind(walk.began_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}
