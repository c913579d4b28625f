//! What does not work is tried less and less often, and ends.

use std::sync::Arc;
use std::time::Duration;

use certmill_storage::acme_pauses::{self, Scope};
use fake_acme::{FakeAcme, FakeAcmeOptions};
use fake_dns::{Fault, vendors};
use poem::http::StatusCode;
use serde_json::json;
use tests::{Mode, TestApp, TestOptions, both_modes};

/// A DNS provider says that somebody else has changed the records, whatever is sent to it: it is not asked thousands of times,
/// and the order ends long before its day is over.
async fn conflicts_without_end_end(mode: Mode) {
    let (lab, ca) = (vendors::powerdns::lab().await, FakeAcme::start(FakeAcmeOptions::default()).await);
    let options = TestOptions {
        trusted_pem: Some(ca.ca_pem().to_owned()),
        resolvers: vec![lab.name_server],
        ..TestOptions::default()
    };
    let app = TestApp::start_with(mode, options).await;
    let body = json!({ "name": "fake", "provider": "custom", "directory_url": ca.directory_url() });
    let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
    let body = json!({ "name": "dns", "type": "powerdns", "config": lab.config });
    app.post("/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
    for _ in 0..2_000 {
        lab.fake().fail(Fault::ChangeStatus(409));
    }
    let body = json!({ "account_id": account["id"], "domains": ["*.shop.example.test"] });
    let order = app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    let mut minutes = 0;
    let ended = loop {
        app.settled().await;
        let order = app.get(&path).await.json_with(StatusCode::OK);
        if order["status"] == "invalid" {
            break order;
        }
        assert!(minutes < 180, "it goes on for hours: {order:#}");
        app.advance(Duration::from_mins(1)).await;
        minutes += 1;
    };
    assert_eq!(ended["error"]["code"], "dns_failed", "{ended:#}");
    let changes = lab.fake().requests().iter().filter(|request| request.starts_with("PATCH")).count();
    // Each try repeats a conflict four times at once.
    assert!((30 * 5..70 * 5).contains(&changes), "{changes} changes in {minutes} minutes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_without_end_end_embedded() {
    conflicts_without_end_end(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_without_end_end_fleet() {
    conflicts_without_end_end(Mode::Fleet).await;
}

both_modes! {
    /// Many requests to a CA fail at once, in several processes: together they begin one pause, and not one that is longer
    /// with each of them.
    async fn faults_at_once_count_as_one(app: TestApp) {
        const SCOPE: Scope<'static> = Scope { name: "https://ca.example.test/directory", longest: Duration::from_mins(2) };
        let now = app.app.now();
        let waits: Arc<[_]> =
            [30, 60, 120].into_iter().zip(2..).map(|(seconds, faults)| (faults, now.plus(Duration::from_secs(seconds)))).collect();
        let note = |at| {
            let (app, waits) = (app.app.clone(), Arc::clone(&waits));
            tokio::spawn(async move {
                let mut tx = app.database().begin_system().await.unwrap();
                let counted = acme_pauses::suspect(&mut tx, SCOPE, "it is down", at, &waits).await.unwrap();
                tx.commit().await.unwrap();
                counted
            })
        };
        // The first fault begins no pause yet.
        assert!(note(now).await.unwrap());
        let mut session = app.app.database().read_system().await.unwrap();
        assert_eq!(acme_pauses::find(&mut session, &[SCOPE], now).await.unwrap(), None);
        drop(session);
        let mut counted = 0;
        for noted in (0..20).map(|_| note(now)).collect::<Vec<_>>() {
            counted += usize::from(noted.await.unwrap());
        }
        assert_eq!(counted, 1);
        let mut session = app.app.database().read_system().await.unwrap();
        let pause = acme_pauses::find(&mut session, &[SCOPE], now).await.unwrap().unwrap();
        assert_eq!((pause.failures, pause.until), (2, now.plus(Duration::from_secs(30))));
        drop(session);
        // Once it is over the next fault begins a longer one.
        assert!(note(pause.until).await.unwrap());
        let mut session = app.app.database().read_system().await.unwrap();
        let pause = acme_pauses::find(&mut session, &[SCOPE], now).await.unwrap().unwrap();
        assert_eq!((pause.failures, pause.until), (3, now.plus(Duration::from_mins(1))));
    }
}
