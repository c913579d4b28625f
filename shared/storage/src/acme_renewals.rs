//! When certificates from ACME servers are renewed.

use certmill_domain::{
    AcmeAccountId, AcmeOrderId, CertificateId, Renewal, RenewalWindow, RenewalWish, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::acme_orders::optional;
use crate::error::{from_json, parsed, to_json};
use crate::query::Query;
use crate::row::row;
use crate::words::ORDER_CHALLENGE_TYPE;
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

const TABLE: &str = "acme_renewals";
const SELECT: &str = "SELECT certificate_id, account_id, order_id, auto_renew, is_over, not_before, not_after, \
     base_renew_at, renew_at, emergency_at, window_start, window_end, explanation_url, window_checked_at, \
     next_window_check_at, open_order_id, failures, next_attempt_at, last_error, alert_level, early_renewals, may_replace, \
     created_at, updated_at, wish FROM acme_renewals WHERE ";

row! {
    struct Row {
        certificate_id: String,
        account_id: String,
        order_id: String,
        auto_renew: bool,
        is_over: bool,
        not_before: i64,
        not_after: i64,
        base_renew_at: i64,
        renew_at: i64,
        emergency_at: i64,
        window_start: Option<i64>,
        window_end: Option<i64>,
        explanation_url: Option<String>,
        window_checked_at: Option<i64>,
        next_window_check_at: Option<i64>,
        open_order_id: Option<String>,
        failures: i64,
        next_attempt_at: i64,
        last_error: Option<String>,
        alert_level: i64,
        early_renewals: i64,
        may_replace: bool,
        created_at: i64,
        updated_at: i64,
        wish: Option<String>,
    }
}

/// A wish as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredWish {
    challenge_type: String,
    dns_provider_id: Option<String>,
    profile: Option<String>,
    preferred_chain: Option<String>,
}

/// Plans the renewal of a new certificate.
pub async fn insert(tx: &mut Tx, renewal: &Renewal) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_renewals (tenant_id, certificate_id, account_id, order_id, auto_renew, is_over, \
         not_before, not_after, base_renew_at, renew_at, emergency_at, next_window_check_at, next_attempt_at, \
         early_renewals, created_at, updated_at, wish) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(tx.tenant_key())
    .bind(renewal.certificate_id.to_string())
    .bind(renewal.account_id.to_string())
    .bind(renewal.order_id.to_string())
    .bind(renewal.auto_renew)
    .bind(renewal.is_over)
    .bind(renewal.not_before.unix_micros())
    .bind(renewal.not_after.unix_micros())
    .bind(renewal.base_renew_at.unix_micros())
    .bind(renewal.renew_at.unix_micros())
    .bind(renewal.emergency_at.unix_micros())
    .bind(renewal.next_window_check_at.map(Timestamp::unix_micros))
    .bind(renewal.next_attempt_at.unix_micros())
    .bind(renewal.early_renewals)
    .bind(renewal.created_at.unix_micros())
    .bind(renewal.updated_at.unix_micros())
    .bind(renewal.wish.as_ref().map(written).transpose()?);
    tx.link().execute(query).await.map(drop)
}

