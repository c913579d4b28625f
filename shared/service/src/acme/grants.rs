//! Who may have which names validated. Responders and zones that tenants share prove the service's control of a name, not
//! the tenant's: once there is more than one tenant, such a proof takes a grant.

use certmill_domain::{AcmeIdentifier, Action, Failure, TenantId};
use certmill_storage::{StorageError, WithLink, domain_grants};
use certmill_x509::DnsName;

use crate::change::Act;
use crate::{App, Caller, Noun, ServiceError};

pub(crate) mod handover;

/// Grants a domain, and everything below it, to the caller's tenant.
pub async fn grant(app: &App, caller: &Caller, domain: &str) -> Result<String, ServiceError> {
    let domain = parse(domain)?;
    let mut change = app.change(caller).await?;
    match domain_grants::insert(&mut change, &domain, app.now()).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "grant of a domain", name: domain });
        }
        other => other?,
    }
    change.commit(Act::new(Action::DomainGrant, &domain)).await?;
    Ok(domain)
}

/// Takes a grant back.
pub async fn revoke(app: &App, caller: &Caller, domain: &str) -> Result<(), ServiceError> {
    let domain = parse(domain)?;
    let mut change = app.change(caller).await?;
    if !domain_grants::delete(&mut change, &domain).await? {
        return Err(ServiceError::not_found(Noun::DomainGrant, domain));
    }
    change.commit(Act::new(Action::DomainRevoke, &domain)).await
}

/// Every grant: domain and tenant.
pub async fn list(app: &App) -> Result<Vec<(String, TenantId)>, ServiceError> {
    let mut session = app.database().read_system().await?;
    Ok(domain_grants::list(&mut session).await?)
}

fn parse(text: &str) -> Result<String, ServiceError> {
    if let Ok(address) = text.parse::<std::net::IpAddr>() {
        return Ok(address.to_string());
    }
    match text.parse::<DnsName>() {
        Ok(name) if !name.is_wildcard() => Ok(name.as_str().to_owned()),
        Ok(_) => Err(ServiceError::field(
            "domain",
            "is a wildcard: grant the domain, which covers everything below it",
        )),
        Err(error) => Err(ServiceError::field("domain", error.to_string())),
    }
}

/// Why a tenant may not prove control of `name` by what it shares with others; none when it may.
pub(super) async fn refusal(
    session: &mut impl WithLink,
    tenant: TenantId,
    name: &AcmeIdentifier,
) -> Result<Option<Failure>, ServiceError> {
    if !domain_grants::responders_are_shared(session).await? {
        return Ok(None);
    }
    let base = name.base();
    let holder = domain_grants::holder(session, &lineage(name, &base)).await?;
    if holder == Some(tenant) {
        return Ok(None);
    }
    let message = format!(
        "{base} is not granted to this tenant: the operator can do so with `certmill domain grant`, or use dns-01 with \
         credentials for the zone itself"
    );
    Ok(Some(Failure::new("domain_not_granted", message)))
}

/// A name and everything above it.
fn lineage(name: &AcmeIdentifier, base: &str) -> Vec<String> {
    match name {
        AcmeIdentifier::Ip(_) => vec![base.to_owned()],
        AcmeIdentifier::Dns(_) => {
            let cuts = base.match_indices('.').filter_map(|(at, _)| base.get(at + 1..));
            std::iter::once(base).chain(cuts).map(ToOwned::to_owned).collect()
        }
    }
}
