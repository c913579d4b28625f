//! TXT records for dns-01 challenges: DNS providers, the zones that they serve, aliases on the way there, and whether the
//! authoritative servers have a value.
//!
//! Values are added and removed one by one; others at the same name are never touched. Both can be repeated. Nothing here
//! waits or polls: each call is one look or one change, and keeps no socket afterwards. Every address that a tenant can
//! influence is judged by the egress policy before anything is sent to it.

mod ambient;
mod caa;
mod config;
mod digest;
mod error;
mod exchange;
mod fields;
mod http;
mod lookup;
mod propagation;
mod provider;
mod providers;
mod record_set;
mod sigv4;
mod single_record;
mod vendor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use certmill_aws::Credentials;
use certmill_domain::Clock;
use certmill_egress::{Egress, EgressPolicy, Purpose};
use serde_json::Value;

use ambient::Ambient;
pub use ambient::{AmbientAllowance, AmbientSettings, AwsIdentity};
pub use caa::{CaaLook, CaaVerdict, CaaWish};
pub use config::{
    ConfigError, ParsedConfig, ProviderType, catalogue, credentials, led_away, merge, own_resolvers,
    parse_config, shown, types,
};
pub use error::DnsError;
pub use fields::{Field, FieldType};
use http::Api;
use lookup::Resolver;
pub use propagation::{
    AddressView, MinSuccess, Propagation, PropagationCheck, PropagationMode, PropagationSettings, Seen,
    ServerView,
};
pub use provider::{Answer, Change, ChangeState, DnsProvider, ProviderTraits, Zone};

/// How long the services that give out credentials may take for an answer.
const IDENTITY_WITHIN: Duration = Duration::from_secs(10);

/// What the operator sets.
#[derive(Debug, Clone, Default)]
pub struct DnsSettings {
    /// Resolvers that answer recursively; the system's when there are none.
    pub resolvers: Vec<SocketAddr>,
    /// The port of authoritative servers; 53 when absent.
    pub authoritative_port: Option<u16>,
    /// Which providers may use this machine's own credentials, and where these are.
    pub ambient: AmbientSettings,
}

/// The way to DNS providers and name servers. Cheap to clone.
#[derive(Clone)]
pub struct Providers(Arc<Inner>);

struct Inner {
    policy: EgressPolicy,
    egress: Egress,
    resolver: Resolver,
    clock: Arc<dyn Clock>,
    authoritative_port: u16,
    ambient: Arc<Ambient>,
    tenant: Option<String>,
}

impl Providers {
    /// Providers that are reached within `policy`, those over HTTP by `egress`.
    pub fn new(settings: DnsSettings, policy: EgressPolicy, egress: Egress, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            policy: policy.for_purpose(Purpose::Dns),
            egress: egress.with_credentials(),
            resolver: Resolver::new(settings.resolvers),
            clock,
            authoritative_port: settings.authoritative_port.unwrap_or(53),
            ambient: Arc::new(Ambient::new(settings.ambient)),
            tenant: None,
        }))
    }

    /// The same in the name of a tenant.
    #[must_use]
    pub fn for_tenant(&self, name: &str) -> Self {
        let Inner { policy, egress, resolver, clock, authoritative_port, ambient, .. } = &*self.0;
        Self(Arc::new(Inner {
            policy: policy.for_tenant(name),
            egress: egress.for_tenant(name),
            resolver: resolver.clone(),
            clock: Arc::clone(clock),
            authoritative_port: *authoritative_port,
            ambient: Arc::clone(ambient),
            tenant: Some(name.to_owned()),
        }))
    }

    /// Whether it depends on the tenant which providers may use this machine's own credentials.
    pub fn tells_tenants_apart(&self) -> bool {
        self.0.ambient.settings.tells_tenants_apart()
    }

    /// A client for a provider of this type; `public` and `secret` are the two parts of its configuration.
    ///
    /// # Errors
    /// [`DnsError::Invalid`] when the configuration cannot be read.
    pub fn open(&self, kind: &str, public: &Value, secret: &[u8]) -> Result<Box<dyn DnsProvider>, DnsError> {
        let full = config::joined(public, secret).map_err(|error| DnsError::Invalid(error.to_string()))?;
        config::kind(kind)
            .map_err(|error| DnsError::Invalid(error.to_string()))
            .and_then(|kind| {
                self.0.ambient.check(kind.name, &full, self.0.tenant.as_deref())?;
                Ok(kind)
            })
            .and_then(|kind| (kind.open)(self, &full, &kind.credentials()))
    }

    /// The credentials of this machine at Amazon, for something of the service's own that the operator has set.
    ///
    /// # Errors
    /// Those of the metadata service and of STS.
    pub async fn aws_credentials(&self, identity: AwsIdentity) -> Result<Credentials, DnsError> {
        let api = Api {
            egress: self.egress().clone(),
            clock: Arc::clone(self.clock()),
            vendor: "Amazon Web Services",
            base_url: String::new(),
            ttl: 0,
            timeout: IDENTITY_WITHIN,
            secrets: Vec::new(),
            is_vendor: true,
            ambient: Arc::clone(self.ambient()),
        };
        providers::aws_credentials(&api, identity).await
    }

    /// Where a TXT value for `owner_name` has to be: the end of its aliases (RFC 8555 section 8.4, RFC 1034 section 3.6.2). It asks
    /// these resolvers where there are any: those of a provider whose zones the usual ones do not know.
    ///
    /// # Errors
    /// [`DnsError::Invalid`] for aliases that lead nowhere; [`DnsError::Unavailable`] when nobody answers.
    pub async fn effective_name(
        &self,
        resolvers: &[SocketAddr],
        owner_name: &str,
    ) -> Result<String, DnsError> {
        self.resolver_of(resolvers).end_of_aliases(owner_name).await
    }

    /// Looks once whether the servers have a value.
    ///
    /// # Errors
    /// Why it could not be found out whom to ask.
    pub async fn propagation(&self, check: &PropagationCheck) -> Result<Propagation, DnsError> {
        propagation::look(self, check).await
    }

    pub(crate) fn policy(&self) -> &EgressPolicy {
        &self.0.policy
    }

    /// The resolvers that a provider names, else the usual ones.
    pub(crate) fn resolver_of(&self, named: &[SocketAddr]) -> Resolver {
        match named {
            [] => self.0.resolver.clone(),
            named => Resolver::judged(named.to_vec(), self.0.policy.clone()),
        }
    }

    pub(crate) fn egress(&self) -> &Egress {
        &self.0.egress
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub(crate) fn ambient(&self) -> &Arc<Ambient> {
        &self.0.ambient
    }

    pub(crate) fn authoritative_port(&self) -> u16 {
        self.0.authoritative_port
    }
}
