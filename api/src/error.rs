//! The only map from errors to HTTP: the contract's body for every error, the framework's own included.

mod shortened;

use std::collections::BTreeMap;
use std::fmt;

use certmill_service::domain::{CallCategory, Scope, Standing};
use certmill_service::{Noun, ServiceError};
use poem::Response;
use poem::error::{
    MethodNotAllowedError, NotFoundError, ParsePathError as PoemParsePathError, ReadBodyError, ResponseError,
    SizedLimitError,
};
use poem::http::{HeaderValue, StatusCode, header};
use poem_openapi::error::{ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, Object};
use serde_json::{Value, json};

use self::shortened::shorten;
use crate::document::status_of_code;
use crate::edge::BodyTooLarge;
use crate::limits;

/// The code of a refusal because of the client's address.
pub(crate) const TOKEN_NOT_ALLOWED_HERE: &str = "token_not_allowed_here";

/// An error as a client sees it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Option<Value>,
    /// Seconds after which it makes sense to try again.
    retry_after: Option<u64>,
    /// How the caller stands with the limit of the call, if there is one.
    standing: Option<Box<Standing>>,
    /// How to authenticate, when that was wrong (RFC 6750 §3).
    challenge: Option<&'static str>,
}

/// No credentials were sent, so nothing is said about any.
const NO_TOKEN: &str = "Bearer realm=\"certmill\"";
const INVALID_TOKEN: &str = "Bearer realm=\"certmill\", error=\"invalid_token\"";

/// The body of every error.
#[derive(Object, Debug)]
pub struct ErrorBody {
    /// What went wrong.
    error: ErrorContent,
}

/// What went wrong.
#[derive(Object, Debug)]
struct ErrorContent {
    /// What clients branch on, such as `validation_error` or `ca_not_found`.
    code: String,
    /// A sentence for people: what is wrong and what would be right.
    message: String,
    /// More, depending on the code. `validation_error` has `fields`: each wrong field with what would be right.
    details: Option<BTreeMap<String, poem_openapi::types::Any<Value>>>,
    /// The request, as in the header `X-Request-ID` and in the logs.
    request_id: String,
}

impl ApiError {
    /// An error without details, with the status that the document gives its code.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        let status = status_of_code(code);
        debug_assert!(status.is_some(), "`{code}` is missing in the document's table of codes");
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            message: message.into(),
            details: None,
            retry_after: None,
            standing: None,
            challenge: None,
        }
    }

    /// One wrong field.
    pub(crate) fn field(name: &str, problem: impl Into<String>) -> Self {
        ServiceError::field(name, problem).into()
    }

    fn with(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Any error that reaches the edge, ours or the framework's.
    pub(crate) fn from_poem(error: poem::Error) -> Self {
        if error.is::<Self>() {
            return error.downcast().unwrap_or_else(|_| Self::internal());
        }
        let bad_request = |message: String| Self::new("invalid_request", message);
        if error.is::<NotFoundError>() {
            return Self::new("not_found", "there is no such path: see /docs");
        }
        if error.is::<MethodNotAllowedError>() {
            return Self::method_not_allowed();
        }
        if error.is::<BodyTooLarge>() || error.is::<SizedLimitError>() {
            return body_too_large();
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            return Self::field(error.name, parameter_problem(&error.reason));
        }
        if let Some(error) = error.downcast_ref::<ContentTypeError>() {
            return Self::new(
                "unsupported_media_type",
                format!("{error}: send `Content-Type: application/json`"),
            );
        }
        if let Some(error) = error.downcast_ref::<ParseRequestPayloadError>() {
            return bad_request(error.reason.clone());
        }
        if let Some(ReadBodyError::Io(broken)) = error.downcast_ref::<ReadBodyError>()
            && broken.kind() == std::io::ErrorKind::TimedOut
        {
            return Self::new("request_timeout", broken.to_string());
        }
        if error.is::<ParsePathError>() || error.is::<PoemParsePathError>() || error.is::<ReadBodyError>() {
            return bad_request(error.to_string());
        }
        if error.status().is_client_error() {
            return bad_request(error.to_string());
        }
        tracing::error!(error = %error, "a request failed inside the framework");
        Self::internal()
    }

    /// A fault of ours, without detail.
    pub(crate) fn internal() -> Self {
        Self::new("internal_error", "an internal error: the logs say more under this request id")
    }

    /// One call too many; nothing when the call was allowed.
    pub(crate) fn rate_limited(category: CallCategory, standing: &Standing) -> Option<Self> {
        let seconds = limits::retry_after(standing)?;
        let message = format!(
            "this token has made too many calls of the category `{category}`, of which {} may come at once: \
             the next one is possible in {seconds} s",
            standing.limit
        );
        let plain = Self::new("rate_limited", message);
        let details =
            json!({ "category": category.as_str(), "limit": standing.limit, "retry_after": seconds });
        Some(Self { retry_after: Some(seconds), ..plain.with(details) })
    }

    /// The same, saying how the caller stands with the limit of the call.
    pub(crate) fn under_limit(self, standing: Standing) -> Self {
        Self { standing: Some(Box::new(standing)), ..self }
    }

    /// The same, about something that was sent as a token.
    pub(crate) fn with_invalid_token(self) -> Self {
        Self { challenge: Some(INVALID_TOKEN), ..self }
    }

    /// A method that a path does not know.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new("method_not_allowed", "this path does not know this method: see /docs")
    }

    /// Its code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The status that it answers.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Its code, its sentence and its details, as an answer has them.
    pub(crate) fn into_parts(self) -> (&'static str, String, Option<serde_json::Map<String, Value>>) {
        let mut error = self.told();
        let message = error["message"].as_str().unwrap_or_default().to_owned();
        let details = match error["details"].take() {
            Value::Object(details) => Some(details),
            _ => None,
        };
        (self.code, message, details)
    }

    /// Code, sentence and details, at the length that answers have.
    fn told(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(details) = &self.details {
            error["details"] = details.clone();
        }
        shorten(&mut error);
        error
    }

    /// The answer.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        metrics::counter!("certmill_refused_calls_total", "code" => self.code).increment(1);
        let mut error = self.told();
        error["request_id"] = request_id.into();
        let mut response = Response::builder()
            .status(self.status)
            .content_type("application/json")
            .body(json!({ "error": error }).to_string());
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        let overloaded =
            [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status);
        if let Some(seconds) = self.retry_after.or(overloaded.then_some(2)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(standing) = &self.standing {
            limits::write(headers, standing);
        }
        response
    }
}

