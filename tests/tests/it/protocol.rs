//! What holds for every call: request ids, the one form of errors, limits, pages, and answers over real HTTP.

mod bodies;
mod queries;
mod wire;

use std::collections::BTreeSet;

use poem::http::{Method, StatusCode};
use serde_json::json;
use tests::{Mode, TestApp, both_modes};

use crate::access::expect;
use crate::access::world::World;
use crate::openapi::{OPEN, operations};

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let app = TestApp::start(Mode::Embedded).await;
    let world = World::new(&app).await;
    let mut seen = BTreeSet::new();
    let beside = ["/docs", "/openapi.json", "/nothing", "/v1/pki/ca/ca_unknown"];
    let mut calls: Vec<_> = beside.map(|path| (Method::GET, path.to_owned(), None)).into();
    for operation in operations() {
        let (path, body) = world.sample(&operation);
        calls.push((operation.method.clone(), path.replace("{file}", &format!("{}.crl", world.ca)), body));
    }
    for (method, path, body) in calls {
        for token in [None, Some(app.admin.as_str())] {
            let body = body.clone().map(|body| ("application/json", body.to_string().into_bytes()));
            let answer = app.send(method.clone(), &path, token, &[], body).await;
            let id = answer.header("x-request-id");
            assert!(id.starts_with("req_") && id.len() > 10, "{method} {path}: `{id}`");
            assert!(seen.insert(id), "{method} {path}: the id of an earlier request");
            if answer.status.is_client_error() || answer.status.is_server_error() {
                let code = answer.json()["error"]["code"].as_str().unwrap().to_owned();
                answer.error(answer.status.as_u16(), &code);
            }
        }
    }
}

#[tokio::test]
async fn a_well_formed_request_id_is_kept() {
    let app = TestApp::start(Mode::Embedded).await;
    let own = app.get("/v1/pki/roles").await.header("x-request-id");
    for id in [own.as_str(), "req_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        for path in ["/v1/pki/roles", "/nothing", "/v1/pki/roles/absent", "/healthz"] {
            let answer = app.send(Method::GET, path, Some(&app.admin), &[("x-request-id", id)], None).await;
            assert_eq!(answer.header("x-request-id"), id, "{path}");
        }
    }
    let long = format!("req_{}", "a".repeat(10_000));
    for id in [
        "",
        "req_",
        "1234",
        "REQ_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "req_a b",
        "req_<script>",
        "req_a\"b",
        "req_a,req_b",
        &long,
    ] {
        let answer = app.send(Method::GET, "/nothing", None, &[("x-request-id", id)], None).await;
        let given = answer.header("x-request-id");
        assert!(given != id && given.starts_with("req_") && given.len() < 100, "`{id}` became `{given}`");
        answer.error(404, "not_found");
    }
}

/// Name, method, path, media type and body, status, code.
type FrameworkCase<'a> = (&'a str, Method, &'a str, Option<(&'a str, &'a [u8])>, u16, &'a str);

