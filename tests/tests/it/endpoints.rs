//! Endpoints of certificates: what is served, compared with what is newest.

mod discover;
mod failures;
mod late;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use certmill_domain::Scope;
use openssl::ssl::SslVersion;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::openssl::Judge;
use tests::tls_server::{Manner, TlsServer};
use tests::{TestApp, both_modes};

use crate::ca::text;
use crate::jobs::sql::Sql;

const SCHEMES: [&str; 7] = ["tls", "smtp", "imap", "pop3", "ftp", "ldap", "postgres"];

/// A certificate for `localhost`, as it was issued.
async fn issued(app: &TestApp) -> Value {
    let root = app.root_ca("root").await;
    let role = json!({
        "name": "any", "ca_id": root["id"], "allow_any_name": true, "key_type": "ec", "max_ttl": "90d"
    });
    app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
    app.issue("any", "localhost").await
}

fn path(issued: &Value) -> String {
    format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]))
}

fn serve(manner: Manner, issued: &Value) -> TlsServer {
    TlsServer::with(manner, text(&issued["certificate"]), text(&issued["private_key"]))
}

/// Names the endpoints of a certificate, and answers what is found there.
async fn named(app: &TestApp, issued: &Value, endpoints: &[String]) -> Vec<Value> {
    app.patch(&path(issued), json!({ "endpoints": endpoints })).await.json_with(StatusCode::OK);
    let is_over = |row: &Value| list(row).iter().all(|endpoint| endpoint["state"] != "unchecked");
    list(&app.eventually(&path(issued), is_over).await)
}

/// Has the endpoints looked at, and answers what is found there.
async fn checked(app: &TestApp, issued: &Value) -> Vec<Value> {
    list(&app.post(&format!("{}/check", path(issued)), json!({})).await.json_with(StatusCode::OK))
}

fn list(certificate: &Value) -> Vec<Value> {
    certificate["endpoints"].as_array().unwrap().clone()
}

async fn renewed(app: &TestApp, issued: &Value) -> Value {
    app.post(&format!("{}/renew", path(issued)), json!({})).await.json_with(StatusCode::CREATED)
}

/// `openssl s_server` with this certificate, until it is dropped.
struct RealServer {
    process: Child,
    port: u16,
    /// The server ends when nobody reads what it says, and needs its files.
    _kept: (Lines<BufReader<ChildStdout>>, Judge),
}

impl RealServer {
    fn start(issued: &Value) -> Self {
        let files = Judge::new();
        files.write("cert.pem", text(&issued["certificate"]));
        files.write("key.pem", text(&issued["private_key"]));
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem", "-www"])
            .current_dir(files.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok())
            .expect("openssl says where it listens");
        Self { process, port, _kept: (lines, files) }
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

both_modes! {
    async fn what_is_served_is_compared_with_the_newest_certificate(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        let endpoint = format!("localhost:{}", server.port);
        let found = named(&app, &first, &[format!("TLS:LOCALHOST:{}", server.port)]).await;
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&found["endpoint"], &found["state"]), (&json!(endpoint), &json!("deployed")), "{found}");
        let row = app.get(&path(&first)).await.json();
        for (served, of) in [("serial_number", "serial_number"), ("fingerprint_sha256", "fingerprint_sha256"), ("not_after", "not_after"), ("certificate_id", "id")] {
            assert_eq!(found["served"][served], row[of], "{found}");
        }
        assert_eq!((&found["findings"], &found["reason"]), (&json!([]), &json!(null)));
        assert!(found["deployed_since"].is_string() && found["next_check_at"].as_str() > found["checked_at"].as_str(), "{found}");
        assert_eq!(server.first_name(), "localhost", "the server name is the host");

        let second = renewed(&app, &first).await;
        assert_eq!(list(&app.get(&path(&first)).await.json()), Vec::<Value>::new(), "they go on to the renewal");
        let found = list(&app.get(&path(&second)).await.json());
        assert_eq!((&found[0]["state"], &found[0]["deployed_since"]), (&json!("unchecked"), &json!(null)));
        let found = checked(&app, &second).await;
        assert_eq!((&found[0]["state"], &found[0]["served"]["certificate_id"]), (&json!("serving_old"), &first["certificate_id"]));
        let third = renewed(&app, &second).await;
        assert_eq!(checked(&app, &third).await[0]["state"], "serving_old", "however often it was renewed since");

        server.present(text(&third["certificate"]), text(&third["private_key"]));
        let deployed = checked(&app, &third).await;
        assert_eq!(deployed[0]["state"], "deployed");
        app.advance(Duration::from_secs(5)).await;
        let again = checked(&app, &third).await;
        assert_eq!(again[0]["deployed_since"], deployed[0]["deployed_since"]);
        assert_ne!(again[0]["checked_at"], deployed[0]["checked_at"]);

        let logs = app.get("/v1/audit/logs?action=certificate.check").await.json_with(StatusCode::OK);
        assert_eq!(logs["logs"].as_array().unwrap().len(), 4, "{logs}");
        let theirs = Authority::root("/CN=Theirs").leaf("localhost");
        server.present(&theirs.certificate, &theirs.key);
        let found = checked(&app, &third).await;
        assert_eq!((&found[0]["state"], &found[0]["deployed_since"]), (&json!("other_certificate"), &json!(null)));
        assert_eq!((&found[0]["served"]["certificate_id"], &found[0]["served"]["serial_number"]), (&json!(null), &json!(theirs.serial_number())));
        // One of the tenant's own that has nothing to do with it.
        let own = app.issue("any", "localhost").await;
        server.present(text(&own["certificate"]), text(&own["private_key"]));
        let found = checked(&app, &third).await;
        assert_eq!((&found[0]["state"], &found[0]["served"]["certificate_id"]), (&json!("other_certificate"), &own["certificate_id"]));
    }