/// What is wrong with a parameter, without the names that the framework has for its types.
fn parameter_problem(reason: &str) -> String {
    let Some((kind, rest)) = reason.strip_prefix("failed to parse \"").and_then(|rest| rest.split_once('"'))
    else {
        return reason.to_owned();
    };
    if kind.starts_with("integer") {
        return "must be a whole number, such as 100".to_owned();
    }
    if kind == "boolean" {
        return "must be true or false".to_owned();
    }
    let problem = rest.trim_start_matches(": ");
    problem.split(" (occurred while parsing").next().unwrap_or(problem).to_owned()
}

/// A body over the limit.
pub(crate) fn body_too_large() -> ApiError {
    ApiError::new(
        "body_too_large",
        format!("the body has more than {} bytes, which is the limit", crate::edge::BODY_LIMIT),
    )
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        let code = code_of(&error);
        let plain = Self { challenge: challenge(&error), ..Self::new(code, message) };
        match error {
            ServiceError::Validation(fields) | ServiceError::WrongDurations(fields) => {
                plain.with(json!({ "fields": fields.0 }))
            }
            ServiceError::RoleViolation(violation) => plain.with(json!({
                "rule": violation.rule,
                "field": violation.field,
                "value": violation.value,
                "allowed": violation.allowed,
            })),
            ServiceError::InvalidState { state, possible_from, .. } => {
                plain.with(json!({ "state": state, "possible_from": possible_from }))
            }
            ServiceError::NewerVersion(unknown) => {
                plain.with(json!({ "state": unknown.word, "possible_from": [] }))
            }
            ServiceError::InUse { by, .. } => plain.with(json!({ "used_by": by })),
            ServiceError::InvalidConfig { upstream: Some(upstream), .. } => {
                plain.with(json!({ "upstream": upstream }))
            }
            ServiceError::Upstream(failure) => {
                plain.with(json!({ "reason": failure.code, "upstream": failure.upstream }))
            }
            ServiceError::Duplicate { id, .. } => plain.with(json!({ "id": id })),
            ServiceError::CallInProgress { seconds } => {
                let details = json!({ "state": "running", "possible_from": ["done"] });
                Self { retry_after: Some(seconds), ..plain.with(details) }
            }
            ServiceError::LimitReached { seconds, .. } => {
                Self { retry_after: Some(seconds), ..plain.with(json!({ "retry_after": seconds })) }
            }
            ServiceError::InsufficientScope(needed) | ServiceError::NeedsScope { needed, .. } => {
                plain.with(json!({ "required_scope": needed.as_str() }))
            }
            ServiceError::PreconditionFailed { tag } => plain.with(json!({ "etag": tag })),
            ServiceError::RoleNotAllowed(role) => plain.with(json!({ "role": role })),
            ServiceError::Internal(source) => {
                tracing::error!(error = source.as_ref(), "a request failed");
                plain
            }
            ServiceError::Unavailable(source) | ServiceError::Unwritable(source) => {
                tracing::warn!(
                    error = source.as_ref(),
                    "a request failed because a dependency is not available"
                );
                plain
            }
            _ => plain,
        }
    }
}

