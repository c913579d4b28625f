//! Which tenant may have a domain validated through responders that tenants share.

use certmill_domain::{AcmeIdentifiers, AcmeOrderId, ChallengeType, Stored, TenantId, Timestamp};

use crate::error::{from_json, parsed};
use crate::query::Query;
use crate::words::ORDER_CHALLENGE_TYPE;
use crate::{StorageError, SystemSession, SystemTx, Tx, WithLink};

const TABLE: &str = "domain_grants";

/// Grants a domain and everything below it to the transaction's tenant. [`StorageError::AlreadyExists`] when it is
/// granted to anyone.
pub async fn insert(tx: &mut Tx, domain: &str, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new("INSERT INTO domain_grants (domain, tenant_id, created_at) VALUES ($1, $2, $3)")
        .bind(domain.to_owned())
        .bind(tx.tenant_key())
        .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Takes a grant of the transaction's tenant back; `false` when there is none.
pub async fn delete(tx: &mut Tx, domain: &str) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM domain_grants WHERE domain = $1 AND tenant_id = $2")
        .bind(domain.to_owned())
        .bind(tx.tenant_key());
    Ok(tx.link().execute(query).await? == 1)
}

/// Every grant, by domain.
pub async fn list(session: &mut SystemSession) -> Result<Vec<(String, TenantId)>, StorageError> {
    let query = Query::new("SELECT domain, tenant_id FROM domain_grants ORDER BY domain");
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(domain, tenant)| Ok((domain, parsed(TABLE, "tenant_id", &tenant)?))).collect()
}

/// The tenant with the longest grant among `names`, which are a name and its parents.
pub async fn holder(session: &mut impl WithLink, names: &[String]) -> Result<Option<TenantId>, StorageError> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut query = Query::new("SELECT tenant_id FROM domain_grants");
    for (at, name) in names.iter().enumerate() {
        query.push(if at == 0 { " WHERE domain IN (" } else { ", " }).push_bind(name.clone());
    }
    query.push(") ORDER BY length(domain) DESC LIMIT 1");
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(tenant,)| parsed(TABLE, "tenant_id", &tenant)).transpose()
}

/// Whether there is more than one tenant, so that responders are shared.
pub async fn responders_are_shared(session: &mut impl WithLink) -> Result<bool, StorageError> {
    let query = Query::new("SELECT id FROM tenants LIMIT 2");
    Ok(session.link().fetch_all::<(String,)>(query).await?.len() > 1)
}

/// Grants a domain to a tenant; `false` when it is granted to anyone.
pub async fn insert_for(
    tx: &mut SystemTx,
    tenant: TenantId,
    domain: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "INSERT INTO domain_grants (domain, tenant_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(domain.to_owned())
    .bind(tenant.to_string())
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// An order that is open, or whose certificate is still to be renewed.
#[derive(Debug, Clone)]
pub struct OrderInUse {
    /// Which.
    pub id: AcmeOrderId,
    /// The names whose control it proves.
    pub identifiers: AcmeIdentifiers,
    /// How.
    pub challenge_type: Stored<ChallengeType>,
}

/// The orders of a tenant that its open orders and its coming renewals rest on, in the order of their ids after `after`.
///
/// One statement reads both, so that an order which ends meanwhile is seen as the one or the other.
pub async fn orders_in_use(
    tx: &mut SystemTx,
    tenant: TenantId,
    after: Option<AcmeOrderId>,
    limit: i64,
) -> Result<Vec<OrderInUse>, StorageError> {
    let query = Query::new(
        "SELECT id, identifiers, challenge_type FROM acme_orders WHERE tenant_id = $1 AND id > $2 \
         AND (state NOT IN ('issued', 'failed') \
              OR id IN (SELECT order_id FROM acme_renewals WHERE tenant_id = $1 AND is_over = FALSE)) \
         ORDER BY id LIMIT $3",
    )
    .bind(tenant.to_string())
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(limit);
    let rows: Vec<(String, String, String)> = tx.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(id, identifiers, challenge_type)| {
            let names: Vec<String> =
                from_json("acme_orders", "identifiers", Some(&identifiers))?.unwrap_or_default();
            Ok(OrderInUse {
                id: parsed("acme_orders", "id", &id)?,
                identifiers: AcmeIdentifiers::stored(&names),
                challenge_type: ORDER_CHALLENGE_TYPE.read(&challenge_type),
            })
        })
        .collect()
}

/// The names that a tenant proved control of by dns-01, each with where its TXT values went.
pub async fn dns_records(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<(String, String)>, StorageError> {
    let query = Query::new(
        "SELECT DISTINCT identifier, record_name FROM acme_challenges \
         WHERE tenant_id = $1 AND kind = 'dns-01' AND record_name IS NOT NULL",
    )
    .bind(tenant.to_string());
    tx.link().fetch_all(query).await
}
