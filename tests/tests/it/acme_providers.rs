//! The five providers by name, each with the rules of its CA, at servers that stand in for them.

use std::collections::BTreeMap;

use fake_acme::{FakeAcme, FakeAcmeOptions, RetryAfter};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

const ACCOUNTS: &str = "/v1/pki/acme/accounts";
const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
const NAMES: [&str; 5] = ["letsencrypt", "zerossl", "buypass", "google", "custom"];

struct Lab {
    app: TestApp,
    cas: BTreeMap<&'static str, FakeAcme>,
}

impl Lab {
    async fn start(mode: Mode) -> Self {
        let mut cas = BTreeMap::new();
        for name in NAMES {
            let bound = ["zerossl", "google"].contains(&name);
            let eab_keys =
                if bound { [("kid-1".to_owned(), KEY.to_owned())].into() } else { BTreeMap::new() };
            let options = FakeAcmeOptions {
                eab_keys,
                eab_single_use: name == "google",
                terms_of_service: Some(format!("https://{name}.example/terms")),
                renewal_info: name != "zerossl",
                ..FakeAcmeOptions::default()
            };
            cas.insert(name, FakeAcme::start(options).await);
        }
        // ZeroSSL asks for a day's patience with what is pending.
        cas["zerossl"].knobs().set(|behaviour| {
            behaviour.authorization_retry_after = Some(RetryAfter::Seconds(86_400));
        });
        let acme_directories = NAMES[..4].iter().map(|name| (*name, "production", cas[name].directory_url()));
        let options = TestOptions {
            trusted_pem: Some(cas.values().map(FakeAcme::ca_pem).collect()),
            acme_directories: acme_directories.collect(),
            ..TestOptions::default()
        };
        Self { app: TestApp::start_with(mode, options).await, cas }
    }

    fn body(&self, name: &str, extra: &Value) -> Value {
        let mut body = json!({ "name": name, "provider": name, "email": "pki@example.com" });
        if name == "custom" {
            body["directory_url"] = json!(self.cas["custom"].directory_url());
        }
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    }
}

both_modes! {
    async fn every_provider_registers_and_issues(lab: Lab) {
        for name in NAMES {
            let bound = ["zerossl", "google"].contains(&name);
            let eab = json!({ "eab_kid": "kid-1", "eab_hmac_key": KEY });
            let (right, wrong) = if bound { (eab, json!({})) } else { (json!({}), eab) };
            if name != "custom" {
                let error = lab.app.post(ACCOUNTS, lab.body(name, &wrong)).await.error(422, "validation_error");
                assert!(error["details"]["fields"]["eab_kid"].is_string(), "{name}: {error}");
            }
            let account = lab.app.post(ACCOUNTS, lab.body(name, &right)).await.json_with(StatusCode::CREATED);
            assert_eq!((&account["provider"], &account["status"]), (&json!(name), &json!("valid")));
            assert_eq!(account["directory_url"], lab.cas[name].directory_url());
            assert_eq!(account["terms_of_service"], format!("https://{name}.example/terms"));
            let warnings = account["warnings"].as_array().unwrap();
            assert_eq!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("end of its ACME service")), name == "buypass");
            assert_eq!(warnings.len(), usize::from(name == "buypass"));

            let body = json!({ "account_id": account["id"], "domains": [format!("{name}.example.org")] });
            let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
            let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
            let order = lab.app.eventually(&path, |order| order["status"] == "valid").await;
            assert!(order["certificate_id"].is_string());
            assert_eq!(lab.cas[name].log().issued().len(), 1, "{name}");
        }
        // One external account makes one account at Google.
        let again = json!({ "name": "again", "eab_kid": "kid-1", "eab_hmac_key": KEY });
        lab.app.post(ACCOUNTS, lab.body("google", &again)).await.error(502, "upstream_error");
        let staging = json!({ "name": "staging", "environment": "staging", "eab_kid": "kid-1", "eab_hmac_key": KEY });
        let error = lab.app.post(ACCOUNTS, lab.body("zerossl", &staging)).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["environment"].is_string(), "{error}");
        let elsewhere = json!({ "name": "x", "directory_url": "https://ca.example/directory" });
        let error = lab.app.post(ACCOUNTS, lab.body("letsencrypt", &elsewhere)).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["directory_url"].is_string(), "{error}");
    }

    async fn a_provider_where_nobody_answers_leaves_nothing_behind(lab: Lab) {
        lab.cas["buypass"].knobs().set(|behaviour| behaviour.down = true);
        let error = lab.app.post(ACCOUNTS, lab.body("buypass", &json!({}))).await.error(502, "upstream_error");
        assert!(error["message"].as_str().unwrap().contains("ACME server"), "{error}");
        assert_eq!(lab.app.get(ACCOUNTS).await.json()["accounts"], json!([]));
    }
}
