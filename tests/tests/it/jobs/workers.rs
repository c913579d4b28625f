//! Real workers over the table and the queue.

use std::time::Duration;

use certmill_storage::jobs as table;
use poem::http::StatusCode;
use serde_json::json;
use tests::{Mode, TestApp, both_modes};

use super::sql::Sql;

both_modes! {
    async fn a_worker_keeps_the_periodic_work_going(app: TestApp) {
        let sql = Sql::open(app.database_url()).await;
        for kind in ["sweep", "expire_certificates", "prune_jobs"] {
            let done = format!("SELECT count(*) FROM jobs WHERE kind = '{kind}' AND state = 'done'");
            until(&sql, &done, 1).await;
        }
    }

    async fn a_failed_job_is_done_once_its_cause_is_gone(app: TestApp) {
        let sql = Sql::open(app.database_url()).await;
        let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        sql.run("CREATE TABLE kept AS SELECT sealed_key FROM certificate_authorities").await;
        sql.run_either(
            "UPDATE certificate_authorities SET sealed_key = x'00'",
            "UPDATE certificate_authorities SET sealed_key = '\\x00'",
        )
        .await;
        let build = async { app.post(&format!("/v1/pki/ca/{ca}/crl"), json!({})).await };
        let repair = async {
            let failed = "SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND last_error IS NOT NULL \
                          AND state = 'pending'";
            until(&sql, failed, 1).await;
            sql.run("UPDATE certificate_authorities SET sealed_key = (SELECT sealed_key FROM kept)").await;
        };
        let (built, ()) = tokio::join!(build, repair);
        assert!(built.json_with(StatusCode::OK)["crl_number"].as_i64() > Some(1));
        assert_eq!(sql.number("SELECT builds FROM crls").await, 2);
        let attempts = "SELECT attempts FROM jobs WHERE kind = 'rebuild_crl' AND state = 'done'";
        assert!(sql.number(attempts).await > 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_embedded_workers_do_each_job_once() {
    two_workers(TestApp::start(Mode::Embedded).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_fleet_workers_do_each_job_once() {
    two_workers(TestApp::start(Mode::Fleet).await).await;
}

async fn two_workers(app: TestApp) {
    app.start_worker();
    let mut cas = Vec::new();
    for number in 0..12 {
        let ca = app.root_ca(&format!("ca{number}")).await["id"].as_str().unwrap().to_owned();
        let role = format!("role{number}");
        app.role(&role, &ca).await;
        let issued = app.issue(&role, "one.example.internal").await;
        cas.push((ca, issued["serial_number"].clone()));
    }
    for (_, serial) in &cas {
        app.post("/v1/pki/revoke", json!({ "serial_number": serial })).await.json_with(StatusCode::OK);
    }
    for (ca, _) in &cas {
        app.eventually(&format!("/v1/pki/ca/{ca}"), |ca| ca["crl"]["entries"] == 1).await;
    }
    // The job of a CRL is finished in the same transaction, so nothing can follow once all are there.
    let mut session = app.app.database().read_system().await.unwrap();
    let rows = table::list_all(&mut session).await.unwrap();
    let crl_jobs: Vec<_> = rows.iter().filter(|row| row.kind == "rebuild_crl").collect();
    assert_eq!(crl_jobs.len(), cas.len());
    for row in crl_jobs {
        assert_eq!((row.state.as_str(), row.attempts, &row.last_error), ("done", 1, &None), "{row:?}");
    }
    for (ca, _) in &cas {
        let ca = app.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
        let builds = format!("SELECT builds FROM crls WHERE ca_id = '{}'", ca["id"].as_str().unwrap());
        assert_eq!(Sql::open(app.database_url()).await.number(&builds).await, 2, "built once: {ca}");
    }
}

/// Asks until the number is as wanted; fails the test after 30 s.
pub(crate) async fn until(sql: &Sql, query: &str, wanted: i64) {
    let arrived = async {
        while sql.number(query).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), arrived).await.is_ok(), "never {wanted}: {query}");
}
