//! The caller of a use case.

use std::net::IpAddr;

use certmill_domain::{CertificateId, Digest, Identity, RequestId, Scope, TenantId, TokenId, TokenLimits};
use certmill_storage::idempotency::Hold;

use crate::{App, IfMatch, Noun, ServiceError};

/// The caller of a use case.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant in whose name everything happens.
    pub tenant: TenantId,
    /// The caller's identity.
    pub identity: Identity,
    /// The strongest scope that it has.
    pub scope: Scope,
    /// What it is limited to beside that.
    pub limits: TokenLimits,
    /// With whose calls its own are counted by the rate limits.
    pub counted: Counted,
    /// The request, as logs, jobs and the audit log name it.
    pub request_id: String,
    /// The address of the client: that of its end of the connection, or what a trusted proxy says.
    pub source_address: Option<IpAddr>,
    /// The idempotency key that the call holds.
    pub hold: Option<Hold>,
    /// The state of the object for which the call is meant.
    pub if_match: Option<IfMatch>,
}

/// Whose calls the rate limits count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Those of a token.
    Token(TokenId),
    /// Those of all certificates with the same role and names: a certificate that has renewed itself has no calls more.
    Names(Digest),
    /// Nobody's: they are not limited.
    Free,
}

impl Caller {
    /// The service itself, at work on a request or on periodic upkeep.
    pub(crate) fn service(app: &App, tenant: TenantId, request_id: Option<&str>) -> Self {
        let own = Self::operator(app, tenant);
        Self {
            identity: Identity::Service,
            request_id: request_id.map_or(own.request_id, ToOwned::to_owned),
            ..own
        }
    }

    /// Someone at the machine's command line, who may do everything.
    pub fn operator(app: &App, tenant: TenantId) -> Self {
        Self {
            tenant,
            identity: Identity::Operator,
            scope: Scope::Admin,
            limits: TokenLimits::default(),
            counted: Counted::Free,
            request_id: RequestId::generate(app.now(), app.entropy()).to_string(),
            source_address: None,
            hold: None,
            if_match: None,
        }
    }

    /// The certificate that calls in the place of a token.
    pub fn certificate(&self) -> Option<CertificateId> {
        match self.identity {
            Identity::Certificate(id) => Some(id),
            Identity::Token(_) | Identity::Operator | Identity::Service => None,
        }
    }

    /// Whether this certificate is any of its business. To a certificate that calls all others are as good as absent.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub(crate) fn check_certificate(&self, id: CertificateId) -> Result<(), ServiceError> {
        match self.certificate() {
            Some(own) if own != id => Err(ServiceError::not_found(Noun::Certificate, id)),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it may do something for which `pki:issue` is needed: under this role, to a certificate of this role, or
    /// under no role.
    ///
    /// # Errors
    /// [`ServiceError::RoleNotAllowed`].
    pub fn check_role(&self, role: Option<&str>) -> Result<(), ServiceError> {
        if self.limits.permit_role(role) {
            return Ok(());
        }
        Err(ServiceError::RoleNotAllowed(role.map(ToOwned::to_owned)))
    }
}