#[tokio::test]
async fn the_framework_s_own_errors_have_the_contract_s_form() {
    let app = TestApp::start(Mode::Embedded).await;
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    let revoke = format!("/v1/pki/ca/{ca}/revoke");
    let json = "application/json";
    let cases: Vec<FrameworkCase> = vec![
        ("no such path", Method::GET, "/v1/nothing", None, 404, "not_found"),
        ("the root", Method::GET, "/", None, 404, "not_found"),
        ("below an object", Method::GET, "/v1/pki/ca/a/b/c", None, 404, "not_found"),
        ("empty segments", Method::GET, "//v1//pki", None, 404, "not_found"),
        ("metrics that are not served here", Method::GET, "/metrics", None, 404, "not_found"),
        ("PUT of a list", Method::PUT, "/v1/pki/ca", None, 405, "method_not_allowed"),
        ("DELETE of an action", Method::DELETE, "/v1/pki/revoke", None, 405, "method_not_allowed"),
        ("GET of an action", Method::GET, "/v1/pki/issue/web", None, 405, "method_not_allowed"),
        ("POST of health", Method::POST, "/healthz", None, 405, "method_not_allowed"),
        ("POST of the document", Method::POST, "/openapi.json", None, 405, "method_not_allowed"),
        (
            "a form",
            Method::POST,
            &revoke,
            Some(("application/x-www-form-urlencoded", b"reason=superseded")),
            415,
            "unsupported_media_type",
        ),
        ("text", Method::POST, &revoke, Some(("text/plain", b"{}")), 415, "unsupported_media_type"),
        (
            "a type with json in it",
            Method::POST,
            &revoke,
            Some(("application/jsonp", b"{}")),
            415,
            "unsupported_media_type",
        ),
        ("an empty body", Method::POST, "/v1/pki/roles", Some((json, b"")), 400, "invalid_request"),
        ("half an object", Method::POST, &revoke, Some((json, b"{\"reason\":")), 400, "invalid_request"),
        ("a word", Method::POST, &revoke, Some((json, b"nonsense")), 400, "invalid_request"),
        ("two objects", Method::POST, &revoke, Some((json, b"{}{}")), 400, "invalid_request"),
        (
            "a trailing comma",
            Method::POST,
            &revoke,
            Some((json, b"{\"reason\":\"superseded\",}")),
            400,
            "invalid_request",
        ),
        (
            "not UTF-8",
            Method::POST,
            &revoke,
            Some((json, b"{\"reason\":\"\xff\xfe\"}")),
            400,
            "invalid_request",
        ),
        (
            "half a surrogate",
            Method::POST,
            &revoke,
            Some((json, br#"{"reason":"\ud800"}"#)),
            400,
            "invalid_request",
        ),
        ("a byte order mark", Method::POST, &revoke, Some((json, b"\xef\xbb\xbf{}")), 400, "invalid_request"),
        ("null", Method::POST, &revoke, Some((json, b"null")), 400, "invalid_request"),
        ("a number", Method::POST, &revoke, Some((json, b"1")), 400, "invalid_request"),
        ("a string", Method::POST, &revoke, Some((json, b"\"superseded\"")), 400, "invalid_request"),
    ];
    for (case, method, path, body, status, code) in cases {
        let body = body.map(|(media_type, body)| (media_type, body.to_vec()));
        let answer = app.send(method, path, Some(&app.admin), &[], body).await;
        let error = expect(case, &answer, status, code);
        assert_eq!(answer.header("content-type"), json, "{case}");
        let known = ["code", "message", "details", "request_id"];
        assert!(
            error.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())),
            "{case}: {error}"
        );
        assert_eq!(answer.json().as_object().unwrap().len(), 1, "{case}: more than `error`");
    }
    let present = app.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
    assert_eq!(present["status"], "active", "a refused body revoked the CA");
    for media_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"]
    {
        let body = Some((media_type, b"{\"no_such_field\":1}".to_vec()));
        let answer = app.send(Method::POST, &revoke, Some(&app.admin), &[], body).await;
        expect(media_type, &answer, 422, "validation_error");
    }
}

#[tokio::test]
async fn an_array_is_no_object() {
    let app = TestApp::start(Mode::Embedded).await;
    let world = World::new(&app).await;
    let deep = "[".repeat(100_000);
    for operation in operations().iter().filter(|operation| operation.request_schema().is_some()) {
        let (path, body) = world.sample(operation);
        // The values of an object in the order of its fields are not the object.
        let values: Vec<_> = body.unwrap().as_object().unwrap().values().cloned().collect();
        for body in [json!(values).to_string(), "[]".to_owned(), "[null]".to_owned(), deep.clone()] {
            let body = Some(("application/json", body.into_bytes()));
            let shown = String::from_utf8_lossy(&body.as_ref().unwrap().1[..2]).into_owned();
            let answer = app.send(operation.method.clone(), &path, Some(&app.admin), &[], body).await;
            let status = answer.status.as_u16();
            assert!(
                [400, 422].contains(&status),
                "{} with {shown}: {status} {}",
                operation.name(),
                answer.text()
            );
        }
    }
    let ca = app.get(&format!("/v1/pki/ca/{}", world.ca)).await.json_with(StatusCode::OK);
    assert_eq!(ca["status"], "active", "an array revoked the CA");
}

