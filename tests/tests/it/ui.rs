//! The page at `/ui/`: that it is served as what it is, kept as long as it may be, and that nothing else is found there.

use std::collections::BTreeSet;

use poem::http::StatusCode;
use tests::{Answer, Mode, TestApp};

const BROWSER: (&str, &str) =
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8");

async fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    app.send(method.parse().unwrap(), path, None, headers, None).await
}

/// The addresses that the page names.
fn named(page: &Answer) -> Vec<String> {
    page.text().split('"').filter(|part| part.starts_with("/ui/")).map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn the_root_leads_browsers_to_the_page_and_nobody_else() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    for method in ["GET", "HEAD"] {
        let answer = send(&app, method, "/", &[BROWSER]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::FOUND, "/ui/".to_owned()));
        assert_eq!(answer.header("vary"), "Accept");
    }
    for accept in ["*/*", "application/json", "text/plain, */*", "text/htmlx", ""] {
        send(&app, "GET", "/", &[("accept", accept)]).await.error(404, "not_found");
    }
    send(&app, "GET", "/", &[]).await.error(404, "not_found");
    send(&app, "POST", "/", &[BROWSER]).await.error(404, "not_found");
    let bare = send(&app, "GET", "/ui", &[BROWSER]).await;
    assert_eq!((bare.status.as_u16(), bare.header("location")), (308, "/ui/".to_owned()));
}

#[tokio::test]
async fn the_page_and_its_files_are_served_as_what_they_are() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let page = send(&app, "GET", "/ui/", &[BROWSER]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(page.header("content-length"), page.body.len().to_string());
    let types: BTreeSet<String> = {
        let mut types = BTreeSet::new();
        for path in named(&page) {
            let file = send(&app, "GET", &path, &[]).await;
            assert_eq!(file.status, StatusCode::OK, "{path}");
            assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
            types.insert(file.header("content-type"));
        }
        types
    };
    let expected = ["image/svg+xml", "text/css; charset=utf-8", "text/javascript; charset=utf-8"];
    assert_eq!(types, expected.map(ToOwned::to_owned).into());
    let licences = send(&app, "GET", "/ui/licences.txt", &[]).await;
    assert!(licences.text().contains("Preact") && licences.text().contains("Inter"));
}

/// A person types a token there: only its own files run, and it is told to nobody.
#[tokio::test]
async fn the_page_runs_its_own_files_only() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let page = send(&app, "GET", "/ui/", &[]).await;
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.split("; ").any(|part| part == rule), "no {rule} in {policy}");
    }
    for weak in ["unsafe", "http:", "https:", "data:", "blob:", "*"] {
        assert!(!policy.contains(weak), "{weak} in {policy}");
    }
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(!page.text().contains("<style") && !page.text().contains("</script><script"));
    for script in page.text().split("<script").skip(1) {
        let (tag, inner) = script.split_once('>').unwrap();
        assert!(tag.contains("src=\"/ui/") && inner.starts_with("</script>"), "an inline script: {tag}");
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let script = named(&send(&app, "GET", "/ui/", &[]).await)
        .into_iter()
        .find(|path| std::path::Path::new(path).extension().is_some_and(|it| it == "js"));
    for path in ["/ui/".to_owned(), script.unwrap()] {
        let plain = send(&app, "GET", &path, &[]).await;
        let packed = send(&app, "GET", &path, &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < plain.body.len(), "{path}");
        assert_eq!(
            (plain.header("content-encoding"), plain.header("vary")),
            (String::new(), "Accept-Encoding".into())
        );
        assert_ne!(plain.header("etag"), packed.header("etag"), "{path}: two forms with one tag");
        for (form, encoding) in [(&plain, "identity"), (&packed, "gzip")] {
            let tag = form.header("etag");
            let asked = [("if-none-match", tag.as_str()), ("accept-encoding", encoding)];
            let again = send(&app, "GET", &path, &asked).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
            assert_eq!(again.header("etag"), tag, "{path}");
            assert_eq!(again.header("cache-control"), form.header("cache-control"), "{path}");
        }
        let other = [("if-none-match", "\"0123\""), ("accept-encoding", "gzip;q=0")];
        let changed = send(&app, "GET", &path, &other).await;
        assert_eq!((changed.status, changed.body), (StatusCode::OK, plain.body), "{path}");
    }
}

#[tokio::test]
async fn nothing_else_is_found_below_it() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    for path in [
        "/ui/nothing",
        "/ui/index.html",
        "/ui/files.rs",
        "/ui/assets/",
        "/ui/assets/nothing.js",
        "/ui/assets/..%2Findex.html",
        "/ui/assets/../../etc/passwd",
        "/ui//",
    ] {
        send(&app, "GET", path, &[BROWSER]).await.error(404, "not_found");
    }
    for path in ["/ui", "/ui/", "/ui/assets/nothing.js"] {
        let refused = send(&app, "POST", path, &[]).await;
        refused.error(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), "GET, HEAD, OPTIONS");
    }
    let head = send(&app, "HEAD", "/ui/", &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_ne!(head.header("etag"), "");
}
