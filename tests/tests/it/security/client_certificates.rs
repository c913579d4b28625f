//! A certificate in the place of a token: what it can do, and what nobody can do with it. Over real TLS.

use std::time::Duration;

use certmill_domain::Scope;
use certmill_listen::{ClientCertificates, Limits, Listener, Room, Tls};
use certmill_service::tokens::Asked;
use certmill_service::{Counted, certificates};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::X509;
use poem::http::StatusCode;
use reqwest::{Client, Identity, Method};
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::openssl::Judge;
use tests::{TestApp, TestOptions, both_modes};
use tokio_util::sync::CancellationToken;

use crate::access::rows::Rows;
use crate::access::world::World;
use crate::access::{guarded, needed};
use crate::ca::{changed, seconds, text};
use crate::csr::{approve_and_sign, imported, request};

const ITSELF: &str = "/v1/pki/certificates/self";
const RENEW: &str = "/v1/pki/certificates/self/renew";

/// The service behind a port that asks for certificates.
struct Door {
    base: String,
    _closed: tokio_util::sync::DropGuard,
}

impl Door {
    async fn of(app: &TestApp) -> Self {
        let judge = Judge::new();
        judge.run(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout door.key -out door.crt -days 2 -subj /CN=door",
        );
        let chain = X509::stack_from_pem(judge.read("door.crt").as_bytes()).unwrap();
        let key = PKey::private_key_from_pem(judge.read("door.key").as_bytes()).unwrap();
        let tls = Tls::new(&chain, &key, ClientCertificates::Requested).unwrap();
        let any = ([127, 0, 0, 1], 0).into();
        let listener =
            Listener::bind("test", any, Limits::default(), &Room::for_files(10_000)).await.unwrap();
        let (base, stop) = (format!("https://{}", listener.address()), CancellationToken::new());
        let endpoint = certmill_api::service(app.app.clone(), None);
        tokio::spawn(certmill_listen::serve(listener, Some(tls), endpoint, stop.clone()));
        Self { base, _closed: stop.drop_guard() }
    }

    async fn call(&self, host: &Client, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_with(host, method, path, (&[], body)).await
    }

    async fn call_with(
        &self,
        host: &Client,
        method: Method,
        path: &str,
        (headers, body): (&[(&str, &str)], Option<Value>),
    ) -> (u16, Value) {
        let mut call = host.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        let answer = call.send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.bytes().await.unwrap());
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A call that must be refused with this code; answers the error.
    async fn refused(
        &self,
        host: &Client,
        (method, path): (Method, &str),
        (status, code): (u16, &str),
    ) -> Value {
        let body = (method == Method::POST).then(|| json!({}));
        let (got, answer) = self.call(host, method, path, body).await;
        assert_eq!((got, answer["error"]["code"].as_str()), (status, Some(code)), "{path}: {answer}");
        answer["error"].clone()
    }

    async fn renew(&self, host: &Client, body: Value) -> Value {
        let (status, answer) = self.call(host, Method::POST, RENEW, Some(body)).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }
}

/// A client with this certificate and key.
fn host(certificate: &str, key: &str) -> Client {
    let identity = Identity::from_pkcs8_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    Client::builder().identity(identity).tls_danger_accept_invalid_certs(true).build().unwrap()
}

fn holder(issued: &Value) -> Client {
    host(text(&issued["certificate"]), text(&issued["private_key"]))
}

/// A root and a role `host` whose certificates may renew themselves; answers the root.
async fn hosts(app: &TestApp, settings: Value) -> Value {
    let ca = json!({ "name": "hosts", "common_name": "hosts", "ca_type": "root", "key_type": "ec" });
    let ca = app.post("/v1/pki/ca", ca).await.json_with(StatusCode::CREATED);
    let role = json!({
        "name": "host", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec", "ttl": "10d", "allow_self_renewal": true
    });
    app.post("/v1/pki/roles", changed(role, &settings)).await.json_with(StatusCode::CREATED);
    ca
}

async fn issue(app: &TestApp, role: &str, name: &str) -> Value {
    let body = json!({ "common_name": name });
    app.post(&format!("/v1/pki/issue/{role}"), body).await.json_with(StatusCode::CREATED)
}

