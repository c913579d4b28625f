//! `/v1/pki/dns-providers` with the vendors' APIs behind them, and orders that are proven through them.

use std::sync::Arc;
use std::time::Duration;

use fake_dns::{Fault, Lab, NameServer, Zone, vendors};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::AcmeLab;
use tests::{Mode, TestApp, both_modes};

const PATH: &str = "/v1/pki/dns-providers";

/// Every vendor with a fake, each with a zone that no other has.
async fn every_vendor() -> Vec<(String, Lab)> {
    let mut labs = vec![
        vendors::aws_route53::lab().await,
        vendors::azure_dns::lab().await,
        vendors::bunny::lab().await,
        vendors::cloudflare::lab().await,
        vendors::desec::lab().await,
        vendors::digitalocean::lab().await,
        vendors::gandi::lab().await,
        vendors::godaddy::lab().await,
        vendors::google_cloud_dns::lab().await,
        vendors::hetzner::lab().await,
        vendors::linode::lab().await,
        vendors::namecheap::lab().await,
        vendors::ovh::lab().await,
        vendors::porkbun::lab().await,
        vendors::powerdns::lab().await,
        vendors::scaleway::lab().await,
        vendors::vultr::lab().await,
        vendors::webhook::lab().await,
    ];
    // Its one name is in a zone that all have, and the last one is asked.
    labs.push(vendors::acme_dns::lab().await);
    let zone = |lab: &Lab| format!("{}.vendors.test", lab.kind.replace('_', "-"));
    labs.into_iter().map(|lab| (add_zone(&lab, &zone(&lab)), lab)).collect()
}

fn add_zone(lab: &Lab, apex: &str) -> String {
    let mut state = lab.fake().zones().lock();
    let holds_back = state.zones.iter().any(|zone| zone.published.is_some());
    let id = state.add_zone(apex).id;
    if lab.kind == "acme_dns" {
        state.add_record(id, (&format!("_acme-challenge.{apex}"), "CNAME"), 60, vendors::acme_dns::NAME);
    }
    if holds_back {
        state.zone_by_id(id).map(Zone::hold_back).unwrap();
    }
    apex.to_owned()
}

/// Settings of a provider whose values are not looked for.
fn no_looking() -> Value {
    json!({ "propagation": { "mode": "none", "settle_seconds": 0 } })
}

/// A body that adds the provider of a lab, which looks for values at this server.
fn body(lab: &Lab, name_server: std::net::SocketAddr) -> Value {
    let propagation = json!({ "settle_seconds": 0, "nameservers": [name_server.to_string()] });
    let config = lab.config_with(json!({ "propagation": propagation }));
    json!({ "name": lab.kind, "type": lab.kind, "config": config })
}

