//! Whether the service says that it cannot work.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp};

use crate::access::rows::Rows;

/// Lets new transactions write or not, as after a failover to a standby, and ends all other connections.
async fn write(rows: &mut Rows, app: &TestApp, may: bool) {
    let database = app.database_url().rsplit('/').next().unwrap().split('?').next().unwrap();
    let setting = if may { "off" } else { "on" };
    rows.execute(&format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = {setting}"))
        .await;
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    rows.execute(&format!("SELECT pg_terminate_backend(pid) {others}")).await;
}

async fn until_ready(app: &TestApp, wanted: impl Fn(StatusCode, &Value) -> bool) -> Value {
    let arrived = async {
        loop {
            let answer = app.get("/readyz").await;
            let body = answer.json();
            if wanted(answer.status, &body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), arrived).await.expect("/readyz never became as wanted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_takes_no_writes_is_noticed_and_costs_nothing() {
    let app = TestApp::without_worker(Mode::Fleet).await;
    let ca = app.root_ca("root").await;
    app.role("web", ca["id"].as_str().unwrap()).await;
    app.issue("web", "before.example.internal").await;
    until_ready(&app, |status, _| status == StatusCode::OK).await;
    let mut rows = Rows::of(&app).await;

    write(&mut rows, &app, false).await;
    let said =
        |body: &Value| body["errors"]["database"].as_str().unwrap_or_default().contains("cannot be written");
    let body = until_ready(&app, |_, body| said(body)).await;
    assert_eq!(
        (&body["status"], &body["checks"]["database"]),
        (&json!("not_ready"), &json!("failed")),
        "{body}"
    );
    let refused = app.post("/v1/pki/issue/web", json!({ "common_name": "during.example.internal" })).await;
    refused.error(503, "service_unavailable");
    app.patch("/v1/pki/roles/web", json!({ "max_ttl": "30d" })).await.error(503, "service_unavailable");
    let found = app.get("/v1/pki/certificates").await.json_with(StatusCode::OK);
    assert_eq!(found["certificates"].as_array().unwrap().len(), 1, "reading goes on: {found}");

    write(&mut rows, &app, true).await;
    until_ready(&app, |status, _| status == StatusCode::OK).await;
    app.issue("web", "after.example.internal").await;
    let found = app.get("/v1/pki/certificates").await.json_with(StatusCode::OK);
    assert_eq!(found["certificates"].as_array().unwrap().len(), 2, "{found}");
}
