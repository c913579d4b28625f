//! Certificates from an ACME server: Pebble, which believes nothing and refuses a fifth of the nonces.

use std::time::Duration;

use launch::{PebbleOptions, Validation};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::{AcmeLab, ZONE};
use tests::{Mode, TestApp, both_modes};

/// Reads a certificate until it is as wanted, while minutes pass and the periodic work of each is done.
pub(crate) async fn by_and_by(app: &TestApp, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..60 {
        let certificate = app.get(path).await.json_with(StatusCode::OK);
        if wanted(&certificate) {
            return certificate;
        }
        app.advance(Duration::from_mins(1)).await;
        certmill_worker::run_schedules(&app.app).await.unwrap();
        app.settled().await;
    }
    panic!("{path} never became as wanted: {}", app.get(path).await.text());
}

fn names(certificate: &Value) -> Vec<String> {
    let sans = &certificate["sans"];
    ["dns", "ip"]
        .iter()
        .flat_map(|kind| sans[*kind].as_array().unwrap())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

both_modes! {
    async fn a_certificate_is_ordered_over_http(lab: AcmeLab) {
        let account = lab.account().await;
        let order = lab.order(json!({ "account_id": account, "domains": ["www.example.org", "example.org"] })).await;
        assert_eq!(order["status"], "pending");
        assert_eq!(order["challenge_type"], "http-01");
        let certificate = lab.certificate(&order).await;
        assert_eq!(names(&certificate), ["example.org", "www.example.org"]);
        assert_eq!(certificate["source"], "acme");
        assert_eq!(certificate["acme_order_id"], order["id"]);
        assert_eq!((&certificate["key_type"], &certificate["key_size"]), (&json!("ec"), &json!(256)));
        assert_eq!(certificate["renewal"]["auto_renew"], true);
        assert!(certificate["renewal"]["renew_at"].is_string(), "{certificate}");
        assert!(!certificate["chain_pem"].as_str().unwrap().is_empty());
        let order = lab.ended(&order).await;
        for challenge in order["challenges"].as_array().unwrap() {
            assert_eq!((&challenge["status"], &challenge["type"]), (&json!("valid"), &json!("http-01")), "{challenge}");
        }

        // The key came along, and fits.
        let path = format!("/v1/pki/certificates/{}/private-key", certificate["id"].as_str().unwrap());
        let key = lab.app.post(&path, json!({})).await.json_with(StatusCode::OK);
        let key = key["private_key"].as_str().unwrap();
        let pem = certificate["certificate_pem"].as_str().unwrap();
        let of_key = openssl::pkey::PKey::private_key_from_pem(key.as_bytes()).unwrap();
        let of_certificate = openssl::x509::X509::from_pem(pem.as_bytes()).unwrap().public_key().unwrap();
        assert!(of_key.public_eq(&of_certificate));
    }

    async fn an_address_is_proven_over_http_and_tls(lab: AcmeLab) {
        let account = lab.account().await;
        for kind in ["http-01", "tls-alpn-01"] {
            let order = lab.order(json!({
                "account_id": account, "domains": ["127.0.0.1"], "challenge_type": kind, "force": true
            })).await;
            let certificate = lab.certificate(&order).await;
            assert_eq!(names(&certificate), ["127.0.0.1"]);
        }
    }

    async fn names_are_proven_in_tls_handshakes(lab: AcmeLab) {
        let account = lab.account().await;
        let order = lab.order(json!({
            "account_id": account, "domains": ["a.example.org", "b.example.org"], "challenge_type": "tls-alpn-01",
            "key_type": "rsa"
        })).await;
        let certificate = lab.certificate(&order).await;
        assert_eq!(names(&certificate), ["a.example.org", "b.example.org"]);
        assert_eq!((&certificate["key_type"], &certificate["key_size"]), (&json!("rsa"), &json!(2_048)));
    }

    async fn the_same_names_are_on_order_once(lab: AcmeLab) {
        let account = lab.account().await;
        let body = json!({ "account_id": account, "domains": ["once.example.org"] });
        let calls = (0..5).map(|_| ("/v1/pki/acme/issue".to_owned(), body.clone())).collect();
        let answers = lab.app.post_at_once(calls).await;
        let orders: Vec<Value> = answers.iter().map(tests::Answer::json).collect();
        assert!(orders.iter().all(|order| order["id"] == orders[0]["id"]), "{orders:#?}");
        assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 1);
        lab.certificate(&orders[0]).await;
        // It is there and good: another one takes an explicit wish.
        let error = lab.app.post("/v1/pki/acme/issue", body.clone()).await.error(409, "already_exists");
        assert!(error["message"].as_str().unwrap().contains("force"), "{error}");
        let mut forced = body;
        forced["force"] = json!(true);
        lab.certificate(&lab.order(forced).await).await;
    }

    async fn a_renewal_keeps_names_and_account_and_is_linked(lab: AcmeLab) {
        let account = lab.account().await;
        let first = lab.certificate(&lab.order(json!({
            "account_id": account, "domains": ["renew.example.org"], "key_type": "ec", "key_size": 384
        })).await).await;
        let path = format!("/v1/pki/certificates/{}/renew", first["id"].as_str().unwrap());
        let order = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["cause"], &order["renewal_of"]), (&json!("manual"), &first["id"]));
        let second = lab.certificate(&order).await;
        assert_eq!(names(&second), names(&first));
        assert_eq!(second["key_size"], 384);
        assert_ne!(second["spki_sha256"], first["spki_sha256"], "a fresh key");
        assert_eq!(second["renewed_from"], first["id"]);
        let path = format!("/v1/pki/certificates/{}", first["id"].as_str().unwrap());
        assert_eq!(lab.app.get(&path).await.json()["renewed_by"], second["id"]);
        lab.app.post(&format!("{path}/renew"), json!({})).await.error(409, "invalid_state");
    }

    async fn certificates_are_revoked_by_their_ca(lab: AcmeLab) {
        let account = lab.account().await;
        for (domain, reason) in [("a.example.org", "superseded"), ("b.example.org", "keyCompromise")] {
            let certificate = lab.certificate(&lab.order(json!({ "account_id": account, "domains": [domain] })).await).await;
            let body = json!({ "serial_number": certificate["serial_number"], "reason": reason, "use_acme": true });
            let revoked = lab.app.post("/v1/pki/revoke", body.clone()).await.json_with(StatusCode::OK);
            assert_eq!((&revoked["crl_update"], &revoked["reason"]), (&json!("by_ca"), &json!(reason)));
            let again = lab.app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
            assert_eq!(again, revoked);
        }
        let certificate = lab.certificate(&lab.order(json!({ "account_id": account, "domains": ["c.example.org"] })).await).await;
        let revoke = |reason: &str, use_acme: bool| {
            json!({ "serial_number": certificate["serial_number"], "reason": reason, "use_acme": use_acme })
        };
        lab.app.post("/v1/pki/revoke", revoke("certificateHold", true)).await.error(422, "validation_error");
        lab.app.post("/v1/pki/revoke", revoke("superseded", false)).await.error(422, "validation_error");
        // Without its account the certificate's own key does it.
        let path = format!("/v1/pki/acme/accounts/{account}");
        lab.app.delete(&path).await.error(409, "in_use");
        assert_eq!(lab.app.delete(&format!("{path}?force=true")).await.status, StatusCode::NO_CONTENT);
        assert_eq!(lab.app.get(&path).await.json()["status"], "deactivated");
        assert_eq!(lab.app.delete(&path).await.status, StatusCode::NO_CONTENT);
        lab.app.post("/v1/pki/revoke", revoke("superseded", true)).await.json_with(StatusCode::OK);
        let error = lab.app.post("/v1/pki/acme/issue", json!({ "account_id": account, "domains": ["d.example.org"] })).await;
        error.error(409, "invalid_state");
    }
}

