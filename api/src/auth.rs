//! Authentication and authorization: the one place where tokens, client certificates, scopes and networks are enforced. A handler names the scope
//! it needs by the type of its first argument and cannot be reached without it; the tenant of everything that it
//! does comes out of the same value.

use std::marker::PhantomData;
use std::ops::Deref;

use certmill_service::domain::Scope;
use certmill_service::{App, Caller, IfMatch, ServiceError, certificates, tokens};
use poem::http::{HeaderValue, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use crate::acts::{Does, Reads};
use crate::client;
use crate::client_certificate;
use crate::edge::CurrentRequest;
use crate::error::ApiError;
use crate::guard::{self, CurrentHold};
use crate::routes::Operation;

/// A scope as a type.
pub(crate) trait Needed: Send + Sync {
    const SCOPE: Scope;
    /// Whether the use case asks [`Caller::check_role`] about the role that it comes down to. If not, the call is closed
    /// to tokens that are limited to roles.
    const UNDER_ROLE: bool = false;
    /// Whether the use case lets a client certificate that calls in the place of a token do this to itself, and to nothing else. If not,
    /// the call is closed to certificates.
    const BY_CERTIFICATE: bool = false;
}

/// `pki:read`.
pub(crate) struct Read;
/// `pki:issue`.
pub(crate) struct Issue;
/// `pki:issue`, under a role or for a certificate that has one.
pub(crate) struct IssueUnderRole;
/// `pki:read`, or a certificate that reads itself.
pub(crate) struct ReadItself;
/// `pki:issue`, under a role or for a certificate that has one, which may be the one that calls.
pub(crate) struct RenewItself;
/// `pki:admin`.
pub(crate) struct Admin;

impl Needed for Read {
    const SCOPE: Scope = Scope::Read;
}

impl Needed for Issue {
    const SCOPE: Scope = Scope::Issue;
}

impl Needed for IssueUnderRole {
    const SCOPE: Scope = Scope::Issue;
    const UNDER_ROLE: bool = true;
}

impl Needed for ReadItself {
    const SCOPE: Scope = Scope::Read;
    const BY_CERTIFICATE: bool = true;
}

impl Needed for RenewItself {
    const SCOPE: Scope = Scope::Issue;
    const UNDER_ROLE: bool = true;
    const BY_CERTIFICATE: bool = true;
}

impl Needed for Admin {
    const SCOPE: Scope = Scope::Admin;
}

/// A caller whose token carries the scope `S`, for an operation that does `A`.
pub(crate) struct Authorized<S, A = Reads> {
    caller: Caller,
    of: PhantomData<(S, A)>,
}

impl<S, A> Deref for Authorized<S, A> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// What the raw document says of an operation that certificates may call.
pub(crate) const BY_CERTIFICATE: &str = "by_certificate";

/// What the document calls the way in which a token is shown.
pub(crate) const SCHEME: &str = "bearer";

impl<'a, S: Needed, A: Does> ApiExtractor<'a> for Authorized<S, A> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            SCHEME,
            MetaSecurityScheme {
                ty: "http",
                description: Some(
                    "An opaque token `cmt_…` as `Authorization: Bearer <token>`. Its scopes are `pki:read`, \
                     `pki:issue` (implies read) and `pki:admin` (implies both); each operation names the one it needs. \
                     A token may be limited to networks (`token_not_allowed_here`), and its `pki:issue` to roles \
                     (`role_not_allowed`). Where an operation says so, a client certificate (TLS, RFC 8446) may stand in its \
                     place.",
                ),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: Some("cmt_…"),
                flows: None,
                openid_connect_url: None,
            },
        );
    }

    /// The scope and what the operation does, so that they can be read from the raw document; what is shown names the scheme.
    fn security_schemes() -> Vec<&'static str> {
        let by_certificate = S::BY_CERTIFICATE.then_some(BY_CERTIFICATE);
        std::iter::once(S::SCOPE.as_str()).chain(A::notes()).chain(by_certificate).collect()
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        // The caller was authenticated before the body was read. What the call has taken since then is added.
        let Some(CurrentCaller(caller)) = request.extensions().get() else {
            return Err(ApiError::internal().into());
        };
        if caller.scope < S::SCOPE {
            return Err(ApiError::from(ServiceError::InsufficientScope(S::SCOPE)).into());
        }
        if !S::BY_CERTIFICATE {
            check_token(caller, S::SCOPE)?;
        }
        let hold = request.extensions().get::<CurrentHold>().map(|held| held.0.clone());
        let caller = Caller { hold, ..caller.clone() };
        if S::SCOPE >= Scope::Issue && !S::UNDER_ROLE {
            caller.check_role(None).map_err(ApiError::from)?;
        }
        Ok(Self { caller, of: PhantomData })
    }
}