    async fn a_server_of_somebody_elses_making_is_seen(app: TestApp) {
        let certificate = issued(&app).await;
        let server = RealServer::start(&certificate);
        let found = named(&app, &certificate, &[format!("localhost:{}", server.port)]).await;
        assert_eq!(found[0]["state"], "deployed", "{found:?}");
    }

    async fn each_protocol_is_spoken_as_another_client_speaks_it(app: TestApp) {
        let certificate = issued(&app).await;
        let servers: Vec<_> = SCHEMES.iter().map(|scheme| serve(Manner::Serves(scheme), &certificate)).collect();
        let judge = Judge::new();
        for (scheme, server) in SCHEMES.iter().zip(&servers) {
            let starttls = if *scheme == "tls" { String::new() } else { format!("-starttls {scheme}") };
            let said = judge.run(&format!("s_client -connect 127.0.0.1:{} {starttls} -servername judge -brief", server.port));
            assert!(said.contains("CN = localhost"), "{scheme}: {said}");
            assert_eq!(server.first_name(), "judge", "{scheme}");
        }
        let endpoints: Vec<_> =
            SCHEMES.iter().zip(&servers).map(|(scheme, server)| format!("{scheme}:localhost:{}", server.port)).collect();
        let found = named(&app, &certificate, &endpoints).await;
        assert_eq!(found.len(), SCHEMES.len());
        assert!(found.iter().all(|endpoint| endpoint["state"] == "deployed"), "{found:?}");
    }

    async fn a_server_that_wants_a_client_certificate_has_shown_its_own(app: TestApp) {
        let certificate = issued(&app).await;
        let servers = [SslVersion::TLS1_2, SslVersion::TLS1_3].map(|version| serve(Manner::WantsClient(version), &certificate));
        let endpoints: Vec<_> = servers.iter().map(|server| format!("localhost:{}", server.port)).collect();
        let found = named(&app, &certificate, &endpoints).await;
        assert!(found.iter().all(|endpoint| endpoint["state"] == "deployed"), "{found:?}");
    }

    /// In RSA key exchange the server signs nothing, so that only the end of the handshake proves that it has the key.
    async fn a_certificate_without_its_key_is_not_served(app: TestApp) {
        let root = app.root_ca("root").await;
        let role = json!({ "name": "old", "ca_id": root["id"], "allow_any_name": true, "key_type": "rsa", "key_bits": 2048 });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let certificate = app.issue("old", "localhost").await;
        let [thief, owner] = [Manner::HasNoKey, Manner::ExchangesByRsa].map(|manner| serve(manner, &certificate));
        let endpoints = [format!("127.0.0.1:{}", thief.port), format!("localhost:{}", owner.port)];
        let found = named(&app, &certificate, &endpoints).await;
        assert_eq!((&found[0]["state"], &found[0]["served"]), (&json!("unreachable"), &json!(null)), "{found:?}");
        assert!(text(&found[0]["reason"]).contains("handshake failed"), "{found:?}");
        assert_eq!(found[1]["state"], "deployed", "{found:?}");
    }

