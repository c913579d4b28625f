//! How a TXT value is looked for before the CA is told: among name servers as they really are, in every mode, and what each of
//! them answered is shown.

use fake_dns::{Lab, NameServer, vendors};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::AcmeLab;
use tests::{Mode, TestOptions, both_modes};

const PATH: &str = "/v1/pki/dns-providers";

fn add(lab: &Lab, records: &[(&str, &str, &str)]) {
    let mut state = lab.fake().zones().lock();
    let zone = state.zone(Lab::ZONE).unwrap().id;
    for (name, kind, value) in records {
        state.add_record(zone, (name, kind), 60, value).unwrap();
    }
}

/// A second name server of the zones, at another address with the same port, where that is free.
async fn lab_with_two_servers() -> (Lab, NameServer) {
    loop {
        let lab = vendors::digitalocean::lab().await;
        let address = ([127, 0, 0, 2], lab.name_server.port()).into();
        if let Ok(second) = NameServer::start_at(address, vec![lab.fake().zones().clone()]).await {
            return (lab, second);
        }
    }
}

async fn provider(acme: &AcmeLab, lab: &Lab, propagation: Value) -> Value {
    let config = lab.config_with(json!({ "propagation": propagation }));
    let body = json!({ "name": lab.kind, "type": lab.kind, "config": config });
    acme.app.post(PATH, body).await.json_with(StatusCode::CREATED)
}