/// Writes what the CA says about when to renew, and when it is asked again.
pub async fn set_window(tx: &mut Tx, renewal: &Renewal) -> Result<(), StorageError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::unix_micros);
    let query = Query::new(
        "UPDATE acme_renewals SET renew_at = $1, window_start = $2, window_end = $3, explanation_url = $4, \
         window_checked_at = $5, next_window_check_at = $6, updated_at = $7 \
         WHERE tenant_id = $8 AND certificate_id = $9",
    )
    .bind(renewal.renew_at.unix_micros())
    .bind(renewal.window.as_ref().map(|window| window.start.unix_micros()))
    .bind(renewal.window.as_ref().map(|window| window.end.unix_micros()))
    .bind(renewal.window.as_ref().and_then(|window| window.explanation_url.clone()))
    .bind(micros(renewal.window_checked_at))
    .bind(micros(renewal.next_window_check_at))
    .bind(renewal.updated_at.unix_micros())
    .bind(tx.tenant_key())
    .bind(renewal.certificate_id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Puts the next question about a renewal window off.
pub async fn put_window_check_off(
    tx: &mut Tx,
    id: CertificateId,
    until: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET next_window_check_at = $1 WHERE tenant_id = $2 AND certificate_id = $3",
    )
    .bind(until.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Notes the order that renews a certificate; `false` when one is under way, or there is nothing to renew any more.
pub async fn begin(
    tx: &mut Tx,
    id: CertificateId,
    order: AcmeOrderId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET open_order_id = $1, updated_at = $2 \
         WHERE tenant_id = $3 AND certificate_id = $4 AND open_order_id IS NULL AND is_over = FALSE",
    )
    .bind(order.to_string())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that another order goes on with a renewal; `false` when `order` was not the one under way.
pub async fn hand_on(
    tx: &mut Tx,
    id: CertificateId,
    (order, next): (AcmeOrderId, AcmeOrderId),
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET open_order_id = $1, updated_at = $2 \
         WHERE tenant_id = $3 AND certificate_id = $4 AND open_order_id = $5 AND is_over = FALSE",
    )
    .bind(next.to_string())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(order.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that a try has failed, and when the next one may come. `false` when `order` was not the one under way.
pub async fn fail(
    tx: &mut Tx,
    renewal: &Renewal,
    order: AcmeOrderId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET open_order_id = NULL, failures = $1, next_attempt_at = $2, last_error = $3, \
         updated_at = $4 WHERE tenant_id = $5 AND certificate_id = $6 AND open_order_id = $7",
    )
    .bind(renewal.failures)
    .bind(renewal.next_attempt_at.unix_micros())
    .bind(renewal.last_error.clone())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(renewal.certificate_id.to_string())
    .bind(order.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Ends the renewals of a certificate: it was renewed, revoked or given up.
pub async fn end(tx: &mut Tx, id: CertificateId, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET is_over = TRUE, open_order_id = NULL, updated_at = $1 \
         WHERE tenant_id = $2 AND certificate_id = $3",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Sets whether a certificate is renewed on its own; `false` when it did not come from an ACME server.
pub async fn set_auto_renew(
    tx: &mut Tx,
    id: CertificateId,
    auto_renew: bool,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET auto_renew = $1, updated_at = $2 WHERE tenant_id = $3 AND certificate_id = $4",
    )
    .bind(auto_renew)
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that the CA is not told any more which certificate an order replaces, when that is this one.
pub async fn forbid_replacing(tx: &mut Tx, id: CertificateId) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET may_replace = FALSE WHERE tenant_id = $1 AND certificate_id = $2",
    )
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Sets with which account and how the next certificate is ordered, so that it can be tried at once; `false` when nothing is
/// renewed any more.
pub async fn set_wish(
    tx: &mut Tx,
    id: CertificateId,
    account: AcmeAccountId,
    wish: &RenewalWish,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET account_id = $1, wish = $2, failures = 0, next_attempt_at = $3, updated_at = $3 \
         WHERE tenant_id = $4 AND certificate_id = $5 AND is_over = FALSE",
    )
    .bind(account.to_string())
    .bind(written(wish)?)
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes the highest alert that was given; `false` when it was given before.
pub async fn raise_alert(tx: &mut Tx, id: CertificateId, level: i64) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_renewals SET alert_level = $1 \
         WHERE tenant_id = $2 AND certificate_id = $3 AND alert_level < $1",
    )
    .bind(level)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// The renewal of a certificate.
pub async fn find(session: &mut Session, id: CertificateId) -> Result<Option<Renewal>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND certificate_id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(renewal).transpose()
}

/// A certificate that is renewed on its own with this account, if there is one.
pub async fn needing_account(
    session: &mut Session,
    account: AcmeAccountId,
) -> Result<Option<CertificateId>, StorageError> {
    let query = Query::new(
        "SELECT certificate_id FROM acme_renewals \
         WHERE tenant_id = $1 AND account_id = $2 AND is_over = FALSE AND auto_renew = TRUE LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(account.to_string());
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "certificate_id", &id)).transpose()
}

/// Certificates of any tenant whose renewal is due, the one with the soonest emergency first.
pub async fn due(
    session: &mut SystemSession,
    now: Timestamp,
    (skipped, limit): (i64, i64),
) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    let query = Query::new(
        "SELECT tenant_id, certificate_id FROM acme_renewals WHERE is_over = FALSE AND auto_renew = TRUE \
         AND open_order_id IS NULL AND (renew_at <= $1 OR emergency_at <= $1) AND next_attempt_at <= $1 \
         ORDER BY emergency_at, certificate_id LIMIT $2 OFFSET $3",
    )
    .bind(now.unix_micros())
    .bind(limit)
    .bind(skipped);
    ids(session.link().fetch_all(query).await?)
}

