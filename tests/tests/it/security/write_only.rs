//! A credential that was written stays where it was written to: it is neither led elsewhere nor quoted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fake_dns::{Lab, vendors};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, both_modes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::ca::text;

const PATH: &str = "/v1/pki/dns-providers";
/// What a service inside answers, which is no business of a tenant's.
const INSIDE: &str = "payroll-database-password";

/// A server that counts who comes and answers each with a page of its own.
struct Stranger {
    url: String,
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Stranger {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4_096]).await;
                    let body = format!(r#"{{"message":"{INSIDE}","error":"{INSIDE}"}}"#);
                    let head = format!(
                        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all((head + &body).as_bytes()).await;
                });
            }
        });
        Self { url: format!("http://{address}"), address, visits }
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// Every type with a field that says where its credentials go, and such a field beside `base_url`.
async fn labs() -> Vec<(Lab, &'static str)> {
    vec![
        (vendors::cloudflare::lab().await, "base_url"),
        (vendors::powerdns::lab().await, "base_url"),
        (vendors::webhook::lab().await, "base_url"),
        (vendors::aws_route53::lab().await, "sts_url"),
        (vendors::azure_dns::lab().await, "login_url"),
        (vendors::google_cloud_dns::lab().await, "token_url"),
    ]
}

async fn add(app: &TestApp, lab: &Lab, config: &Value) -> Value {
    let body = json!({ "name": lab.kind, "type": lab.kind, "config": config, "verify": false });
    app.post(PATH, body).await.json_with(StatusCode::CREATED)
}

fn path(provider: &Value) -> String {
    format!("{PATH}/{}", text(&provider["id"]))
}

