//! Which zones a DNS provider can have, that each is proven when it is added, and what is told about its fields beforehand.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::{AcmeLab, TSIG_SECRET, ZONE};
use tests::{Mode, TestApp, both_modes};

const PATH: &str = "/v1/pki/dns-providers";

both_modes! {
    /// Whichever way zones are written, all of them are asked for, and the one that is not served is named.
    async fn every_zone_is_proven(mode: Mode) {
        let lab = AcmeLab::with_dns(mode).await;
        let server = lab.bind.as_ref().unwrap().address().to_string();
        let add = |name: &str, config_zones: Value, zones: Value| {
            let mut config = json!({ "nameserver": server, "tsig_key": "certmill", "tsig_secret": TSIG_SECRET });
            if !config_zones.is_null() {
                config["zones"] = config_zones;
            }
            let mut body = json!({ "name": name, "type": "rfc2136", "config": config });
            if !zones.is_null() {
                body["zones"] = zones;
            }
            body
        };
        let wrong = add("a", Value::Null, json!([ZONE, "nix.example", "_x.other.example"]));
        let error = lab.app.post(PATH, wrong).await.error(422, "validation_error");
        let said = error["details"]["fields"]["zones"].as_str().unwrap();
        assert!(said.contains("nix.example") && said.contains("_x.other.example"), "{said}");
        assert!(!said.contains(ZONE), "{said}");
        let wrong = add("b", json!([ZONE, "nix.example"]), Value::Null);
        let error = lab.app.post(PATH, wrong).await.error(400, "invalid_config");
        assert!(error["message"].as_str().unwrap().contains("does not serve nix.example"), "{error}");
        let wrong = add("c", json!([ZONE]), json!(["nix.example"]));
        let error = lab.app.post(PATH, wrong).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["zones"].as_str().unwrap().contains("nix.example"), "{error}");
        // A zone above is enough, as it is for a name that is proven below it.
        let below = format!("_acme-challenge.kube.{ZONE}");
        let good = add("d", Value::Null, json!([ZONE, below]));
        let made = lab.app.post(PATH, good).await.json_with(StatusCode::CREATED);
        assert!(made["verified_at"].is_string(), "{made}");
        // A change is proven like the first configuration.
        let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let error = lab.app.patch(&path, json!({ "zones": [ZONE, "nix.example"] })).await;
        let error = error.error(422, "validation_error");
        assert!(error["details"]["fields"]["zones"].as_str().unwrap().contains("nix.example"), "{error}");
    }
}

both_modes! {
    async fn a_zone_may_be_any_dns_name(app: TestApp) {
        let zones = json!([
            "_acme-challenge.kube.example.com",
            "Internal",
            "a_b.example.com",
            "xn--i-7iq.ws.",
            "_acme-challenge.Bücher._b.example."
        ]);
        for (name, kind, config) in [
            ("hook", "webhook", json!({ "base_url": "http://127.0.0.1:1/hook", "secret": "0123456789abcdef0123" })),
            ("hand", "manual", json!({})),
        ] {
            let body = json!({ "name": name, "type": kind, "verify": false, "zones": zones, "config": config });
            let made = app.post(PATH, body).await.json_with(StatusCode::CREATED);
            let expected = json!([
                "_acme-challenge.kube.example.com",
                "_acme-challenge.xn--bcher-kva._b.example",
                "a_b.example.com",
                "internal",
                "xn--i-7iq.ws"
            ]);
            assert_eq!(made["zones"], expected);
            let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
            assert_eq!(app.get(&path).await.json_with(StatusCode::OK)["zones"], expected);
        }
        for wrong in ["*.example.com", "a..b", "", "a b.example", "_ü.example.com", "ü_.example.com.", "a._ü._ö"] {
            let body = json!({ "name": "x", "type": "manual", "zones": [wrong], "config": {} });
            let error = app.post(PATH, body).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["zones"].is_string(), "{wrong}: {error}");
        }
    }
}

/// What the catalogue says is what is checked: a configuration of the fields that it calls required lacks nothing, and one
/// without any of them is told all of them.
#[tokio::test]
async fn the_types_tell_which_fields_are_needed() {
    let app = TestApp::start(Mode::Embedded).await;
    let types = app.get(&format!("{PATH}/types")).await.json_with(StatusCode::OK);
    let types = types["types"].as_array().unwrap();
    assert!(types.len() >= 19, "{types:?}");
    for known in types {
        let kind = known["type"].as_str().unwrap();
        let fields = known["fields"].as_array().unwrap();
        let required: Vec<&str> = fields
            .iter()
            .filter(|field| field["required"] == true)
            .map(|field| field["name"].as_str().unwrap())
            .collect();
        assert!(fields.iter().all(|field| !field["description"].as_str().unwrap().is_empty()), "{kind}");
        assert!(fields.iter().any(|field| field["name"] == "propagation"), "{kind}");
        let body = json!({ "name": kind, "type": kind, "verify": false, "config": { "nonsense": 1 } });
        let error = app.post(PATH, body).await.error(422, "validation_error");
        let told = error["details"]["fields"].as_object().unwrap();
        assert!(told["config.nonsense"].as_str().unwrap().starts_with("unknown field"), "{error}");
        for field in &required {
            let problem = told[&format!("config.{field}")].as_str().unwrap();
            assert!(problem.starts_with("missing field"), "{kind}: {error}");
        }
        assert_eq!(told.len(), required.len() + 1, "{kind}: {error}");
        // Secrets are those that are hidden.
        let has_secret = fields.iter().any(|field| field["secret"] == true);
        let has_path = fields.iter().any(|field| field["name"] == "credentials_path");
        assert_eq!(has_secret, has_path, "{kind}");
    }
}