/// External accounts: refused without, refused with a wrong key and nothing left, accepted with the right one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn external_accounts_are_bound() {
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let options = PebbleOptions {
        eab_keys: [("kid-1".to_owned(), key.to_owned())].into(),
        validation: Validation::AlwaysValid,
        ..PebbleOptions::default()
    };
    let lab = AcmeLab::with(Mode::Embedded, options, false).await;
    let body = |eab: Value| {
        let mut body =
            json!({ "name": "bound", "provider": "custom", "directory_url": lab.pebble.directory_url() });
        body.as_object_mut().unwrap().extend(eab.as_object().unwrap().clone());
        body
    };
    let path = "/v1/pki/acme/accounts";
    let error = lab.app.post(path, body(json!({}))).await.error(422, "validation_error");
    assert!(error["details"]["fields"]["eab_kid"].is_string(), "{error}");
    lab.app.post(path, body(json!({ "eab_kid": "kid-1" }))).await.error(422, "validation_error");
    let wrong = json!({ "eab_kid": "kid-1", "eab_hmac_key": key.replace('z', "y") });
    let error = lab.app.post(path, body(wrong)).await.error(502, "upstream_error");
    assert!(error["details"]["upstream"]["detail"].is_string(), "{error}");
    assert_eq!(lab.app.get(path).await.json()["accounts"], json!([]), "a refusal leaves nothing behind");
    let right = json!({ "eab_kid": "kid-1", "eab_hmac_key": key });
    let answer = lab.app.post(path, body(right)).await;
    let account = answer.json_with(StatusCode::CREATED);
    assert_eq!((&account["status"], &account["eab_kid"]), (&json!("valid"), &json!("kid-1")));
    assert!(!answer.text().contains(key));
}

