//! The caller of a use case.

use std::net::IpAddr;

use certmill_domain::{Identity, RequestId, Scope, TenantId, TokenLimits};
use certmill_storage::idempotency::Hold;

use crate::{App, IfMatch, ServiceError};

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
    /// The request, as logs, jobs and the audit log name it.
    pub request_id: String,
    /// The address of the client: that of its end of the connection, or what a trusted proxy says.
    pub source_address: Option<IpAddr>,
    /// The idempotency key that the call holds.
    pub hold: Option<Hold>,
    /// The state of the object for which the call is meant.
    pub if_match: Option<IfMatch>,
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
            request_id: RequestId::generate(app.now(), app.entropy()).to_string(),
            source_address: None,
            hold: None,
            if_match: None,
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
