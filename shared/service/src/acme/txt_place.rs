//! Where the TXT value of a dns-01 challenge goes: an order goes there, and a check tells it.

use certmill_dns::{DnsError, Zone};
use certmill_domain::{AcmeIdentifier, DnsProviderId, Failure, TenantId};

use super::grants;
use crate::{App, Noun, ServiceError, dns_providers};

/// Where a value goes.
pub(super) struct TxtPlace {
    /// The owner name, after aliases were followed.
    pub(super) name: String,
    /// The provider that writes it.
    pub(super) provider: DnsProviderId,
    /// The provider's zone.
    pub(super) zone: Zone,
}

/// What came of looking for the place.
pub(super) enum Placement {
    Found(TxtPlace),
    NotFound(NoPlace),
}

/// Why there is no place, and what is known of it.
pub(super) struct NoPlace {
    pub(super) name: Option<String>,
    pub(super) provider: Option<DnsProviderId>,
    pub(super) why: Why,
}

/// Why there is no place.
pub(super) enum Why {
    /// It may not go there, or nobody can bring it there.
    Refused(Failure),
    /// Aliases could not be followed.
    NotLookedUp(DnsError),
    /// The provider did not name its zone.
    Provider(DnsError),
}

impl Why {
    /// The failure that it comes to, when it lasts.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Refused(failure) => failure,
            Self::NotLookedUp(error) | Self::Provider(error) => failure(&error),
        }
    }
}

/// What an error of a provider or of a look-up is called.
pub(super) fn failure(error: &DnsError) -> Failure {
    let code = match error {
        DnsError::Auth(_) => "dns_credentials_refused",
        DnsError::ZoneNotFound(_) => "dns_zone_not_found",
        _ => "dns_failed",
    };
    Failure::new(code, error.to_string())
}

/// The failure of whoever needs a provider that was deleted.
pub(super) fn gone(id: DnsProviderId) -> Failure {
    Failure::new("dns_provider_gone", format!("the DNS provider {id} was deleted"))
}

/// Looks where the value for a name, without `*.`, goes; by the provider that is wanted, or by the one that serves it.
pub(super) async fn find(
    app: &App,
    tenant: TenantId,
    wanted: Option<DnsProviderId>,
    identifier: &str,
) -> Result<Placement, ServiceError> {
    let no_place = |name, provider, why| Ok(Placement::NotFound(NoPlace { name, provider, why }));
    let owner = format!("_acme-challenge.{identifier}");
    let resolvers = dns_providers::resolvers(app, tenant, wanted, &owner).await?;
    let name = match app.dns(tenant).await?.effective_name(&resolvers, &owner).await {
        Ok(name) => name,
        Err(error) => return no_place(None, None, Why::NotLookedUp(error)),
    };
    if !name.eq_ignore_ascii_case(&owner) {
        let mut session = app.database().read(tenant).await?;
        let refusal = grants::refusal(&mut session, tenant, &AcmeIdentifier::stored(identifier)).await?;
        if let Some(failure) = refusal {
            return no_place(Some(name), None, Why::Refused(failure));
        }
    }
    let Some(id) = dns_providers::for_name(app, tenant, wanted, &name).await? else {
        let message = format!(
            "no active DNS provider serves {name}: add one with POST /v1/pki/dns-providers, or name one as dns_provider_id"
        );
        let failure = Failure::new("dns_zone_not_found", message);
        return no_place(Some(name), None, Why::Refused(failure));
    };
    let why = match dns_providers::open(app, tenant, id).await {
        Ok(provider) => match provider.client.find_zone(&name).await {
            Ok(zone) => return Ok(Placement::Found(TxtPlace { name, provider: id, zone })),
            Err(error) => Why::Provider(error),
        },
        Err(ServiceError::NotFound { noun: Noun::DnsProvider, .. }) => Why::Refused(gone(id)),
        Err(ServiceError::InvalidConfig { message, .. }) => {
            Why::Refused(Failure::new("dns_provider_invalid", message))
        }
        Err(error) => return Err(error),
    };
    no_place(Some(name), Some(id), why)
}
