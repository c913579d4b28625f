//! What would come of an order, without ordering.

use fake_acme::{Behaviour, Endpoint, FakeAcmeOptions};
use fake_dns::vendors;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::{AcmeLab, ZONE};
use tests::both_modes;

use crate::acme_fallback::Limited;
use crate::acme_faults::Lab;

const CHECK: &str = "/v1/pki/acme/check";
const ISSUE: &str = "/v1/pki/acme/issue";

both_modes! {
    async fn a_check_tells_what_is_there_and_orders_nothing(lab: Lab) {
        let account = lab.account().await;
        let body = json!({ "account_id": account, "domains": ["www.example.org"] });
        let check = async |body: &Value| lab.app.post(CHECK, body.clone()).await.json_with(StatusCode::OK);
        let first = check(&body).await;
        assert_eq!((&first["ready"], &first["challenge_type"]), (&json!(true), &json!("http-01")), "{first:#}");
        assert_eq!((&first["certificate"], &first["open_order_id"]), (&Value::Null, &Value::Null));
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 0);
        assert_eq!(lab.app.get("/v1/pki/acme/orders").await.json()["orders"], json!([]));

        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let order = lab.app.post(ISSUE, body.clone()).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(check(&body).await["open_order_id"], order["id"]);
        let mut other = body.clone();
        other["key_type"] = json!("rsa");
        let beside = check(&other).await;
        assert_eq!((&beside["open_order_id"], &beside["open_beside"]), (&Value::Null, &json!([order["id"]])));
        lab.ca.end_authorizations("www.example.org", fake_acme::Status::Valid);
        let certificate = lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await;
        let needless = check(&body).await;
        assert_eq!((&needless["certificate"]["id"], &needless["ready"]), (&certificate["id"], &json!(false)));
        lab.ca.knobs().set(|behaviour| *behaviour = Behaviour::default());

        // What cannot be ordered like that cannot be checked either.
        let wrong = json!({ "account_id": account, "domains": ["*.example.org"], "challenge_type": "http-01" });
        lab.app.post(CHECK, wrong).await.error(422, "validation_error");
        // With another tenant, names take a grant.
        lab.app.another_tenant("second").await;
        let ungranted = json!({ "account_id": account, "domains": ["new.example.net"] });
        lab.app.post(ISSUE, ungranted.clone()).await.error(422, "validation_error");
        let ungranted = check(&ungranted).await;
        assert_eq!((&ungranted["ready"], &ungranted["names"][0]["problem"]["code"]), (&json!(false), &json!("domain_not_granted")));
    }

    async fn a_check_tells_what_the_limits_leave(lab: Limited) {
        let body = json!({ "account_id": lab.account, "domains": ["www.example.org"], "force": true });
        let check = async || lab.app.post(CHECK, body.clone()).await.json_with(StatusCode::OK);
        let fresh = check().await;
        let remaining = |forecast: &Value, limit: &str| {
            let lines = forecast["limits"].as_array().unwrap();
            lines.iter().find(|line| line["limit"] == limit).map(|line| line["remaining"].clone())
        };
        assert_eq!(remaining(&fresh, "set_certificates"), Some(json!(2)), "{fresh:#}");
        for _ in 0..2 {
            lab.issued("www.example.org").await;
        }
        let used = check().await;
        assert_eq!((&used["ready"], remaining(&used, "set_certificates")), (&json!(false), Some(json!(0))));
        assert_eq!(remaining(&used, "domain_certificates"), Some(json!(1)));
        assert!(used["waits_until"].is_string() && used["waits_because"].as_str().unwrap().contains("exactly"), "{used:#}");
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 2);
    }
}

both_modes! {
    async fn a_check_tells_which_zone_and_provider_prove_a_name(mode: Mode) {
        let lab = AcmeLab::with_dns(mode).await;
        let before = lab.bind.as_ref().unwrap().zone_lines(ZONE);
        let account = lab.account().await;
        let provider = lab.provider().await;
        let body = json!({ "account_id": account, "domains": [format!("*.sub.{ZONE}"), "a.elsewhere.test"], "challenge_type": "dns-01" });
        let forecast = lab.app.post(CHECK, body).await.json_with(StatusCode::OK);
        let names = forecast["names"].as_array().unwrap();
        let of = |identifier: &str| names.iter().find(|name| name["identifier"] == identifier).unwrap();
        let served = of(&format!("*.sub.{ZONE}"));
        assert_eq!(served["record_name"], format!("_acme-challenge.sub.{ZONE}"), "{served}");
        assert_eq!((&served["dns_provider_id"], &served["zone"]), (&json!(provider), &json!(ZONE)));
        assert_eq!(served["problem"], Value::Null);
        // Nobody serves it, or nobody answers for it.
        let problem = of("a.elsewhere.test")["problem"]["code"].as_str().unwrap();
        assert!(["dns_zone_not_found", "dns_failed"].contains(&problem), "{forecast:#}");
        assert_eq!(forecast["ready"], false);
        assert_eq!(lab.bind.as_ref().unwrap().zone_lines(ZONE), before);
    }

    async fn a_check_follows_aliases_and_tells_where_they_end_badly(mode: Mode) {
        let dns = vendors::digitalocean::lab().await;
        {
            let mut state = dns.fake().zones().lock();
            let mut alias = |apex: &str, name: &str, target: &str| {
                let zone = state.zone(apex).unwrap().id;
                state.add_record(zone, (name, "CNAME"), 60, target).unwrap();
            };
            alias("zone-1.test", "_acme-challenge.www.zone-1.test", "_acme-challenge.www.zone-2.test");
            alias("zone-2.test", "_acme-challenge.www.zone-2.test", "proofs.sub.example.test");
            alias("zone-3.test", "_acme-challenge.zone-3.test", "_acme-challenge.zone-4.test");
            alias("zone-4.test", "_acme-challenge.zone-4.test", "_acme-challenge.zone-3.test");
        }
        let lab = Lab::with(mode, FakeAcmeOptions::default(), vec![dns.name_server]).await;
        let account = lab.account().await;
        let body = json!({ "name": "dns", "type": dns.kind, "config": dns.config });
        let provider = lab.app.post("/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
        let before = dns.fake().requests().len();
        let body = json!({ "account_id": account, "domains": ["*.www.zone-1.test", "zone-3.test"], "challenge_type": "dns-01" });
        let forecast = lab.app.post(CHECK, body).await.json_with(StatusCode::OK);
        let [there, round] = forecast["names"].as_array().unwrap().as_slice() else { panic!("{forecast:#}") };
        assert_eq!(there["record_name"], "proofs.sub.example.test", "{there:#}");
        assert_eq!((&there["zone"], &there["dns_provider_id"]), (&json!("sub.example.test"), &provider["id"]));
        assert_eq!(there["problem"], Value::Null);
        assert!(round["problem"]["message"].as_str().unwrap().contains("in a circle"), "{round:#}");
        assert_eq!(forecast["ready"], false);
        let changes = dns.fake().requests()[before..].iter().filter(|request| !request.starts_with("GET")).count();
        assert_eq!(changes, 0, "a check writes nothing");
    }
}
