//! Tenants and the keys under which their secrets are sealed.

use certmill_domain::{Tenant, TenantId, Timestamp};

use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, SystemSession, SystemTx, WithLink};

/// A tenant's sealing key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct WrappedTenantKey {
    /// The tenant that the key belongs to.
    pub tenant: TenantId,
    /// Its version; sealed values name it.
    pub version: u32,
    /// The root key that wraps it.
    pub root_key_id: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

type TenantRow = (String, String, i64);
type KeyRow = (String, i64, String, Vec<u8>);

/// Stores a new tenant. [`StorageError::AlreadyExists`] when its name is taken.
pub async fn insert(tx: &mut SystemTx, tenant: &Tenant) -> Result<(), StorageError> {
    let query = Query::new("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)")
        .bind(tenant.id.to_string())
        .bind(tenant.name.as_str().to_owned())
        .bind(tenant.created_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Every tenant, oldest first.
pub async fn list(session: &mut SystemSession) -> Result<Vec<Tenant>, StorageError> {
    let query = Query::new("SELECT id, name, created_at FROM tenants ORDER BY id");
    session.link().fetch_all::<TenantRow>(query).await?.into_iter().map(tenant).collect()
}

/// The tenant of this name.
pub async fn find_by_name(session: &mut SystemSession, name: &str) -> Result<Option<Tenant>, StorageError> {
    let query = Query::new("SELECT id, name, created_at FROM tenants WHERE name = $1").bind(name.to_owned());
    session.link().fetch_optional::<TenantRow>(query).await?.map(tenant).transpose()
}

/// The tenant in whose name the session reads.
pub async fn own(session: &mut Session) -> Result<Tenant, StorageError> {
    let query =
        Query::new("SELECT id, name, created_at FROM tenants WHERE id = $1").bind(session.tenant_key());
    let row = session.link().fetch_optional::<TenantRow>(query).await?;
    // A token refers to its tenant.
    row.map(tenant).transpose()?.ok_or(StorageError::Reference)
}

/// Stores a new version of a tenant's key.
pub async fn insert_key(
    tx: &mut SystemTx,
    key: &WrappedTenantKey,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO tenant_keys (tenant_id, version, root_key_id, wrapped, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(key.tenant.to_string())
    .bind(i64::from(key.version))
    .bind(key.root_key_id.clone())
    .bind(key.wrapped.clone())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// All keys of all tenants.
pub async fn keys(session: &mut SystemSession) -> Result<Vec<WrappedTenantKey>, StorageError> {
    let query = Query::new(
        "SELECT tenant_id, version, root_key_id, wrapped FROM tenant_keys ORDER BY tenant_id, version",
    );
    session.link().fetch_all::<KeyRow>(query).await?.into_iter().map(wrapped_key).collect()
}

/// All versions of one tenant's key.
pub async fn keys_of(
    session: &mut SystemSession,
    tenant: TenantId,
) -> Result<Vec<WrappedTenantKey>, StorageError> {
    let query = Query::new(
        "SELECT tenant_id, version, root_key_id, wrapped FROM tenant_keys \
         WHERE tenant_id = $1 ORDER BY version",
    )
    .bind(tenant.to_string());
    session.link().fetch_all::<KeyRow>(query).await?.into_iter().map(wrapped_key).collect()
}

/// Replaces the wrapping of a key that is still wrapped by `previous_root_key_id`; `false` when it is not.
pub async fn rewrap_key(
    tx: &mut SystemTx,
    key: &WrappedTenantKey,
    previous_root_key_id: &str,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE tenant_keys SET root_key_id = $1, wrapped = $2 \
         WHERE tenant_id = $3 AND version = $4 AND root_key_id = $5",
    )
    .bind(key.root_key_id.clone())
    .bind(key.wrapped.clone())
    .bind(key.tenant.to_string())
    .bind(i64::from(key.version))
    .bind(previous_root_key_id.to_owned());
    Ok(tx.link().execute(query).await? == 1)
}

fn tenant((id, name, created_at): TenantRow) -> Result<Tenant, StorageError> {
    Ok(Tenant {
        id: parsed("tenants", "id", &id)?,
        name: parsed("tenants", "name", &name)?,
        created_at: Timestamp::from_unix_micros(created_at),
    })
}

fn wrapped_key(row: KeyRow) -> Result<WrappedTenantKey, StorageError> {
    let (tenant, version, root_key_id, wrapped) = row;
    Ok(WrappedTenantKey {
        tenant: parsed("tenant_keys", "tenant_id", &tenant)?,
        version: parsed("tenant_keys", "version", &version.to_string())?,
        root_key_id,
        wrapped,
    })
}
