//! Tenants: making them, listing them, and rotating the root key that wraps their keys.

use certmill_domain::{Action, Tenant, TenantId, TenantName};
use certmill_keys::TenantKey;
use certmill_storage::audit;
use certmill_storage::tenants::{self, WrappedTenantKey};
use certmill_storage::{StorageError, SystemTx};

use crate::acme::grants::handover;
use crate::change::Act;
use crate::{App, Caller, ServiceError};

/// A tenant that was made, and what that meant for the one that was there.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// The new tenant.
    pub tenant: Tenant,
    /// Whether it is the second one, from which on responders are shared.
    pub shares: Option<Handover>,
}

/// What the first tenant was granted when it ceased to be the only one.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The tenant that was alone.
    pub tenant: Tenant,
    /// The names that it was granted, because its certificates and orders rest on them.
    pub granted: Vec<String>,
}

/// Makes a tenant with a sealing key of its own. If there is one tenant so far, that one is granted, in the same
/// transaction, what its certificates and orders rest on.
pub async fn create(app: &App, name: TenantName) -> Result<NewTenant, ServiceError> {
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
    let others = tenants::list(&mut tx).await?;
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
    let shares = match <[Tenant; 1]>::try_from(others) {
        Ok([first]) => Some(hand_over(app, &mut tx, first).await?),
        Err(_) => None,
    };
    let caller = Caller::operator(app, tenant.id);
    let entry = Act::new(Action::TenantCreate, tenant.id).after(tenant.name.as_str()).entry(app, &caller);
    audit::append_system(&mut tx, tenant.id, vec![entry]).await?;
    tx.commit().await?;
    Ok(NewTenant { tenant, shares })
}

/// Grants the only tenant what it needs from now on, and writes that into its audit log.
async fn hand_over(app: &App, tx: &mut SystemTx, tenant: Tenant) -> Result<Handover, ServiceError> {
    let granted = handover::grant_what_is_in_use(app, tx, tenant.id).await?;
    let caller = Caller::operator(app, tenant.id);
    let entries =
        granted.iter().map(|name| Act::new(Action::DomainGrant, name).entry(app, &caller)).collect();
    audit::append_system(tx, tenant.id, entries).await?;
    Ok(Handover { tenant, granted })
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
/// Resumable: each key is replaced in a transaction of its own, which also writes the row in its tenant's audit log, and one
/// that is done already is passed over.
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
            let caller = Caller::operator(app, old.tenant);
            let act = Act::new(Action::RootKeyRotate, old.tenant).before(&old.root_key_id).after(&current);
            audit::append_system(&mut tx, old.tenant, vec![act.entry(app, &caller)]).await?;
        }
        tx.commit().await?;
    }
    Ok(rotated)
}
