//! What a token that fell into other hands is good for: networks that it may be used from, roles that it may issue under.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use certmill_domain::Scope;
use poem::Server;
use poem::http::{Method, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, Mode, TestApp, TestOptions, both_modes};

use crate::access::rows::Rows;
use crate::access::world::{World, send};
use crate::access::{expect, needed};
use crate::openapi::operations;

/// The API of a service on a port, for calls that come from an address.
struct Port(SocketAddr);

impl Port {
    async fn open(app: &TestApp) -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
        let service = certmill_api::service(app.app.clone(), None);
        tokio::spawn(Server::new_with_acceptor(acceptor).run(service));
        Self(address)
    }

    /// Calls from this address, which may be any in 127.0.0.0/8.
    async fn call(&self, from: &str, call: (Method, &str), token: &str, body: Option<Value>) -> Answer {
        self.forwarded(from, None, call, (token, body)).await
    }

    async fn get(&self, from: &str, path: &str, token: &str) -> Answer {
        self.call(from, (Method::GET, path), token, None).await
    }

    /// The same with an `X-Forwarded-For`.
    async fn forwarded(
        &self,
        from: &str,
        forwarded_for: Option<&str>,
        (method, path): (Method, &str),
        (token, body): (&str, Option<Value>),
    ) -> Answer {
        let client =
            reqwest::Client::builder().local_address(from.parse::<IpAddr>().unwrap()).build().unwrap();
        let mut request = client.request(method, format!("http://{}{path}", self.0)).bearer_auth(token);
        if let Some(forwarded_for) = forwarded_for {
            request = request.header("x-forwarded-for", forwarded_for);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

/// Makes a token; answers its id and its secret.
async fn token(app: &TestApp, limits: Value) -> (String, String) {
    let mut body = json!({ "name": "limited", "scopes": ["pki:issue"] });
    for (field, value) in limits.as_object().unwrap() {
        body[field] = value.clone();
    }
    let created = app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED);
    let text = |field: &str| created[field].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

/// The rows of the audit log about refused uses of a token, oldest first: action, object and source address.
async fn refused_uses(app: &TestApp, id: &str) -> Vec<(String, String, String)> {
    let path = format!("/v1/audit/logs?success=false&identity={id}");
    let logs = app.get(&path).await.json_with(StatusCode::OK);
    let row = |row: &Value| {
        assert_eq!(row["error_code"], "token_not_allowed_here", "{row}");
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        (text("action"), text("object"), text("source_address"))
    };
    logs["logs"].as_array().unwrap().iter().rev().map(row).collect()
}

fn request(name: &str) -> String {
    let judge = Judge::new();
    judge.run(&format!(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN={name}"
    ));
    judge.read("csr.pem")
}

both_modes! {
    /// Somebody who has copied a token uses it from their own machine.
    async fn a_token_is_good_in_its_networks_only(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let (id, secret) = token(&app, json!({ "networks": ["127.0.0.2", "127.9.0.0/16"] })).await;
        let port = Port::open(&app).await;
        let before = Rows::of(&app).await.all().await;
        // Each process trusts what it knows of a token for a second: by turns, so that it is known when it is judged.
        for (number, inside) in ["127.0.0.2", "127.9.200.1"].into_iter().cycle().take(6).enumerate() {
            assert_eq!(port.get(inside, "/v1/pki/roles", &secret).await.status, StatusCode::OK, "{inside}");
            let (call, body) = match number {
                0 => ((Method::GET, "/v1/pki/roles"), None),
                1 => ((Method::POST, "/v1/pki/issue/web"), Some(json!({ "common_name": "a.example.internal" }))),
                2 => ((Method::GET, "/v1/auth/whoami"), None),
                3 => ((Method::POST, "/v1/tokens"), Some(json!({ "name": "more", "scopes": ["pki:read"] }))),
                4 => ((Method::POST, "/v1/pki/certificates/validate"), Some(json!({}))),
                _ => ((Method::DELETE, "/v1/pki/roles/web"), None),
            };
            let case = format!("{} {}", call.0, call.1);
            let refused = port.call("127.0.0.3", call, &secret, body).await;
            let error = expect(&case, &refused, 403, "token_not_allowed_here");
            assert!(!refused.text().contains("127."), "{case}: where it is good is not told: {error}");
            assert!(error["details"].is_null(), "{case}: {error}");
        }
        // Nobody says for themselves where they are, and who cannot be placed is nowhere.
        let forged = port.forwarded("127.0.0.3", Some("127.0.0.2"), (Method::GET, "/v1/pki/roles"), (&secret, None));
        expect("forged", &forged.await, 403, "token_not_allowed_here");
        let nowhere = app.send(Method::GET, "/v1/pki/roles", Some(&secret), &[], None).await;
        expect("nowhere", &nowhere, 403, "token_not_allowed_here");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");

        let row = |action: &str, object: &str| (action.to_owned(), object.to_owned(), "127.0.0.3".to_owned());
        let mut expected = vec![
            row("token.use", "/v1/pki/roles"),
            row("certificate.issue", "web"),
            row("token.use", "/v1/auth/whoami"),
            row("token.create", ""),
            row("token.use", "/v1/pki/certificates/validate"),
            row("role.delete", "web"),
            row("token.use", "/v1/pki/roles"),
        ];
        expected.push(("token.use".to_owned(), "/v1/pki/roles".to_owned(), String::new()));
        assert_eq!(refused_uses(&app, &id).await, expected);
    }

    /// Whoever has a token from somewhere tries out whether it still works.
    async fn elsewhere_nobody_learns_what_has_become_of_a_token(app: TestApp) {
        let here = json!(["127.0.0.2"]);
        let (revoked, revoked_secret) = token(&app, json!({ "networks": here })).await;
        let (_, expired_secret) = token(&app, json!({ "networks": here, "ttl": "1h" })).await;
        let (_, good_secret) = token(&app, json!({ "networks": here, "scopes": ["pki:read"] })).await;
        app.delete(&format!("/v1/tokens/{revoked}")).await;
        app.advance(Duration::from_hours(1)).await;
        let port = Port::open(&app).await;
        let mut told = Vec::new();
        for (secret, status, code) in [
            (&revoked_secret, 401, "token_revoked"),
            (&expired_secret, 401, "token_expired"),
            (&good_secret, 403, "insufficient_scope"),
        ] {
            expect("inside", &port.get("127.0.0.2", "/v1/tokens", secret).await, status, code);
            let mut error = expect("outside", &port.get("127.0.0.3", "/v1/tokens", secret).await, 403, "token_not_allowed_here");
            error["request_id"].take();
            told.push(error);
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    }

    /// A machine that may renew its web certificates is broken into, and its token is used for everything else.
    async fn a_token_for_some_roles_does_nothing_under_others(app: TestApp) {
        let ca = app.root_ca("root").await;
        let ca = ca["id"].as_str().unwrap().to_owned();
        let mut certificates = Vec::new();
        for role in ["web", "db"] {
            let body = json!({
                "name": role, "ca_id": ca, "allowed_domains": ["example.internal"], "allow_subdomains": true,
                "key_type": "ec", "store_private_keys": true
            });
            app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
            certificates.push(app.issue(role, "a.example.internal").await["certificate_id"].as_str().unwrap().to_owned());
        }
        let csr = json!({ "csr_pem": request("desk.example.internal") });
        let csr = app.post("/v1/pki/csr/import", csr).await.json_with(StatusCode::CREATED);
        let csr = format!("/v1/pki/csr/{}", csr["id"].as_str().unwrap());
        app.post(&format!("{csr}/approve"), json!({})).await.json_with(StatusCode::OK);
        let signed = app.post(&format!("{csr}/sign"), json!({ "ca_id": ca })).await.json_with(StatusCode::CREATED);
        let desk = signed["certificate_id"].as_str().unwrap();
        let (_, secret) = token(&app, json!({ "roles": ["web", "later"] })).await;
        let calls = |role: &str, certificate: &str| {
            let of = |what: &str| format!("/v1/pki/certificates/{certificate}{what}");
            [
                (Method::POST, format!("/v1/pki/issue/{role}"), json!({ "common_name": "b.example.internal" }), 201),
                (Method::POST, format!("/v1/pki/sign/{role}"), json!({ "csr_pem": request("c.example.internal") }), 201),
                (Method::POST, of("/private-key"), json!({}), 200),
                (Method::PATCH, of(""), json!({ "description": "changed" }), 200),
                (Method::POST, of("/renew"), json!({}), 201),
            ]
        };
        let as_limited = async |method: &Method, path: &str, body: &Value| {
            let body = Some(("application/json", body.to_string().into_bytes()));
            app.send(method.clone(), path, Some(&secret), &[], body).await
        };
        let before = Rows::of(&app).await.all().await;
        for (method, path, body, _) in calls("db", &certificates[1]) {
            let case = format!("{method} {path}");
            let error = expect(&case, &as_limited(&method, &path, &body).await, 403, "role_not_allowed");
            assert_eq!(error["details"]["role"], "db", "{case}: {error}");
            assert!(!error["message"].as_str().unwrap().contains("web"), "the list is not told: {error}");
        }
        // A role of which nobody can say whether it exists, and what a person has approved without one.
        expect("absent", &as_limited(&Method::POST, "/v1/pki/issue/absent", &json!({})).await, 403, "role_not_allowed");
        for (method, path, body, _) in &calls("-", desk)[3..] {
            expect(path, &as_limited(method, path, body).await, 403, "role_not_allowed");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");
        for (method, path, body, status) in calls("web", &certificates[0]) {
            let answer = as_limited(&method, &path, &body).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
        }
        // The list is of names, so that a token may be there before its role.
        expect("later", &as_limited(&Method::POST, "/v1/pki/issue/later", &json!({})).await, 404, "role_not_found");
    }

    /// The same token tries every route that needs `pki:issue`, those too that are added later.
    async fn every_route_that_issues_is_closed_to_a_token_without_its_role(app: TestApp) {
        let world = World::new(&app).await;
        let (_, secret) = token(&app, json!({ "roles": ["nobody-s"] })).await;
        let before = Rows::of(&app).await.all().await;
        let (mut closed, known) = (0, needed());
        for operation in operations() {
            let name = operation.name();
            let Some(needed) = known.get(&name) else { continue };
            let (path, body) = world.sample(&operation);
            let answer = send(&app, &operation.method, &path, &format!("Bearer {secret}"), body).await;
            match needed {
                Scope::Read => assert!(answer.status != StatusCode::FORBIDDEN, "{name}: {}", answer.text()),
                Scope::Admin => drop(expect(&name, &answer, 403, "insufficient_scope")),
                Scope::Issue => {
                    expect(&name, &answer, 403, "role_not_allowed");
                    closed += 1;
                }
            }
        }
        assert!(closed >= 11, "{closed}");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");
    }

    /// Whoever has taken an administrator's token makes themselves another one that works from everywhere.
    async fn a_token_makes_none_that_is_wider_than_itself(app: TestApp) {
        let (_, secret) = token(&app, json!({ "scopes": ["pki:admin"], "networks": ["127.0.0.0/16", "10.0.0.0/8"] })).await;
        let port = Port::open(&app).await;
        let before = Rows::of(&app).await.all().await;
        for networks in [
            Value::Null,
            json!(["0.0.0.0/0"]),
            json!(["::/0"]),
            json!(["127.0.0.0/8"]),
            json!(["127.0.0.1", "192.0.2.0/24"]),
            json!("127.0.0.0/17, 126.0.0.0/7"),
        ] {
            let body = json!({ "name": "wider", "scopes": ["pki:read"], "networks": networks });
            let refused = port.call("127.0.0.1", (Method::POST, "/v1/tokens"), &secret, Some(body)).await;
            let error = expect(&networks.to_string(), &refused, 422, "validation_error");
            assert!(error["details"]["fields"]["networks"].is_string(), "{networks}: {error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before);
        let body = json!({ "name": "narrower", "scopes": ["pki:issue"], "networks": ["127.0.0.5", "10.1.0.0/16"], "roles": "web" });
        let made = port.call("127.0.0.1", (Method::POST, "/v1/tokens"), &secret, Some(body)).await;
        made.json_with(StatusCode::CREATED);
    }

    async fn limits_are_checked_kept_and_shown(app: TestApp) {
        let limits = json!({
            "networks": "10.0.0.0/8, ::ffff:192.0.2.7, 2001:DB8::/32, 10.0.0.0/8", "roles": ["web", "db", "web"]
        });
        let (id, secret) = token(&app, limits).await;
        let shown = app.get(&format!("/v1/tokens/{id}")).await.json_with(StatusCode::OK);
        assert_eq!(shown["networks"], json!(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]));
        assert_eq!(shown["roles"], json!(["db", "web"]));
        assert_eq!(shown["scopes"], json!(["pki:issue"]));
        let listed = app.get("/v1/tokens").await.json_with(StatusCode::OK);
        assert_eq!(listed["tokens"][0], shown);
        // A process of an older version reads this column and not the limits, and permits nothing by a word that it does
        // not know.
        let stored = Rows::of(&app).await.texts(format!("SELECT scopes FROM tokens WHERE id = '{id}'")).await;
        assert_eq!(stored, ["limited:pki:issue"]);
        assert_eq!(app.send(Method::GET, "/v1/pki/roles", Some(&secret), &[], None).await.status, StatusCode::FORBIDDEN);

        let before = Rows::of(&app).await.all().await;
        let many: Vec<String> = (0..65).map(|number| format!("10.0.{number}.0/24")).collect();
        for (field, value) in [
            ("networks", json!([])),
            ("networks", json!("")),
            ("networks", json!(["10.0.0.0/33"])),
            ("networks", json!(["10.0.0.1/8"])),
            ("networks", json!(["example.com"])),
            ("networks", json!(["fe80::1%eth0"])),
            ("networks", json!(["10.0.0.0/8", ""])),
            ("networks", json!(many)),
            ("roles", json!([])),
            ("roles", json!(["a b"])),
            ("roles", json!([".."])),
            ("roles", json!((0..65).map(|number| format!("r{number}")).collect::<Vec<_>>())),
        ] {
            let mut body = json!({ "name": "wrong", "scopes": ["pki:issue"] });
            body[field] = value.clone();
            let error = expect(&value.to_string(), &app.post("/v1/tokens", body).await, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{value}: {error}");
        }
        // Whoever may change roles is not limited by a list of them.
        for scopes in [json!(["pki:admin"]), json!(["pki:issue", "pki:admin"]), json!(["pki:read"])] {
            let body = json!({ "name": "wrong", "scopes": scopes, "roles": ["web"] });
            let error = expect(&scopes.to_string(), &app.post("/v1/tokens", body).await, 422, "validation_error");
            assert!(error["details"]["fields"]["roles"].is_string(), "{error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before);
    }

    async fn a_token_is_told_about_itself(app: TestApp) {
        let limits = json!({ "networks": ["127.0.0.0/8"], "roles": ["web"], "ttl": "1h" });
        let (id, secret) = token(&app, limits).await;
        let port = Port::open(&app).await;
        let shown = app.get(&format!("/v1/tokens/{id}")).await.json_with(StatusCode::OK);
        let told = port.get("127.0.0.2", "/v1/auth/whoami", &secret).await.json_with(StatusCode::OK);
        assert_eq!(told, json!({
            "token_id": id, "token_name": "limited", "tenant_id": app.tenant.id.to_string(), "tenant_name": "first",
            "scopes": ["pki:issue"], "networks": ["127.0.0.0/8"], "roles": ["web"], "expires_at": shown["expires_at"],
            "source_address": "127.0.0.2"
        }));
        assert!(shown["expires_at"].is_string());
        let admin = port.get("127.0.0.9", "/v1/auth/whoami", &app.admin).await.json_with(StatusCode::OK);
        let unlimited = [&admin["networks"], &admin["roles"], &admin["expires_at"]];
        assert_eq!((unlimited, &admin["scopes"]), ([&Value::Null; 3], &json!(["pki:admin"])));
        let (other, stranger) = app.another_tenant("second").await;
        let told = port.get("127.0.0.9", "/v1/auth/whoami", &stranger).await.json_with(StatusCode::OK);
        assert_eq!((&told["tenant_id"], &told["tenant_name"]), (&json!(other.id.to_string()), &json!("second")));
    }

    /// Whoever looks for the use that a thief made of a token finds where it was made.
    async fn the_last_use_is_noted_with_its_address_once_a_minute(app: TestApp) {
        let (id, secret) = token(&app, json!({})).await;
        let (path, port) = (format!("/v1/tokens/{id}"), Port::open(&app).await);
        let used_from = async |address: &str| {
            assert_eq!(port.get(address, "/v1/pki/roles", &secret).await.status, StatusCode::OK);
            certmill_service::tokens::flush_uses(&app.app, false).await.unwrap();
        };
        used_from("127.0.0.2").await;
        let first = app.eventually(&path, |token| token["last_used_from"] == "127.0.0.2").await;
        used_from("127.0.0.3").await;
        let second = app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!(second, first, "two writes within a minute");
        app.advance(Duration::from_mins(1)).await;
        // What was noted meanwhile is not forgotten.
        certmill_service::tokens::flush_uses(&app.app, false).await.unwrap();
        app.eventually(&path, |token| token["last_used_from"] == "127.0.0.3").await;
    }
}

/// Behind a load balancer every call comes from its address, and a client writes into `X-Forwarded-For` what it likes.
async fn proxies(mode: Mode) {
    let trusted_proxies = vec!["127.0.0.2".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    let app = TestApp::start_with(mode, TestOptions { trusted_proxies, ..TestOptions::default() }).await;
    let (id, secret) = token(&app, json!({ "networks": ["192.0.2.0/24"] })).await;
    let port = Port::open(&app).await;
    let call = async |from: &str, forwarded_for: &str| {
        let call = (Method::GET, "/v1/auth/whoami");
        port.forwarded(from, Some(forwarded_for), call, (&secret, None)).await
    };
    for forwarded_for in ["192.0.2.7", "::ffff:192.0.2.7", "203.0.113.1, 192.0.2.7", "192.0.2.7, 10.0.0.3"] {
        let told = call("127.0.0.2", forwarded_for).await.json_with(StatusCode::OK);
        assert_eq!(told["source_address"], "192.0.2.7", "{forwarded_for}");
    }
    for (from, forwarded_for) in [
        ("127.0.0.2", "192.0.2.7, 198.51.100.1"),
        ("127.0.0.2", "192.0.2.7, unknown"),
        ("127.0.0.3", "192.0.2.7"),
    ] {
        expect(forwarded_for, &call(from, forwarded_for).await, 403, "token_not_allowed_here");
    }
    let from: Vec<String> = refused_uses(&app, &id).await.into_iter().map(|(_, _, from)| from).collect();
    assert_eq!(from, ["198.51.100.1", "", "127.0.0.3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_the_client_s_address_counts_embedded() {
    proxies(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_the_client_s_address_counts_fleet() {
    proxies(Mode::Fleet).await;
}
