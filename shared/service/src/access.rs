//! Who calls.

use certmill_domain::{Scope, TenantId, TokenId};

/// The authenticated caller of a use case.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant in whose name everything happens.
    pub tenant: TenantId,
    /// The token that was shown.
    pub token_id: TokenId,
    /// The strongest scope that the token carries.
    pub scope: Scope,
    /// The request, as logs and jobs name it.
    pub request_id: String,
}
