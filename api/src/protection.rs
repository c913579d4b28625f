//! Headers that tell browsers what not to do with an answer, and which pages of other origins may read it.

use std::sync::LazyLock;

use poem::http::header::{self, HeaderName};
use poem::http::uri::Scheme;
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Request, Response};

use crate::routes::Route;

/// Answers of the API are data: nothing in them is run, loaded or framed.
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A year, for this host alone: its neighbours may have no HTTPS.
const HSTS: &str = "max-age=31536000";

/// What scripts of other origins may send.
const REQUEST_HEADERS: &str =
    "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, Range, X-Request-ID";

/// What scripts of other origins may see of an answer's head.
const RESPONSE_HEADERS: &str = "Allow, Content-Range, ETag, Idempotency-Replayed, Location, Retry-After, \
    WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-ID";

/// How long a browser may remember what a path permits, in seconds.
const PREFLIGHT_KEPT: &str = "600";

static ALWAYS: LazyLock<[(HeaderName, HeaderValue); 3]> = LazyLock::new(|| {
    [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // For browsers that do not know `frame-ancestors`.
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ]
});

/// What of a request decides about these headers.
pub(crate) struct Asked {
    secure: bool,
    /// The origin of the page that asks, if it is one of the configured ones.
    origin: Option<HeaderValue>,
    /// Whether there are any: then answers differ by origin.
    by_origin: bool,
}

impl Asked {
    pub(crate) fn of(request: &Request, cors_origins: &[String]) -> Self {
        let origin = request.headers().get(header::ORIGIN).filter(|origin| {
            origin.to_str().is_ok_and(|origin| cors_origins.iter().any(|allowed| allowed == origin))
        });
        Self {
            secure: *request.scheme() == Scheme::HTTPS,
            origin: origin.cloned(),
            by_origin: !cors_origins.is_empty(),
        }
    }

    /// Writes what every answer has. A policy that the answer brings itself stays.
    pub(crate) fn protect(self, headers: &mut HeaderMap) {
        for (name, value) in &*ALWAYS {
            headers.insert(name, value.clone());
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(DATA_POLICY));
        if self.secure {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
        }
        if self.by_origin {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
        }
    }
}

/// The answer to OPTIONS (RFC 9110 §9.3.7), and what a browser wants to know before a call of another origin.
pub(crate) fn options(request: &Request, route: &Route) -> Response {
    let mut response =
        Response::builder().status(StatusCode::NO_CONTENT).header(header::ALLOW, route.allow());
    // `Access-Control-Allow-Origin` says which origin may call; the other headers have no effect without it.
    if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        response = response
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, route.allow())
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_KEPT);
    }
    response.finish()
}
