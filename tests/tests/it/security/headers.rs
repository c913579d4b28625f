//! What an answer's head says: to browsers, to pages of other origins, and to programs that asked wrongly.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certmill_domain::Scope;
use poem::http::uri::Scheme;
use poem::http::{self, Method, StatusCode};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Body, Endpoint, Request, RequestParts};
use tests::{Answer, Mode, TestApp, TestOptions};

use crate::access::world::World;
use crate::openapi::operations;

/// The methods that the document has for each path, and those of the paths beside it.
fn paths() -> BTreeMap<String, BTreeSet<String>> {
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations() {
        paths.entry(operation.path).or_default().insert(operation.method.to_string());
    }
    for path in ["/docs", "/docs/", "/openapi.json", "/ui", "/ui/", "/ui/licences.txt", "/ui/assets/{file}"] {
        paths.entry(path.to_owned()).or_default().insert("GET".to_owned());
    }
    for methods in paths.values_mut() {
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        methods.insert("OPTIONS".to_owned());
    }
    paths
}

async fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    app.send(method.parse().unwrap(), path, None, headers, None).await
}

fn listed(header: &str) -> BTreeSet<String> {
    header.split(", ").map(ToOwned::to_owned).collect()
}

/// A path that is asked with a method that it does not know says which it knows (RFC 9110 §15.5.6), and so it answers
/// OPTIONS; with or without a token.
#[tokio::test]
async fn every_path_tells_the_methods_that_it_knows() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    let mut refused = 0;
    for (pattern, known) in paths() {
        let path = pattern.replace(['{', '}'], "");
        let options = send(&app, "OPTIONS", &path, &[]).await;
        assert_eq!((options.status, options.body.len()), (StatusCode::NO_CONTENT, 0), "{path}");
        assert_eq!(listed(&options.header("allow")), known, "{path}");
        for method in all.into_iter().filter(|method| !known.contains(*method)) {
            let answer = send(&app, method, &path, &[]).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(listed(&answer.header("allow")), known, "{method} {path}");
            if method != "HEAD" {
                answer.error(405, "method_not_allowed");
            }
            refused += 1;
        }
        for method in known.iter().filter(|method| *method != "OPTIONS") {
            let answer = send(&app, method, &path, &[]).await;
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    assert!(refused > 200, "only {refused}");
    send(&app, "OPTIONS", "/nothing", &[]).await.error(404, "not_found");
}

/// A page of a stranger frames the API, has an answer run as a script, or learns addresses from a link: every answer
/// forbids all three.
#[tokio::test]
async fn every_answer_tells_browsers_what_not_to_do_with_it() {
    let app = TestApp::start(Mode::Embedded).await;
    let world = World::new(&app).await;
    let mut calls: Vec<(Method, String)> =
        operations().iter().map(|operation| (operation.method.clone(), world.sample(operation).0)).collect();
    let beside = ["/docs", "/docs/", "/ui/", "/openapi.json", "/nothing", "/"]
        .map(|path| (Method::GET, path.to_owned()));
    calls.extend(beside);
    calls.extend([(Method::OPTIONS, "/v1/pki/ca".to_owned()), (Method::PUT, "/v1/pki/ca".to_owned())]);
    for (method, path) in calls {
        for token in
            [None, Some(app.admin.as_str())].into_iter().take(if method == Method::GET { 2 } else { 1 })
        {
            let answer = app.send(method.clone(), &path, token, &[], None).await;
            let policy = answer.header("content-security-policy");
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]
            {
                assert!(
                    policy.split("; ").any(|rule| rule == part),
                    "{method} {path}: no {part} in {policy}"
                );
            }
            let is_page = path.starts_with("/docs") || path == "/ui/";
            assert_eq!(policy.contains("script-src"), is_page, "{method} {path}: {policy}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{method} {path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{method} {path}");
            assert_eq!(answer.header("strict-transport-security"), "", "{method} {path} came without TLS");
            assert_eq!(
                answer.header("access-control-allow-origin"),
                "",
                "{method} {path}: nobody is configured"
            );
        }
    }
}

/// A person types a token into /docs: no script runs there but the page's own, named by their hashes.
#[tokio::test]
async fn the_docs_run_their_own_scripts_only() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let answer = send(&app, "GET", "/docs", &[]).await;
    let (policy, page) = (answer.header("content-security-policy"), answer.text());
    let rule = policy.split("; ").find(|rule| rule.starts_with("script-src ")).unwrap().to_owned();
    let mut rest = page.as_str();
    let mut scripts = 0;
    while let Some((_, after)) = rest.split_once("<script") {
        let (script, after) = after.split_once('>').unwrap().1.split_once("</script>").unwrap();
        let hash = format!("'sha256-{}'", STANDARD.encode(openssl::sha::sha256(script.as_bytes())));
        assert!(rule.contains(&hash), "the browser will not run {}…", &script[..script.len().min(60)]);
        (rest, scripts) = (after, scripts + 1);
    }
    assert_eq!((scripts, rule.split(' ').count()), (2, 3), "{rule}");
    assert!(policy.contains("connect-src 'self'"), "{policy}");
    for unsafe_word in ["unsafe-eval", "http:", "https:", "*"] {
        assert!(!policy.contains(unsafe_word), "{policy}");
    }
}

