//! Revocations that are scheduled: `revoke_at` of `/v1/pki/revoke`.

use std::time::Duration;

use certmill_domain::Timestamp;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use crate::ca::text;
use crate::revoke::entries;

async fn issued(app: &TestApp) -> (String, Value) {
    let root = app.root_ca("root").await;
    app.role("web", text(&root["id"])).await;
    (format!("/v1/pki/ca/{}", text(&root["id"])), app.issue("web", "a.example.internal").await)
}

fn hours(app: &TestApp, hours: u64) -> Timestamp {
    app.app.now().plus(Duration::from_hours(hours)).whole_seconds()
}

fn wish(certificate: &Value, more: &Value) -> Value {
    crate::ca::changed(json!({ "serial_number": certificate["serial_number"], "reason": "superseded" }), more)
}

async fn ask(app: &TestApp, body: Value) -> Value {
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK)
}

fn path(certificate: &Value) -> String {
    format!("/v1/pki/certificates/{}", text(&certificate["certificate_id"]))
}

both_modes! {
    async fn a_certificate_is_revoked_when_its_time_has_come(app: TestApp) {
        let (ca, certificate) = issued(&app).await;
        let (soon, later) = (hours(&app, 2), hours(&app, 30));
        let body = wish(&certificate, &json!({ "revoke_at": later.to_string(), "dry_run": true }));
        let preview = ask(&app, body.clone()).await;
        assert_eq!((&preview["preview"]["effect"], &preview["revoked_at"]), (&json!("schedule"), &json!(null)));
        assert!(text(&preview["preview"]["crl_known_by"]) > text(&preview["revoke_at"]), "{preview}");
        assert!(app.get(&path(&certificate)).await.json().get("scheduled_revocation").is_none());
        ask(&app, wish(&certificate, &json!({ "revoke_at": later.to_string() }))).await;
        // Another time takes the place of the first one.
        let body = wish(&certificate, &json!({ "revoke_at": soon.to_string(), "reason": "keyCompromise" }));
        let scheduled = ask(&app, body).await;
        assert_eq!(scheduled["revoke_at"], soon.to_string());
        let shown = app.get(&path(&certificate)).await.json_with(StatusCode::OK);
        let wanted = json!({ "revoke_at": soon.to_string(), "reason": "keyCompromise" });
        assert_eq!((&shown["status"], &shown["scheduled_revocation"]), (&json!("active"), &wanted));
        app.advance(Duration::from_mins(90)).await;
        assert_eq!(app.get(&path(&certificate)).await.json()["status"], "active");
        app.advance(Duration::from_mins(31)).await;
        let revoked = app.eventually(&path(&certificate), |row| row["status"] == "revoked").await;
        assert_eq!(revoked["revocation_reason"], "keyCompromise");
        assert!(text(&revoked["revoked_at"]) >= soon.to_string().as_str(), "{revoked}");
        assert!(revoked.get("scheduled_revocation").is_none(), "{revoked}");
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let reasons: Vec<String> = entries(&app, &ca).await.into_values().collect();
        assert_eq!(reasons, ["Key Compromise"]);
        let events = app.get("/v1/events?type=certificate.revoked").await.json_with(StatusCode::OK);
        assert!(events.to_string().contains("scheduled_for"), "{events}");
        assert_eq!(events["events"].as_array().unwrap().len(), 1, "{events}");
        // The audit log has it as what it is, done by the service.
        let rows = app.get("/v1/audit/logs?action=certificate.revoke").await.json_with(StatusCode::OK);
        let row = &rows["logs"][0];
        assert_eq!((&row["object"], &row["identity"]), (&certificate["certificate_id"], &json!("service")), "{rows}");
        assert_eq!(rows["logs"].as_array().unwrap().len(), 1, "{rows}");
    }

    async fn what_is_scheduled_can_be_taken_back(app: TestApp) {
        let (_, certificate) = issued(&app).await;
        let cancel = wish(&certificate, &json!({ "cancel_scheduled": true, "reason": null }));
        app.post("/v1/pki/revoke", cancel.clone()).await.error(409, "invalid_state");
        ask(&app, wish(&certificate, &json!({ "revoke_at": hours(&app, 2).to_string() }))).await;
        let preview = ask(&app, crate::ca::changed(cancel.clone(), &json!({ "dry_run": true }))).await;
        assert_eq!(preview["preview"]["effect"], "cancel");
        let cancelled = ask(&app, cancel.clone()).await;
        assert_eq!((&cancelled["revoked_at"], &cancelled["reason"]), (&json!(null), &json!("superseded")));
        app.post("/v1/pki/revoke", cancel).await.error(409, "invalid_state");
        // Moved to later, and taken over by a revocation at once.
        let minutes = app.app.now().plus(Duration::from_mins(5)).whole_seconds();
        ask(&app, wish(&certificate, &json!({ "revoke_at": minutes.to_string() }))).await;
        ask(&app, wish(&certificate, &json!({ "revoke_at": hours(&app, 3).to_string() }))).await;
        app.advance(Duration::from_mins(10)).await;
        let kind = "/v1/jobs?kind=revoke_scheduled&state=done";
        app.eventually(kind, |jobs| jobs["jobs"].as_array().is_some_and(|jobs| !jobs.is_empty())).await;
        assert_eq!(app.get(&path(&certificate)).await.json()["status"], "active");
        ask(&app, wish(&certificate, &json!({}))).await;
        let now = app.get(&path(&certificate)).await.json_with(StatusCode::OK);
        assert_eq!(now["revocation_reason"], "superseded");
        assert!(now.get("scheduled_revocation").is_none(), "{now}");
    }

    async fn what_cannot_be_scheduled_is_said(app: TestApp) {
        let (_, certificate) = issued(&app).await;
        let past = app.app.now().minus(Duration::from_mins(1)).to_string();
        for (change, field) in [
            (json!({ "revoke_at": past }), "revoke_at"),
            (json!({ "revoke_at": "tomorrow" }), "revoke_at"),
            (json!({ "revoke_at": hours(&app, 24 * 365).to_string() }), "revoke_at"),
            (json!({ "revoke_at": hours(&app, 2).to_string(), "cancel_scheduled": true }), "cancel_scheduled"),
        ] {
            let error = app.post("/v1/pki/revoke", wish(&certificate, &change)).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        let release = wish(&certificate, &json!({ "revoke_at": hours(&app, 2).to_string(), "reason": "removeFromCRL" }));
        app.post("/v1/pki/revoke", release.clone()).await.error(409, "invalid_state");
        ask(&app, wish(&certificate, &json!({ "reason": "certificateHold" }))).await;
        app.post("/v1/pki/revoke", release).await.error(422, "validation_error");
        // A suspension can become final later.
        ask(&app, wish(&certificate, &json!({ "revoke_at": hours(&app, 2).to_string() }))).await;
        app.advance(Duration::from_hours(3)).await;
        app.eventually(&path(&certificate), |row| row["revocation_reason"] == "superseded").await;
        let again = wish(&certificate, &json!({ "revoke_at": hours(&app, 2).to_string() }));
        app.post("/v1/pki/revoke", again).await.error(409, "invalid_state");
    }
}
