//! The provider for a name, ready to be spoken to.

use std::net::SocketAddr;
use std::time::Duration;

use certmill_dns::{DnsProvider as Client, Zone};
use certmill_domain::{DnsProvider, DnsProviderId, TenantId};
use certmill_storage::{dns_locks, dns_providers};

use super::credentials::Configuration;
use super::{refuse_unknown_type, stored};
use crate::{App, ServiceError};

/// A worker that holds a lock on a name for so long is taken for dead. No provider with a lock begins to write later than two and a
/// half minutes, and a call takes one at most.
const LOCK: Duration = Duration::from_mins(4);

/// A provider that can be spoken to.
pub(crate) struct OpenProvider {
    pub(crate) client: Box<dyn Client>,
}

/// Opens a provider with its credentials.
pub(crate) async fn open(
    app: &App,
    tenant: TenantId,
    id: DnsProviderId,
) -> Result<OpenProvider, ServiceError> {
    let (row, secret) = stored(app, tenant, id).await?;
    refuse_unknown_type(&row)?;
    let invalid = |message: String| ServiceError::InvalidConfig { message, upstream: None };
    let config = certmill_dns::merge(&row.config, &secret, &serde_json::json!({}))
        .map_err(|error| invalid(error.to_string()))?;
    let configuration = match Configuration::parse(app, tenant, &row.kind, &config).await {
        Err(ServiceError::Validation(errors)) => return Err(invalid(errors.to_string())),
        other => other?,
    };
    let client = configuration.open().map_err(|error| invalid(error.to_string()))?;
    Ok(OpenProvider { client })
}

impl OpenProvider {
    /// What a lock on a name, or on its zone, is called; none where it needs no lock. Tenants with the same account at the same API
    /// write the same records and share a lock; the same name at another API or account is another lock.
    fn lock_name(&self, zone: &Zone, name: &str) -> Option<String> {
        let traits = self.client.traits();
        if !traits.needs_lock {
            return None;
        }
        let account = self.client.account().unwrap_or_default();
        let place = if traits.locks_zone { zone.apex.clone() } else { format!("{} {name}", zone.apex) };
        Some(format!("{account} {place}"))
    }

    /// Takes the lock on a name, where the provider needs one; `false` while another worker has it.
    pub(crate) async fn lock(
        &self,
        app: &App,
        (zone, name): (&Zone, &str),
        holder: &str,
    ) -> Result<bool, ServiceError> {
        let Some(lock) = self.lock_name(zone, name) else { return Ok(true) };
        let mut tx = app.database().begin_system().await?;
        let now = app.now();
        let taken = dns_locks::take(&mut tx, &lock, holder, now.plus(LOCK), now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives the lock back. One that is not given back ends by itself.
    pub(crate) async fn unlock(
        &self,
        app: &App,
        (zone, name): (&Zone, &str),
        holder: &str,
    ) -> Result<(), ServiceError> {
        let Some(lock) = self.lock_name(zone, name) else { return Ok(()) };
        let mut tx = app.database().begin_system().await?;
        dns_locks::give_back(&mut tx, &lock, holder).await?;
        Ok(tx.commit().await?)
    }
}

/// The provider for a name: the one that the order names, else the active one with the longest zone, and of several with the
/// same zone the oldest. When none has it, those without configured zones are asked which ones they have now.
pub(crate) async fn for_name(
    app: &App,
    tenant: TenantId,
    explicit: Option<DnsProviderId>,
    name: &str,
) -> Result<Option<DnsProviderId>, ServiceError> {
    if explicit.is_some() {
        return Ok(explicit);
    }
    let mut session = app.database().read(tenant).await?;
    let active = dns_providers::active(&mut session).await?;
    drop(session);
    if let Some(id) = longest(&active, name) {
        return Ok(Some(id));
    }
    let mut refreshed = Vec::new();
    for mut provider in active {
        if provider.zones.is_empty() && refresh(app, tenant, &mut provider).await? {
            refreshed.push(provider);
        }
    }
    Ok(longest(&refreshed, name))
}

/// The resolvers of the provider that serves `name`, or that the order names; empty where the usual ones are asked. What nobody
/// is known to serve is asked of the usual ones, since an alias may lead from there to a name that somebody serves.
pub(crate) async fn resolvers(
    app: &App,
    tenant: TenantId,
    explicit: Option<DnsProviderId>,
    name: &str,
) -> Result<Vec<SocketAddr>, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let provider = if let Some(id) = explicit {
        dns_providers::find(&mut session, id).await?
    } else {
        let active = dns_providers::active(&mut session).await?;
        longest(&active, name).and_then(|id| active.into_iter().find(|provider| provider.id == id))
    };
    Ok(provider.map(|provider| certmill_dns::own_resolvers(&provider.config)).unwrap_or_default())
}

/// The oldest of the providers with the longest zone that `name` is in.
fn longest(providers: &[DnsProvider], name: &str) -> Option<DnsProviderId> {
    let mut best: Option<(usize, DnsProviderId)> = None;
    for provider in providers {
        let length = provider.zone_of(name).map(str::len);
        if let Some(length) = length.filter(|length| best.is_none_or(|(longest, _)| *length > longest)) {
            best = Some((length, provider.id));
        }
    }
    best.map(|(_, id)| id)
}

/// Asks a provider which zones it has; `false` when it does not say.
async fn refresh(app: &App, tenant: TenantId, provider: &mut DnsProvider) -> Result<bool, ServiceError> {
    let open = match open(app, tenant, provider.id).await {
        Err(
            ServiceError::InvalidConfig { .. }
            | ServiceError::NewerVersion(_)
            | ServiceError::NotFound { .. },
        ) => return Ok(false),
        other => other?,
    };
    match open.client.verify().await {
        Ok(zones) => {
            let mut tx = app.database().begin(tenant).await?;
            dns_providers::note_zones(&mut tx, provider.id, &zones, app.now()).await?;
            tx.commit().await?;
            provider.discovered_zones = zones;
            Ok(true)
        }
        Err(error) => {
            let mut tx = app.database().begin(tenant).await?;
            dns_providers::note_error(&mut tx, provider.id, Some(&error.to_string())).await?;
            tx.commit().await?;
            Ok(false)
        }
    }
}