/// Certificates of any tenant whose renewal window is to be asked for, and that have no open job of this kind.
pub async fn window_checks_due(
    session: &mut SystemSession,
    kind: &'static str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    let mut query = Query::new(
        "SELECT tenant_id, certificate_id FROM acme_renewals \
         WHERE is_over = FALSE AND next_window_check_at <= ",
    );
    query.push_bind(now.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "acme_renewals.certificate_id");
    query.push(" ORDER BY next_window_check_at LIMIT ").push_bind(limit);
    ids(session.link().fetch_all(query).await?)
}

/// Certificates of any tenant that have ended, or are past their renewal, and were not replaced.
pub async fn worrying(
    session: &mut SystemSession,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    let query = Query::new(
        "SELECT tenant_id, certificate_id FROM acme_renewals \
         WHERE is_over = FALSE AND renew_at <= $1 AND alert_level < 3 ORDER BY not_after LIMIT $2",
    )
    .bind(now.unix_micros())
    .bind(limit);
    ids(session.link().fetch_all(query).await?)
}

fn ids(rows: Vec<(String, String)>) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "certificate_id", &id)?)))
        .collect()
}

fn renewal(row: Row) -> Result<Renewal, StorageError> {
    let time = |micros: Option<i64>| micros.map(Timestamp::from_unix_micros);
    let window = time(row.window_start).zip(time(row.window_end)).map(|(start, end)| RenewalWindow {
        start,
        end,
        explanation_url: row.explanation_url,
    });
    Ok(Renewal {
        certificate_id: parsed(TABLE, "certificate_id", &row.certificate_id)?,
        account_id: parsed(TABLE, "account_id", &row.account_id)?,
        order_id: parsed(TABLE, "order_id", &row.order_id)?,
        auto_renew: row.auto_renew,
        is_over: row.is_over,
        not_before: Timestamp::from_unix_micros(row.not_before),
        not_after: Timestamp::from_unix_micros(row.not_after),
        base_renew_at: Timestamp::from_unix_micros(row.base_renew_at),
        renew_at: Timestamp::from_unix_micros(row.renew_at),
        emergency_at: Timestamp::from_unix_micros(row.emergency_at),
        window,
        window_checked_at: time(row.window_checked_at),
        next_window_check_at: time(row.next_window_check_at),
        open_order_id: optional(TABLE, "open_order_id", row.open_order_id.as_deref())?,
        failures: row.failures,
        next_attempt_at: Timestamp::from_unix_micros(row.next_attempt_at),
        last_error: row.last_error,
        alert_level: row.alert_level,
        early_renewals: row.early_renewals,
        may_replace: row.may_replace,
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
        wish: from_json::<StoredWish>(TABLE, "wish", row.wish.as_deref())?.map(wish).transpose()?,
    })
}

fn written(wish: &RenewalWish) -> Result<String, StorageError> {
    let stored = StoredWish {
        challenge_type: ORDER_CHALLENGE_TYPE.write(&wish.challenge_type)?.to_string(),
        dns_provider_id: wish.dns_provider_id.map(|id| id.to_string()),
        profile: wish.profile.clone(),
        preferred_chain: wish.preferred_chain.clone(),
    };
    Ok(to_json(TABLE, "wish", Some(&stored))?.unwrap_or_default())
}

fn wish(stored: StoredWish) -> Result<RenewalWish, StorageError> {
    Ok(RenewalWish {
        challenge_type: ORDER_CHALLENGE_TYPE.read(&stored.challenge_type),
        dns_provider_id: optional(TABLE, "wish", stored.dns_provider_id.as_deref())?,
        profile: stored.profile,
        preferred_chain: stored.preferred_chain,
    })
}
