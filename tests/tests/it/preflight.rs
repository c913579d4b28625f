//! Looks before a CA is asked: at CAA records before an order, for the answer of http-01 before a challenge. And names that are
//! for a private CA to judge.

use std::net::SocketAddr;
use std::time::Duration;

use certmill_listen::{Limits, Listener, Room};
use certmill_service::acme::preflight::Preflight;
use fake_acme::{Endpoint, FakeAcme, FakeAcmeOptions};
use fake_dns::{NameServer, Zones};
use poem::http::StatusCode;
use poem::listener::Listener as _;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};
use tokio_util::sync::CancellationToken;

use crate::jobs::sql::Sql;

/// A CA that finds everything valid, and a name server with CAA records.
struct Lab {
    app: TestApp,
    ca: FakeAcme,
    _names: NameServer,
    http01: SocketAddr,
    account: String,
}

impl Lab {
    async fn start(mode: Mode, preflight: Preflight) -> Self {
        let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
        let zones = Zones::new(["test", "example.test", "free.test", "broken.test"]);
        {
            let mut state = zones.lock();
            let zone = state.zone("example.test").unwrap().id;
            for (name, value) in [
                ("example.test", "0 issue \"other-ca.test\""),
                ("own.example.test", "0 issue \"fake-ca.test\""),
                ("wild.example.test", "0 issue \"fake-ca.test\""),
                ("wild.example.test", "0 issuewild \";\""),
                ("method.example.test", "0 issue \"fake-ca.test; validationmethods=dns-01\""),
            ] {
                state.add_record(zone, (name, "CAA"), 60, value).unwrap();
            }
            let zone = state.zone("broken.test").unwrap().id;
            state.add_record(zone, ("www.broken.test", "SERVFAIL CAA"), 60, "").unwrap();
        }
        let names = NameServer::start(vec![zones]).await;
        // A responder comes later.
        let http01 = SocketAddr::from(([127, 0, 0, 1], launch::free_port()));
        let options = TestOptions {
            trusted_pem: Some(ca.ca_pem().to_owned()),
            resolvers: vec![names.address()],
            preflight,
            http01_port: Some(http01.port()),
            ..TestOptions::default()
        };
        let app = TestApp::start_with(mode, options).await;
        let body = json!({ "name": "fake", "provider": "custom", "directory_url": ca.directory_url() });
        let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        let account = account["id"].as_str().unwrap().to_owned();
        Self { app, ca, _names: names, http01, account }
    }

    async fn order(&self, domain: &str) -> String {
        let body = json!({ "account_id": self.account, "domains": [domain], "challenge_type": "http-01" });
        let order = self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())
    }

    async fn check(&self, names: &[&str]) -> Value {
        let body = json!({ "account_id": self.account, "domains": names, "challenge_type": "http-01" });
        self.app.post("/v1/pki/acme/check", body).await.json_with(StatusCode::OK)
    }

    async fn ended(&self, order: &str) -> Value {
        self.app.eventually(order, |order| order["status"] == "valid" || order["status"] == "invalid").await
    }
}

/// What a check tells about a name.
fn of<'a>(forecast: &'a Value, name: &str) -> &'a Value {
    forecast["names"].as_array().unwrap().iter().find(|told| told["identifier"] == name).unwrap()
}

