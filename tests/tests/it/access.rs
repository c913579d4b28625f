//! Who may do what: every route of the OpenAPI document with no token, with each kind of bad token, with each
//! scope and with the tokens of another tenant. A new route fails here until it stands in the table.

pub(crate) mod acme_rows;
pub(crate) mod rows;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::Scope;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Mode, TestApp, both_modes};

use crate::access::rows::Rows;
use crate::access::world::{World, send};
use crate::openapi::{OPEN, Operation, operations};

/// The scope that each route needs, as its handler and so the document say.
pub(crate) fn needed() -> BTreeMap<String, Scope> {
    let scope = |operation: &Operation| operation.spec["x-required-scope"].as_str()?.parse().ok();
    operations().iter().filter_map(|operation| Some((operation.name(), scope(operation)?))).collect()
}

#[test]
fn what_is_not_known_to_be_open_needs_a_scope() {
    let known = needed();
    for operation in guarded() {
        assert!(
            known.contains_key(&operation.name()),
            "{} is open, and not in the list of those",
            operation.name()
        );
    }
    assert_eq!(known.len(), guarded().len());
    for (beginning, scope) in [
        ("POST /v1/pki/ca", Scope::Admin),
        ("DELETE /v1/tokens", Scope::Admin),
        ("POST /v1/pki/issue", Scope::Issue),
    ] {
        assert!(
            known.iter().all(|(route, needed)| !route.starts_with(beginning) || *needed >= scope),
            "{beginning}"
        );
    }
}