/// What `WWW-Authenticate` says (RFC 6750 §3).
fn challenge(error: &ServiceError) -> Option<&'static str> {
    match error {
        ServiceError::AuthenticationRequired
        | ServiceError::CertificateUnknown
        | ServiceError::CertificateRefused(_) => Some(NO_TOKEN),
        ServiceError::TokenInvalid | ServiceError::TokenExpired(_) | ServiceError::TokenRevoked => {
            Some(INVALID_TOKEN)
        }
        ServiceError::InsufficientScope(needed) => Some(match needed {
            Scope::Read => "Bearer realm=\"certmill\", error=\"insufficient_scope\", scope=\"pki:read\"",
            Scope::Issue => "Bearer realm=\"certmill\", error=\"insufficient_scope\", scope=\"pki:issue\"",
            Scope::Admin => "Bearer realm=\"certmill\", error=\"insufficient_scope\", scope=\"pki:admin\"",
        }),
        _ => None,
    }
}

fn code_of(error: &ServiceError) -> &'static str {
    match error {
        ServiceError::AuthenticationRequired | ServiceError::CertificateUnknown => "authentication_required",
        ServiceError::CertificateRefused(_) => "client_certificate_refused",
        ServiceError::SelfRenewalNotAllowed(_) => "self_renewal_not_allowed",
        ServiceError::TokenInvalid => "token_invalid",
        ServiceError::TokenExpired(_) => "token_expired",
        ServiceError::TokenRevoked => "token_revoked",
        ServiceError::InsufficientScope(_) | ServiceError::NeedsScope { .. } => "insufficient_scope",
        ServiceError::TokenNotAllowedHere(_) => TOKEN_NOT_ALLOWED_HERE,
        ServiceError::RoleNotAllowed(_) => "role_not_allowed",
        ServiceError::NotFound { noun, .. } => not_found_code(*noun),
        ServiceError::AlreadyExists { .. } | ServiceError::Duplicate { .. } => "already_exists",
        ServiceError::InvalidState { .. }
        | ServiceError::NewerVersion(_)
        | ServiceError::CallInProgress { .. } => "invalid_state",
        ServiceError::InUse { .. } => "in_use",
        ServiceError::InvalidConfig { .. } => "invalid_config",
        ServiceError::Upstream(_) => "upstream_error",
        ServiceError::Validation(_) => "validation_error",
        ServiceError::RoleViolation(_) => "role_violation",
        ServiceError::CsrInvalid(_) => "csr_invalid",
        ServiceError::CertificateInvalid(_) => "certificate_invalid",
        ServiceError::InvalidDuration(_) | ServiceError::WrongDurations(_) => "invalid_duration",
        ServiceError::PreconditionFailed { .. } => "precondition_failed",
        ServiceError::InvalidCursor => "invalid_cursor",
        ServiceError::LimitReached { .. } => "rate_limited",
        ServiceError::Unavailable(_) | ServiceError::Unwritable(_) | ServiceError::Busy { .. } => {
            "service_unavailable"
        }
        ServiceError::LeaseLost | ServiceError::Internal(_) => "internal_error",
    }
}

fn not_found_code(noun: Noun) -> &'static str {
    match noun {
        Noun::Ca => "ca_not_found",
        Noun::Role => "role_not_found",
        Noun::Certificate => "certificate_not_found",
        Noun::Token => "token_not_found",
        Noun::Csr => "csr_not_found",
        Noun::TrustAnchor => "trust_anchor_not_found",
        Noun::AcmeAccount => "acme_account_not_found",
        Noun::AcmeOrder => "acme_order_not_found",
        Noun::AcmeChallenge => "acme_challenge_not_found",
        Noun::DnsProvider => "dns_provider_not_found",
        Noun::DomainGrant => "domain_grant_not_found",
        Noun::Secret => "secret_not_found",
        Noun::Job => "job_not_found",
        Noun::BlockedKey => "blocked_key_not_found",
        Noun::Webhook => "webhook_not_found",
        Noun::Discovery => "discovery_not_found",
        Noun::Delivery => "delivery_not_found",
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Any error: `error.code` is what clients branch on.",
                status: None,
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "application/json",
                    schema: MetaSchemaRef::Reference(ErrorBody::name().into_owned()),
                }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        ErrorBody::register(registry);
    }
}
