//! What happens to every request: an id, a span, a limit on its body, figures, and one form for every error.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use certmill_service::App;
use certmill_service::domain::RequestId;
use futures_util::FutureExt;
use poem::error::{NotFoundError, ResponseError};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use tracing::Instrument;

use crate::error::ApiError;
use crate::guard::guard;
use crate::protection::{self, Asked};
use crate::routes::{Route, Routes, method_label};
use crate::ui;

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
    routes: &'static Routes,
    inner: Arc<E>,
}

impl<E> Edge<E> {
    pub(crate) fn new(app: App, routes: &'static Routes, inner: E) -> Self {
        Self { app, routes, inner: Arc::new(inner) }
    }
}

impl<E: Endpoint + 'static> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let started = Instant::now();
        join_path(&mut request);
        let request_id = request_id(&request, &self.app);
        let method = method_label(request.method());
        let route = self.routes.find(request.uri().path());
        let route_label = Routes::label(route);
        let route_is_private = request.uri().path().starts_with("/v1/");
        let asked = Asked::of(&request, &self.app.settings().cors_origins);
        let span = tracing::info_span!("request", request.id = %request_id, http.method = method, http.route = route_label);
        request.extensions_mut().insert(CurrentRequest(request_id.clone()));
        let mut response = self.answer(request, route, &request_id).instrument(span.clone()).await;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            headers.insert(REQUEST_ID.clone(), value);
        }
        // Answers may hold private keys and tokens; what may be kept says so itself.
        if route_is_private && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        asked.protect(headers);
        let status = response.status().as_u16();
        let elapsed = started.elapsed();
        span.in_scope(|| tracing::debug!(http.status = status, elapsed_us = elapsed.as_micros(), "answered"));
        let labels = [
            ("method", metrics::SharedString::from(method)),
            ("route", route_label.into()),
            ("status", status.to_string().into()),
        ];
        metrics::counter!("certmill_http_requests_total", &labels).increment(1);
        metrics::histogram!("certmill_http_request_seconds", "route" => route_label)
            .record(elapsed.as_secs_f64());
        Ok(response)
    }
}

impl<E: Endpoint + 'static> Edge<E> {
    async fn answer(&self, request: Request, route: Option<&'static Route>, request_id: &str) -> Response {
        let Some(route) = route else {
            if self.routes.has_page()
                && let Some(landing) = ui::landing(&request)
            {
                return landing;
            }
            return ApiError::from_poem(NotFoundError.into()).render(request_id);
        };
        if request.method() == Method::OPTIONS {
            return protection::options(&request, route);
        }
        let Some(operation) = route.operation(request.method()) else {
            let mut response = ApiError::method_not_allowed().render(request_id);
            response.headers_mut().insert(header::ALLOW, route.allow());
            return response;
        };
        let inner = Arc::clone(&self.inner);
        let answer = guard(&self.app, operation, request, move |request| carry_out(inner, request)).await;
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

/// The body, read whole; only of a call whose head has been accepted. A declared length is believed only when it is too
/// large.
pub(crate) async fn whole_body(request: &mut Request) -> Result<Bytes, ApiError> {
    let declared = request.header("content-length").and_then(|length| length.parse::<usize>().ok());
    if declared == Some(0) {
        return Ok(Bytes::new());
    }
    if declared.is_some_and(|length| length > BODY_LIMIT) {
        return Err(ApiError::from_poem(BodyTooLarge.into()));
    }
    match request.take_body().into_bytes_limit(BODY_LIMIT).await {
        Ok(bytes) => Ok(bytes),
        Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(ApiError::from_poem(BodyTooLarge.into())),
        Err(error) => Err(ApiError::from_poem(error.into())),
    }
}

/// The router takes a parameter for one segment. The path of a secret has several, and so has an OCSP request in base64 whose
/// slashes were not encoded, or were decoded by a proxy on the way.
fn join_path(request: &mut Request) {
    const SECRETS: &str = "/v1/secrets/";
    const OCSP: &str = "/pub/ocsp/";
    let uri = request.uri();
    let path = uri.path();
    let begin = if path.starts_with(SECRETS) {
        Some(SECRETS.len())
    } else {
        let responder = path.strip_prefix(OCSP).and_then(|rest| rest.find('/'));
        responder.map(|end| OCSP.len() + end + 1)
    };
    let Some((head, rest)) = begin.and_then(|begin| path.split_at_checked(begin)) else { return };
    if !rest.contains('/') {
        return;
    }
    let joined = rest.replace('/', "%2F");
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(uri) = format!("{head}{joined}{query}").parse() {
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
