//! Roles that were used lately. A cached role may permit an issuance, because its version is checked again in the
//! transaction that stores the certificate; it may never refuse one, so a refusal is repeated on the present row.

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{CaId, Role, RoleId, RoleName, TenantId, UnknownWord};
use moka::sync::Cache;

use crate::{App, ServiceError};

/// The octets of the lists of all cached roles, each of which counts some for what else it has.
const OCTETS: u64 = 32 << 20;
const OVERHEAD: usize = 2 << 10;

/// A role as it was at some version.
pub(crate) struct CachedRole {
    pub(crate) id: RoleId,
    pub(crate) name: RoleName,
    pub(crate) ca_id: CaId,
    pub(crate) version: i64,
    pub(crate) role: Role,
}

pub(crate) struct RoleCache(Cache<(TenantId, String), Arc<CachedRole>>);

impl RoleCache {
    pub(crate) fn new() -> Self {
        let weigh = |_: &(TenantId, String), role: &Arc<CachedRole>| {
            u32::try_from(OVERHEAD + role.role.settings().octets()).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().weigher(weigh).max_capacity(OCTETS);
        Self(cache.time_to_live(Duration::from_mins(5)).build())
    }

    /// The role as this process last saw it, if it did.
    pub(crate) fn known(&self, tenant: TenantId, name: &str) -> Option<Arc<CachedRole>> {
        self.0.get(&(tenant, name.to_owned()))
    }

    /// The role as it is now.
    pub(crate) async fn read(
        &self,
        app: &App,
        tenant: TenantId,
        name: &str,
    ) -> Result<Arc<CachedRole>, ServiceError> {
        let row = super::find(app, tenant, name).await?;
        row.settings.understood()?;
        // What this version does not let anybody set, such as a purpose that it does not know.
        let role = Role::new(row.settings)
            .map_err(|errors| UnknownWord::new("legal setting of a role", errors.to_string()))?;
        let read =
            Arc::new(CachedRole { id: row.id, name: row.name, ca_id: row.ca_id, version: row.version, role });
        self.0.insert((tenant, name.to_owned()), Arc::clone(&read));
        Ok(read)
    }

    pub(crate) fn forget(&self, tenant: TenantId, name: &str) {
        self.0.invalidate(&(tenant, name.to_owned()));
    }

    pub(crate) fn clear(&self) {
        self.0.invalidate_all();
    }
}