both_modes! {
    /// Records that name another CA, at the name or above it, are told; the order goes on.
    async fn caa_records_are_told(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Warn).await;
        for (name, warning) in [
            ("www.example.test", Some("CAA at example.test does not permit fake-ca.test: issue permits other-ca.test")),
            ("own.example.test", None),
            ("below.own.example.test", None),
            ("method.example.test", Some("by dns-01 only, not by http-01")),
            ("www.free.test", None),
            ("www.broken.test", Some("CAA cannot be looked up")),
        ] {
            let order = lab.order(name).await;
            let ended = lab.ended(&order).await;
            assert_eq!(ended["status"], "valid", "{ended:#}");
            let warnings: Vec<&str> =
                ended["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
            match warning {
                Some(warning) => assert!(warnings.len() == 1 && warnings[0].contains(warning), "{name}: {warnings:?}"),
                None => assert!(warnings.is_empty(), "{name}: {warnings:?}"),
            }
        }
    }

    /// An order that the CA would have to refuse is not spent.
    async fn a_ca_that_may_not_issue_is_not_asked(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Require).await;
        let order = lab.order("www.example.test").await;
        let ended = lab.ended(&order).await;
        assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("invalid"), &json!("caa_denied")), "{ended:#}");
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 0);
    }

    /// The CA is not told before the answer is there.
    async fn an_answer_is_looked_for_before_the_ca_is_told(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Require).await;
        let order = lab.order("127.0.0.1").await;
        let waits = |order: &Value| {
            order["challenges"][0]["note"].as_str().is_some_and(|note| note.contains("seen from here"))
        };
        lab.app.eventually(&order, waits).await;
        assert_eq!(lab.ca.log().count(Endpoint::Challenge), 0);
        let stop = CancellationToken::new();
        let limits = Limits { grace: Duration::ZERO, ..Limits::default() };
        let listener = Listener::bind("http-01", lab.http01, limits, &Room::for_files(1024)).await.unwrap();
        let responder = certmill_api::acme_responder(lab.app.app.clone());
        tokio::spawn(certmill_listen::serve(listener, None, responder, stop.clone()));
        lab.app.advance(Duration::from_mins(1)).await;
        let ended = lab.ended(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        assert!(lab.ca.log().count(Endpoint::Challenge) > 0);
        stop.cancel();
    }

    /// Nor for ever.
    async fn an_answer_that_never_comes_ends_the_order(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Require).await;
        let order = lab.order("127.0.0.1").await;
        let waits = |order: &Value| order["challenges"][0]["note"].is_string();
        lab.app.eventually(&order, waits).await;
        lab.app.advance(Duration::from_mins(31)).await;
        let ended = lab.ended(&order).await;
        assert_eq!(ended["challenges"][0]["error"]["code"], "http01_not_reachable", "{ended:#}");
        assert_eq!(lab.ca.log().count(Endpoint::Challenge), 0);
    }

    /// What an order would run into is told without ordering; what cannot be told from here is no reason against it.
    async fn a_check_looks_before_there_is_an_order(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Off).await;
        let names = ["www.example.test", "www.broken.test", "127.0.0.1"];
        let seen = lab.check(&names).await;
        assert_eq!(seen["ready"], false, "{seen:#}");
        let [denied, broken, here] = names.map(|name| of(&seen, name));
        assert_eq!(denied["problem"]["code"], "caa_denied", "{seen:#}");
        assert!(denied["problem"]["message"].as_str().unwrap().contains("does not permit fake-ca.test"), "{seen:#}");
        assert_eq!((&broken["problem"], &here["problem"]), (&Value::Null, &Value::Null), "{seen:#}");
        assert!(broken["warnings"].to_string().contains("CAA cannot be looked up"), "{seen:#}");
        assert!(here["warnings"].to_string().contains("nobody answers on port 80"), "{seen:#}");

        let site = poem::endpoint::make_sync(|_| StatusCode::NOT_FOUND);
        let acceptor = poem::listener::TcpListener::bind(lab.http01).into_acceptor().await.unwrap();
        tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(site));
        let seen = lab.check(&["127.0.0.1"]).await;
        assert_eq!((&seen["ready"], &of(&seen, "127.0.0.1")["warnings"]), (&json!(true), &json!([])), "{seen:#}");
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 0);
    }

    /// Where orders wait for their answers to be seen, a name without a server is not ready.
    async fn a_check_heeds_what_orders_wait_for(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Require).await;
        let seen = lab.check(&["127.0.0.1"]).await;
        let problem = &of(&seen, "127.0.0.1")["problem"]["code"];
        assert_eq!((&seen["ready"], problem), (&json!(false), &json!("http01_not_reachable")), "{seen:#}");
    }

    /// A CA follows a redirect to a certificate that nobody trusts. We do not, and leave it to the CA.
    async fn where_only_a_ca_goes_on_it_is_asked(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Require).await;
        let elsewhere = FakeAcme::start(FakeAcmeOptions::default()).await;
        let target = elsewhere.directory_url().clone();
        let site = poem::endpoint::make_sync(move |_| poem::web::Redirect::temporary(&target));
        let acceptor = poem::listener::TcpListener::bind(lab.http01).into_acceptor().await.unwrap();
        tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(site));
        let order = lab.order("127.0.0.1").await;
        let ended = lab.ended(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        assert!(lab.ca.log().count(Endpoint::Challenge) > 0);
    }

    /// Emoji and hosts without a dot are for a private CA to judge, and the four public ones certify neither.
    async fn some_names_are_the_ca_s_business(mode: Mode) {
        let lab = Lab::start(mode, Preflight::Off).await;
        for name in ["xn--i-7iq.ws", "printer"] {
            let order = lab.order(name).await;
            let ended = lab.ended(&order).await;
            assert_eq!((&ended["status"], &ended["domains"]), (&json!("valid"), &json!([name])), "{ended:#}");
            let path = format!("/v1/pki/certificates/{}", ended["certificate_id"].as_str().unwrap());
            let certificate = lab.app.get(&path).await.json_with(StatusCode::OK);
            assert!(certificate.to_string().contains(name), "{certificate:#}");
        }
    }
}

#[tokio::test]
async fn public_cas_are_not_asked_for_what_they_do_not_certify() {
    let lab = Lab::start(Mode::Embedded, Preflight::Off).await;
    let sql = Sql::open(lab.app.database_url()).await;
    sql.run("UPDATE acme_accounts SET provider = 'letsencrypt'").await;
    for name in ["xn--i-7iq.ws", "printer"] {
        let body = json!({ "account_id": lab.account, "domains": [name] });
        let error = lab.app.post("/v1/pki/acme/issue", body).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["domains"].as_str().unwrap().contains(name), "{error}");
    }
}
