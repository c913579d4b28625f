//! Where a request is judged: on the spot, or, when that takes long, away from the threads that serve requests, tenants in turn.

use std::sync::Arc;

use certmill_domain::{IssuerWindow, NameRequest, RequestedKey, Role, is_long_check};

use crate::issuer::Issuer;
use crate::roles::CachedRole;
use crate::{App, Caller, ServiceError};

/// What `how` says of a request under a role and its issuer.
pub(super) async fn judging<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    (role, issuer): (&Arc<CachedRole>, &Arc<Issuer>),
    request: &NameRequest<'_>,
    how: impl FnOnce(&Role, &NameRequest<'_>, &Issuer, &IssuerWindow) -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let window = issuer.window(app.now());
    if !is_long_check(&role.role, request) {
        return Ok(how(&role.role, request, issuer, &window));
    }
    let (role, issuer) = (Arc::clone(role), Arc::clone(issuer));
    let NameRequest { common_name, alt_names, ip_sans, uri_sans, email_sans, other_sans, ttl, key } = request;
    let (generate, csr_key) = match *key {
        RequestedKey::Generate { key_type, key_bits } => {
            (RequestedKey::Generate { key_type, key_bits }, None)
        }
        RequestedKey::Csr(key) => (RequestedKey::default(), Some(key.clone())),
    };
    let request = NameRequest {
        common_name: common_name.clone(),
        alt_names: alt_names.clone(),
        ip_sans: ip_sans.clone(),
        uri_sans: uri_sans.clone(),
        email_sans: email_sans.clone(),
        other_sans: other_sans.clone(),
        ttl: ttl.clone(),
        key: generate,
    };
    app.in_turn(caller.tenant, move || {
        let key = csr_key.as_ref().map_or(generate, RequestedKey::Csr);
        Ok(how(&role.role, &NameRequest { key, ..request }, &issuer, &window))
    })
    .await
}
