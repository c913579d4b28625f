//! The machine's own credentials at a cloud: for whom the operator allows them, and for nobody else.

use std::collections::BTreeMap;

use certmill_dns::{AmbientAllowance, AmbientSettings};
use fake_dns::{Lab, vendors};
use poem::http::StatusCode;
use serde_json::json;
use tests::{TestApp, TestOptions, both_modes};

const PATH: &str = "/v1/pki/dns-providers";

both_modes! {
    async fn only_the_tenant_that_the_operator_names_may_use_them(mode: Mode) {
        let lab = vendors::aws_route53::lab().await;
        let url = lab.fake().url();
        let ambient = AmbientSettings {
            allowed: vec![AmbientAllowance { kind: "aws_route53".to_owned(), tenant: Some("first".to_owned()) }],
            vendor_urls: BTreeMap::from([("https://route53.amazonaws.com".to_owned(), url.clone())]),
            aws_metadata_url: Some(url),
            ..AmbientSettings::default()
        };
        let app = TestApp::start_with(mode, TestOptions { ambient, ..TestOptions::default() }).await;
        let body = json!({ "name": "own", "type": "aws_route53", "config": { "ambient": "instance" } });
        let (_, other) = app.another_tenant("second").await;
        let error = app.post_as(&other, PATH, body.clone()).await.error(400, "invalid_config");
        assert!(error["message"].as_str().unwrap().contains("acme.ambient_credentials"), "{error}");
        assert!(lab.fake().requests().is_empty());
        let made = app.post(PATH, body).await.json_with(StatusCode::CREATED);
        assert_eq!(made["config"], json!({ "ambient": "instance" }));
        assert!(made["zones"].as_array().unwrap().contains(&json!(Lab::ZONE)), "{made}");
        // Nobody leads them elsewhere afterwards.
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let change = json!({ "config": { "base_url": "https://elsewhere.example" } });
        let error = app.patch(&path, change).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["config.base_url"].is_string(), "{error}");
    }
}

both_modes! {
    async fn they_are_off_unless_the_operator_says_otherwise(app: TestApp) {
        for (kind, config) in [
            ("aws_route53", json!({ "ambient": "instance" })),
            ("google_cloud_dns", json!({ "ambient": "metadata" })),
            ("azure_dns", json!({ "ambient": "managed_identity", "subscription_id": "0-0" })),
        ] {
            let body = json!({ "name": kind, "type": kind, "config": config });
            let error = app.post(PATH, body).await.error(400, "invalid_config");
            assert!(error["message"].as_str().unwrap().contains("acme.ambient_credentials"), "{error}");
        }
    }
}