async fn logs(app: &TestApp, identity: &Value) -> Vec<(String, String, Value)> {
    let body =
        app.get(&format!("/v1/audit/logs?identity={}", text(identity))).await.json_with(StatusCode::OK);
    let of = |row: &Value| {
        (
            text(&row["action"]).to_owned(),
            row["object"].as_str().unwrap_or_default().to_owned(),
            row["error_code"].clone(),
        )
    };
    body["logs"].as_array().unwrap().iter().map(of).collect()
}

both_modes! {
    async fn a_certificate_reads_and_renews_itself(app: TestApp) {
        hosts(&app, json!({})).await;
        let door = Door::of(&app).await;
        let first = issue(&app, "host", "a.example.internal").await;
        let mut present = first.clone();
        for _ in 0..3 {
            let (status, itself) = door.call(&holder(&present), Method::GET, ITSELF, None).await;
            assert_eq!((status, &itself["id"], &itself["status"]), (200, &present["certificate_id"], &json!("active")));
            let by_id = format!("/v1/pki/certificates/{}", text(&present["certificate_id"]));
            assert_eq!(door.call(&holder(&present), Method::GET, &by_id, None).await.1, itself);
            assert_eq!(door.call(&holder(&present), Method::GET, &format!("{by_id}/pem"), None).await.0, 200);

            let renewal = door.renew(&holder(&present), json!({})).await;
            let (_, new) = door.call(&holder(&renewal), Method::GET, ITSELF, None).await;
            assert_eq!((&new["renewed_from"], &new["sans"], &new["role"]), (&itself["id"], &itself["sans"], &itself["role"]));
            assert_ne!(new["spki_sha256"], itself["spki_sha256"], "the key is a new one");
            let rows = logs(&app, &present["certificate_id"]).await;
            assert_eq!(rows, [("certificate.renew".to_owned(), text(&itself["id"]).to_owned(), Value::Null)]);
            present = renewal;
        }
        // With a key of its own, and for a shorter time.
        let csr = request("-subj /CN=ignored.example.com");
        let renewal = door.renew(&holder(&present), json!({ "csr_pem": csr, "ttl": "1h" })).await;
        assert!(renewal["private_key"].is_null(), "{renewal}");
        let path = format!("/v1/pki/certificates/{}", text(&renewal["certificate_id"]));
        assert_eq!(app.get(&path).await.json()["common_name"], "a.example.internal");
    }

    async fn a_certificate_does_nothing_else(app: TestApp) {
        hosts(&app, json!({})).await;
        let world = World::new(&app).await;
        let door = Door::of(&app).await;
        let own = issue(&app, "host", "a.example.internal").await;
        let (client, needed) = (holder(&own), needed());
        let before = Rows::of(&app).await.all().await;
        let mut open = 0;
        for operation in guarded() {
            let (path, body) = world.sample(&operation);
            let method = operation.method.clone();
            let (status, answer) = door.call(&client, method, &path, body).await;
            let name = operation.name();
            let code = text(&answer["error"]["code"]);
            if ["GET /v1/pki/certificates/{id}", "GET /v1/pki/certificates/{id}/pem", "POST /v1/pki/certificates/{id}/renew"]
                .contains(&name.as_str())
            {
                // That of another host is as good as absent.
                assert_eq!((status, code), (404, "certificate_not_found"), "{name}: {answer}");
                open += 1;
            } else {
                assert_eq!((status, code), (403, "insufficient_scope"), "{name}: {answer}");
                assert_eq!(answer["error"]["details"]["required_scope"], needed[&name].as_str(), "{name}: {answer}");
            }
        }
        assert_eq!(open, 3);
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused call changed something");
        let rows = logs(&app, &own["certificate_id"]).await;
        assert!(rows.len() >= 20, "refused calls are told, the first of a minute one by one: {}", rows.len());
        assert!(rows.iter().all(|(_, _, refusal)| !refusal.is_null()), "{rows:?}");
    }

    async fn a_renewal_that_got_lost_locks_nobody_out(app: TestApp) {
        hosts(&app, json!({})).await;
        let door = Door::of(&app).await;
        let first = issue(&app, "host", "a.example.internal").await;
        let lost = door.renew(&holder(&first), json!({})).await;
        let second = door.renew(&holder(&first), json!({})).await;
        let (_, itself) = door.call(&holder(&second), Method::GET, ITSELF, None).await;
        assert_eq!(itself["renewed_from"], lost["certificate_id"], "one line, without branches");
        // Whoever revokes the newest one means the host.
        let revoked = json!({ "serial_number": second["serial_number"], "reason": "keyCompromise" });
        app.post("/v1/pki/revoke", revoked).await.json_with(StatusCode::OK);
        let error = door.refused(&holder(&first), (Method::POST, RENEW), (409, "invalid_state")).await;
        assert_eq!(error["details"]["state"], "renewal_revoked");
    }

    async fn a_stolen_key_is_of_no_use_once_any_of_its_line_was_revoked(app: TestApp) {
        hosts(&app, json!({})).await;
        let door = Door::of(&app).await;
        let first = issue(&app, "host", "a.example.internal").await;
        let second = door.renew(&holder(&first), json!({})).await;
        let third = door.renew(&holder(&second), json!({})).await;
        let revoke = async |of: &Value, reason: &str| {
            let body = json!({ "serial_number": of["serial_number"], "reason": reason });
            app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        };
        // What has a successor is taken out of use by that, and the successor is not.
        revoke(&second, "superseded").await;
        let fourth = door.renew(&holder(&third), json!({})).await;
        revoke(&first, "keyCompromise").await;
        let error = door.refused(&holder(&fourth), (Method::POST, RENEW), (409, "invalid_state")).await;
        assert_eq!(error["details"]["state"], "renewal_revoked");
        assert!(text(&error["message"]).contains(text(&first["certificate_id"])), "{error}");
    }

    async fn no_renewal_lasts_longer_than_the_one_before(app: TestApp) {
        hosts(&app, json!({})).await;
        let door = Door::of(&app).await;
        let first = app.post("/v1/pki/issue/host", json!({ "common_name": "a.example.internal", "ttl": "1h" })).await;
        let mut last = first.json_with(StatusCode::CREATED);
        for more in [0, 2, 2, 2] {
            let wanted = json!({ "ttl": format!("{}s", 3_600 + more) });
            last = door.renew(&holder(&last), wanted).await;
            let left = seconds(&last["not_after"]) - app.app.now().unix_seconds();
            assert!(left <= 3_600, "{left} s");
        }
    }

    async fn the_role_decides(app: TestApp) {
        let ca = hosts(&app, json!({ "allow_self_renewal": false })).await;
        let door = Door::of(&app).await;
        let own = issue(&app, "host", "a.example.internal").await;
        let client = holder(&own);
        for call in [(Method::GET, ITSELF), (Method::POST, RENEW)] {
            let error = door.refused(&client, call, (403, "self_renewal_not_allowed")).await;
            assert!(text(&error["message"]).contains("`host`"), "{error}");
        }
        let rows = logs(&app, &own["certificate_id"]).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].0.as_str(), &rows[0].2), ("certificate.renew", &json!("self_renewal_not_allowed")));
        let switch = async |on: bool| {
            app.patch("/v1/pki/roles/host", json!({ "allow_self_renewal": on })).await.json_with(StatusCode::OK)
        };
        assert_eq!(switch(true).await["allow_self_renewal"], true);
        let renewal = door.renew(&client, json!({})).await;
        switch(false).await;
        door.refused(&holder(&renewal), (Method::POST, RENEW), (403, "self_renewal_not_allowed")).await;
        switch(true).await;
        // No more time than it had, and no more than the role gives now.
        let (status, answer) = door.call(&client, Method::POST, RENEW, Some(json!({ "ttl": "11d" }))).await;
        assert_eq!((status, text(&answer["error"]["code"])), (422, "validation_error"), "{answer}");
        assert!(text(&answer["error"]["details"]["fields"]["ttl"]).contains("token"), "{answer}");
        app.patch("/v1/pki/roles/host", json!({ "ttl": "2d", "max_ttl": "3d" })).await.json_with(StatusCode::OK);
        let shorter = door.renew(&client, json!({})).await;
        assert!(seconds(&shorter["not_after"]) <= app.app.now().unix_seconds() + 72 * 3600, "{shorter}");
        app.delete("/v1/pki/roles/host").await;
        door.refused(&client, (Method::POST, RENEW), (404, "role_not_found")).await;
        // What is not kept cannot be found by its certificate.
        let both = json!({ "name": "thin", "ca_id": ca["id"], "no_store": true, "allow_self_renewal": true });
        let error = app.post("/v1/pki/roles", both).await.error(422, "validation_error");
        assert!(text(&error["details"]["fields"]["allow_self_renewal"]).contains("no_store"), "{error}");
    }

    async fn what_is_over_is_refused(app: TestApp) {
        let ca = hosts(&app, json!({})).await;
        let below = app.intermediate_ca("below", text(&ca["id"])).await;
        let role = json!({
            "name": "below", "ca_id": below["id"], "allow_any_name": true, "key_type": "ec", "ttl": "90d", "max_ttl": "90d",
            "allow_self_renewal": true
        });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let door = Door::of(&app).await;
        let refused = async |issued: &Value, why: &str| {
            for call in [(Method::GET, ITSELF), (Method::POST, RENEW), (Method::GET, "/v1/pki/ca")] {
                let error = door.refused(&holder(issued), call, (401, "client_certificate_refused")).await;
                assert!(text(&error["message"]).contains(why), "{error}");
            }
        };
        let ended = issue(&app, "host", "ended.example.internal").await;
        let revoked = issue(&app, "host", "revoked.example.internal").await;
        let blocked = issue(&app, "below", "blocked.example.internal").await;
        let orphan = issue(&app, "below", "orphan.example.internal").await;
        let body = json!({ "serial_number": revoked["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        refused(&revoked, "revoked").await;
        let body = json!({ "certificate_pem": blocked["certificate"] });
        app.post("/v1/pki/blocked-keys", body).await.json_with(StatusCode::CREATED);
        refused(&blocked, "blocked").await;
        assert_eq!(door.call(&holder(&orphan), Method::GET, ITSELF, None).await.0, 200);
        let path = format!("/v1/pki/ca/{}/revoke", text(&below["id"]));
        app.post(&path, json!({ "reason": "superseded" })).await.json_with(StatusCode::ACCEPTED);
        // Whichever is seen first: the CA at once, or the certificate when the job comes to it.
        refused(&orphan, "revoked").await;
        assert_eq!(door.call(&holder(&ended), Method::GET, ITSELF, None).await.0, 200);
        app.advance(Duration::from_hours(11 * 24)).await;
        refused(&ended, "ended at").await;
    }

    async fn certificates_of_others_are_nobody(app: TestApp) {
        let ca = hosts(&app, json!({})).await;
        let door = Door::of(&app).await;
        let own = issue(&app, "host", "a.example.internal").await;
        let unknown = async |client: &Client| {
            for call in [(Method::GET, ITSELF), (Method::POST, RENEW)] {
                let error = door.refused(client, call, (401, "authentication_required")).await;
                assert!(text(&error["message"]).contains("client certificate"), "{error}");
            }
        };
        // The same subject, issuer and serial number, by whoever can run openssl.
        let pretended = Authority::root("/CN=hosts");
        let forged = pretended.leaf_with_serial("a.example.internal", text(&own["serial_number"]));
        unknown(&host(&forged.certificate, &forged.key)).await;
        // One that was imported, whose issuer is somebody else.
        let other = pretended.leaf("a.example.internal");
        let body = json!({ "certificate_pem": other.certificate, "chain_pem": pretended.certificate });
        app.post("/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED);
        unknown(&host(&other.certificate, &other.key)).await;
        // One that a person approved, under no role.
        let judge = Judge::new();
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout d.key -subj /CN=d.example.internal -out d.csr");
        let csr = imported(&app, &judge.read("d.csr")).await;
        let signed = approve_and_sign(&app, &csr, &ca, json!({})).await;
        unknown(&host(text(&signed["certificate"]), &judge.read("d.key"))).await;
        // None at all.
        let bare = Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
        let error = door.refused(&bare, (Method::GET, ITSELF), (401, "authentication_required")).await;
        assert!(!text(&error["message"]).contains("certificate"), "{error}");
    }

    async fn another_tenant_s_certificate_acts_there(app: TestApp) {
        hosts(&app, json!({})).await;
        let (_, theirs) = app.another_tenant("second").await;
        let body = json!({ "name": "hosts", "common_name": "hosts", "ca_type": "root", "key_type": "ec" });
        let ca = app.post_as(&theirs, "/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let role = json!({ "name": "host", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec", "allow_self_renewal": true });
        app.post_as(&theirs, "/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let name = json!({ "common_name": "a.example.internal" });
        let other = app.post_as(&theirs, "/v1/pki/issue/host", name).await.json_with(StatusCode::CREATED);
        let own = issue(&app, "host", "a.example.internal").await;
        // Whoever imports a certificate has not issued it.
        let body = json!({ "certificate_pem": own["certificate"], "chain_pem": own["issuing_ca"] });
        app.post_as(&theirs, "/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED);
        let door = Door::of(&app).await;
        let (_, itself) = door.call(&holder(&own), Method::GET, ITSELF, None).await;
        assert_eq!(itself["id"], own["certificate_id"]);
        let path = format!("/v1/pki/certificates/{}", text(&own["certificate_id"]));
        door.refused(&holder(&other), (Method::GET, &path), (404, "certificate_not_found")).await;
        door.refused(&holder(&other), (Method::POST, &format!("{path}/renew")), (404, "certificate_not_found")).await;
        door.renew(&holder(&other), json!({})).await;
        assert!(logs(&app, &other["certificate_id"]).await.is_empty(), "it is told in their log");
    }
}

/// A proxy in front has a certificate of its own, and browsers send their user's along whatever page asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_wins_and_what_others_ask_for_is_not_its_own() {
    let app = TestApp::start(tests::Mode::Embedded).await;
    hosts(&app, json!({})).await;
    let door = Door::of(&app).await;
    let own = issue(&app, "host", "a.example.internal").await;
    let client = holder(&own);
    let with = async |path: &str, headers: &[(&str, &str)]| {
        let (status, answer) = door.call_with(&client, Method::GET, path, (headers, None)).await;
        (status, answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let admin = format!("Bearer {}", app.admin);
    let (token, nobody) = (("authorization", admin.as_str()), ("authorization", "Bearer cmt_nobody"));
    assert_eq!(with("/v1/pki/ca", &[token]).await.0, 200);
    assert_eq!(with(ITSELF, &[token]).await, (404, "certificate_not_found".to_owned()));
    assert_eq!(with(ITSELF, &[nobody]).await, (401, "authentication_required".to_owned()));
    assert_eq!(with(ITSELF, &[("authorization", "Basic eDp5")]).await.0, 401);
    assert_eq!(with(ITSELF, &[]).await.0, 200);
    for header in
        [("x-forwarded-for", "198.51.100.7"), ("via", "1.1 proxy"), ("origin", "https://elsewhere.example")]
    {
        assert_eq!(with(ITSELF, &[header]).await, (401, "authentication_required".to_owned()), "{header:?}");
    }
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let options = TestOptions { trusted_proxies, ..TestOptions::default() };
    let behind = TestApp::start_with(tests::Mode::Embedded, options).await;
    hosts(&behind, json!({})).await;
    let of_proxy = issue(&behind, "host", "proxy.example.internal").await;
    let door = Door::of(&behind).await;
    door.refused(&holder(&of_proxy), (Method::POST, RENEW), (401, "authentication_required")).await;
}

/// A stolen key must not get more calls with each renewal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_are_counted_together() {
    let app = TestApp::start(tests::Mode::Embedded).await;
    hosts(&app, json!({})).await;
    let door = Door::of(&app).await;
    let counted = async |issued: &Value| {
        let certificate = X509::from_pem(text(&issued["certificate"]).as_bytes()).unwrap();
        let sha256 = certificate.digest(MessageDigest::sha256()).unwrap().as_ref().try_into().unwrap();
        let asked = Asked { needed: Scope::Read, from: None, request_id: "req_test" };
        certificates::authenticate(&app.app, &sha256, asked).await.unwrap().counted
    };
    let first = issue(&app, "host", "a.example.internal").await;
    let renewal = door.renew(&holder(&first), json!({})).await;
    let other = issue(&app, "host", "b.example.internal").await;
    let of_first = counted(&first).await;
    assert!(matches!(of_first, Counted::Names(_)));
    assert_eq!(of_first, counted(&renewal).await);
    assert_ne!(of_first, counted(&other).await);
}