both_modes! {
    /// Somebody with an admin token, who cannot read the stored token of a DNS provider, has it sent to a server of their own.
    async fn a_stored_credential_is_not_led_to_another_address(app: TestApp) {
        let stranger = Stranger::start().await;
        for (lab, field) in labs().await {
            let provider = add(&app, &lab, &lab.config).await;
            let hidden: Vec<String> = provider["config"].as_object().unwrap().iter()
                .filter(|(_, value)| **value == "***").map(|(name, _)| name.clone()).collect();
            assert!(!hidden.is_empty(), "{provider}");
            let placeholders: Value = hidden.iter().map(|name| (name.clone(), json!("***"))).collect::<serde_json::Map<_, _>>().into();
            for field in ["base_url", field] {
                for verify in [true, false] {
                    for more in [json!({}), placeholders.clone()] {
                        let mut config = json!({ field: stranger.url });
                        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                        let error = app.patch(&path(&provider), json!({ "config": config, "verify": verify })).await;
                        let error = error.error(422, "validation_error");
                        for name in &hidden {
                            let problem = text(&error["details"]["fields"][format!("config.{name}")]);
                            assert!(problem.contains(field), "{}: {error}", lab.kind);
                        }
                    }
                }
            }
            assert_eq!(app.get(&path(&provider)).await.json_with(StatusCode::OK)["config"], provider["config"]);
            assert_eq!(stranger.visits(), 0, "{}", lab.kind);
            // Whoever knows the credentials may move them, and what says nothing of addresses can be changed without them.
            let mut config = json!({ "base_url": stranger.url, "ttl": 600 });
            for name in &hidden {
                config[name] = lab.config[name].clone();
            }
            app.patch(&path(&provider), json!({ "config": config, "verify": false })).await.json_with(StatusCode::OK);
            app.patch(&path(&provider), json!({ "config": { "ttl": 601 }, "verify": false })).await.json_with(StatusCode::OK);
        }
    }

    /// The same of a TSIG key, whose signatures a server of somebody's own could collect.
    async fn a_tsig_key_is_not_led_to_another_name_server(app: TestApp) {
        let stranger = Stranger::start().await;
        let config = json!({ "nameserver": "127.0.0.1:1", "tsig_key": "k", "tsig_secret": "c2VjcmV0LW9mLXRoZS16b25l" });
        let body = json!({ "name": "bind", "type": "rfc2136", "config": config, "zones": ["example.test"], "verify": false });
        let provider = app.post(PATH, body).await.json_with(StatusCode::CREATED);
        let error = app.patch(&path(&provider), json!({ "config": { "nameserver": stranger.address } })).await;
        let error = error.error(422, "validation_error");
        assert!(error["details"]["fields"]["config.tsig_secret"].is_string(), "{error}");
        assert_eq!(stranger.visits(), 0);
    }

    /// The same of a secret that the configuration refers to.
    async fn a_secret_is_not_led_to_another_address(app: TestApp) {
        let (lab, stranger) = (vendors::cloudflare::lab().await, Stranger::start().await);
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": lab.config["api_token"] } })).await.json_with(StatusCode::CREATED);
        let mut config = lab.config.clone();
        config.as_object_mut().unwrap().remove("api_token");
        config["credentials_path"] = json!("dns/cf");
        let provider = add(&app, &lab, &config).await;
        let error = app.patch(&path(&provider), json!({ "config": { "base_url": stranger.url } })).await;
        let error = error.error(422, "validation_error");
        assert!(error["details"]["fields"]["config.credentials_path"].is_string(), "{error}");
        assert_eq!(stranger.visits(), 0);
    }

    /// A credential in the wrong place or of the wrong type comes back in the error, and from there into logs of clients.
    async fn what_may_be_secret_is_not_quoted(app: TestApp) {
        let (secret, number) = ("hunter2secret", 9_876_543_210_123_u64);
        let posts = [
            (PATH, json!({ "name": "x", "type": "cloudflare", "config": secret })),
            (PATH, json!({ "name": "x", "type": "cloudflare", "config": { "api_token": number } })),
            (PATH, json!({ "name": "x", "type": "cloudflare", "config": [secret] })),
            (PATH, json!({ "name": "x", "type": "cloudflare", "config": { "ttl": secret } })),
            (PATH, json!({ "name": "x", "type": "ovh", "config": { "endpoint": secret } })),
            ("/v1/pki/acme/accounts", json!({ "name": "x", "provider": "zerossl", "zerossl_api_key": number })),
            ("/v1/pki/acme/accounts", json!({ "name": "x", "provider": "zerossl", "eab_kid": "k", "eab_hmac_key": [secret] })),
            ("/v1/pki/acme/accounts", json!(secret)),
            ("/v1/pki/certificates/import", json!({ "certificate": "x", "private_key_pem": { "pem": secret } })),
            ("/v1/pki/certificates/import", json!({ "pkcs12": number })),
            ("/v1/pki/certificates/import", json!({ "password": true, "certificate": secret })),
        ];
        for (path, body) in posts {
            let answer = app.post(path, body.clone()).await;
            assert!(answer.status.is_client_error(), "{body}: {}", answer.text());
            for quoted in [secret.to_owned(), number.to_string()] {
                assert!(!answer.text().contains(&quoted), "{body}: {}", answer.text());
            }
        }
        for data in [json!(secret), json!(number), json!([secret])] {
            let body = Some(("application/json", json!({ "data": data }).to_string().into_bytes()));
            let answer = app.send(Method::PUT, "/v1/secrets/a", Some(&app.admin), &[], body).await;
            assert!(answer.status.is_client_error() && !answer.text().contains(secret), "{}", answer.text());
            assert!(!answer.text().contains(&number.to_string()), "{}", answer.text());
        }
        // The field and what would be right are told all the same.
        let error = app.post("/v1/pki/acme/accounts", json!({ "name": "x", "provider": "zerossl", "zerossl_api_key": number })).await;
        let error = error.error(422, "validation_error");
        assert!(text(&error["details"]["fields"]["zerossl_api_key"]).contains("expected a string"), "{error}");
    }

    /// A provider that leads to a service inside is a way to read what that service answers.
    async fn what_a_stranger_answers_is_not_shown(app: TestApp) {
        let (lab, stranger) = (vendors::powerdns::lab().await, Stranger::start().await);
        let mut config = lab.config.clone();
        config["base_url"] = json!(stranger.url);
        let answer = app.post(PATH, json!({ "name": "x", "type": "powerdns", "config": config })).await;
        answer.error(400, "invalid_config");
        assert!(answer.text().contains("403") && !answer.text().contains(INSIDE), "{}", answer.text());
        let provider = add(&app, &lab, &config).await;
        let report = app.post(&format!("{}/test", path(&provider)), json!({ "zone": "example.test" })).await;
        assert!(!report.text().contains(INSIDE), "{}", report.text());
        assert!(stranger.visits() > 1);
    }

    /// Credentials over plain http can be read on the way. Only addresses that the operator has listed get them so.
    async fn credentials_go_over_the_internet_by_https_only(app: TestApp) {
        let lab = vendors::cloudflare::lab().await;
        let mut config = lab.config.clone();
        config["base_url"] = json!("http://192.0.32.8");
        let error = app.post(PATH, json!({ "name": "x", "type": "cloudflare", "config": config })).await;
        let error = error.error(400, "invalid_config");
        assert!(text(&error["message"]).contains("https"), "{error}");
        // This machine is listed.
        let body = json!({ "name": "x", "type": "cloudflare", "config": lab.config });
        app.post(PATH, body).await.json_with(StatusCode::CREATED);
    }
}
