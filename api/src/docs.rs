//! The pages that are the same for everybody: the OpenAPI document and its rendering. Each is made once per process, and
//! every answer shares it, however slowly it is read.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use poem::Response;
use poem::http::{HeaderValue, header};

use crate::{openapi, shared_body};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi::offline_document().into());

/// The page and its policy.
static PAGE: LazyLock<(Bytes, String)> = LazyLock::new(|| {
    let document = String::from_utf8_lossy(&DOCUMENT).into_owned();
    let page = openapi::page().replacen(&openapi::raw_document(), document.trim_end(), 1);
    let policy = policy(&page);
    (page.into(), policy)
});

/// `/openapi.json`.
pub(crate) fn document() -> Response {
    shared("application/json", &DOCUMENT)
}

/// `/docs`.
pub(crate) fn page() -> Response {
    let (page, policy) = &*PAGE;
    let mut response = shared("text/html; charset=utf-8", page);
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn shared(content_type: &str, octets: &Bytes) -> Response {
    Response::builder()
        .content_type(content_type)
        .header(header::CONTENT_LENGTH, octets.len())
        .body(shared_body::pieces(octets.clone()))
}

/// What the page needs and nothing else: its own scripts, by their hashes; styles, which its scripts write; images in the
/// page itself; calls of the API that it came from. People type tokens there.
fn policy(page: &str) -> String {
    let hash =
        |script: &str| format!("'sha256-{}'", STANDARD.encode(openssl::sha::sha256(script.as_bytes())));
    let scripts: Vec<String> = scripts(page).map(hash).collect();
    let scripts = scripts.join(" ");
    format!(
        "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The texts of the page's scripts. (They hold tags themselves, as text.)
fn scripts(page: &str) -> impl Iterator<Item = &str> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, tag) = rest.split_once("<script")?;
        let (script, after) = tag.split_once('>')?.1.split_once("</script>")?;
        rest = after;
        Some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_document_and_its_policy_names_each_script() {
        let (page, policy) = &*PAGE;
        let page = std::str::from_utf8(page).unwrap();
        assert!(
            page.contains(std::str::from_utf8(&DOCUMENT).unwrap().trim_end()),
            "another document is shown"
        );
        assert_eq!(scripts(page).count(), 2);
        assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
        assert_eq!(
            scripts("<script a>x = '<script>'</script> <script>y</script>").collect::<Vec<_>>(),
            ["x = '<script>'", "y"]
        );
    }
}