/// The caller of the present request, kept in its extensions once it is authenticated.
#[derive(Clone)]
pub(crate) struct CurrentCaller(pub(crate) Caller);

/// What stands in the raw document in the place of security schemes: the scope of an operation, and what it does.
pub(crate) fn security_names(spec: &Value) -> impl Iterator<Item = &str> {
    let schemes = spec["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    schemes.flat_map(|scheme| scheme.keys()).map(String::as_str)
}

/// A certificate may call nothing but what is for certificates.
///
/// # Errors
/// [`ServiceError::NeedsScope`], which says what a token would need.
pub(crate) fn check_token(caller: &Caller, needed: Scope) -> Result<(), ApiError> {
    if caller.certificate().is_none() {
        return Ok(());
    }
    let message = format!(
        "a client certificate may read and renew itself and nothing else: this call needs a token with the scope `{needed}`"
    );
    Err(ServiceError::NeedsScope { needed, message }.into())
}

/// Authenticates a request to `operation`, which needs the scope `needed`. The caller is known before it is checked whether they
/// have that.
pub(crate) async fn caller(
    app: &App,
    request: &Request,
    (operation, needed): (&Operation, Scope),
) -> Result<Caller, ApiError> {
    authenticate(app, request, operation).await.map_err(|error| match error {
        // A token whose scopes are all of a newer version permits nothing.
        AuthError::Refused(ServiceError::InsufficientScope(_)) => {
            ServiceError::InsufficientScope(needed).into()
        }
        error => error.into(),
    })
}

enum AuthError {
    Refused(ServiceError),
    /// Something was sent as a token that cannot be one.
    Malformed,
    Internal,
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(error) => error.into(),
            AuthError::Malformed => Self::from(ServiceError::AuthenticationRequired).with_invalid_token(),
            AuthError::Internal => Self::internal(),
        }
    }
}

async fn authenticate(app: &App, request: &Request, operation: &Operation) -> Result<Caller, AuthError> {
    let current = request.extensions().get::<CurrentRequest>().ok_or(AuthError::Internal)?;
    let token = bearer(request).filter(|token| !token.is_empty());
    let from = client::address(request, &app.settings().trusted_proxies);
    let asked = tokens::Asked { needed: Scope::Read, from, request_id: &current.0 };
    // A token wins, and what stands in its place and is none does too: nobody is somebody else than they say.
    let certificate = if request.headers().contains_key(header::AUTHORIZATION) {
        None
    } else {
        client_certificate::of(request, &app.settings().trusted_proxies)
    };
    let authenticated = match certificate {
        Some(certificate) => certificates::authenticate(app, &certificate.sha256, asked).await,
        None => tokens::authenticate(app, token, asked).await,
    };
    match authenticated {
        Ok(caller) => {
            let if_match = request.headers().get_all(header::IF_MATCH).iter().map(HeaderValue::as_bytes);
            Ok(Caller { if_match: IfMatch::of(if_match), ..caller })
        }
        Err(ServiceError::AuthenticationRequired) if token.is_some() => Err(AuthError::Malformed),
        Err(error) => {
            if let ServiceError::TokenNotAllowedHere(caller) = &error {
                guard::record_use(app, caller, operation.call(request.uri().path()), request).await;
            }
            Err(AuthError::Refused(error))
        }
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1; the scheme's case does not matter).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
