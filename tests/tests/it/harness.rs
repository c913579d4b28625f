//! The test service itself: its clock is everybody's, and what it leaves behind fails the test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use poem::http::StatusCode;
use serde_json::json;
use tests::{Mode, TestApp, both_modes};

use crate::jobs::sql::Sql;

const HOUR: Duration = Duration::from_hours(1);

/// A service without a worker in which the job of a CRL is due.
async fn with_a_job(mode: Mode) -> (TestApp, Sql) {
    let app = TestApp::without_worker(mode).await;
    revoke_one(&app).await;
    let sql = Sql::open(app.database_url()).await;
    (app, sql)
}

async fn revoke_one(app: &TestApp) {
    let ca = app.root_ca("root").await;
    app.role("web", ca["id"].as_str().unwrap()).await;
    let issued = app.issue("web", "a.example.internal").await;
    let body = json!({ "serial_number": issued["serial_number"] });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

/// What the test is failed with when it ends, or nothing.
fn complaint(app: TestApp) -> Option<String> {
    let panicked = catch_unwind(AssertUnwindSafe(|| drop(app))).err()?;
    Some(*panicked.downcast::<String>().unwrap())
}

both_modes! {
    async fn a_dead_job(mode: Mode) {
        let (app, sql) = with_a_job(mode).await;
        sql.run("UPDATE jobs SET state = 'dead', finished_at = 1, last_error = 'the disk burns'").await;
        let said = complaint(app).unwrap();
        for part in ["rebuild_crl ca_", "dead", "the disk burns", "TESTS_SEED="] {
            assert!(said.contains(part), "{said}");
        }
    }

    async fn an_expected_dead_job(mode: Mode) {
        let (app, sql) = with_a_job(mode).await;
        sql.run("UPDATE jobs SET state = 'dead', finished_at = 1").await;
        app.expect_dead_jobs();
        assert_eq!(complaint(app), None);
    }

    async fn a_job_that_is_due_and_not_done(mode: Mode) {
        let (mut app, sql) = with_a_job(mode).await;
        // Another worker seems to have it, and never finishes.
        let lease = app.app.now().plus(HOUR).unix_micros();
        sql.run(&format!("UPDATE jobs SET state = 'running', lease_until = {lease}, last_error = 'so far'"))
            .await;
        app.start_worker();
        app.patience = Duration::from_millis(100);
        let said = complaint(app).unwrap();
        for part in ["rebuild_crl ca_", "running", "so far"] {
            assert!(said.contains(part), "{said}");
        }
    }

    async fn a_job_that_is_done_in_time(mode: Mode) {
        let (app, sql) = with_a_job(mode).await;
        // Another worker seems to have died over it, and its lease ends in a moment.
        let lease = app.app.now().plus(Duration::from_secs(1)).unix_micros();
        sql.run(&format!("UPDATE jobs SET state = 'running', lease_until = {lease}, attempts = 1")).await;
        app.start_worker();
        assert_eq!(complaint(app), None);
        assert_eq!(
            sql.number("SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND state = 'done'").await,
            1
        );
    }

    async fn a_job_of_later(mode: Mode) {
        let (mut app, sql) = with_a_job(mode).await;
        sql.run(&format!("UPDATE jobs SET run_at = {}", app.app.now().plus(HOUR).unix_micros())).await;
        app.start_worker();
        app.patience = Duration::from_secs(10);
        assert_eq!(complaint(app), None);
    }

    async fn nobody_to_do_the_job(mode: Mode) {
        let (app, _) = with_a_job(mode).await;
        assert_eq!(complaint(app), None);
    }
}

both_modes! {
    async fn all_parts_have_one_clock(app: TestApp) {
        app.clock.freeze();
        let now = app.app.now();
        assert_eq!(app.app.now(), now);
        app.advance(1_000 * HOUR).await;
        assert_eq!(app.app.now(), now.plus(1_000 * HOUR));
        let ca = app.root_ca("late").await;
        assert_eq!(ca["created_at"], json!(now.plus(1_000 * HOUR).to_string()), "{ca}");
    }

    async fn periodic_work_follows_the_clock(app: TestApp) {
        let sql = Sql::open(app.database_url()).await;
        let pruned = "SELECT count(*) FROM jobs WHERE kind = 'prune_jobs' AND state = 'done'";
        let turns = async {
            for turn in 1..=2 {
                while sql.number(pruned).await < turn {
                    tokio::task::yield_now().await;
                }
                app.advance(HOUR).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), turns).await.expect("the hour did not pass");
    }
}
