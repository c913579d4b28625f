//! Connections in the name of a tenant. What the operator allows may depend on who it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use certmill_acme::Acme;
use certmill_dns::Providers;
use certmill_domain::TenantId;
use certmill_egress::{Egress, Purpose};
use certmill_storage::tenants;

use crate::{App, ServiceError};

/// The names of tenants by their ids, which never change.
#[derive(Default)]
pub(crate) struct TenantNames(Mutex<HashMap<TenantId, Arc<str>>>);

impl App {
    /// The HTTP client for something that a tenant can influence.
    pub(crate) async fn egress(&self, tenant: TenantId, purpose: Purpose) -> Result<Egress, ServiceError> {
        let egress = self.outgoing().0.for_purpose(purpose);
        Ok(match self.name_for_policy(tenant).await? {
            Some(name) => egress.for_tenant(&name),
            None => egress,
        })
    }

    /// The way to ACME servers in the name of a tenant.
    pub(crate) async fn acme(&self, tenant: TenantId) -> Result<Acme, ServiceError> {
        let acme = self.outgoing().1;
        Ok(match self.name_for_policy(tenant).await? {
            Some(name) => acme.for_tenant(&name),
            None => acme.clone(),
        })
    }

    /// The way to DNS providers and name servers in the name of a tenant.
    pub(crate) async fn dns(&self, tenant: TenantId) -> Result<Providers, ServiceError> {
        let dns = self.outgoing().2;
        Ok(match self.name_for_policy(tenant).await? {
            Some(name) => dns.for_tenant(&name),
            None => dns.clone(),
        })
    }

    /// The tenant's name, if the policy tells tenants apart.
    async fn name_for_policy(&self, tenant: TenantId) -> Result<Option<Arc<str>>, ServiceError> {
        let (egress, _, dns) = self.outgoing();
        if !egress.policy().tells_tenants_apart() && !dns.tells_tenants_apart() {
            return Ok(None);
        }
        let names = || self.tenant_names().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names().get(&tenant).cloned() {
            return Ok(Some(name));
        }
        let mut session = self.database().read_system().await?;
        let known = tenants::list(&mut session).await?;
        drop(session);
        let mut names = names();
        *names = known.into_iter().map(|tenant| (tenant.id, tenant.name.as_str().into())).collect();
        names
            .get(&tenant)
            .cloned()
            .map(Some)
            .ok_or_else(|| ServiceError::internal("whoever calls belongs to a tenant"))
    }
}
