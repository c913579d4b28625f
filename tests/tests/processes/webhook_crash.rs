//! Webhooks of a process that dies between any two steps: nothing is lost, and what comes twice is the same event.

use std::collections::BTreeSet;
use std::time::Duration;

use launch::Process;
use serde_json::json;
use sqlx::Connection;
use tests::receiver::{Received, Receiver};

use crate::site::{Site, stop};

/// Where it dies, and how often when it gets there.
const CRASHES: &str = "webhook.read=0.4,webhook.sent=0.4";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dying_process_loses_no_event() {
    let receiver = Receiver::start().await;
    let site = Site::embedded().with("CERTMILL_EGRESS__ALLOW", "127.0.0.1");
    site.run(&["migrate"]);
    let token = site.admin_token();
    let mut api = site.serve(&token, &["--with-worker"]).await;
    let hook = json!({ "name": "all", "url": receiver.url, "events": ["certificate.*"], "is_active": false });
    let hook = api.post("/v1/webhooks", hook, 201).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let mut certificates = BTreeSet::new();
    for number in 0..150 {
        let issued = api.issue("web", &format!("n{number}")).await;
        api.revoke(&issued).await;
        certificates.insert(issued["certificate_id"].as_str().unwrap().to_owned());
    }
    api.process.kill9();
    // As if it had been active all the time.
    let database = format!("sqlite://{}/data/certmill.db", site.path().display());
    let mut database = sqlx::SqliteConnection::connect(&database).await.unwrap();
    let behind = sqlx::query("UPDATE webhooks SET is_active = TRUE, place = 0");
    behind.execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let dying = site.with("FAILPOINTS", CRASHES);
    let mut deaths = 0;
    for _ in 0..10 {
        let serve = ["serve", "--plain-http", "--listen", "127.0.0.1:0", "--with-worker"];
        let mut process = Process::start(dying.command(&serve));
        if process.wait_timeout(Duration::from_secs(6)).is_some() {
            deaths += 1;
        } else {
            process.kill9();
        }
    }
    let site = dying.without("FAILPOINTS");
    let mut last = site.serve(&token, &["--with-worker"]).await;
    let is_revoked = |one: &&Received| one.header("x-certmill-event-type") == "certificate.revoked";
    let all = receiver
        .until(|all| {
            let told: BTreeSet<String> = all.iter().filter(is_revoked).map(Received::object).collect();
            told.len() == certificates.len()
        })
        .await;
    assert!(deaths >= 3, "it has died {deaths} times");
    for certificate in &certificates {
        let own: Vec<&Received> = all.iter().filter(|one| one.object() == *certificate).collect();
        let ids: BTreeSet<&str> = own.iter().map(|one| one.header("x-certmill-event-id")).collect();
        assert_eq!(ids.len(), 2, "issued and revoked, however often each was sent: {own:?}");
        let mut types: Vec<&str> = own.iter().map(|one| one.header("x-certmill-event-type")).collect();
        types.dedup();
        assert_eq!(types, ["certificate.issued", "certificate.revoked"], "in their order");
    }
    let shown = last.get(&format!("/v1/webhooks/{}", hook["id"].as_str().unwrap())).await;
    assert_eq!(shown["is_active"], true);
    stop(&mut last.process);
}
