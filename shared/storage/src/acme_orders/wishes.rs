//! When two orders are the same, and what may be changed about one that is open.

use std::fmt::Write as _;

use certmill_domain::{AcmeIdentifier, AcmeOrder, AcmeOrderId, ChallengeType};

use super::{OPEN, TABLE};
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

/// What makes two orders of an account the same: all that is asked for, but not how the certificate is renewed. What is
/// usual adds nothing, so that an order of a version that only looked at names and profile is found as well.
pub fn wish_key(order: &AcmeOrder) -> String {
    let mut text = names_text(order);
    if (order.key_type.as_str(), order.key_size) != ("ec", 256) || order.key.is_callers() {
        let _ = write!(text, "\nkey {} {}", order.key_type, order.key_size);
    }
    let by_dns = order.dns_provider_id.is_some() || order.identifiers.iter().any(AcmeIdentifier::is_wildcard);
    let usual = if by_dns { ChallengeType::Dns01 } else { ChallengeType::Http01 };
    if order.challenge_type != usual {
        let _ = write!(text, "\nchallenge {}", order.challenge_type);
    }
    let provider = order.dns_provider_id.map(|id| id.to_string());
    let csr = order.key.callers_csr().map(|der| certmill_x509::hex(&certmill_x509::sha256(der)));
    let chain = order.preferred_chain.clone();
    let further = [("provider", provider), ("chain", chain), ("cn", order.common_name.clone()), ("csr", csr)];
    for (what, value) in further {
        if let Some(value) = value {
            let _ = write!(text, "\n{what} {value}");
        }
    }
    certmill_x509::hex(&certmill_x509::sha256(text.as_bytes()))
}

/// What a CA goes by when it answers two of our orders with the same one.
pub(super) fn names_key(order: &AcmeOrder) -> String {
    certmill_x509::hex(&certmill_x509::sha256(names_text(order).as_bytes()))
}

fn names_text(order: &AcmeOrder) -> String {
    format!("{}\n{}", order.identifiers.texts().join(" "), order.profile.as_deref().unwrap_or_default())
}

/// Other open orders of the account for the same names and profile, oldest first: the first ones.
pub async fn open_beside(
    session: &mut Session,
    order: &AcmeOrder,
    limit: i64,
) -> Result<Vec<AcmeOrderId>, StorageError> {
    let mut query = beside(session.tenant_key(), order);
    query.push(" AND ").push(OPEN).push(" ORDER BY id LIMIT ").push_bind(limit);
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed(TABLE, "id", &id)).collect()
}

/// How far an order is that shares the CA's order with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// In any state but failed.
    Open,
    /// It is about to send its CSR, or sends it.
    InHand,
    /// The CA has its CSR.
    UsedUp,
}

fn url_of(order: &AcmeOrder) -> Option<String> {
    order.progress.at_ca().map(|at_ca| at_ca.url.clone())
}

/// Another order of the account that the CA has answered with the same order of its own.
pub async fn sharing_url(
    session: &mut Session,
    order: &AcmeOrder,
    sharing: Sharing,
) -> Result<Option<AcmeOrderId>, StorageError> {
    let mut query = beside(session.tenant_key(), order);
    query.push(" AND order_url = ").push_bind(url_of(order));
    query.push(match sharing {
        Sharing::Open => " AND state <> 'failed' LIMIT 1",
        Sharing::InHand => " AND state = 'finalizing' LIMIT 1",
        Sharing::UsedUp => " AND state IN ('issuing', 'issued') LIMIT 1",
    });
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// The orders that can do nothing with the CA's order as long as this one has it in hand.
pub async fn waiting_for(tx: &mut Tx, order: &AcmeOrder) -> Result<Vec<AcmeOrderId>, StorageError> {
    let mut query = beside(tx.tenant_key(), order);
    query.push(" AND order_url = ").push_bind(url_of(order));
    query.push(" AND state = 'challenging' ORDER BY id LIMIT 100");
    let rows: Vec<(String,)> = tx.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed(TABLE, "id", &id)).collect()
}

/// Other orders of the account for the same names and profile. Rows of older versions have these in `identifiers_key` alone.
fn beside(tenant: String, order: &AcmeOrder) -> Query {
    let key = names_key(order);
    let mut query = Query::new("SELECT id FROM acme_orders WHERE tenant_id = ");
    query.push_bind(tenant);
    query.push(" AND account_id = ").push_bind(order.account_id.to_string());
    query.push(" AND (names_key = ").push_bind(key.clone());
    query.push(" OR (names_key IS NULL AND identifiers_key = ").push_bind(key).push("))");
    query.push(" AND id <> ").push_bind(order.id.to_string());
    query
}

/// Changes how the certificate of an open order will be renewed; `false` when the order has ended.
pub async fn set_renewal_wishes(
    tx: &mut Tx,
    id: AcmeOrderId,
    (auto_renew, reuse_key): (bool, bool),
) -> Result<bool, StorageError> {
    let mut query = Query::new("UPDATE acme_orders SET auto_renew = ");
    query.push_bind(auto_renew).push(", reuse_key = ").push_bind(reuse_key);
    query.push(" WHERE tenant_id = ").push_bind(tx.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string()).push(" AND ").push(OPEN);
    Ok(tx.link().execute(query).await? == 1)
}

/// How the certificate of an order is to be renewed, which a call may have changed since the order was read. Nobody changes
/// it any more before the transaction ends.
pub async fn hold_renewal_wishes(tx: &mut Tx, id: AcmeOrderId) -> Result<Option<(bool, bool)>, StorageError> {
    let query = Query::new(
        "UPDATE acme_orders SET auto_renew = auto_renew WHERE tenant_id = $1 AND id = $2 \
         RETURNING auto_renew, reuse_key",
    )
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().fetch_optional::<(bool, bool)>(query).await
}