both_modes! {
    /// A name server is good when one of its addresses is; nobody answers at the others.
    async fn a_challenge_shows_what_each_server_answered(mode: Mode) {
        let (lab, _second) = lab_with_two_servers().await;
        add(&lab, &[
            (Lab::ZONE, "NS", "ns1.example.test"),
            ("ns1.example.test", "A", "127.0.0.1"),
            ("ns1.example.test", "AAAA", "::1"),
            (Lab::ZONE, "NS", "ns2.example.test"),
            ("ns2.example.test", "A", "127.0.0.2"),
            ("ns2.example.test", "SERVFAIL AAAA", ""),
        ]);
        let acme = AcmeLab::among(mode, lab.name_server).await;
        let account = acme.account().await;
        provider(&acme, &lab, json!({ "settle_seconds": 0 })).await;
        let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
        let ended = acme.ended(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        let servers = &ended["challenges"][0]["dns_servers"];
        assert_eq!(servers.as_array().unwrap().len(), 2, "{servers:#}");
        assert_eq!((&servers[0]["name"], &servers[0]["seen"]), (&json!("ns1.example.test"), &json!("value")));
        assert_eq!(servers[0]["addresses"][0]["seen"], "value", "{servers:#}");
        // A machine without IPv6 has no route there.
        let other = &servers[0]["addresses"][1];
        assert!(other["seen"] == "no_route" || other["error"].is_string(), "{servers:#}");
        let port = lab.name_server.port();
        assert_eq!(servers[1]["addresses"][0]["address"], format!("127.0.0.2:{port}"), "{servers:#}");
    }

    /// What is somewhere else in the record is shown, and a server that lags keeps the order waiting.
    async fn other_values_are_shown(mode: Mode) {
        let stale = fake_dns::Zones::new([Lab::ZONE]);
        let (lab, _servers) = loop {
            let (lab, second) = lab_with_two_servers().await;
            let address = ([127, 0, 0, 3], lab.name_server.port()).into();
            if let Ok(third) = NameServer::start_at(address, vec![stale.clone()]).await {
                break (lab, [second, third]);
            }
        };
        let name = "_acme-challenge.example.test";
        {
            let mut state = stale.lock();
            let zone = state.zone(Lab::ZONE).unwrap().id;
            state.add_record(zone, (name, "TXT"), 60, "a stale value").unwrap();
        }
        add(&lab, &[
            (Lab::ZONE, "NS", "ns1.example.test"),
            ("ns1.example.test", "A", "127.0.0.1"),
            (Lab::ZONE, "NS", "ns2.example.test"),
            ("ns2.example.test", "A", "127.0.0.2"),
            (Lab::ZONE, "NS", "ns3.example.test"),
            ("ns3.example.test", "A", "127.0.0.3"),
        ]);
        let acme = AcmeLab::among(mode, lab.name_server).await;
        let account = acme.account().await;
        let made = provider(&acme, &lab, json!({ "settle_seconds": 0 })).await;
        let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let shown = |order: &Value| {
            let servers = &order["challenges"][0]["dns_servers"];
            servers[0]["seen"] == "value" && servers[2]["seen"] == "other_values"
        };
        let waiting = acme.app.eventually(&path, shown).await;
        let third = &waiting["challenges"][0]["dns_servers"][2]["addresses"][0];
        assert_eq!(third["values"], json!(["a stale value"]), "{waiting:#}");
        assert_eq!(waiting["challenges"][0]["progress"], "propagating");
        // Two of three are enough for whoever says so.
        let id = made["id"].as_str().unwrap();
        let config = json!({ "config": { "propagation": { "settle_seconds": 0, "mode": "majority" } } });
        acme.app.patch(&format!("{PATH}/{id}"), config).await.json_with(StatusCode::OK);
        acme.certificate(&order).await;
    }

    /// The usual resolvers know nothing of what is inside; those of the provider do.
    async fn a_provider_has_resolvers_of_its_own(mode: Mode) {
        let lab = vendors::digitalocean::lab().await;
        let outside = NameServer::start(vec![fake_dns::Zones::new(["elsewhere.test"])]).await;
        let options = TestOptions { resolvers: vec![outside.address()], ..TestOptions::default() };
        let pebble = launch::PebbleOptions { dns_server: Some(lab.name_server), ..Default::default() };
        let acme = AcmeLab::with_options(mode, (pebble, false), options).await;
        let account = acme.account().await;
        let inside = json!({ "mode": "recursive", "resolvers": [lab.name_server.to_string()], "settle_seconds": 0 });
        provider(&acme, &lab, inside).await;
        let body = json!({ "account_id": account, "domains": ["*.example.test"] });
        let forecast = acme.app.post("/v1/pki/acme/check", body.clone()).await.json_with(StatusCode::OK);
        let name = &forecast["names"][0];
        assert_eq!((&name["problem"], &name["zone"]), (&json!(null), &json!("example.test")), "{forecast:#}");
        let order = acme.order(body).await;
        let ended = acme.ended(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        let servers = &ended["challenges"][0]["dns_servers"];
        assert_eq!(servers[0]["name"], lab.name_server.to_string(), "{servers:#}");
    }

    /// Whoever knows how long it takes says so, and nobody is asked.
    async fn a_fixed_time_is_waited_for(mode: Mode) {
        let lab = vendors::digitalocean::lab().await;
        let acme = AcmeLab::behind(mode, lab.name_server).await;
        let account = acme.account().await;
        provider(&acme, &lab, json!({ "mode": "wait", "wait_seconds": 500 })).await;
        let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let waits = |order: &Value| order["challenges"][0]["progress"] == "propagating";
        let waiting = acme.app.eventually(&path, waits).await;
        let (next, made) = (&waiting["challenges"][0]["next_attempt_at"], &waiting["created_at"]);
        assert!(next.as_str().unwrap() > made.as_str().unwrap(), "{waiting:#}");
        acme.app.advance(std::time::Duration::from_secs(501)).await;
        acme.certificate(&order).await;
    }

    /// A person has the time that they say they need; nobody would notice that they are done before.
    async fn a_person_s_fixed_time_is_waited_for(mode: Mode) {
        let names = NameServer::start(vec![Lab::zones()]).await;
        let acme = AcmeLab::behind(mode, names.address()).await;
        let account = acme.account().await;
        let config = json!({ "propagation": { "mode": "wait", "wait_seconds": 500 } });
        let body = json!({ "name": "by hand", "type": "manual", "config": config, "zones": [Lab::ZONE] });
        acme.app.post(PATH, body).await.json_with(StatusCode::CREATED);
        let order = acme.order(json!({ "account_id": account, "domains": ["*.example.test"] })).await;
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let waits = |order: &Value| order["challenges"][0]["progress"] == "propagating";
        acme.app.eventually(&path, waits).await;
        acme.app.advance(std::time::Duration::from_secs(400)).await;
        acme.app.settled().await;
        let waiting = acme.app.get(&path).await.json_with(StatusCode::OK);
        assert!(waits(&waiting), "{waiting:#}");
        acme.app.advance(std::time::Duration::from_secs(101)).await;
        acme.app.eventually(&path, |order| !waits(order)).await;
        acme.ended(&order).await;
    }
}

#[tokio::test]
async fn modes_are_checked_when_a_provider_is_added() {
    let lab = vendors::digitalocean::lab().await;
    let app = tests::TestApp::start(Mode::Embedded).await;
    for (propagation, field) in [
        (json!({ "mode": "recursive" }), "config.propagation.resolvers"),
        (json!({ "resolvers": ["ns.example"] }), "config.propagation.resolvers"),
        (json!({ "resolvers": vec!["192.0.2.1"; 9] }), "config.propagation.resolvers"),
        (json!({ "mode": "wait", "wait_seconds": 601 }), "config.propagation.wait_seconds"),
        (json!({ "mode": "wait", "wait_seconds": 100_000 }), "config.propagation.wait_seconds"),
    ] {
        let config = lab.config_with(json!({ "propagation": propagation }));
        let body = json!({ "name": "do", "type": "digitalocean", "config": config });
        let error = app.post(PATH, body).await.error(422, "validation_error");
        assert!(error["details"]["fields"].get(field).is_some(), "{field}: {error}");
    }
}
