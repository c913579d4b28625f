//! Orders at ACME servers. What an order is at is written under the lease of its job, and by nobody else.

use certmill_domain::{
    AcmeAccountId, AcmeIdentifiers, AcmeOrder, AcmeOrderId, OrderProgress, OrderState, TenantId, Timestamp,
};

use crate::error::{from_json, parsed, to_json};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::{ORDER_CAUSE, ORDER_CHALLENGE_TYPE, ORDER_STATE};
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

mod needs;
mod progress;
mod wishes;

pub use self::needs::{may_use_authorization, needing_provider, open_of_account, proving_for_account};
use self::wishes::names_key;
pub use self::wishes::{
    Sharing, hold_renewal_wishes, open_beside, set_renewal_wishes, sharing_url, waiting_for, wish_key,
};

const TABLE: &str = "acme_orders";
const SELECT: &str = "SELECT id, account_id, state, cause, identifiers, challenge_type, dns_provider_id, auto_renew, \
     key_type, key_size, profile, preferred_chain, renewal_of, replaces, order_url, finalize_url, certificate_url, \
     expires_at, deadline_at, csr_der, certificate_id, error, attempts, failures, next_attempt_at, refreshed_at, \
     created_at, updated_at, completed_at, common_name, reuse_key, own_key, warnings, fallback_of, \
     fallback_order_id, first_account_id FROM acme_orders WHERE ";
const OPEN: &str = "state NOT IN ('issued', 'failed')";

/// The size of a listed row, with that of its challenges.
const OCTETS: &str = "octet_length(identifiers) + COALESCE(octet_length(profile), 0) + \
     COALESCE(octet_length(preferred_chain), 0) + COALESCE(octet_length(order_url), 0) + \
     COALESCE(octet_length(finalize_url), 0) + COALESCE(octet_length(certificate_url), 0) + \
     COALESCE(octet_length(csr_der), 0) + COALESCE(octet_length(error), 0) + COALESCE(octet_length(warnings), 0) \
     + (SELECT COALESCE(SUM(octet_length(h.authorization_url) + octet_length(h.url) + octet_length(h.token) \
     + octet_length(h.key_authorization) + COALESCE(octet_length(h.error), 0) + COALESCE(octet_length(h.note), 0) \
     + COALESCE(octet_length(h.dns_servers), 0) + 512), 0) FROM acme_challenges h \
     WHERE h.tenant_id = acme_orders.tenant_id AND h.order_id = acme_orders.id)";

row! {
    struct Row {
        id: String,
        account_id: String,
        state: String,
        cause: String,
        identifiers: String,
        challenge_type: String,
        dns_provider_id: Option<String>,
        auto_renew: bool,
        key_type: String,
        key_size: i64,
        profile: Option<String>,
        preferred_chain: Option<String>,
        renewal_of: Option<String>,
        replaces: Option<String>,
        order_url: Option<String>,
        finalize_url: Option<String>,
        certificate_url: Option<String>,
        expires_at: Option<i64>,
        deadline_at: i64,
        csr_der: Option<Vec<u8>>,
        certificate_id: Option<String>,
        error: Option<String>,
        attempts: i64,
        failures: i64,
        next_attempt_at: Option<i64>,
        refreshed_at: Option<i64>,
        created_at: i64,
        updated_at: i64,
        completed_at: Option<i64>,
        common_name: Option<String>,
        reuse_key: bool,
        own_key: bool,
        warnings: Option<String>,
        fallback_of: Option<String>,
        fallback_order_id: Option<String>,
        first_account_id: Option<String>,
    }
}

/// Stores a new order. [`StorageError::AlreadyExists`] when the same one is open in this account.
pub async fn insert(tx: &mut Tx, order: &AcmeOrder) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_orders (tenant_id, id, account_id, state, cause, identifiers, identifiers_key, \
         challenge_type, dns_provider_id, auto_renew, key_type, key_size, profile, preferred_chain, renewal_of, \
         replaces, deadline_at, next_attempt_at, created_at, updated_at, names_key, common_name, reuse_key, own_key, \
         csr_der, sealed_key, fallback_of, first_account_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
         $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)",
    )
    .bind(tx.tenant_key())
    .bind(order.id.to_string())
    .bind(order.account_id.to_string())
    .bind(ORDER_STATE.write(&order.state())?)
    .bind(ORDER_CAUSE.write(&order.cause)?)
    .bind(to_json(TABLE, "identifiers", Some(&order.identifiers.texts()))?)
    .bind(wish_key(order))
    .bind(ORDER_CHALLENGE_TYPE.write(&order.challenge_type)?)
    .bind(order.dns_provider_id.map(|id| id.to_string()))
    .bind(order.auto_renew)
    .bind(order.key_type.clone())
    .bind(order.key_size)
    .bind(order.profile.clone())
    .bind(order.preferred_chain.clone())
    .bind(order.renewal_of().map(|id| id.to_string()))
    .bind(order.replaces().map(str::to_owned))
    .bind(order.deadline_at.unix_micros())
    .bind(order.next_attempt_at.map(Timestamp::unix_micros))
    .bind(order.created_at.unix_micros())
    .bind(order.updated_at.unix_micros())
    .bind(names_key(order))
    .bind(order.common_name.clone())
    .bind(order.reuse_key)
    .bind(order.key.is_callers())
    .bind(order.key.callers_csr().map(<[u8]>::to_vec))
    // No key, and none is to be made.
    .bind(order.key.is_callers().then(Vec::new))
    .bind(order.fallback_of.map(|id| id.to_string()))
    .bind(order.first_account_id.map(|id| id.to_string()));
    tx.link().execute(query).await.map(drop)
}

