//! What open orders need.

use certmill_domain::{AcmeAccountId, AcmeOrderId, DnsProviderId};

use super::{OPEN, TABLE};
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, WithLink};

/// An open order of the account, if there is one.
pub async fn open_of_account(
    session: &mut Session,
    account: AcmeAccountId,
) -> Result<Option<AcmeOrderId>, StorageError> {
    let mut query = Query::new("SELECT id FROM acme_orders WHERE tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND account_id = ").push_bind(account.to_string()).push(" AND ").push(OPEN).push(" LIMIT 1");
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// An open order of the account for which control is being proven: what it publishes has to do with the account's key.
pub async fn proving_for_account(
    session: &mut Session,
    account: AcmeAccountId,
) -> Result<Option<AcmeOrderId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM acme_orders WHERE tenant_id = $1 AND account_id = $2 \
         AND state IN ('authorizing', 'challenging') LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(account.to_string());
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// Whether an open order of the account is to be met by an authorization, or does not know yet which ones it gets.
pub async fn may_use_authorization(
    session: &mut Session,
    account: AcmeAccountId,
    authorization_url: &str,
) -> Result<bool, StorageError> {
    let mut query = Query::new("SELECT o.id FROM acme_orders o WHERE o.tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND o.account_id = ").push_bind(account.to_string());
    query.push(" AND o.").push(OPEN);
    query.push(
        " AND (o.state IN ('new', 'authorizing') OR EXISTS (SELECT 1 FROM acme_challenges c \
         WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id AND c.authorization_url = ",
    );
    query.push_bind(authorization_url.to_owned()).push(")) LIMIT 1");
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// An order that still needs a DNS provider: an open one that names it or has a challenge with it, or one whose record
/// is still out there.
pub async fn needing_provider(
    session: &mut Session,
    provider: DnsProviderId,
) -> Result<Option<AcmeOrderId>, StorageError> {
    let mut query = Query::new("SELECT o.id FROM acme_orders o WHERE o.tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND ((o.dns_provider_id = ").push_bind(provider.to_string());
    query.push(
        " AND o.state NOT IN ('issued', 'failed')) OR o.id IN (SELECT c.order_id FROM acme_challenges c \
         WHERE c.tenant_id = o.tenant_id AND c.dns_provider_id = ",
    );
    query.push_bind(provider.to_string());
    query.push(" AND c.record_name IS NOT NULL AND c.exposure NOT IN ('none', 'removed'))) LIMIT 1");
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}
