//! What happens to every request: an id, a span, a limit on its body, figures, and one form for every error.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use certmill_service::App;
use certmill_service::domain::RequestId;
use futures_util::FutureExt;
use poem::error::ResponseError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use tracing::Instrument;

use crate::error::ApiError;
use crate::guard::guard;

/// How large a request's body may be.
pub const BODY_LIMIT: usize = 1024 * 1024;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request in hand, kept in its extensions.
#[derive(Clone)]
pub(crate) struct CurrentRequest(pub(crate) String);

/// A body over the limit.
#[derive(Debug)]
pub(crate) struct BodyTooLarge;

impl std::fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body is too large")
    }
}

impl std::error::Error for BodyTooLarge {}

impl ResponseError for BodyTooLarge {
    fn status(&self) -> StatusCode {
        StatusCode::PAYLOAD_TOO_LARGE
    }
}

/// The outermost endpoint.
pub(crate) struct Edge<E> {
    app: App,
    inner: Arc<E>,
}

impl<E> Edge<E> {
    pub(crate) fn new(app: App, inner: E) -> Self {
        Self { app, inner: Arc::new(inner) }
    }
}

impl<E: Endpoint + 'static> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        join_secret_path(&mut request);
        let request_id = request_id(&request, &self.app);
        let method = request.method().clone();
        let route = route_label(request.uri().path());
        let route_is_private = request.uri().path().starts_with("/v1/");
        let span = tracing::info_span!("request", request.id = %request_id, http.method = %method, http.route = route);
        request.extensions_mut().insert(CurrentRequest(request_id.clone()));
        let mut response = self.answer(request, &request_id).instrument(span.clone()).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID.clone(), value);
        }
        // Answers may hold private keys and tokens; what may be kept says so itself.
        let headers = response.headers_mut();
        if route_is_private && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let status = response.status().as_u16();
        let elapsed = started.elapsed();
        span.in_scope(|| tracing::debug!(http.status = status, elapsed_us = elapsed.as_micros(), "answered"));
        let labels = [
            ("method", metrics::SharedString::from(method.as_str().to_owned())),
            ("route", route.into()),
            ("status", status.to_string().into()),
        ];
        metrics::counter!("certmill_http_requests_total", &labels).increment(1);
        metrics::histogram!("certmill_http_request_seconds", "route" => route).record(elapsed.as_secs_f64());
        Ok(response)
    }
}

impl<E: Endpoint + 'static> Edge<E> {
    async fn answer(&self, mut request: Request, request_id: &str) -> Response {
        let body = match limited_body(&mut request).await {
            Ok(body) => body,
            Err(error) => return ApiError::from_poem(error).render(request_id),
        };
        request.set_body(body.clone());
        let inner = Arc::clone(&self.inner);
        let answer = guard(&self.app, request, &body, move |request| carry_out(inner, request)).await;
        answer.unwrap_or_else(|error| {
            if error.status().is_client_error() {
                tracing::debug!(error = %error, "refused a request");
            }
            error.render(request_id)
        })
    }
}

async fn carry_out<E: Endpoint>(inner: Arc<E>, request: Request) -> Result<Response, ApiError> {
    match AssertUnwindSafe(inner.call(request)).catch_unwind().await {
        Ok(Ok(output)) => Ok(output.into_response()),
        Ok(Err(error)) => Err(ApiError::from_poem(error)),
        Err(_) => {
            tracing::error!("a request handler panicked");
            Err(ApiError::internal())
        }
    }
}

/// The body, read whole. A declared length is believed only when it is too large.
async fn limited_body(request: &mut Request) -> poem::Result<Bytes> {
    let declared = request.header("content-length").and_then(|length| length.parse::<usize>().ok());
    if declared == Some(0) {
        return Ok(Bytes::new());
    }
    if declared.is_some_and(|length| length > BODY_LIMIT) {
        return Err(BodyTooLarge.into());
    }
    match request.take_body().into_bytes_limit(BODY_LIMIT).await {
        Ok(bytes) => Ok(bytes),
        Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(BodyTooLarge.into()),
        Err(error) => Err(error.into()),
    }
}

/// The router takes a parameter for one segment, and the path of a secret has several.
fn join_secret_path(request: &mut Request) {
    const PREFIX: &str = "/v1/secrets/";
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(PREFIX).filter(|rest| rest.contains('/')) else { return };
    let joined = rest.replace('/', "%2F");
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(uri) = format!("{PREFIX}{joined}{query}").parse() {
        *request.uri_mut() = uri;
    }
}

/// A well-formed id of the client's, or a new one.
fn request_id(request: &Request, app: &App) -> String {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    request
        .header(&REQUEST_ID)
        .filter(|id| id.len() <= 64 && id.len() > 4 && id.starts_with("req_") && id.bytes().all(legal))
        .map_or_else(|| RequestId::generate(app.now(), app.entropy()).to_string(), ToOwned::to_owned)
}

/// The route for figures, one of a fixed set, so that no client can make up new time series.
fn route_label(path: &str) -> &'static str {
    const ROUTES: [(&str, &str); 23] = [
        ("/v1/pki/issue/", "issue"),
        ("/v1/pki/sign/", "sign"),
        ("/v1/pki/certificates", "certificates"),
        ("/v1/pki/revoke", "revoke"),
        ("/v1/pki/roles", "roles"),
        ("/v1/pki/csr", "csr"),
        ("/v1/pki/trust-anchors", "trust_anchors"),
        ("/v1/pki/acme/", "acme"),
        ("/v1/pki/dns-providers", "dns_providers"),
        ("/.well-known/acme-challenge/", "acme_challenge"),
        ("/v1/audit/", "audit"),
        ("/v1/pki/ca", "ca"),
        ("/v1/tokens", "tokens"),
        ("/v1/auth/", "auth"),
        ("/v1/jobs", "jobs"),
        ("/v1/secrets", "secrets"),
        ("/pub/crl/", "public_crl"),
        ("/pub/ca/", "public_ca"),
        ("/healthz", "health"),
        ("/readyz", "health"),
        ("/v1/health", "health"),
        ("/metrics", "metrics"),
        ("/docs", "docs"),
    ];
    ROUTES.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or("other", |(_, label)| label)
}
