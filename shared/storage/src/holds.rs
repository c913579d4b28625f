//! Holding a row: a change that changes nothing locks it until the transaction ends, so that what is read of it afterwards
//! stays true. (SQLite's transactions that write exclude each other anyway; on Postgres this is what keeps two changes apart.)

use certmill_domain::{CaId, CertificateId};

use crate::query::Query;
use crate::{StorageError, Tx, WithLink};

/// Holds a CA.
pub async fn ca(tx: &mut Tx, id: CaId) -> Result<(), StorageError> {
    let query = Query::new("UPDATE certificate_authorities SET name = name WHERE tenant_id = $1 AND id = $2");
    hold(tx, query, &id.to_string()).await
}

/// Holds a certificate.
pub async fn certificate(tx: &mut Tx, id: CertificateId) -> Result<(), StorageError> {
    let query =
        Query::new("UPDATE certificates SET description = description WHERE tenant_id = $1 AND id = $2");
    hold(tx, query, &id.to_string()).await
}

/// Holds a role.
pub async fn role(tx: &mut Tx, name: &str) -> Result<(), StorageError> {
    let query = Query::new("UPDATE roles SET version = version WHERE tenant_id = $1 AND name = $2");
    hold(tx, query, name).await
}

/// Holds a DNS provider.
pub async fn dns_provider(tx: &mut Tx, id: &str) -> Result<(), StorageError> {
    let query = Query::new("UPDATE dns_providers SET name = name WHERE tenant_id = $1 AND id = $2");
    hold(tx, query, id).await
}

/// Holds the tenant, so that what is counted of it stays so.
pub async fn tenant(tx: &mut Tx) -> Result<(), StorageError> {
    let query = Query::new("UPDATE tenants SET name = name WHERE id = $1").bind(tx.tenant_key());
    tx.link().execute(query).await.map(drop)
}

/// Holds a webhook.
pub async fn webhook(tx: &mut Tx, id: &str) -> Result<(), StorageError> {
    let query = Query::new("UPDATE webhooks SET name = name WHERE tenant_id = $1 AND id = $2");
    hold(tx, query, id).await
}

async fn hold(tx: &mut Tx, query: Query, key: &str) -> Result<(), StorageError> {
    let query = query.bind(tx.tenant_key()).bind(key.to_owned());
    tx.link().execute(query).await.map(drop)
}