/// Writes everything about an order that its job may change.
pub async fn save(tx: &mut Tx, order: &AcmeOrder) -> Result<(), StorageError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::unix_micros);
    let at_ca = order.progress.at_ca();
    let certificate_url = match &order.progress {
        OrderProgress::Issuing { certificate_url, .. } => certificate_url.clone(),
        _ => None,
    };
    let query = Query::new(
        "UPDATE acme_orders SET state = $1, replaces = $2, order_url = $3, finalize_url = $4, certificate_url = $5, \
         expires_at = $6, deadline_at = $7, certificate_id = $8, error = $9, attempts = $10, failures = $11, \
         next_attempt_at = $12, updated_at = $13, completed_at = $14, fallback_order_id = $15, warnings = $18 \
         WHERE tenant_id = $16 AND id = $17",
    )
    .bind(ORDER_STATE.write(&order.state())?)
    .bind(order.replaces().map(str::to_owned))
    .bind(at_ca.map(|at_ca| at_ca.url.clone()))
    .bind(at_ca.and_then(|at_ca| at_ca.finalize_url.clone()))
    .bind(certificate_url)
    .bind(micros(order.expires_at()))
    .bind(order.deadline_at.unix_micros())
    .bind(order.progress.certificate_id().map(|id| id.to_string()))
    .bind(to_json(TABLE, "error", order.error.as_ref())?)
    .bind(order.attempts)
    .bind(order.failures)
    .bind(micros(order.next_attempt_at))
    .bind(order.updated_at.unix_micros())
    .bind(micros(order.progress.completed_at()))
    .bind(order.progress.successor().map(|id| id.to_string()))
    .bind(tx.tenant_key())
    .bind(order.id.to_string())
    .bind(to_json(TABLE, "warnings", order.warnings.as_ref())?);
    tx.link().execute(query).await.map(drop)
}

/// Writes key and CSR of an order that has none; `false` when it has.
pub async fn set_key(
    tx: &mut Tx,
    id: AcmeOrderId,
    sealed_key: Vec<u8>,
    csr_der: Vec<u8>,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET sealed_key = $1, csr_der = $2 \
         WHERE tenant_id = $3 AND id = $4 AND sealed_key IS NULL",
    )
    .bind(sealed_key)
    .bind(csr_der)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// The sealed private key of an order.
pub async fn sealed_key(session: &mut Session, id: AcmeOrderId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT sealed_key FROM acme_orders WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    let row = session.link().fetch_optional::<(Option<Vec<u8>>,)>(query).await?;
    Ok(row.and_then(|(sealed,)| sealed))
}

/// Notes that the CA is to make an order anew; answers how often that was.
pub async fn note_placement(tx: &mut Tx, id: AcmeOrderId) -> Result<i64, StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET placements = placements + 1 WHERE tenant_id = $1 AND id = $2 RETURNING placements",
    )
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().fetch_optional::<(i64,)>(query).await?.map_or(0, |(placements,)| placements))
}

/// Wipes the key of an order that has ended: it is with the certificate, or of no use.
pub async fn drop_key(tx: &mut Tx, id: AcmeOrderId) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET sealed_key = NULL \
         WHERE tenant_id = $1 AND id = $2 AND state IN ('issued', 'failed')",
    )
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// An order of the tenant.
pub async fn find(session: &mut Session, id: AcmeOrderId) -> Result<Option<AcmeOrder>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(order).transpose()
}

/// The open order of the same account for the same.
pub async fn find_open(session: &mut Session, wish: &AcmeOrder) -> Result<Option<AcmeOrder>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND account_id = ").push_bind(wish.account_id.to_string());
    query.push(" AND identifiers_key = ").push_bind(wish_key(wish));
    query.push(" AND ").push(OPEN);
    session.link().fetch_optional::<Row>(query).await?.map(order).transpose()
}

/// What to look for among orders.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In one of these states; any when none is named.
    pub states: Vec<OrderState>,
    /// Of this account.
    pub account_id: Option<AcmeAccountId>,
}

