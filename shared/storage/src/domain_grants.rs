//! Which tenant may have a domain validated through responders that tenants share.

use certmill_domain::{TenantId, Timestamp};

use crate::error::parsed;
use crate::query::Query;
use crate::{StorageError, SystemSession, Tx, WithLink};

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

/// Whose the longest grant is that `names`, a name and its parents, lie under.
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
