//! The page for people at `/ui/`: files that are built from `ui/` and embedded, and nothing of any tenant. What it shows it
//! asks of the API, with the token of whoever opened it.

use bytes::Bytes;
use poem::error::NotFoundError;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Body, Request, Response};

use crate::error::ApiError;
use crate::negotiate::names_tag;
use crate::shared_body;

/// Where it is.
pub(crate) const PAGE: &str = "/ui/";

/// The paths that it is answered at, as [`crate::routes`] writes them.
pub(crate) const PATHS: [&str; 4] = ["/ui", PAGE, "/ui/licences.txt", "/ui/assets/{file}"];

/// Its own files and the API that it came from, and nothing written into the page at run time: neither scripts nor styles
/// are taken from the markup, and no text becomes a script (Trusted Types). People type tokens there.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// The names of assets carry a hash of what is in them.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page names the assets of its version, so it is asked for each time; the answer is short when it has not changed.
const ASK: &str = "no-cache";

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

/// The files, as the build of the page lists them.
static FILES: &[File] = include!("../../ui/dist/files.rs");

/// `/ui/`, and what is beside it.
pub(crate) fn page(request: &Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    match path.strip_prefix(PAGE) {
        None => Ok(redirect(StatusCode::PERMANENT_REDIRECT)),
        Some("") => file(request, "index.html"),
        Some(path) => file(request, path),
    }
}

/// `/` leads a browser to the page. Programs, which do not ask for HTML, learn that there is nothing.
pub(crate) fn landing(request: &Request) -> Option<Response> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    let is_browser = accept.split(',').any(|range| {
        range.split(';').next().is_some_and(|wanted| wanted.trim().eq_ignore_ascii_case("text/html"))
    });
    (reads && request.uri().path() == "/" && is_browser).then(|| redirect(StatusCode::FOUND))
}

fn redirect(status: StatusCode) -> Response {
    Response::builder()
        .status(status)
        .header(header::LOCATION, PAGE)
        .header(header::CACHE_CONTROL, ASK)
        .header(header::VARY, "Accept")
        .finish()
}

fn file(request: &Request, path: &str) -> Result<Response, ApiError> {
    let file = FILES
        .iter()
        .find(|file| file.path == path)
        .ok_or_else(|| ApiError::from_poem(NotFoundError.into()))?;
    let gzip = file.gzip.filter(|_| takes_gzip(request));
    // Each form of a file has a tag of its own (RFC 9110 §8.8.3.3).
    let etag =
        if gzip.is_some() { format!("{}-gzip\"", file.etag.trim_end_matches('"')) } else { file.etag.into() };
    let known = names_tag(request, &etag);
    let octets = gzip.unwrap_or(file.plain);
    let mut response = Response::builder()
        .header(header::CACHE_CONTROL, if path.starts_with("assets/") { FOR_EVER } else { ASK })
        .header(header::VARY, "Accept-Encoding")
        .header(header::ETAG, etag);
    if known {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    if gzip.is_some() {
        response = response.header(header::CONTENT_ENCODING, "gzip");
    }
    let mut response = response
        .content_type(file.content_type)
        .header(header::CONTENT_LENGTH, octets.len())
        .body(body(octets));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

fn body(octets: &'static [u8]) -> Body {
    shared_body::pieces(Bytes::from_static(octets))
}

/// Whether gzip is accepted (RFC 9110 §12.5.3).
fn takes_gzip(request: &Request) -> bool {
    let accepted = request.header(header::ACCEPT_ENCODING).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
        named && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_files_that_are_there_and_nothing_else() {
        let index = FILES.iter().find(|file| file.path == "index.html").unwrap();
        let index = std::str::from_utf8(index.plain).unwrap();
        let named: Vec<&str> = index.split('"').filter_map(|part| part.strip_prefix("/ui/")).collect();
        assert!(named.len() >= 3, "{named:?}");
        for path in named {
            assert!(FILES.iter().any(|file| file.path == path), "{path} is missing");
        }
        for outside in ["http:", "//", "<style", "style=", " on"] {
            assert!(!index.contains(outside), "{outside} in the page");
        }
    }

    #[test]
    fn gzip_is_given_to_whoever_takes_it() {
        let takes = |text: &str| takes_gzip(&Request::builder().header("accept-encoding", text).finish());
        assert!(takes("gzip, deflate, br"));
        assert!(takes("br;q=1.0, GZIP; q=0.5"));
        assert!(!takes("gzip;q=0, br"));
        assert!(!takes("br"));
        assert!(!takes(""));
    }

    #[test]
    fn the_page_is_small() {
        let octets: usize = FILES.iter().map(|file| file.gzip.unwrap_or(file.plain).len()).sum();
        assert!(octets <= 150 << 10, "{octets} octets are sent for the page");
    }
}