/// The tenant's orders that the filter finds, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    before: Option<AcmeOrderId>,
    wanted: Extent,
) -> Result<Listed<AcmeOrder>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    for (at, state) in filter.states.iter().enumerate() {
        query.push(if at == 0 { " AND state IN (" } else { ", " }).push_bind(state.as_str());
    }
    if !filter.states.is_empty() {
        query.push(")");
    }
    if let Some(account) = filter.account_id {
        query.push(" AND account_id = ").push_bind(account.to_string());
    }
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(order)
}

/// Notes that a person had the CA asked; `false` when that was after `not_since`.
pub async fn note_refresh(
    tx: &mut Tx,
    id: AcmeOrderId,
    now: Timestamp,
    not_since: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET refreshed_at = $1 \
         WHERE tenant_id = $2 AND id = $3 AND (refreshed_at IS NULL OR refreshed_at < $4)",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(not_since.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that an order is to be cancelled; `false` when it has ended or the CA may have its CSR.
pub async fn request_cancel(tx: &mut Tx, id: AcmeOrderId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET cancel_requested_at = $1 \
         WHERE tenant_id = $2 AND id = $3 AND state IN ('new', 'authorizing', 'challenging')",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Whether an order is to be cancelled.
pub async fn cancel_requested(session: &mut Session, id: AcmeOrderId) -> Result<bool, StorageError> {
    let query = Query::new(
        "SELECT id FROM acme_orders WHERE tenant_id = $1 AND id = $2 AND cancel_requested_at IS NOT NULL",
    )
    .bind(session.tenant_key())
    .bind(id.to_string());
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// Makes the jobs of this kind due now that are about an account's open orders; answers how many.
pub async fn hurry_those_of_account(
    tx: &mut Tx,
    account: AcmeAccountId,
    kind: &'static str,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let mut query = Query::new("UPDATE jobs SET run_at = ");
    query.push_bind(now.unix_micros());
    query.push(" WHERE kind = ").push_bind(kind);
    query.push(" AND state = 'pending' AND subject IN (SELECT id FROM acme_orders WHERE tenant_id = ");
    query.push_bind(tx.tenant_key()).push(" AND account_id = ").push_bind(account.to_string());
    query.push(" AND ").push(OPEN).push(")");
    tx.link().execute(query).await
}

/// Open orders of any tenant whose next attempt was due before `before` and that have no open job of this kind.
pub async fn overdue(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, AcmeOrderId)>, StorageError> {
    let mut query = Query::new("SELECT tenant_id, id FROM acme_orders WHERE ");
    query.push(OPEN).push(" AND next_attempt_at < ").push_bind(before.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "acme_orders.id");
    query.push(" ORDER BY next_attempt_at LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "id", &id)?)))
        .collect()
}

fn order(row: Row) -> Result<AcmeOrder, StorageError> {
    let time = |micros: Option<i64>| micros.map(Timestamp::from_unix_micros);
    let names: Vec<String> = from_json(TABLE, "identifiers", Some(&row.identifiers))?.unwrap_or_default();
    Ok(AcmeOrder {
        progress: progress::read(&row)?,
        key: progress::key(&row)?,
        renews: progress::renews(&row)?,
        id: parsed(TABLE, "id", &row.id)?,
        account_id: parsed(TABLE, "account_id", &row.account_id)?,
        cause: ORDER_CAUSE.read(&row.cause),
        identifiers: AcmeIdentifiers::stored(&names),
        challenge_type: ORDER_CHALLENGE_TYPE.read(&row.challenge_type),
        dns_provider_id: optional(TABLE, "dns_provider_id", row.dns_provider_id.as_deref())?,
        auto_renew: row.auto_renew,
        key_type: row.key_type,
        key_size: row.key_size,
        profile: row.profile,
        preferred_chain: row.preferred_chain,
        deadline_at: Timestamp::from_unix_micros(row.deadline_at),
        error: from_json(TABLE, "error", row.error.as_deref())?,
        attempts: row.attempts,
        failures: row.failures,
        next_attempt_at: time(row.next_attempt_at),
        refreshed_at: time(row.refreshed_at),
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
        common_name: row.common_name,
        reuse_key: row.reuse_key,
        // They are for people: what a newer version writes in another form is left out.
        warnings: row.warnings.map(|text| serde_json::from_str(&text).unwrap_or_default()),
        fallback_of: optional(TABLE, "fallback_of", row.fallback_of.as_deref())?,
        first_account_id: optional(TABLE, "first_account_id", row.first_account_id.as_deref())?,
    })
}

/// Reads a stored text that may be absent.
pub(crate) fn optional<T>(
    table: &'static str,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StorageError>
where
    T: crate::error::Form,
    T::Err: std::fmt::Display,
{
    text.map(|text| parsed(table, column, text)).transpose()
}
