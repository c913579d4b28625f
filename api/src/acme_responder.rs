//! The http-01 responder: `/.well-known/acme-challenge/{token}` (RFC 8555 section 8.3), on the API's listener and, where one
//! is configured, alone on a second one for port 80.

use std::net::IpAddr;

use certmill_service::App;
use certmill_service::acme::responses;
use poem::http::header;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route};
use poem_openapi::OpenApi;
use poem_openapi::param::Path;

use crate::edge::Edge;
use crate::error::ApiError;
use crate::openapi::{self, Group};
use crate::public::Raw;

/// The longest token, in characters.
const LONGEST_TOKEN: usize = 256;

pub(crate) struct ResponderApi;

#[OpenApi(tag = "Group::Acme")]
impl ResponderApi {
    /// Answer an http-01 challenge
    ///
    /// For ACME servers; no token needed. Every API process answers for every order, by the `Host` that was asked for. A CA
    /// follows redirects, so another server for a name may send this path here.
    #[oai(path = "/.well-known/acme-challenge/:token", method = "get", operation_id = "answerHttpChallenge")]
    async fn answer(&self, app: Data<&App>, request: &Request, token: Path<String>) -> Result<Raw, ApiError> {
        answer(&app, request, &token).await.map(Raw)
    }

    /// Answer an http-01 challenge without its body
    ///
    /// As with GET.
    #[oai(path = "/.well-known/acme-challenge/:token", method = "head", operation_id = "probeHttpChallenge")]
    async fn head(&self, app: Data<&App>, request: &Request, token: Path<String>) -> Result<Raw, ApiError> {
        answer(&app, request, &token).await.map(Raw)
    }
}

/// The responder alone: every other path is not found.
pub fn responder(app: App) -> impl Endpoint<Output = Response> + 'static {
    let routes = Route::new().nest("/", openapi::responder_service());
    Edge::new(app.clone(), &crate::routes::RESPONDER, routes.data(app))
}

async fn answer(app: &App, request: &Request, token: &str) -> Result<Response, ApiError> {
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    let is_token = (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(legal);
    let host = request.header(header::HOST).or_else(|| request.uri().host()).and_then(host_of);
    let found = match host.filter(|_| is_token) {
        Some(host) => responses::http01(app, &host, token).await?,
        None => None,
    };
    match found {
        Some(key_authorization) => Ok(Response::builder()
            .content_type("application/octet-stream")
            .header(header::CACHE_CONTROL, "no-store")
            .body(key_authorization)),
        None => Err(ApiError::new("not_found", "no challenge of this host has this token")),
    }
}

/// The host of a `Host` header as identifiers are written: lower case, without a port or a dot at its end, addresses in
/// their usual form.
fn host_of(header: &str) -> Option<String> {
    let host = match header.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if header.matches(':').count() == 1 => header.split_once(':')?.0,
        None => header,
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if host.is_empty() || host.len() > 253 {
        return None;
    }
    Some(host.parse::<IpAddr>().map_or(host, |address| address.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_brought_into_the_form_of_identifiers() {
        for (header, host) in [
            ("Example.COM", "example.com"),
            ("example.com:80", "example.com"),
            ("example.com.", "example.com"),
            ("192.0.2.1:5002", "192.0.2.1"),
            ("[2001:DB8::1]:80", "2001:db8::1"),
            ("[2001:db8:0::1]", "2001:db8::1"),
        ] {
            assert_eq!(host_of(header).as_deref(), Some(host), "{header}");
        }
        for header in ["", ":80", "[", "."] {
            assert_eq!(host_of(header), None, "{header}");
        }
    }
}
