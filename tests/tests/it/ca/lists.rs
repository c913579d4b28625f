//! CRLs over time: their numbers, how long they are good, and what may leave them.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::json;
use tests::{TestApp, both_modes};

use super::{seconds, text};
use crate::jobs::sql::Sql;

/// A root with a role `web` on it; answers the path of the root.
async fn web(app: &TestApp) -> String {
    let root = app.root_ca("root").await;
    app.role("web", text(&root["id"])).await;
    format!("/v1/pki/ca/{}", text(&root["id"]))
}

async fn revoke(app: &TestApp, name: &str) {
    let issued = app.issue("web", &format!("{name}.example.internal")).await;
    let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

both_modes! {
    /// A backup is restored that is older than the lists that are out already.
    async fn numbers_do_not_go_back_with_the_database(app: TestApp) {
        let ca = web(&app).await;
        let build = async || app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK)["crl_number"].as_i64().unwrap();
        let first = build().await;
        let now = app.app.now().unix_seconds();
        assert!((now - 60..=now + 1).contains(&first), "{first} at {now}");
        let published = [first, build().await, build().await];
        assert!(published.is_sorted_by(|a, b| a < b), "{published:?}");
        let sql = Sql::open(app.database_url()).await;
        sql.run("UPDATE crls SET number = 3, builds = 3").await;
        app.advance(Duration::from_secs(5)).await;
        assert!(build().await > published[2], "{published:?}");
    }

    async fn a_ca_has_its_own_times(app: TestApp) {
        let body = json!({
            "name": "short", "common_name": "Short", "ca_type": "root", "key_type": "ec", "crl_validity": "1h", "crl_overlap": "20m",
        });
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        assert_eq!((text(&ca["crl_validity"]), text(&ca["crl_overlap"])), ("3600s", "1200s"));
        let lasts = |ca: &serde_json::Value| seconds(&ca["crl"]["next_update"]) - seconds(&ca["crl"]["this_update"]);
        assert_eq!(lasts(&ca), 3_600);
        // It is built anew when a third of it is left, and not before.
        let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
        let due = ca["crl"]["this_update"].clone();
        app.advance(Duration::from_mins(45)).await;
        let renewed = app.eventually(&path, |ca| ca["crl"]["this_update"] != due).await;
        assert_eq!(lasts(&renewed), 3_600);
        let changed = app.patch(&path, json!({ "crl_validity": "2d", "crl_overlap": null })).await.json_with(StatusCode::OK);
        assert_eq!((&changed["crl_validity"], &changed["crl_overlap"]), (&json!("172800s"), &json!(null)));
        app.post(&format!("{path}/crl"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(lasts(&app.get(&path).await.json()), 172_800);
        for (change, field) in [
            (json!({ "crl_validity": "5m" }), "crl_validity"), (json!({ "crl_validity": "400d" }), "crl_validity"),
            (json!({ "crl_overlap": "1m" }), "crl_overlap"), (json!({ "crl_overlap": "2d" }), "crl_overlap"),
        ] {
            let error = app.patch(&path, change.clone()).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{change}: {error}");
        }
        assert_eq!(app.get(&path).await.json()["crl_validity"], "172800s");
    }

    /// Somebody, or something, has made a revocation disappear from the rows.
    async fn a_list_from_which_a_revocation_has_vanished_is_not_published(app: TestApp) {
        let ca = web(&app).await;
        revoke(&app, "a").await;
        let before = app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let sql = Sql::open(app.database_url()).await;
        sql.run("CREATE TABLE kept AS SELECT id, revoked_at FROM certificates WHERE revoked_at IS NOT NULL").await;
        sql.run("UPDATE certificates SET revoked_at = NULL, revocation_reason = NULL, status = 'active'").await;
        revoke(&app, "b").await;
        let refused = "SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND last_error IS NOT NULL";
        crate::jobs::workers::until(&sql, refused, 1).await;
        assert_eq!(app.get(&ca).await.json()["crl"], before["crl"], "the list from before stays");
        // A person has looked, and put it right.
        sql.run(
            "UPDATE certificates SET status = 'revoked', revocation_reason = 4, \
             revoked_at = (SELECT revoked_at FROM kept WHERE kept.id = certificates.id) \
             WHERE id IN (SELECT id FROM kept)",
        )
        .await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 2).await;
    }

    /// The same of a CA below, whose entry costs most when it is missing.
    async fn a_list_from_which_a_revoked_ca_has_vanished_is_not_published(app: TestApp) {
        let ca = web(&app).await;
        let below = app.intermediate_ca("below", ca.rsplit('/').next().unwrap()).await;
        let path = format!("/v1/pki/ca/{}", text(&below["id"]));
        app.post(&format!("{path}/revoke"), json!({ "reason": "superseded" })).await.json_with(StatusCode::ACCEPTED);
        let before = app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let sql = Sql::open(app.database_url()).await;
        sql.run("UPDATE certificate_authorities SET revoked_at = NULL, revocation_reason = NULL").await;
        revoke(&app, "b").await;
        let refused = "SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND last_error IS NOT NULL";
        crate::jobs::workers::until(&sql, refused, 1).await;
        assert_eq!(app.get(&ca).await.json()["crl"], before["crl"], "the list from before stays");
    }
}