/// Somebody between a browser and the service leads it to plain HTTP: what was met over TLS once is asked over TLS only.
#[tokio::test]
async fn what_came_over_tls_stays_with_tls() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let service = certmill_api::service(app.app.clone(), None);
    for (scheme, said) in [(Scheme::HTTPS, true), (Scheme::HTTP, false)] {
        for path in ["/healthz", "/docs", "/v1/pki/ca", "/nothing"] {
            let (parts, ()) = http::Request::builder().uri(path).body(()).unwrap().into_parts();
            let (local, remote) = (LocalAddr::default(), RemoteAddr::default());
            let parts = RequestParts::from((parts, local, remote, scheme.clone()));
            let response = service.call(Request::from_parts(parts, Body::empty())).await.unwrap();
            let header = response.headers().get("strict-transport-security");
            assert_eq!(
                header.is_some_and(|text| text == "max-age=31536000"),
                said,
                "{scheme} {path}: {header:?}"
            );
        }
    }
}

/// A page of an origin that nobody configured reads answers with somebody's token: browsers keep them from it. One that is
/// configured may.
#[tokio::test]
async fn only_configured_origins_may_read_answers() {
    let (known, path) = ("https://dashboard.example.com", "/v1/pki/roles");
    let options = TestOptions { cors_origins: vec![known.to_owned()], ..TestOptions::default() };
    let app = TestApp::without_worker_with(Mode::Embedded, options).await;
    let others = [
        "https://dashboard.example.com.evil.example",
        "http://dashboard.example.com",
        "https://dashboard.example.com:8443",
        "https://example.com",
        "null",
        "",
    ];
    let preflight =
        [("access-control-request-method", "PATCH"), ("access-control-request-headers", "authorization")];
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin");
    for (origin, expected) in others.into_iter().map(|origin| (origin, "")).chain([(known, known)]) {
        let token = Some(app.admin.as_str());
        for path in [path, "/nothing", "/healthz"] {
            let answer = app.send(Method::GET, path, token, &[("origin", origin)], None).await;
            assert_eq!(allowed(&answer), expected, "{origin} {path}");
            let varies: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert!(
                varies.iter().any(|text| *text == "Origin"),
                "{origin} {path}: caches mix the origins: {varies:?}"
            );
            assert_eq!(answer.header("access-control-allow-credentials"), "", "there are no cookies to send");
        }
        let headers = [&preflight[..], &[("origin", origin)]].concat();
        let answer = send(&app, "OPTIONS", &format!("{path}/web"), &headers).await;
        assert_eq!(
            (answer.status, allowed(&answer).as_str()),
            (StatusCode::NO_CONTENT, expected),
            "{origin}"
        );
        assert_eq!(
            listed(&answer.header("access-control-allow-methods")),
            listed("GET, HEAD, PATCH, DELETE, OPTIONS"),
            "{origin}"
        );
        let may_send = answer.header("access-control-allow-headers");
        assert!(may_send.contains("Authorization") && may_send.contains("Content-Type"), "{may_send}");
    }
    let answer = app.send(Method::GET, path, Some(&app.admin), &[("origin", known)], None).await;
    assert!(answer.header("access-control-expose-headers").contains("X-Request-ID"), "{:?}", answer.headers);
}

/// A client is told whether it needs a token, another token or another scope (RFC 6750 §3), and nothing about a token that
/// it did not send.
#[tokio::test]
async fn a_refused_client_is_told_what_it_lacks() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let (reader, issuer) = (app.token(Scope::Read).await, app.token(Scope::Issue).await);
    let unknown = format!("Bearer cmt_{}", "0".repeat(64));
    let basic = "Basic dXNlcjpwYXNz".to_owned();
    let bare = "Bearer realm=\"certmill\"";
    let invalid = "Bearer realm=\"certmill\", error=\"invalid_token\"";
    let lacking = |scope: &str| format!("{bare}, error=\"insufficient_scope\", scope=\"{scope}\"");
    for (method, path, authorization, status, expected) in [
        ("GET", "/v1/pki/roles", None, 401, bare.to_owned()),
        ("GET", "/v1/pki/roles", Some(basic), 401, bare.to_owned()),
        ("GET", "/v1/pki/roles", Some("Bearer".to_owned()), 401, bare.to_owned()),
        ("GET", "/v1/pki/roles", Some("Bearer letmein".to_owned()), 401, invalid.to_owned()),
        ("GET", "/v1/pki/roles", Some(unknown), 401, invalid.to_owned()),
        ("POST", "/v1/pki/issue/web", Some(format!("Bearer {reader}")), 403, lacking("pki:issue")),
        ("GET", "/v1/pki/ca", Some(format!("Bearer {reader}")), 403, lacking("pki:admin")),
        ("POST", "/v1/pki/roles", Some(format!("Bearer {issuer}")), 403, lacking("pki:admin")),
        ("GET", "/v1/pki/roles/absent", Some(format!("Bearer {reader}")), 404, String::new()),
    ] {
        let headers: Vec<(&str, &str)> =
            authorization.iter().map(|text| ("authorization", text.as_str())).collect();
        let answer = send(&app, method, path, &headers).await;
        let said = (answer.status.as_u16(), answer.header("www-authenticate"));
        assert_eq!(said, (status, expected), "{method} {path} {authorization:?}");
    }
}

/// The document is read over TLS and names an address without it: programs made from it would send their tokens there.
#[tokio::test]
async fn the_document_sends_nobody_elsewhere() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    assert!(app.app.settings().public_url.starts_with("http://"), "the case that this test is about");
    let served = send(&app, "GET", "/openapi.json", &[]).await;
    assert_eq!(served.json()["servers"], serde_json::json!([{ "url": "/" }]));
    assert_eq!(served.text(), certmill_api::openapi_document(), "the committed document is the served one");
    let page = send(&app, "GET", "/docs", &[]).await.text();
    assert!(page.contains(served.text().trim_end()), "the page shows another document");
}