both_modes! {
    async fn a_wildcard_and_its_apex_are_proven_by_dns(mode: Mode) {
        let lab = AcmeLab::with_dns(mode).await;
        let before = lab.bind.as_ref().unwrap().zone_lines(ZONE);
        let account = lab.account().await;
        let provider = lab.provider().await;
        let domains = json!([ZONE, format!("*.{ZONE}")]);
        let order = lab.order(json!({ "account_id": account, "domains": domains })).await;
        assert_eq!(order["challenge_type"], "dns-01");
        let certificate = lab.certificate(&order).await;
        assert_eq!(names(&certificate), [format!("*.{ZONE}"), ZONE.to_owned()]);
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let tidy = |order: &Value| {
            order["challenges"].as_array().unwrap().iter().all(|challenge| challenge["progress"] == "cleaned_up")
        };
        let order = lab.app.eventually(&path, tidy).await;
        let records: Vec<&Value> = order["challenges"].as_array().unwrap().iter().map(|c| &c["dns_record"]).collect();
        assert!(records.iter().all(|record| record["name"] == format!("_acme-challenge.{ZONE}")), "{records:?}");
        assert_ne!(records[0]["value"], records[1]["value"]);
        assert_eq!(lab.bind.as_ref().unwrap().zone_lines(ZONE), before, "no value is left");

        let path = format!("/v1/pki/dns-providers/{provider}");
        assert_eq!(lab.app.delete(&path).await.status, StatusCode::NO_CONTENT);
    }

    async fn a_name_that_cannot_be_proven_says_why(mode: Mode) {
        let lab = AcmeLab::with_dns(mode).await;
        let account = lab.account().await;
        // No provider serves this zone.
        let order = lab.order(json!({ "account_id": account, "domains": [format!("*.{ZONE}")] })).await;
        let order = lab.ended(&order).await;
        assert_eq!(order["error"]["code"], "dns_zone_not_found", "{order:#}");
        assert!(order["error"]["message"].as_str().unwrap().contains("dns-providers"), "{order:#}");
        // The CA finds nobody at this name.
        let order = lab.order(json!({ "account_id": account, "domains": ["absent.elsewhere.test"] })).await;
        let order = lab.ended(&order).await;
        assert_eq!(order["error"]["code"], "validation_failed", "{order:#}");
        let said = order["error"]["upstream"]["detail"].as_str().unwrap();
        assert!(said.contains("could not resolve"), "{said}");
    }
}
