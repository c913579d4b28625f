//! Tenants: making them, listing them, and rotating the root key that wraps their keys.

use certmill_domain::{Action, Tenant, TenantId, TenantName};
use certmill_keys::TenantKey;
use certmill_storage::StorageError;
use certmill_storage::audit;
use certmill_storage::tenants::{self, WrappedTenantKey};

use crate::change::Act;
use crate::{App, Caller, ServiceError};

/// Makes a tenant with a sealing key of its own.
pub async fn create(app: &App, name: TenantName) -> Result<Tenant, ServiceError> {
    let now = app.now();
    let tenant = Tenant { id: TenantId::generate(now, app.entropy()), name, created_at: now };
    let key = TenantKey::generate(1, app.entropy());
    let root_keys = app.keyring().root_keys();
    let wrapped = WrappedTenantKey {
        tenant: tenant.id,
        version: key.version(),
        root_key_id: root_keys.current_id().to_string(),
        wrapped: root_keys.wrap(tenant.id, key.version(), &key, app.entropy())?,
    };
    let mut tx = app.database().begin_system().await?;
    match tenants::insert(&mut tx, &tenant).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists {
                what: "tenant",
                name: tenant.name.as_str().to_owned(),
            });
        }
        other => other?,
    }
    tenants::insert_key(&mut tx, &wrapped, now).await?;
    let caller = Caller::operator(app, tenant.id);
    let entry = Act::new(Action::TenantCreate, tenant.id).after(tenant.name.as_str()).entry(app, &caller);
    audit::append_system(&mut tx, tenant.id, vec![entry]).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// Every tenant, oldest first.
pub async fn list(app: &App) -> Result<Vec<Tenant>, ServiceError> {
    let mut session = app.database().read_system().await?;
    Ok(tenants::list(&mut session).await?)
}

/// The tenant of this name.
pub async fn find_by_name(app: &App, name: &str) -> Result<Option<Tenant>, ServiceError> {
    let mut session = app.database().read_system().await?;
    Ok(tenants::find_by_name(&mut session, name).await?)
}

/// Wraps every tenant's key with the current root key; answers how many were wrapped with another one.
///
/// Resumable: each key is replaced in a transaction of its own, and one that is done already is passed over.
pub async fn rotate_root_key(app: &App) -> Result<usize, ServiceError> {
    let root_keys = app.keyring().root_keys();
    let current = root_keys.current_id().to_string();
    let mut session = app.database().read_system().await?;
    let keys = tenants::keys(&mut session).await?;
    drop(session);
    let mut rotated = 0;
    for old in keys.into_iter().filter(|key| key.root_key_id != current) {
        let key = app.keyring().unwrap(&old)?;
        let new = WrappedTenantKey {
            root_key_id: current.clone(),
            wrapped: root_keys.wrap(old.tenant, old.version, &key, app.entropy())?,
            ..old.clone()
        };
        let mut tx = app.database().begin_system().await?;
        if tenants::rewrap_key(&mut tx, &new, &old.root_key_id).await? {
            rotated += 1;
        }
        tx.commit().await?;
    }
    Ok(rotated)
}
