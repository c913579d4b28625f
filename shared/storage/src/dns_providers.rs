//! DNS providers.

use certmill_domain::{DnsProvider, DnsProviderId, SecretPath, Timestamp};

use crate::error::{corrupt, from_json, parsed, to_json};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "dns_providers";
const SELECT: &str = "SELECT id, name, kind, config, zones, discovered_zones, is_active, verified_at, last_error, \
     created_at, updated_at, credentials_path FROM dns_providers WHERE ";

/// The size of a listed row, with that of its credentials.
const OCTETS: &str = "octet_length(name) + octet_length(config) + COALESCE(octet_length(sealed_credentials), 0) + \
     octet_length(zones) + octet_length(discovered_zones) + COALESCE(octet_length(last_error), 0)";

row! {
    struct Row {
        id: String,
        name: String,
        kind: String,
        config: String,
        zones: String,
        discovered_zones: String,
        is_active: bool,
        verified_at: Option<i64>,
        last_error: Option<String>,
        created_at: i64,
        updated_at: i64,
        credentials_path: Option<String>,
    }
}

/// Credentials as they are stored.
#[derive(Debug, Clone)]
pub struct SealedCredentials {
    /// The sealed value.
    pub value: Vec<u8>,
    /// The `updated_at` that the seal covers; none where a version sealed them that had no such thing.
    pub sealed_at: Option<Timestamp>,
}

/// Stores a new provider with its credentials sealed, for its `updated_at`. [`StorageError::AlreadyExists`] when the tenant has one of this
/// name.
pub async fn insert(
    tx: &mut Tx,
    provider: &DnsProvider,
    sealed_credentials: Option<Vec<u8>>,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO dns_providers (tenant_id, id, name, kind, config, sealed_credentials, zones, discovered_zones, \
         is_active, verified_at, last_error, created_at, updated_at, credentials_path, credentials_sealed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13)",
    )
    .bind(tx.tenant_key())
    .bind(provider.id.to_string())
    .bind(provider.name.clone())
    .bind(provider.kind.clone())
    .bind(provider.config.to_string())
    .bind(sealed_credentials)
    .bind(to_json(TABLE, "zones", Some(&provider.zones))?)
    .bind(to_json(TABLE, "discovered_zones", Some(&provider.discovered_zones))?)
    .bind(provider.is_active)
    .bind(provider.verified_at.map(Timestamp::unix_micros))
    .bind(provider.last_error.clone())
    .bind(provider.created_at.unix_micros())
    .bind(provider.updated_at.unix_micros())
    .bind(path_text(provider));
    tx.link().execute(query).await.map(drop)
}

/// Writes everything about a provider, its credentials included, sealed for its new `updated_at`, if it did not change since `seen` (its `updated_at`);
/// `false` when it did, or is gone.
pub async fn update(
    tx: &mut Tx,
    provider: &DnsProvider,
    sealed_credentials: Option<Vec<u8>>,
    seen: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE dns_providers SET name = $1, config = $2, sealed_credentials = $3, zones = $4, \
         discovered_zones = $5, is_active = $6, verified_at = $7, last_error = $8, updated_at = $9, \
         credentials_sealed_at = $9, credentials_path = $10 WHERE tenant_id = $11 AND id = $12 AND updated_at = $13",
    )
    .bind(provider.name.clone())
    .bind(provider.config.to_string())
    .bind(sealed_credentials)
    .bind(to_json(TABLE, "zones", Some(&provider.zones))?)
    .bind(to_json(TABLE, "discovered_zones", Some(&provider.discovered_zones))?)
    .bind(provider.is_active)
    .bind(provider.verified_at.map(Timestamp::unix_micros))
    .bind(provider.last_error.clone())
    .bind(provider.updated_at.unix_micros())
    .bind(path_text(provider))
    .bind(tx.tenant_key())
    .bind(provider.id.to_string())
    .bind(seen.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes what went wrong last with a provider, or that nothing did.
pub async fn note_error(tx: &mut Tx, id: DnsProviderId, error: Option<&str>) -> Result<(), StorageError> {
    let error = error.map(|error| error.chars().take(500).collect::<String>());
    let query = Query::new("UPDATE dns_providers SET last_error = $1 WHERE tenant_id = $2 AND id = $3")
        .bind(error)
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// A provider of the tenant.
pub async fn find(session: &mut Session, id: DnsProviderId) -> Result<Option<DnsProvider>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(provider).transpose()
}

/// The sealed credentials of a provider.
pub async fn sealed_credentials(
    session: &mut Session,
    id: DnsProviderId,
) -> Result<Option<SealedCredentials>, StorageError> {
    let query = Query::new(
        "SELECT sealed_credentials, CASE WHEN credentials_sealed_at = updated_at THEN updated_at END \
         FROM dns_providers WHERE tenant_id = $1 AND id = $2",
    )
    .bind(session.tenant_key())
    .bind(id.to_string());
    let row = session.link().fetch_optional::<(Option<Vec<u8>>, Option<i64>)>(query).await?;
    Ok(row.and_then(|(value, sealed_at)| {
        value.map(|value| SealedCredentials { value, sealed_at: sealed_at.map(Timestamp::from_unix_micros) })
    }))
}

/// The tenant's providers, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<DnsProviderId>,
    wanted: Extent,
) -> Result<Listed<DnsProvider>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(provider)
}

/// The tenant's active providers, oldest first.
pub async fn active(session: &mut Session) -> Result<Vec<DnsProvider>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND is_active = TRUE ORDER BY id");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(provider).collect()
}

/// A provider whose credentials are the secret at this path.
pub async fn with_credentials_at(
    session: &mut Session,
    path: &SecretPath,
) -> Result<Option<DnsProviderId>, StorageError> {
    let query = Query::new(
        "SELECT id FROM dns_providers WHERE tenant_id = $1 AND credentials_path = $2 ORDER BY id LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(path.to_string());
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}

/// Notes which zones a provider told of.
pub async fn note_zones(
    tx: &mut Tx,
    id: DnsProviderId,
    zones: &[String],
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE dns_providers SET discovered_zones = $1, verified_at = $2 WHERE tenant_id = $3 AND id = $4",
    )
    .bind(to_json(TABLE, "discovered_zones", Some(&zones))?)
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes a provider; `false` when there is none.
pub async fn delete(tx: &mut Tx, id: DnsProviderId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM dns_providers WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

fn path_text(provider: &DnsProvider) -> Option<String> {
    provider.credentials_path.as_ref().map(ToString::to_string)
}

fn provider(row: Row) -> Result<DnsProvider, StorageError> {
    let zones = |column, text: &str| -> Result<Vec<String>, StorageError> {
        Ok(from_json(TABLE, column, Some(text))?.unwrap_or_default())
    };
    Ok(DnsProvider {
        id: parsed(TABLE, "id", &row.id)?,
        name: row.name,
        kind: row.kind,
        config: serde_json::from_str(&row.config).map_err(|error| corrupt(TABLE, "config", error))?,
        zones: zones("zones", &row.zones)?,
        discovered_zones: zones("discovered_zones", &row.discovered_zones)?,
        is_active: row.is_active,
        verified_at: row.verified_at.map(Timestamp::from_unix_micros),
        last_error: row.last_error,
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
        credentials_path: match row.credentials_path {
            Some(path) => Some(parsed(TABLE, "credentials_path", &path)?),
            None => None,
        },
    })
}