    async fn what_is_wrong_with_a_served_certificate_is_told_whichever_it_is(app: TestApp) {
        let certificate = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &certificate);
        let endpoints = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", server.port));
        let findings = |found: &[Value]| [found[0]["findings"].clone(), found[1]["findings"].clone()];
        let found = named(&app, &certificate, &endpoints).await;
        assert_eq!(findings(&found), [json!(["name_mismatch"]), json!([])], "{found:?}");
        let body = json!({ "serial_number": certificate["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        let found = checked(&app, &certificate).await;
        assert_eq!(findings(&found), [json!(["name_mismatch", "revoked"]), json!(["revoked"])]);
        app.advance(Duration::from_hours(91 * 24)).await;
        let found = checked(&app, &certificate).await;
        assert_eq!(findings(&found)[1], json!(["expired", "revoked"]));
        assert_eq!(found[1]["state"], "deployed", "it is what was to be there");
    }

    async fn endpoints_are_read_strictly_and_kept_in_one_form(app: TestApp) {
        let certificate = issued(&app).await;
        let path = path(&certificate);
        app.post(&format!("{path}/check"), json!({})).await.error(409, "invalid_state");
        let many: Vec<_> = (1..=101).map(|port| format!("127.0.0.1:{port}")).collect();
        for wrong in [json!(["localhost"]), json!(["https:localhost:443"]), json!(["::1:443"]), json!(many)] {
            let error = app.patch(&path, json!({ "endpoints": wrong })).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["endpoints"].is_string(), "{error}");
        }
        let twice = json!({ "endpoints": ["127.0.0.1:1", "tls:127.0.0.1:1", "[::1]:1"] });
        let patched = app.patch(&path, twice).await;
        let names: Vec<_> = list(&patched.json_with(StatusCode::OK)).iter().map(|one| text(&one["endpoint"]).to_owned()).collect();
        assert_eq!(names, ["127.0.0.1:1", "[::1]:1"]);
        // Which endpoints there are is a part of the state that If-Match is about; what was found there is none.
        let tag = app.get(&path).await.header("etag");
        assert_eq!(patched.header("etag"), tag);
        app.eventually(&path, |row| list(row).iter().all(|one| one["state"] == "unreachable")).await;
        assert_eq!(app.get(&path).await.header("etag"), tag);
        let conditional = async |body: Value| {
            let body = Some(("application/json", body.to_string().into_bytes()));
            app.send(Method::PATCH, &path, Some(&app.admin), &[("if-match", &tag)], body).await
        };
        conditional(json!({ "endpoints": ["127.0.0.1:2"] })).await.json_with(StatusCode::OK);
        conditional(json!({ "endpoints": null })).await.error(412, "precondition_failed");
        let emptied = app.patch(&path, json!({ "endpoints": null })).await.json_with(StatusCode::OK);
        assert_eq!(list(&emptied), Vec::<Value>::new());
        // Whoever only reads sees them and changes nothing.
        let reader = app.token(Scope::Read).await;
        app.post_as(&reader, &format!("{path}/check"), json!({})).await.error(403, "insufficient_scope");
    }

    async fn endpoints_that_an_older_version_left_behind_catch_up(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        named(&app, &first, &[format!("localhost:{}", server.port)]).await;
        let second = renewed(&app, &first).await;
        app.settled().await;
        app.patch(&path(&first), json!({ "endpoints": ["localhost:1"] })).await.error(422, "validation_error");
        let sql = Sql::open(app.database_url()).await;
        sql.run(&format!("UPDATE certificate_endpoints SET certificate_id = '{}', next_check_at = 1", text(&first["certificate_id"]))).await;
        certmill_service::endpoints::wake(&app.app).await.unwrap();
        let row = app.eventually(&path(&second), |row| !list(row).is_empty()).await;
        assert_eq!(list(&row)[0]["state"], "unchecked");
        // What is forgotten takes them along.
        sql.run(&format!("DELETE FROM certificate_tags; UPDATE certificates SET renewed_by = NULL; DELETE FROM certificates WHERE id = '{}'", text(&second["certificate_id"]))).await;
        assert_eq!(sql.number("SELECT COUNT(*) FROM certificate_endpoints").await, 0);
    }
}
