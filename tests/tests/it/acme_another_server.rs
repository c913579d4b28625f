//! acme2certifier, an ACME server that shares no code with Boulder and Pebble: how it reads the RFC, it answers.

use launch::{Acme2certifier, Bind};
use openssl::x509::X509;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::{ZONE, add_provider, answer_on_ports, name_server};
use tests::{Mode, TestApp, TestOptions};
use tokio_util::sync::CancellationToken;

struct Lab {
    app: TestApp,
    server: Acme2certifier,
    bind: Bind,
    account: String,
}

impl Lab {
    async fn start(stop: &CancellationToken) -> Self {
        let (server, bind) = tokio::task::spawn_blocking(|| {
            let bind = name_server();
            (Acme2certifier::start(bind.address()), bind)
        })
        .await
        .unwrap();
        let options = TestOptions {
            http01_port: Some(server.http_port()),
            trusted_pem: Some(server.ca_pem().to_owned()),
            resolvers: vec![bind.address()],
            ..TestOptions::default()
        };
        let app = TestApp::start_with(Mode::Embedded, options).await;
        answer_on_ports(&app, (server.http_port(), server.tls_port()), stop).await;
        let body = json!({
            "name": "another", "provider": "custom", "directory_url": server.directory_url(),
            "email": "pki@example.com"
        });
        let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        assert_eq!(account["status"], "valid", "{account}\n{}", server.log());
        let account = account["id"].as_str().unwrap().to_owned();
        Self { app, server, bind, account }
    }

    /// Orders, and waits for the end of the order.
    async fn ended(&self, domains: &[String], kind: &str) -> Value {
        let body = json!({ "account_id": self.account, "domains": domains, "challenge_type": kind });
        let order = self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        let path = format!("/v1/pki/acme/orders/{}", order["order_id"].as_str().unwrap());
        let has_ended = |order: &Value| order["status"] == "valid" || order["status"] == "invalid";
        self.app.eventually(&path, has_ended).await
    }

    async fn certificate(&self, domains: &[String], kind: &str) -> Value {
        let order = self.ended(domains, kind).await;
        assert_eq!(order["status"], "valid", "{kind}: {order:#}\n{}", self.server.log());
        for challenge in order["challenges"].as_array().unwrap() {
            assert_eq!((&challenge["status"], &challenge["type"]), (&json!("valid"), &json!(kind)));
        }
        let path = format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap());
        self.app.get(&path).await.json_with(StatusCode::OK)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_challenge_is_met_as_another_implementation_reads_the_rfc() {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let lab = Lab::start(&stop).await;
    add_provider(&lab.app, &lab.bind).await;
    let before = lab.bind.zone_lines(ZONE);
    for (kind, names) in [
        ("http-01", vec![format!("a.{ZONE}"), format!("b.{ZONE}")]),
        ("tls-alpn-01", vec![format!("c.{ZONE}")]),
        ("dns-01", vec![format!("*.{ZONE}"), ZONE.to_owned()]),
    ] {
        let certificate = lab.certificate(&names, kind).await;
        assert_eq!(certificate["sans"]["dns"], json!(names), "{kind}");
        let pem = |field: &str| certificate[field].as_str().unwrap().as_bytes();
        let leaf = X509::from_pem(pem("certificate_pem")).unwrap();
        let issuer = X509::stack_from_pem(pem("chain_pem")).unwrap().remove(0);
        assert!(leaf.verify(&issuer.public_key().unwrap()).unwrap(), "{kind}: {certificate:#}");
    }
    // It does look.
    let order = lab.ended(&["absent.elsewhere.test".to_owned()], "http-01").await;
    assert_eq!(order["error"]["code"], "validation_failed", "{order:#}");
    lab.app.settled().await;
    assert_eq!(lab.bind.zone_lines(ZONE), before, "no value is left");
}
