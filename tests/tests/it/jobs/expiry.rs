//! What comes to its end is told once for each threshold, and what should have been done in time when it was not.

use std::time::Duration;

use certmill_domain::CaId;
use certmill_service::jobs::{Job, JobKind};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::both_modes;

use super::Hand;
use super::handlers::periodic;
use crate::ca::text;

const DAY: Duration = Duration::from_hours(24);
const HOUR: i64 = 3_600_000_000;

/// Lets days pass, and the job have two turns: the second finds nothing new.
async fn days(hand: &Hand, count: u32) {
    hand.test.clock.advance(count * DAY);
    for _ in 0..2 {
        periodic(hand, Job::TellExpiry).await;
    }
}

/// What was told by a type: object and threshold, in order.
async fn told(hand: &Hand, kind: &str) -> Vec<(String, String)> {
    let feed = hand.test.get(&format!("/v1/events?type={kind}")).await.json_with(StatusCode::OK);
    let events = feed["events"].as_array().unwrap().clone();
    let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.iter().map(|event| (field(&event["object"]), field(&event["data"]["threshold"]))).collect()
}

async fn issue(hand: &Hand, name: &str, ttl: &str) -> String {
    let body = json!({ "common_name": format!("{name}.example.internal"), "ttl": ttl });
    let issued = hand.test.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
    text(&issued["certificate_id"]).to_owned()
}

fn one(id: &str, threshold: &str) -> (String, String) {
    (id.to_owned(), threshold.to_owned())
}

both_modes! {
    async fn each_threshold_tells_once_of_what_was_not_renewed(hand: Hand) {
        hand.ca().await;
        let issue = async |name, ttl| issue(&hand, name, ttl).await;
        days(&hand, 0).await;
        let long = issue("long", "90d").await;
        let (renewed, revoked) = (issue("renewed", "90d").await, issue("revoked", "90d").await);
        issue("short", "1d").await;
        let week = issue("week", "7d").await;
        days(&hand, 0).await;
        assert_eq!(told(&hand, "certificate.expiring").await, [], "nothing is told at birth");
        let renew = format!("/v1/pki/certificates/{renewed}/renew");
        hand.test.post(&renew, json!({ "ttl": "90d" })).await.json_with(StatusCode::CREATED);
        let of_revoked = hand.test.get(&format!("/v1/pki/certificates/{revoked}")).await.json();
        let revoke = json!({ "serial_number": of_revoked["serial_number"] });
        hand.test.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);
        days(&hand, 6).await;
        let mut expected = vec![one(&week, "1d")];
        assert_eq!(told(&hand, "certificate.expiring").await, expected);
        for (later, threshold) in [(54, "30d"), (16, "14d"), (7, "7d"), (6, "1d"), (2, "")] {
            days(&hand, later).await;
            if !threshold.is_empty() {
                expected.push(one(&long, threshold));
            }
            // The renewal lives as long as the others; it is told of at the same times.
            let mut found = told(&hand, "certificate.expiring").await;
            found.retain(|(id, _)| [&long, &week, &renewed, &revoked].contains(&id));
            assert_eq!(found, expected);
        }
        let feed = hand.test.get(&format!("/v1/events?type=certificate.expiring&object={long}")).await.json();
        let data = &feed["events"][0]["data"];
        assert_eq!(data["name"], "long.example.internal");
        assert!(data["not_after"].is_string() && data["serial_number"].is_string(), "{data}");
    }

    /// A pause of the workers, or an upgrade: what has come within several thresholds is told by the smallest alone.
    async fn what_was_not_looked_at_for_long_is_told_once(hand: Hand) {
        hand.ca().await;
        let id = &issue(&hand, "a", "90d").await;
        days(&hand, 85).await;
        assert_eq!(told(&hand, "certificate.expiring").await, [one(id, "7d")]);
        days(&hand, 4).await;
        assert_eq!(told(&hand, "certificate.expiring").await, [one(id, "7d"), one(id, "1d")]);
    }

    async fn more_than_a_batch_is_told_in_one_turn(hand: Hand) {
        hand.ca().await;
        issue(&hand, "a", "90d").await;
        hand.sql.copy(("certificates", "common_name = 'a.example.internal'"), ("cert", &["id"]), 1_200).await;
        days(&hand, 0).await;
        days(&hand, 61).await;
        let events = "SELECT COUNT(*) FROM events WHERE kind = 'certificate.expiring'";
        assert_eq!(hand.sql.number(events).await, 1_201);
        assert_eq!(hand.sql.number("SELECT COUNT(DISTINCT subject) FROM events").await, 1_201);
    }

    async fn cas_tokens_anchors_and_imports_are_told_of_too(hand: Hand) {
        let app = &hand.test;
        let body = json!({ "name": "short", "common_name": "Short", "ca_type": "root", "key_type": "ec", "validity_days": 100 });
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let token = async |name: &str| {
            let body = json!({ "name": name, "scopes": ["pki:read"], "ttl": "100d" });
            text(&app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED)["id"]).to_owned()
        };
        let (kept, gone) = (token("kept").await, token("gone").await);
        app.delete(&format!("/v1/tokens/{gone}")).await;
        let theirs = Authority::root("/CN=Theirs");
        let anchor = json!({ "name": "theirs", "certificate_pem": theirs.certificate });
        let anchor = app.post("/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        let imported = json!({ "certificate_pem": theirs.leaf("www.example.org").certificate });
        app.post("/v1/pki/certificates/import", imported).await.json_with(StatusCode::CREATED);
        let end = hand.now().plus(100 * DAY).unix_micros();
        for table in ["trust_anchors", "certificates"] {
            hand.sql.run(&format!("UPDATE {table} SET not_after = {end}, not_before = {}", hand.now().unix_micros())).await;
        }
        days(&hand, 0).await;
        days(&hand, 75).await;
        assert_eq!(told(&hand, "ca.expiring").await, [one(text(&ca["id"]), "30d")]);
        assert_eq!(told(&hand, "token.expiring").await, [one(&kept, "30d")]);
        assert_eq!(told(&hand, "trust_anchor.expiring").await, [one(text(&anchor["id"]), "30d")]);
        assert_eq!(told(&hand, "certificate.expiring").await.len(), 1);
    }

    async fn a_crl_that_is_late_is_told_of_once(hand: Hand) {
        let ca: CaId = hand.test.root_ca("root").await["id"].as_str().unwrap().parse().unwrap();
        let good = hand.test.root_ca("good").await;
        let late = async || {
            let (from, to) = (hand.now().unix_micros() - 72 * HOUR, hand.now().unix_micros() + HOUR / 6);
            hand.sql.run(&format!("UPDATE crls SET this_update = {from}, next_update = {to} WHERE ca_id = '{ca}'")).await;
            for _ in 0..2 {
                periodic(&hand, Job::Sweep).await;
            }
        };
        late().await;
        let objects = async || -> Vec<String> { told(&hand, "crl.late").await.into_iter().map(|(object, _)| object).collect() };
        assert_eq!(objects().await, [ca.to_string()], "and not {good}");
        // The next one is late too.
        for claimed in hand.claim(JobKind::RebuildCrl, hand.now()).await {
            hand.perform(&claimed).await.unwrap();
        }
        late().await;
        assert_eq!(objects().await, [ca.to_string(), ca.to_string()]);
    }
}