both_modes! {
    async fn without_a_good_token_every_route_is_closed(app: TestApp) {
        let world = World::new(&app).await;
        let token = async |scope: &str| {
            let body = json!({ "name": "short", "scopes": [scope], "ttl": "1h" });
            app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED)
        };
        let (revoked, expired) = (token("pki:admin").await, token("pki:issue").await);
        app.delete(&format!("/v1/tokens/{}", revoked["id"].as_str().unwrap())).await;
        app.advance(Duration::from_hours(1)).await;
        let secret = |token: &Value| token["token"].as_str().unwrap().to_owned();
        let (revoked, expired) = (secret(&revoked), secret(&expired));
        let mut changed = app.admin.clone();
        changed.replace_range(67.., if changed.ends_with('0') { "1" } else { "0" });
        let cases = [
            ("no header", String::new(), "authentication_required"),
            ("another scheme", "Basic dXNlcjpwYXNz".to_owned(), "authentication_required"),
            ("a scheme alone", "Bearer".to_owned(), "authentication_required"),
            ("a scheme and a space", "Bearer ".to_owned(), "authentication_required"),
            ("not a token", "Bearer letmein".to_owned(), "authentication_required"),
            ("a short token", "Bearer cmt_0123".to_owned(), "authentication_required"),
            ("no scheme", app.admin.clone(), "authentication_required"),
            ("another scheme with a good token", format!("Token {}", app.admin), "authentication_required"),
            ("an unknown token", format!("Bearer cmt_{}", "0".repeat(64)), "token_invalid"),
            ("a good token with one digit changed", format!("Bearer {changed}"), "token_invalid"),
            ("a revoked token", format!("Bearer {revoked}"), "token_revoked"),
            ("an expired token", format!("Bearer {expired}"), "token_expired"),
        ];
        let before = Rows::of(&app).await.all().await;
        for operation in guarded() {
            for (case, header, code) in &cases {
                let (path, body) = world.sample(&operation);
                let case = format!("{} with {case}", operation.name());
                let answer = send(&app, &operation.method, &path, header, body).await;
                expect(&case, &answer, 401, code);
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{case}: {:?}", answer.headers);
                if operation.method == Method::GET {
                    let head = send(&app, &Method::HEAD, &path, header, None).await;
                    assert_eq!(head.status, StatusCode::UNAUTHORIZED, "HEAD {case}");
                }
            }
            // Who may not call learns nothing of what is wrong with the call.
            let (path, body) = world.sample(&operation);
            let broken = body.map(|_| json!({ "no_such_field": 1 }));
            let answer = send(&app, &operation.method, &format!("{path}?limit=abc"), "", broken).await;
            expect(&format!("{} broken", operation.name()), &answer, 401, "authentication_required");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");
        let lower = send(&app, &Method::GET, "/v1/pki/ca", &format!("bearer {}", app.admin), None).await;
        assert_eq!(lower.status, StatusCode::OK, "the scheme's case does not matter (RFC 9110 §11.1)");
    }

    async fn each_route_wants_its_scope_and_no_more(app: TestApp) {
        let world = World::new(&app).await;
        let mut tokens = BTreeMap::new();
        for scope in Scope::ALL {
            tokens.insert(scope, format!("Bearer {}", app.token(scope).await));
        }
        let needed = needed();
        let before = Rows::of(&app).await.all().await;
        for operation in guarded() {
            let (path, body) = world.sample(&operation);
            let need = needed[&operation.name()];
            for (scope, token) in tokens.iter().filter(|(scope, _)| **scope < need) {
                let case = format!("{} with {scope}", operation.name());
                let answer = send(&app, &operation.method, &path, token, body.clone()).await;
                let error = expect(&case, &answer, 403, "insufficient_scope");
                assert_eq!(error["details"]["required_scope"], need.as_str(), "{case}: {error}");
                assert!(error["message"].as_str().unwrap().contains(need.as_str()), "{case}: {error}");
            }
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");
        for operation in guarded() {
            // Of objects that do not exist, so that no admitted call spoils the next one.
            let (path, body) = World::absent().sample(&operation);
            let need = needed[&operation.name()];
            for (scope, token) in tokens.iter().filter(|(scope, _)| **scope >= need) {
                let answer = send(&app, &operation.method, &path, token, body.clone()).await;
                let admitted = ![401, 403, 500].contains(&answer.status.as_u16());
                assert!(admitted, "{} with {scope}: {}", operation.name(), answer.text());
            }
        }
    }

    async fn another_tenant_s_objects_are_not_found(app: TestApp) {
        let world = World::new(&app).await;
        let (_, stranger) = app.another_tenant("second").await;
        let stranger = format!("Bearer {stranger}");
        let before = Rows::of(&app).await.all().await;
        let mut walked = 0;
        // A write at a path that another tenant has as well is one of one's own.
        let named = |operation: &Operation| operation.path.contains('{') && operation.name() != "PUT /v1/secrets/{path}";
        for operation in guarded().into_iter().filter(named) {
            let (path, body) = world.sample(&operation);
            let code = not_found_code(&path);
            let answer = send(&app, &operation.method, &path, &stranger, body.clone()).await;
            let theirs = expect(&operation.name(), &answer, 404, code);
            // The same as for an id that nobody has: nothing tells that it exists.
            let (path, _) = World::absent().sample(&operation);
            let answer = send(&app, &operation.method, &path, &stranger, body).await;
            let nobodys = expect(&operation.name(), &answer, 404, code);
            let shape = |error: &Value, mask: &World| mask.masked(error["message"].as_str().unwrap());
            assert_eq!(shape(&theirs, &world), shape(&nobodys, &World::absent()), "{}", operation.name());
            assert_eq!(theirs.get("details"), nobodys.get("details"), "{}", operation.name());
            walked += 1;
        }
        assert!(walked >= 24, "{walked}");
        assert_eq!(Rows::of(&app).await.all().await, before, "another tenant changed something");
    }

    async fn another_tenant_s_ids_in_bodies_and_queries_are_not_found(app: TestApp) {
        let world = World::new(&app).await;
        let (_, stranger) = app.another_tenant("second").await;
        let stranger = format!("Bearer {stranger}");
        let post = Method::POST;
        let own_ca = json!({ "name": "own", "common_name": "Own CA", "ca_type": "root", "key_type": "ec" });
        let own_ca = send(&app, &post, "/v1/pki/ca", &stranger, Some(own_ca)).await.json_with(StatusCode::CREATED);
        let own_role = json!({ "name": "own", "ca_id": own_ca["id"], "allow_any_name": true, "key_type": "ec" });
        send(&app, &post, "/v1/pki/roles", &stranger, Some(own_role)).await.json_with(StatusCode::CREATED);
        let own = json!({ "common_name": "own.test" });
        let own = send(&app, &post, "/v1/pki/issue/own", &stranger, Some(own)).await.json_with(StatusCode::CREATED);
        let own_csr = json!({ "subject": "CN=own.test", "key_type": "ec" });
        let own_csr = send(&app, &post, "/v1/pki/csr", &stranger, Some(own_csr)).await.json_with(StatusCode::CREATED);
        let own_csr = format!("/v1/pki/csr/{}", own_csr["id"].as_str().unwrap());
        send(&app, &post, &format!("{own_csr}/approve"), &stranger, None).await.json_with(StatusCode::OK);
        let sign = format!("{own_csr}/sign");
        let before = Rows::of(&app).await.all().await;
        let intermediate = json!({
            "name": "below", "common_name": "Below", "ca_type": "intermediate", "key_type": "ec",
            "parent_ca_id": world.ca
        });
        let cases = [
            (&post, "/v1/pki/ca", intermediate, "ca_not_found"),
            (&post, "/v1/pki/roles", json!({ "name": "new", "ca_id": world.ca }), "ca_not_found"),
            (&Method::PATCH, "/v1/pki/roles/own", json!({ "ca_id": world.ca }), "ca_not_found"),
            (&post, "/v1/pki/revoke", json!({ "serial_number": world.serial }), "certificate_not_found"),
            (&post, "/v1/pki/revoke", json!({ "serial_number": world.serial, "ca_id": own_ca["id"] }), "certificate_not_found"),
            (&post, "/v1/pki/revoke", json!({ "serial_number": own["serial_number"], "ca_id": world.ca }), "ca_not_found"),
            (&post, &sign, json!({ "ca_id": world.ca }), "ca_not_found"),
            (&post, "/v1/pki/acme/issue", json!({ "account_id": world.account, "domains": ["a.example.org"] }), "acme_account_not_found"),
            (&post, &sign, json!({ "ca_id": own_ca["id"], "role": "web" }), "role_not_found"),
            (&post, "/v1/pki/certificates/import", json!({ "certificate_pem": own["certificate"], "ca_id": world.ca }), "ca_not_found"),
        ];
        for (method, path, body, code) in cases {
            let answer = send(&app, method, path, &stranger, Some(body.clone())).await;
            expect(&format!("{method} {path} {body}"), &answer, 404, code);
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "another tenant's call changed something");
        for (path, list, own) in [
            ("/v1/pki/ca", "certificate_authorities", 1),
            ("/v1/pki/roles", "roles", 1),
            ("/v1/pki/certificates?include_revoked=true", "certificates", 1),
            (&format!("/v1/pki/certificates?serial_number={}", world.serial), "certificates", 0),
            ("/v1/pki/certificates?role=web", "certificates", 0),
            ("/v1/pki/certificates?san=*.example.internal", "certificates", 0),
            ("/v1/tokens", "tokens", 1),
            ("/v1/pki/csr", "csrs", 1),
            ("/v1/pki/csr?status=pending", "csrs", 0),
            ("/v1/pki/trust-anchors", "trust_anchors", 0),
            ("/v1/pki/blocked-keys", "blocked_keys", 0),
            ("/v1/pki/acme/accounts", "accounts", 0),
            ("/v1/pki/acme/orders", "orders", 0),
            (&format!("/v1/pki/acme/orders?account_id={}", world.account), "orders", 0),
            ("/v1/pki/dns-providers", "dns_providers", 0),
            ("/v1/secrets", "secrets", 0),
            ("/v1/webhooks", "webhooks", 0),
            (&format!("/v1/audit/logs?object={}", world.csr), "logs", 0),
            (&format!("/v1/events?object={}", world.csr), "events", 0),
            ("/v1/events?type=order.*", "events", 0),
            (&format!("/v1/audit/logs?object={}", world.anchor), "logs", 0),
        ] {
            let page = send(&app, &Method::GET, path, &stranger, None).await.json_with(StatusCode::OK);
            assert_eq!(page[list].as_array().unwrap().len(), own, "{path}: {page}");
        }
    }

    async fn equal_names_of_two_tenants_do_not_meet(app: TestApp) {
        World::new(&app).await;
        let (_, stranger) = app.another_tenant("second").await;
        let stranger = format!("Bearer {stranger}");
        let ca = json!({ "name": "root", "common_name": "Their CA", "ca_type": "root", "key_type": "ec" });
        let ca = send(&app, &Method::POST, "/v1/pki/ca", &stranger, Some(ca)).await.json_with(StatusCode::CREATED);
        let role = json!({ "name": "web", "ca_id": ca["id"], "allowed_domains": "other.test", "allow_subdomains": true, "key_type": "ec" });
        send(&app, &Method::POST, "/v1/pki/roles", &stranger, Some(role)).await.json_with(StatusCode::CREATED);
        let theirs = json!({ "common_name": "www.other.test" });
        let theirs = send(&app, &Method::POST, "/v1/pki/issue/web", &stranger, Some(theirs)).await;
        let theirs = theirs.json_with(StatusCode::CREATED);
        let ours = app.issue("web", "again.example.internal").await;
        assert_ne!(theirs["issuing_ca"], ours["issuing_ca"], "a role of another tenant issued");
        let deleted = send(&app, &Method::DELETE, "/v1/pki/roles/web", &stranger, None).await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        app.issue("web", "still.example.internal").await;
    }
}

#[tokio::test]
async fn open_routes_answer_without_a_token() {
    let app = TestApp::start(Mode::Embedded).await;
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    let (crt, crl) = (format!("/pub/ca/{ca}.crt"), format!("/pub/crl/{ca}.crl"));
    let beside = ["/openapi.json", "/docs", &crt, &crl];
    for path in OPEN.into_iter().filter(|path| !path.contains('{')).chain(beside) {
        for header in ["", "Bearer nonsense", &format!("Bearer cmt_{}", "0".repeat(64))] {
            let answer = send(&app, &Method::GET, path, header, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} with `{header}`: {}", answer.text());
        }
    }
    for path in OPEN.into_iter().filter(|path| path.contains('{') && *path != "/pub/ocsp/{ca_id}") {
        let filled = path.replace("{file}", "ca_unknown").replace("{token}", "unknown");
        let filled = filled.replace("{ca_id}", "ca_unknown").replace("{request}", "MAA");
        let answer = send(&app, &Method::GET, &filled, "", None).await;
        expect(path, &answer, 404, if path.contains("{token}") { "not_found" } else { "ca_not_found" });
    }
}

/// The operations that need a token.
pub(crate) fn guarded() -> Vec<Operation> {
    operations().into_iter().filter(|operation| !OPEN.contains(&operation.path.as_str())).collect()
}

/// The contract's error, with the case in the message when it is another one; answers `error`.
pub(crate) fn expect(case: &str, answer: &Answer, status: u16, code: &str) -> Value {
    let error = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()["error"].clone();
    let got = (answer.status.as_u16(), error["code"].as_str().unwrap_or_default());
    assert_eq!(got, (status, code), "{case}: {}", answer.text());
    answer.error(status, code)
}

fn not_found_code(path: &str) -> &'static str {
    let kinds = [
        ("/v1/pki/ca/", "ca_not_found"),
        ("/v1/pki/roles/", "role_not_found"),
        ("/v1/pki/issue/", "role_not_found"),
        ("/v1/pki/sign/", "role_not_found"),
        ("/v1/pki/certificates/", "certificate_not_found"),
        ("/v1/pki/csr/", "csr_not_found"),
        ("/v1/pki/trust-anchors/", "trust_anchor_not_found"),
        ("/v1/pki/blocked-keys/", "blocked_key_not_found"),
        ("/v1/tokens/", "token_not_found"),
        ("/v1/pki/acme/accounts/", "acme_account_not_found"),
        ("/v1/pki/acme/orders/", "acme_order_not_found"),
        ("/v1/pki/acme/challenges/", "acme_challenge_not_found"),
        ("/v1/pki/discover/", "discovery_not_found"),
        ("/v1/pki/dns-providers/", "dns_provider_not_found"),
        ("/v1/secrets/", "secret_not_found"),
        ("/v1/jobs/", "job_not_found"),
        ("/v1/webhooks/", "webhook_not_found"),
    ];
    let kind = kinds.iter().find(|(prefix, _)| path.starts_with(prefix));
    kind.unwrap_or_else(|| panic!("{path}: say in the table what is not found there")).1
}
