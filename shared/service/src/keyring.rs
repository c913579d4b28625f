//! The tenants' sealing keys, unwrapped on demand and kept in memory for a while.

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::TenantId;
use certmill_keys::{RootKeys, SealPlace, TenantKey, sealed_with};
use certmill_storage::tenants::{self, WrappedTenantKey};
use moka::sync::Cache;
use zeroize::Zeroizing;

use crate::{App, ServiceError};

/// The tenants' keys. What falls out of the cache is zeroized with its last user.
pub(crate) struct Keyring {
    root_keys: RootKeys,
    cache: Cache<TenantId, Arc<Vec<TenantKey>>>,
}

impl Keyring {
    pub(crate) fn new(root_keys: RootKeys) -> Self {
        let cache = Cache::builder().max_capacity(10_000).time_to_idle(Duration::from_mins(10)).build();
        Self { root_keys, cache }
    }

    /// The root keys.
    pub(crate) fn root_keys(&self) -> &RootKeys {
        &self.root_keys
    }

    /// Seals a private value for its place under the newest key of its tenant.
    pub(crate) async fn seal(
        &self,
        app: &App,
        place: &SealPlace<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let keys = self.keys(app, place.tenant).await?;
        let newest = keys.last().ok_or_else(|| missing(place.tenant))?;
        Ok(newest.seal(place, plaintext, app.entropy())?)
    }

    /// Opens a sealed value at its place.
    pub(crate) async fn open(
        &self,
        app: &App,
        place: &SealPlace<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        let version = sealed_with(sealed)?;
        let keys = self.keys(app, place.tenant).await?;
        let key = keys.iter().find(|key| key.version() == version).ok_or_else(|| missing(place.tenant))?;
        Ok(key.open(place, sealed)?)
    }

    /// Unwraps the first tenant key of the database, if there is one.
    pub(crate) async fn check(&self, app: &App) -> Result<(), ServiceError> {
        let mut session = app.database().read_system().await?;
        for key in tenants::keys(&mut session).await?.iter().take(1) {
            self.unwrap(key)?;
        }
        Ok(())
    }

    pub(crate) fn unwrap(&self, key: &WrappedTenantKey) -> Result<TenantKey, ServiceError> {
        Ok(self.root_keys.unwrap(key.tenant, key.version, &key.root_key_id, &key.wrapped)?)
    }

    pub(crate) fn forget(&self, tenant: TenantId) {
        self.cache.invalidate(&tenant);
    }

    async fn keys(&self, app: &App, tenant: TenantId) -> Result<Arc<Vec<TenantKey>>, ServiceError> {
        if let Some(keys) = self.cache.get(&tenant) {
            return Ok(keys);
        }
        let mut session = app.database().read_system().await?;
        let wrapped = tenants::keys_of(&mut session, tenant).await?;
        let keys: Vec<TenantKey> = wrapped.iter().map(|key| self.unwrap(key)).collect::<Result<_, _>>()?;
        let keys = Arc::new(keys);
        self.cache.insert(tenant, Arc::clone(&keys));
        Ok(keys)
    }
}

fn missing(tenant: TenantId) -> ServiceError {
    ServiceError::internal(format!("tenant {tenant} has no key of the version that sealed this value"))
}