both_modes! {
    async fn lists_check_limit_and_cursor(app: TestApp) {
        let root = app.root_ca("root").await;
        for number in 0..3 {
            app.root_ca(&format!("ca{number}")).await;
            app.role(&format!("role{number}"), root["id"].as_str().unwrap()).await;
        }
        let cursor_of = async |path: &str| {
            let page = app.get(path).await.json_with(StatusCode::OK);
            page["cursor"].as_str().unwrap().to_owned()
        };
        let (of_cas, of_roles) = (cursor_of("/v1/pki/ca?limit=1").await, cursor_of("/v1/pki/roles?limit=1").await);
        let webhook = json!({ "name": "a", "url": "https://127.0.0.1:1/", "events": ["*"], "is_active": false });
        let webhook = app.post("/v1/webhooks", webhook).await.json_with(StatusCode::CREATED);
        let mut lists = 0;
        for operation in operations().into_iter().filter(|operation| operation.parameters("query").contains("limit")) {
            let of = if operation.path.starts_with("/v1/pki/ca/") { &root } else { &webhook };
            let path = &operation.path.replace("{id}", of["id"].as_str().unwrap());
            for limit in ["0", "-1", "1001", "abc", "", "1.5", "99999999999999999999"] {
                let answer = app.get(&format!("{path}?limit={limit}")).await;
                let error = expect(&format!("{path} limit={limit}"), &answer, 422, "validation_error");
                assert!(error["details"]["fields"]["limit"].is_string(), "{path} limit={limit}: {error}");
            }
            for limit in ["1", "1000"] {
                app.get(&format!("{path}?limit={limit}")).await.json_with(StatusCode::OK);
            }
            let foreign = if path.ends_with("/ca") { &of_roles } else { &of_cas };
            for cursor in ["nonsense", "AAAA", "%00", "1", foreign] {
                let answer = app.get(&format!("{path}?cursor={cursor}")).await;
                expect(&format!("{path} cursor={cursor}"), &answer, 400, "invalid_cursor");
            }
            lists += 1;
        }
        assert_eq!(lists, 17, "a list came or went: look at this test");
    }

    /// Whichever page it is asked for, and by what a filter finds.
    async fn lists_count_their_rows_when_they_are_asked_to(app: TestApp) {
        let world = World::new(&app).await;
        for number in 0..2 {
            app.issue("web", &format!("a{number}.example.internal")).await;
            app.root_ca(&format!("more{number}")).await;
        }
        let (_, stranger) = app.another_tenant("second").await;
        let mut lists = 0;
        for operation in operations().into_iter().filter(|operation| operation.parameters("query").contains("count")) {
            if operation.path.contains('{') {
                continue;
            }
            let path = &operation.path;
            let all = app.get(&format!("{path}?limit=1000")).await.json_with(StatusCode::OK);
            assert!(all.get("total").is_none(), "{path}: nobody asked");
            let rows = |page: &serde_json::Value| {
                page.as_object().unwrap().values().find_map(serde_json::Value::as_array).unwrap().len()
            };
            // Refused calls and what the workers do come into the audit log meanwhile.
            let is_steady = !["/v1/audit/logs", "/v1/jobs"].contains(&path.as_str());
            let first = app.get(&format!("{path}?count=true&limit=1")).await.json_with(StatusCode::OK);
            let total = usize::try_from(first["total"].as_i64().unwrap()).unwrap();
            assert!(if is_steady { total == rows(&all) } else { total >= rows(&all) }, "{path}: {total} and {all}");
            if let Some(cursor) = first["cursor"].as_str() {
                let next = app.get(&format!("{path}?count=true&limit=1&cursor={cursor}")).await.json_with(StatusCode::OK);
                let next = usize::try_from(next["total"].as_i64().unwrap()).unwrap();
                assert!(if is_steady { next == total } else { next >= total }, "{path}: {next} of {total}");
            }
            let theirs = app.send(Method::GET, &format!("{path}?count=true"), Some(&stranger), &[], None).await;
            let theirs = theirs.json_with(StatusCode::OK);
            assert_eq!(theirs["total"], rows(&theirs), "{path}: another tenant's are counted");
            lists += 1;
        }
        assert_eq!(lists, 14, "every list but that of events, which has no end, and those of one thing");
        for query in [&format!("ca_id={}", world.ca), "common_name=a1.", "role=none%00", "status=revoked", "sort=not_after"] {
            let path = format!("/v1/pki/certificates?count=true&{query}");
            let page = app.get(&path).await.json_with(StatusCode::OK);
            assert_eq!(page["total"], page["certificates"].as_array().unwrap().len(), "{query}");
        }
    }

    async fn counting_ends_where_it_is_dear(app: TestApp) {
        let mut rows = crate::access::rows::Rows::of(&app).await;
        let numbers = "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 10050)";
        rows.execute(&format!(
            "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at, finished_at) \
             {numbers} SELECT 'job_00000000000000' || CAST(100000000000 + number AS TEXT), '{}', 'rebuild_crl', 'x', 'done', 0, 1, 5, 1, {} \
             FROM numbers",
            app.tenant.id,
            app.app.now().unix_micros()
        ))
        .await;
        let page = app.get("/v1/jobs?count=true&limit=1").await.json_with(StatusCode::OK);
        assert_eq!(page["total"], 10_001, "more than is counted");
    }

    async fn queries_are_checked(app: TestApp) {
        let path = "/v1/pki/certificates";
        for (query, field) in [
            ("include_revoked=maybe", "include_revoked"),
            ("status=gone", "status"),
            ("source=found", "source"),
            ("sort=random", "sort"),
            ("serial_number=xyz", "serial_number"),
            ("tag=nonsense", "tag"),
        ] {
            let error = expect(query, &app.get(&format!("{path}?{query}")).await, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{query}: {error}");
        }
        for query in ["expiring_within=soon", "expiring_within=-1d", "expiring_within=10000y"] {
            expect(query, &app.get(&format!("{path}?{query}")).await, 400, "invalid_duration");
        }
        expect("ca_id", &app.get(&format!("{path}?ca_id=nonsense")).await, 404, "ca_not_found");
    }

    async fn hostile_paths_and_queries_find_nothing_and_break_nothing(app: TestApp) {
        app.root_ca("root").await;
        let long = "a".repeat(5_000);
        let texts = ["%00", "a%00b", "%ff%fe", "%20", "..", "%2e%2e%2f", "%F0%9F%94%91", "'%20OR%201=1--", "%25", "*", "_", &long];
        for operation in operations() {
            for text in texts {
                let world = World::absent();
                let (path, body) = world.sample(&operation);
                let path = [&world.ca, &world.certificate, "tok_01ARZ3NDEKTSV4RRFFQ69G5FAV", &world.role, &world.secret, "{file}"]
                    .iter()
                    .fold(path, |path, name| path.replace(*name, text));
                let query: Vec<_> = operation
                    .parameters("query")
                    .into_iter()
                    .map(|name| format!("{path}?{name}={text}"))
                    .collect();
                let in_path = operation.path.contains('{').then_some(path);
                for path in query.into_iter().chain(in_path) {
                    let body = body.clone().map(|body| ("application/json", body.to_string().into_bytes()));
                    let answer = app.send(operation.method.clone(), &path, Some(&app.admin), &[], body).await;
                    let shown = path.chars().take(80).collect::<String>();
                    assert!(answer.status.as_u16() < 500, "{} {shown}: {}", operation.method, answer.text());
                    if ["/v1/secrets/_", "/v1/events?type=*"].contains(&path.as_str()) {
                        // A path like any other, and every type.
                        continue;
                    }
                    if path.contains('?') && answer.status == StatusCode::OK {
                        let page = answer.json();
                        let rows = page.as_object().unwrap().values().find_map(|value| value.as_array()).unwrap();
                        assert!(rows.is_empty(), "{shown} found {page}");
                    } else {
                        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
                        assert!(answer.status.is_client_error(), "{shown}: {}", answer.text());
                        answer.error(answer.status.as_u16(), &code);
                    }
                }
            }
        }
    }

    async fn without_its_database_the_service_says_so(app: TestApp) {
        let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        app.app.database().close().await;
        app.expect_due_jobs();
        app.app.forget_cached(app.tenant.id);
        for (method, path, body) in [
            (Method::GET, "/v1/pki/ca".to_owned(), None),
            (Method::GET, format!("/v1/pki/ca/{ca}"), None),
            (Method::GET, format!("/pub/crl/{ca}.crl"), None),
            (Method::POST, "/v1/pki/issue/web".to_owned(), Some(json!({ "common_name": "a.test" }))),
        ] {
            let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
            let answer = app.send(method.clone(), &path, Some(&app.admin), &[], body).await;
            expect(&format!("{method} {path}"), &answer, 503, "service_unavailable");
            let seconds: u32 = answer.header("retry-after").parse().unwrap_or_default();
            assert!((1..=60).contains(&seconds), "{method} {path}: {:?}", answer.headers);
        }
        for path in ["/readyz", "/v1/health/ready"] {
            let ready = app.send(Method::GET, path, None, &[], None).await.json_with(StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(ready["checks"]["database"], "failed", "{ready}");
            assert!(ready["errors"]["database"].is_string(), "{ready}");
        }
        assert_eq!(app.send(Method::GET, "/healthz", None, &[], None).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn health_readiness_and_version_have_the_documented_form() {
    let app = TestApp::start(Mode::Embedded).await;
    for (path, alias) in [("/healthz", "/v1/health"), ("/readyz", "/v1/health/ready")] {
        let [one, other] =
            [app.get(path).await, app.get(alias).await].map(|answer| answer.json_with(StatusCode::OK));
        assert_eq!(one, other, "{path} and {alias} differ");
    }
    let ready = app.get("/readyz").await.json();
    assert_eq!(
        ready["checks"],
        json!({ "clock": "ok", "database": "ok", "encryption": "ok", "queue": "ok" }),
        "{ready}"
    );
    assert!(ready["status"].is_string() && ready.get("errors").is_none(), "{ready}");
    assert!(app.get("/v1/version").await.json()["version"].is_string());
    assert_eq!(OPEN.len(), 10);
}
