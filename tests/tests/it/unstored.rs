//! Roles that do not store their certificates: what is kept, and that all the same everything of them can be revoked.

use std::time::Duration;

use certmill_service::jobs::{Job, JobKind};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, text};
use crate::csr::request;
use crate::jobs::sql::Sql;

/// A CA with the role `thin`; answers its path.
async fn thin(app: &TestApp) -> String {
    let body =
        json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "ocsp": true });
    let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    let role = json!({ "name": "thin", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec", "no_store": true });
    app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn issue(app: &TestApp, ttl: &str) -> Value {
    let body = json!({ "common_name": "a.example.internal", "ttl": ttl });
    app.post("/v1/pki/issue/thin", body).await.json_with(StatusCode::CREATED)
}

async fn revoke(app: &TestApp, issued: &Value, more: Value) -> Value {
    let body = changed(json!({ "serial_number": issued["serial_number"] }), &more);
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK)
}

async fn entries(app: &TestApp, ca: &str) -> i64 {
    let built = app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
    built["entries"].as_i64().unwrap()
}

/// What `openssl ocsp` makes of the answer about a certificate.
async fn ocsp(app: &TestApp, ca: &str, issued: &Value) -> String {
    let judge = Judge::new();
    judge.write("ca.pem", text(&app.get(&format!("{ca}/certificate")).await.json()["certificate_pem"]));
    judge.write("leaf.pem", text(&issued["certificate"]));
    judge.run("ocsp -issuer ca.pem -cert leaf.pem -reqout request.der");
    let body = std::fs::read(judge.path().join("request.der")).unwrap();
    let path = format!("/pub/ocsp/{}", ca.rsplit('/').next().unwrap());
    let answer = app.send(Method::POST, &path, None, &[], Some(("application/ocsp-request", body))).await;
    judge.write("answer.der", &answer.body);
    judge.run(
        "ocsp -no_nonce -reqin request.der -respin answer.der -CAfile ca.pem -issuer ca.pem -cert leaf.pem",
    )
}

both_modes! {
    async fn only_what_revoking_needs_is_kept(app: TestApp) {
        let ca = thin(&app).await;
        let issued = issue(&app, "1h").await;
        let sql = Sql::open(app.database_url()).await;
        for (table, rows) in [("certificates", 0), ("certificate_names", 0), ("certificate_text", 0), ("certificate_text_waiting", 0), ("unstored_certificates", 1)] {
            assert_eq!(sql.number(&format!("SELECT count(*) FROM {table}")).await, rows, "{table}");
        }
        let (id, serial) = (text(&issued["certificate_id"]), text(&issued["serial_number"]));
        app.get(&format!("/v1/pki/certificates/{id}")).await.error(404, "certificate_not_found");
        app.post(&format!("/v1/pki/certificates/{id}/renew"), json!({})).await.error(404, "certificate_not_found");
        let found = app.get(&format!("/v1/pki/certificates?serial_number={serial}")).await.json_with(StatusCode::OK);
        assert_eq!(found["certificates"], json!([]));
        let logs = app.get(&format!("/v1/audit/logs?object={id}&success=true")).await.json_with(StatusCode::OK);
        assert_eq!(logs["logs"][0]["action"], "certificate.issue", "{logs}");
        assert!(logs["logs"][0]["after_sha256"].is_string(), "the fingerprint");
        assert_eq!(app.get(&ca).await.json_with(StatusCode::OK)["certificates_issued"], 1);
        let told = ocsp(&app, &ca, &issued).await;
        assert!(told.contains("leaf.pem: good"), "{told}");
    }

    async fn a_serial_number_is_enough_to_revoke(app: TestApp) {
        let ca = thin(&app).await;
        let (issued, other) = (issue(&app, "1d").await, issue(&app, "1d").await);
        let preview = revoke(&app, &issued, json!({ "dry_run": true })).await;
        assert_eq!((&preview["preview"]["effect"], entries(&app, &ca).await), (&json!("revoke"), 0));
        let revoked = revoke(&app, &issued, json!({ "reason": "certificateHold" })).await;
        assert_eq!(revoked["certificate_id"], issued["certificate_id"], "{revoked}");
        assert_eq!(entries(&app, &ca).await, 1);
        revoke(&app, &issued, json!({ "reason": "removeFromCRL" })).await;
        assert_eq!(entries(&app, &ca).await, 0, "the suspension is lifted");
        revoke(&app, &issued, json!({ "reason": "superseded" })).await;
        let again = revoke(&app, &issued, json!({})).await;
        assert_eq!(again["reason"], "superseded", "{again}");
        revoke(&app, &issued, json!({ "reason": "keyCompromise" })).await;
        let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", body).await.error(409, "invalid_state");
        assert_eq!(entries(&app, &ca).await, 1);
        let (one, two) = (ocsp(&app, &ca, &issued).await, ocsp(&app, &ca, &other).await);
        assert!(one.contains("leaf.pem: revoked") && one.contains("keyCompromise"), "{one}");
        assert!(two.contains("leaf.pem: good"), "{two}");
        let later = app.app.now().plus(Duration::from_mins(1)).to_string();
        let body = json!({ "serial_number": other["serial_number"], "revoke_at": later });
        app.post("/v1/pki/revoke", body).await.error(422, "validation_error");
        let (_, stranger) = app.another_tenant("second").await;
        let body = json!({ "serial_number": other["serial_number"] });
        app.post_as(&stranger, "/v1/pki/revoke", body).await.error(404, "certificate_not_found");
    }

    async fn revoking_the_ca_revokes_them(app: TestApp) {
        let ca = thin(&app).await;
        issue(&app, "1d").await;
        let answer = app.post(&format!("{ca}/revoke"), json!({})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let shown = app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(shown["status"], "revoked", "{shown}");
        let revoked = "SELECT count(*) FROM unstored_certificates WHERE revoked_at IS NOT NULL";
        assert_eq!(Sql::open(app.database_url()).await.number(revoked).await, 1);
    }

    async fn what_needs_a_stored_certificate_is_refused(app: TestApp) {
        let ca = thin(&app).await;
        let id = ca.rsplit('/').next().unwrap();
        let both = json!({ "no_store": true, "store_private_keys": true });
        let error = app.patch("/v1/pki/roles/thin", both).await.error(422, "validation_error");
        assert!(error.to_string().contains("no_store"), "{error}");
        app.role("web", id).await;
        let stored = app.issue("web", "a.example.internal").await;
        app.patch("/v1/pki/roles/web", json!({ "no_store": true })).await.json_with(StatusCode::OK);
        let renew = format!("/v1/pki/certificates/{}/renew", text(&stored["certificate_id"]));
        app.post(&renew, json!({})).await.error(422, "validation_error");
        let csr = json!({ "csr_pem": request("-subj /CN=b.example.internal") });
        let csr = app.post("/v1/pki/csr/import", csr).await.json_with(StatusCode::CREATED);
        let csr = format!("/v1/pki/csr/{}", text(&csr["id"]));
        app.post(&format!("{csr}/approve"), json!({})).await.json_with(StatusCode::OK);
        let body = json!({ "ca_id": id, "role": "thin" });
        app.post(&format!("{csr}/sign"), body).await.error(422, "validation_error");
        assert_eq!(app.get(&csr).await.json_with(StatusCode::OK)["status"], "approved", "it can be signed otherwise");
    }

    async fn they_are_forgotten_after_their_end(app: TestApp) {
        let ca = thin(&app).await;
        let (revoked, plain) = (issue(&app, "1h").await, issue(&app, "1h").await);
        issue(&app, "9d").await;
        revoke(&app, &revoked, json!({})).await;
        assert_eq!(entries(&app, &ca).await, 1);
        let sql = Sql::open(app.database_url()).await;
        let rows = async || sql.number("SELECT count(*) FROM unstored_certificates").await;
        let forget = async || {
            let done = format!("SELECT count(*) FROM jobs WHERE kind = '{}' AND state = 'done'", JobKind::Forget.as_str());
            let before = sql.number(&done).await;
            let mut tx = app.app.database().begin_system().await.unwrap();
            app.app.enqueue_system(&mut tx, Job::Forget).await.unwrap();
            tx.commit().await.unwrap();
            app.app.wake_workers();
            let over = async { while sql.number(&done).await == before { tokio::task::yield_now().await } };
            tokio::time::timeout(Duration::from_secs(30), over).await.expect("what is over was not forgotten");
        };
        app.advance(Duration::from_hours(3)).await;
        forget().await;
        assert_eq!(rows().await, 2, "the revoked one is on the list");
        assert_eq!(entries(&app, &ca).await, 1, "on one list from after its end");
        app.advance(Duration::from_mins(5)).await;
        assert_eq!(entries(&app, &ca).await, 0);
        forget().await;
        assert_eq!(rows().await, 1);
        for issued in [&revoked, &plain] {
            let body = json!({ "serial_number": issued["serial_number"] });
            app.post("/v1/pki/revoke", body).await.error(404, "certificate_not_found");
        }
        assert_eq!(entries(&app, &ca).await, 0, "lists are built as before");
        let logs = app.get("/v1/audit/logs?action=certificate.forget_unstored").await.json_with(StatusCode::OK);
        assert_eq!(logs["logs"].as_array().unwrap().len(), 2, "{logs}");
    }
}
