//! Nobody's work holds up the work of others: lanes, shares of tenants, deadlines, jobs of another version.

use std::time::Duration;

use certmill_domain::JobId;
use certmill_service::Caller;
use certmill_service::acme::grants;
use certmill_service::jobs::{JobKind, Lane};
use certmill_worker::{Outcome, Places, attempt};
use fake_acme::{FakeAcme, FakeAcmeOptions};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;
use tests::{Mode, TestApp, TestOptions};
use tokio_util::sync::CancellationToken;

use super::Hand;
use crate::jobs::sql::Sql;

both_modes! {
    async fn a_tenant_with_very_many_jobs_leaves_places_to_the_next(hand: Hand) {
        let (many, _) = hand.test.another_tenant("many").await;
        // Older than anything else that is due, and more than there are places.
        waiting(&hand, &many.id.to_string(), "advance_order", 5_000, 1).await;
        let mut places = Places::new(Lane::Orders, 16);
        let first = places.claim(&hand.test.app).await.unwrap();
        assert_eq!(first.len(), 8, "half of the places, although nobody else waits");
        let (late, _) = hand.test.another_tenant("late").await;
        waiting(&hand, &late.id.to_string(), "advance_order", 2, hand.now().unix_micros()).await;
        let second = places.claim(&hand.test.app).await.unwrap();
        let tenants: Vec<_> = second.iter().map(|job| job.tenant.unwrap()).collect();
        assert_eq!(tenants, [late.id; 2], "places that are free at once, for both");
    }

    async fn tenants_that_wait_take_turns(hand: Hand) {
        let mut tenants = Vec::new();
        for number in 0..3 {
            let (tenant, _) = hand.test.another_tenant(&format!("t{number}")).await;
            waiting(&hand, &tenant.id.to_string(), "advance_challenge", 50, 1 + number).await;
            tenants.push(tenant.id);
        }
        let mut places = Places::new(Lane::Challenges, 4);
        let mut served = Vec::new();
        for _ in 0..12 {
            for job in places.claim(&hand.test.app).await.unwrap() {
                served.push(job.tenant.unwrap());
                // It ends at once, and its place is free again.
                places.give_back(&job.tenant.unwrap().to_string());
            }
        }
        let turns: Vec<usize> =
            tenants.iter().map(|tenant| served.iter().filter(|one| *one == tenant).count()).collect();
        let (least, most) = (turns.iter().min().unwrap(), turns.iter().max().unwrap());
        assert!(*least > 0 && most - least <= 1, "{turns:?}");
    }

    async fn within_a_tenant_the_longest_waiting_goes_first(hand: Hand) {
        let tenant = hand.test.tenant.id.to_string();
        waiting(&hand, &tenant, "advance_order", 3, 500).await;
        waiting(&hand, &tenant, "advance_order", 1, 7).await;
        let claimed = Places::new(Lane::Orders, 4).claim(&hand.test.app).await.unwrap();
        let rows = hand.rows().await;
        let run_at = |id| rows.iter().find(|row| row.id == id).unwrap().run_at.unix_micros();
        let oldest: Vec<i64> = claimed.iter().map(|job| run_at(job.attempt.job_id)).collect();
        assert!(oldest.len() < 4 && oldest.contains(&7), "{oldest:?}");
    }

    async fn a_job_of_another_version_is_shown_and_left_alone(hand: Hand) {
        let tenant = hand.test.tenant.id.to_string();
        waiting(&hand, &tenant, "notify_webhook", 1, 1).await;
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        hand.test.start_worker();
        hand.test.eventually(&format!("/v1/pki/ca/{ca}"), |ca| ca["crl"]["entries"] == 1).await;
        let listed = hand.test.get("/v1/jobs?limit=1000").await.json_with(StatusCode::OK);
        let jobs = listed["jobs"].as_array().unwrap();
        let unknown = jobs.iter().find(|job| job["kind"] == "notify_webhook").unwrap();
        assert_eq!((&unknown["state"], &unknown["attempts"]), (&json!("pending"), &json!(0)));
        hand.test.expect_due_jobs();
    }

}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_takes_too_long_is_stopped_embedded() {
    too_long(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_takes_too_long_is_stopped_in_a_fleet() {
    too_long(Mode::Fleet).await;
}

/// The handler is dropped at its deadline, and the attempt counts.
async fn too_long(mode: Mode) {
    let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
    let options = TestOptions {
        trusted_pem: Some(ca.ca_pem().to_owned()),
        longest_attempt: Some(Duration::from_millis(300)),
        ..TestOptions::default()
    };
    let test = TestApp::without_worker_with(mode, options).await;
    let sql = Sql::open(test.database_url()).await;
    let hand = Hand { test, sql };
    let order = order_at(&hand.test, &ca).await;
    ca.knobs().set(|behaviour| behaviour.delay = Duration::from_mins(1));
    let claimed = hand.take(JobKind::AdvanceOrder).await;
    assert_eq!(claimed.tries, 1);
    let outcome = attempt(&hand.test.app, claimed, &CancellationToken::new()).await;
    let row = hand.only(JobKind::AdvanceOrder).await;
    assert_eq!((outcome, row.state.as_str(), &row.subject), (Outcome::Retry, "pending", &order));
    assert!(row.last_error.as_deref().is_some_and(|error| error.contains("longer")), "{row:?}");
    assert_eq!(hand.take(JobKind::AdvanceOrder).await.tries, 2, "the attempt counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_ca_holds_up_nobody_else_embedded() {
    slow_ca(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_ca_holds_up_nobody_else_in_a_fleet() {
    slow_ca(Mode::Fleet).await;
}

/// A tenant has more orders than the worker has places, at a CA that answers after a minute. Nobody else notices.
async fn slow_ca(mode: Mode) {
    let (slow, quick) = (
        FakeAcme::start(FakeAcmeOptions::default()).await,
        FakeAcme::start(FakeAcmeOptions::default()).await,
    );
    let trusted = format!("{}{}", slow.ca_pem(), quick.ca_pem());
    let options = TestOptions { trusted_pem: Some(trusted), ..TestOptions::default() };
    let app = TestApp::start_with(mode, options).await;
    let (tenant, other) = app.another_tenant("slow").await;
    for (tenant, domain) in [(tenant.id, "example.org"), (app.tenant.id, "example.net")] {
        grants::grant(&app.app, &Caller::operator(&app.app, tenant), domain).await.unwrap();
    }
    let body = json!({ "name": "slow", "provider": "custom", "directory_url": slow.directory_url() });
    let account = app.post_as(&other, "/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
    slow.knobs().set(|behaviour| behaviour.delay = Duration::from_mins(1));
    for number in 0..40 {
        let domains = [format!("n{number}.example.org")];
        let body = json!({ "account_id": account["id"], "domains": domains });
        app.post_as(&other, "/v1/pki/acme/issue?wait=0s", body).await.json_with(StatusCode::ACCEPTED);
    }
    let sql = Sql::open(app.database_url()).await;
    let running = "SELECT count(*) FROM jobs WHERE kind = 'advance_order' AND state = 'running'";
    let held = async {
        while sql.number(running).await < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), held).await.expect("the slow orders take their places");

    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    app.post(&format!("/v1/pki/ca/{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
    let order = order_at(&app, &quick).await;
    let ended =
        app.eventually(&format!("/v1/pki/acme/orders/{order}"), |order| order["status"] == "valid").await;
    assert!(ended["certificate_id"].is_string(), "{ended}");
    // Whoever gives the account up ends its orders, whether the CA answers or not.
    let path = format!("/v1/pki/acme/accounts/{}?force=true", account["id"].as_str().unwrap());
    let deleted = app.send(poem::http::Method::DELETE, &path, Some(&other), &[], None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
    let jobs = "SELECT count(*) FROM jobs WHERE kind = 'advance_order' AND state = 'pending'";
    let over = async {
        while sql.number(jobs).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), over).await.expect("the orders that wait are ended");
    // Those in hand wait for the slow CA until their deadline.
    app.expect_due_jobs();
}

/// The id of a new order of the first tenant at a CA.
async fn order_at(app: &TestApp, ca: &FakeAcme) -> String {
    let body = json!({ "name": "quick", "provider": "custom", "directory_url": ca.directory_url() });
    let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
    let body = json!({ "account_id": account["id"], "domains": ["www.example.net"] });
    let order: Value = app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
    order["id"].as_str().unwrap().to_owned()
}

/// So many jobs of a tenant, due since `run_at` (µs), about nothing that exists.
async fn waiting(hand: &Hand, tenant: &str, kind: &str, count: i64, run_at: i64) {
    let statement = |number: &str| {
        let tag = format!("{run_at:04}").chars().rev().take(4).collect::<String>();
        format!(
            "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at) \
             WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count}) \
             SELECT 'job_' || {number}, '{tenant}', '{kind}', '{tenant}{tag}' || i, 'pending', 0, {run_at}, 5, 1 \
             FROM numbers"
        )
    };
    // The ids are those of one moment each, so that no two calls make the same.
    let moment = JobId::generate(hand.now(), hand.test.app.entropy()).to_string();
    let moment = &moment[4..20];
    hand.sql
        .run_either(
            &statement(&format!("'{moment}' || printf('%010d', i)")),
            &statement(&format!("'{moment}' || lpad(i::text, 10, '0')")),
        )
        .await;
}