/// One wildcard order for each type of provider, all at once.
async fn a_wildcard_is_proven_through_every_provider(mode: Mode) {
    let labs = every_vendor().await;
    let stores = labs.iter().map(|(_, lab)| lab.fake().zones().clone()).collect();
    let names = NameServer::start(stores).await;
    let acme = AcmeLab::behind(mode, names.address()).await;
    let account = acme.account().await;
    let mut orders = Vec::new();
    for (zone, lab) in &labs {
        let mut body = body(lab, names.address());
        if lab.kind == "webhook" {
            body["zones"] = json!([zone]);
            body["verify"] = json!(false);
        }
        let provider = acme.app.post(PATH, body).await.json_with(StatusCode::CREATED);
        if lab.kind == "acme_dns" {
            assert_eq!(provider["zones"], json!([vendors::acme_dns::NAME]));
        } else {
            assert!(provider["zones"].as_array().unwrap().contains(&json!(zone)), "{zone}");
        }
        let order = json!({ "account_id": account, "domains": [zone, format!("*.{zone}")] });
        orders.push(acme.order(order).await);
    }
    for order in &orders {
        acme.certificate(order).await;
    }
    for ((zone, lab), order) in labs.iter().zip(&orders) {
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let tidy = |order: &Value| {
            order["challenges"]
                .as_array()
                .unwrap()
                .iter()
                .all(|challenge| challenge["progress"] == "cleaned_up")
        };
        acme.app.eventually(&path, tidy).await;
        let left = lab.fake().zones().txt(&format!("_acme-challenge.{zone}"));
        assert!(left.is_empty(), "{}: {left:?}", lab.kind);
        assert_eq!(lab.fake().zones().txt(Lab::KEPT_AT), [Lab::KEPT], "{}", lab.kind);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_is_proven_through_every_provider_embedded() {
    a_wildcard_is_proven_through_every_provider(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_is_proven_through_every_provider_fleet() {
    a_wildcard_is_proven_through_every_provider(Mode::Fleet).await;
}

/// Many names whose aliases lead to one name at a provider that only takes whole record sets without a precondition.
async fn values_of_one_name_do_not_push_each_other_out(mode: Mode) {
    // Pebble asks by UDP only: more values do not fit into an answer.
    const ORDERS: usize = 5;
    let lab = vendors::gandi::lab().await;
    {
        let mut state = lab.fake().zones().lock();
        let zone = state.zone(Lab::ZONE).unwrap().id;
        for number in 0..ORDERS {
            let name = format!("_acme-challenge.host{number}.example.test");
            state.add_record(zone, (&name, "CNAME"), 60, Lab::KEPT_AT);
        }
    }
    let acme = AcmeLab::behind(mode, lab.name_server).await;
    let account = acme.account().await;
    acme.app.post(PATH, body(&lab, lab.name_server)).await.json_with(StatusCode::CREATED);
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        let domains = [format!("*.host{number}.example.test")];
        orders.push(acme.order(json!({ "account_id": account, "domains": domains })).await);
    }
    for order in &orders {
        acme.certificate(order).await;
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        acme.app.eventually(&path, |order| order["challenges"][0]["progress"] == "cleaned_up").await;
    }
    assert_eq!(lab.fake().zones().txt(Lab::KEPT_AT), [Lab::KEPT]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_one_name_do_not_push_each_other_out_embedded() {
    values_of_one_name_do_not_push_each_other_out(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_one_name_do_not_push_each_other_out_fleet() {
    values_of_one_name_do_not_push_each_other_out(Mode::Fleet).await;
}

/// A provider that asks for patience gets it, and a server that fails is tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_in_trouble_is_left_alone_for_a_while() {
    let lab = vendors::cloudflare::lab().await;
    let acme = AcmeLab::behind(Mode::Embedded, lab.name_server).await;
    let account = acme.account().await;
    acme.app.post(PATH, body(&lab, lab.name_server)).await.json_with(StatusCode::CREATED);
    lab.fake().fail(Fault::ChangeStatus(500));
    lab.fake().fail(Fault::ChangeStatus(429));
    let order = json!({ "account_id": account, "domains": ["*.example.test"] });
    let order = acme.order(order).await;
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    let waiting = acme
        .app
        .eventually(&path, |order| {
            order["challenges"][0]["error"].to_string().contains("429") || order.to_string().contains("429")
        })
        .await;
    assert!(waiting["next_attempt_at"].is_string(), "{waiting:#}");
    let before = lab.fake().requests().len();
    let certificate = acme.certificate(&order).await;
    assert_eq!(certificate["source"], "acme");
    assert!(lab.fake().requests().len() > before);
}

async fn start() -> (Lab, Arc<TestApp>) {
    let lab = vendors::cloudflare::lab().await;
    (lab, Arc::new(TestApp::start(Mode::Embedded).await))
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_nothing_is_stored() {
    let app = TestApp::start(Mode::Embedded).await;
    for (_, lab) in every_vendor().await {
        let body = json!({ "name": lab.kind, "type": lab.kind, "config": lab.wrong });
        let answer = app.post(PATH, body).await;
        let error = answer.error(400, "invalid_config");
        assert!(error["details"]["upstream"].is_string(), "{}: {error}", lab.kind);
        assert!(!answer.text().contains("wrong-secret"), "{}: {}", lab.kind, answer.text());
    }
    assert_eq!(app.get(PATH).await.json()["dns_providers"], json!([]));
}

both_modes! {
    async fn credentials_can_be_in_the_secret_store(app: TestApp) {
        let lab = vendors::cloudflare::lab().await;
        let token = lab.config["api_token"].clone();
        let config = |credentials: Value| {
            let mut config = lab.config_with(no_looking());
            config.as_object_mut().unwrap().remove("api_token");
            config.as_object_mut().unwrap().extend(credentials.as_object().unwrap().clone());
            json!({ "name": "cf", "type": "cloudflare", "config": config })
        };
        // Not there yet; of a wrong form; in both places.
        for (credentials, part) in [
            (json!({ "credentials_path": "dns/cf" }), "no secret at dns/cf"),
            (json!({ "credentials_path": "DNS" }), "path such as"),
            (json!({ "credentials_path": 1 }), "must be a text"),
            (json!({ "credentials_path": "dns/cf", "api_token": "x" }), "one place"),
        ] {
            let error = app.post(PATH, config(credentials)).await.error(422, "validation_error");
            let problem = error["details"]["fields"]["config.credentials_path"].as_str().unwrap_or_default();
            assert!(problem.contains(part), "{part}: {error}");
        }
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_tokn": token } })).await.json_with(StatusCode::CREATED);
        app.post(PATH, config(json!({ "credentials_path": "dns/cf" }))).await.error(422, "validation_error");
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": "wrong-secret-token" } })).await.json_with(StatusCode::OK);
        app.post(PATH, config(json!({ "credentials_path": "dns/cf" }))).await.error(400, "invalid_config");
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": token } })).await.json_with(StatusCode::OK);
        let provider = app.post(PATH, config(json!({ "credentials_path": "dns/cf" }))).await.json_with(StatusCode::CREATED);
        assert_eq!(provider["config"]["credentials_path"], "dns/cf");
        assert!(provider["config"].get("api_token").is_none(), "{provider}");
        let path = format!("{PATH}/{}", provider["id"].as_str().unwrap());

        // The newest version is used.
        let test = format!("{path}/test");
        let zone = json!({ "zone": "example.test" });
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": "wrong-secret-token" } })).await.json_with(StatusCode::OK);
        let report = app.post(&test, zone.clone()).await.json_with(StatusCode::OK);
        assert_eq!((&report["succeeded"], &report["steps"][0]["step"]), (&json!(false), &json!("find_zone")), "{report:#}");
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": token } })).await.json_with(StatusCode::OK);
        let report = app.post(&test, zone.clone()).await.json_with(StatusCode::OK);
        assert_eq!(report["succeeded"], true, "{report:#}");

        // One that is of no use any more can be renamed and switched off all the same.
        app.put("/v1/secrets/dns/cf", json!({ "data": { "nothing": 1 } })).await.json_with(StatusCode::OK);
        app.patch(&path, json!({ "config": { "ttl": 300 } })).await.error(422, "validation_error");
        let off = app.patch(&path, json!({ "name": "broken", "is_active": false })).await.json_with(StatusCode::OK);
        assert_eq!((&off["name"], &off["is_active"]), (&json!("broken"), &json!(false)));
        app.put("/v1/secrets/dns/cf", json!({ "data": { "api_token": token } })).await.json_with(StatusCode::OK);
        app.patch(&path, json!({ "is_active": true })).await.json_with(StatusCode::OK);

        // It cannot be deleted while it is referred to.
        let error = app.delete("/v1/secrets/dns/cf").await.error(409, "in_use");
        assert!(error["message"].as_str().unwrap().contains(provider["id"].as_str().unwrap()), "{error}");
        // Inline credentials take its place, and the other way round.
        let changed = app.patch(&path, json!({ "config": { "api_token": token } })).await.json_with(StatusCode::OK);
        assert_eq!(changed["config"]["api_token"], "***");
        assert!(changed["config"].get("credentials_path").is_none(), "{changed}");
        let back = app.patch(&path, json!({ "config": { "credentials_path": "dns/cf" } })).await.json_with(StatusCode::OK);
        assert!(back["config"].get("api_token").is_none(), "{back}");
        app.delete("/v1/secrets/dns/cf").await.error(409, "in_use");
        app.patch(&path, json!({ "config": { "api_token": token } })).await.json_with(StatusCode::OK);
        assert_eq!(app.delete("/v1/secrets/dns/cf").await.status, StatusCode::NO_CONTENT);
    }

    async fn credentials_stay_when_they_are_not_sent(app: TestApp) {
        let lab = vendors::cloudflare::lab().await;
        let body = json!({ "name": "cf", "type": "cloudflare", "config": lab.config_with(no_looking()) });
        let provider = app.post(PATH, body).await.json_with(StatusCode::CREATED);
        let path = format!("{PATH}/{}", provider["id"].as_str().unwrap());
        for config in [json!({ "ttl": 300 }), json!({ "ttl": 300, "api_token": "***" }), provider["config"].clone()] {
            let changed = app.patch(&path, json!({ "config": config })).await.json_with(StatusCode::OK);
            assert_eq!(changed["config"]["api_token"], "***");
        }
        let error = app.patch(&path, json!({ "config": { "api_token": "wrong-secret-token" } })).await;
        error.error(400, "invalid_config");
        let report = app.post(&format!("{path}/test"), json!({ "zone": "example.test" })).await.json_with(StatusCode::OK);
        assert_eq!(report["succeeded"], true, "the old ones are there: {report:#}");
        app.patch(&path, json!({ "config": { "api_token": null } })).await.error(422, "validation_error");
        // Another name of a type is the type.
        let lab = vendors::azure_dns::lab().await;
        let provider = app.post(PATH, json!({ "name": "az", "type": "azure", "config": lab.config })).await;
        assert_eq!(provider.json_with(StatusCode::CREATED)["type"], "azure_dns");
    }

    async fn a_configuration_is_read_strictly(app: TestApp) {
        let lab = vendors::digitalocean::lab().await;
        for (changes, field) in [
            (json!({ "tokn": "x" }), "config.tokn"),
            (json!({ "token": 7 }), "config.token"),
            (json!({ "base_url": "ftp://x" }), "config.base_url"),
            (json!({ "base_url": "http://user@x" }), "config.base_url"),
            (json!({ "ttl": 1 }), "config.ttl"),
            (json!({ "timeout_seconds": 0 }), "config.timeout_seconds"),
            (json!({ "propagation": { "mode": "never" } }), "config.propagation.mode"),
            (json!({ "propagation": { "nameservers": ["ns.example"] } }), "config.propagation.nameservers"),
        ] {
            let body = json!({ "name": "do", "type": "digitalocean", "config": lab.config_with(changes) });
            let error = app.post(PATH, body).await.error(422, "validation_error");
            assert!(error["details"]["fields"].get(field).is_some(), "{field}: {error}");
        }
        let error = app.post(PATH, json!({ "name": "x", "type": "clodflare", "config": {} })).await;
        let error = error.error(422, "validation_error");
        assert!(error["details"]["fields"]["type"].as_str().unwrap().contains("cloudflare"), "{error}");
        let old = json!({ "name": "h", "type": "hetzner", "config": { "api_token": "a".repeat(32) } });
        let error = app.post(PATH, old).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["config.api_token"].as_str().unwrap().contains("old DNS console"), "{error}");
        // A zone that the provider does not have.
        let body = json!({ "name": "do", "type": "digitalocean", "config": lab.config, "zones": ["elsewhere.test"] });
        let error = app.post(PATH, body).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["zones"].as_str().unwrap().contains("elsewhere.test"), "{error}");
        // An address that the operator does not allow.
        let body = json!({ "name": "do", "type": "digitalocean", "config": lab.config_with(json!({ "base_url": "http://169.254.169.254" })) });
        let error = app.post(PATH, body).await.error(400, "invalid_config");
        assert!(error["message"].as_str().unwrap().contains("not"), "{error}");
    }
}

#[tokio::test]
async fn a_test_publishes_a_value_and_takes_it_away() {
    let (lab, app) = start().await;
    let provider = app.post(PATH, body(&lab, lab.name_server)).await.json_with(StatusCode::CREATED);
    let path = format!("{PATH}/{}/test", provider["id"].as_str().unwrap());
    let report = app.post(&path, json!({ "zone": "example.test" })).await.json_with(StatusCode::OK);
    assert_eq!(
        (&report["succeeded"], &report["name"]),
        (&json!(true), &json!("_certmill-test.example.test"))
    );
    let steps: Vec<&str> =
        report["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["find_zone", "add", "propagated", "remove"], "{report:#}");
    assert!(report["steps"].as_array().unwrap().iter().all(|step| step["elapsed_ms"].is_u64()));
    assert_eq!(
        (&report["servers"][0]["seen"], report["servers"].as_array().unwrap().len()),
        (&json!("value"), 1)
    );
    assert!(lab.fake().zones().txt("_certmill-test.example.test").is_empty());

    // What fails says where and why, and nothing is left.
    lab.fake().fail(Fault::ChangeStatus(500));
    let report = app.post(&path, json!({ "zone": "example.test" })).await.json_with(StatusCode::OK);
    assert_eq!(
        (&report["succeeded"], &report["steps"][1]["succeeded"]),
        (&json!(false), &json!(false)),
        "{report:#}"
    );
    assert!(report["steps"][1]["error"].as_str().unwrap().contains("500"), "{report:#}");
    assert!(lab.fake().zones().txt("_certmill-test.example.test").is_empty());
    app.post(&path, json!({ "zone": "elsewhere.test" })).await.error(422, "validation_error");
    let manual = json!({ "name": "by hand", "type": "manual", "config": {} });
    let manual = app.post(PATH, manual).await.json_with(StatusCode::CREATED);
    let path = format!("{PATH}/{}/test", manual["id"].as_str().unwrap());
    app.post(&path, json!({ "zone": "example.test" })).await.error(422, "validation_error");
}

/// A provider whose API applies changes later is waited for.
#[tokio::test]
async fn a_test_waits_until_a_change_is_applied() {
    let lab = vendors::hetzner::lab().await;
    let app = TestApp::start(Mode::Embedded).await;
    let provider = app.post(PATH, body(&lab, lab.name_server)).await.json_with(StatusCode::CREATED);
    let path = format!("{PATH}/{}/test", provider["id"].as_str().unwrap());
    let report = app.post(&path, json!({ "zone": "example.test" })).await.json_with(StatusCode::OK);
    assert_eq!(report["steps"][2]["step"], "applied", "{report:#}");
    assert_eq!(report["succeeded"], true, "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_that_come_later_are_found_and_the_older_provider_is_used() {
    let (first, second) = (vendors::desec::lab().await, vendors::linode::lab().await);
    // Of two that have a zone the last one is asked.
    let names = NameServer::start(vec![second.fake().zones().clone(), first.fake().zones().clone()]).await;
    let acme = AcmeLab::behind(Mode::Embedded, names.address()).await;
    let account = acme.account().await;
    let mut ids = Vec::new();
    for lab in [&first, &second] {
        let provider = acme.app.post(PATH, body(lab, names.address())).await.json_with(StatusCode::CREATED);
        ids.push(provider["id"].as_str().unwrap().to_owned());
    }
    let writes =
        |lab: &Lab| lab.fake().requests().iter().filter(|request| request.starts_with("POST")).count();
    // Both have example.test; the name is in the older provider's.
    let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
    acme.certificate(&order).await;
    assert!(writes(&first) > 0 && writes(&second) == 0);
    // The one that the order names.
    let body =
        json!({ "account_id": account, "domains": ["*.only.example.test"], "dns_provider_id": ids[1] });
    let order = acme.order(body).await;
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    acme.app.eventually(&path, |order| order["challenges"][0]["progress"] == "propagating").await;
    assert!(writes(&second) > 0);
    // A zone that the account has had for a moment only.
    add_zone(&second, "brand-new.test");
    let order = acme.order(json!({ "account_id": account, "domains": ["*.brand-new.test"] })).await;
    acme.certificate(&order).await;
    let provider = acme.app.get(&format!("{PATH}/{}", ids[1])).await.json();
    assert!(provider["zones"].as_array().unwrap().contains(&json!("brand-new.test")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_an_order_needs_stays() {
    let lab = vendors::digitalocean::lab().await;
    let acme = AcmeLab::behind(Mode::Embedded, lab.name_server).await;
    let account = acme.account().await;
    // It looks for the value where nobody answers, so that the order waits.
    let config = lab.config_with(json!({ "propagation": { "nameservers": ["127.0.0.1:1"] } }));
    let body = json!({ "name": "do", "type": "digitalocean", "config": config });
    let provider = acme.app.post(PATH, body).await.json_with(StatusCode::CREATED);
    let path = format!("{PATH}/{}", provider["id"].as_str().unwrap());
    let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
    let order_path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    acme.app.eventually(&order_path, |order| order["challenges"][0]["progress"] == "propagating").await;
    let error = acme.app.delete(&path).await.error(409, "in_use");
    assert!(error["message"].as_str().unwrap().contains(order["id"].as_str().unwrap()), "{error}");
    assert_eq!(lab.fake().zones().txt("_acme-challenge.example.test").len(), 1);
    // A person knows better.
    let challenge =
        acme.app.get(&order_path).await.json()["challenges"][0]["id"].as_str().unwrap().to_owned();
    let complete = format!("/v1/pki/acme/challenges/{challenge}/complete");
    acme.app.post(&format!("{complete}?force=true"), json!({})).await;
    acme.certificate(&order).await;
    acme.app.eventually(&order_path, |order| order["challenges"][0]["progress"] == "cleaned_up").await;
    assert_eq!(acme.app.delete(&path).await.status, StatusCode::NO_CONTENT);
}

/// What a person publishes is found, or believed when the person says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_publishes_what_the_order_shows() {
    let zones = Lab::zones();
    let names = NameServer::start(vec![zones.clone()]).await;
    let acme = AcmeLab::behind(Mode::Embedded, names.address()).await;
    let account = acme.account().await;
    let config = json!({ "propagation": { "nameservers": [names.address().to_string()] } });
    let body = json!({ "name": "by hand", "type": "manual", "config": config, "zones": ["example.test"] });
    acme.app.post(PATH, body).await.json_with(StatusCode::CREATED);
    let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    let waiting =
        acme.app.eventually(&path, |order| order["challenges"][0]["progress"] == "propagating").await;
    let challenge = &waiting["challenges"][0];
    let complete = format!("/v1/pki/acme/challenges/{}/complete", challenge["id"].as_str().unwrap());
    assert!(waiting.to_string().contains("publish a TXT record"), "{waiting:#}");
    // Too early: it is looked for, and not told to the CA.
    acme.app.post(&complete, json!({})).await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while acme.app.get(&path).await.json()["challenges"][0]["progress"] != "propagating" {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    {
        let record = &challenge["dns_record"];
        let mut state = zones.lock();
        let zone = state.zone(Lab::ZONE).unwrap().id;
        let (name, value) = (record["name"].as_str().unwrap(), record["value"].as_str().unwrap());
        assert_eq!((name, &record["type"]), ("_acme-challenge.example.test", &json!("TXT")));
        state.add_record(zone, (name, "TXT"), 60, value);
    }
    acme.app.post(&complete, json!({})).await;
    acme.certificate(&order).await;
}
