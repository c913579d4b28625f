//! The audit log: what is written, by whom it can be read, and that changing it is noticed.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::time::Duration;

use certmill_domain::{Scope, genesis};
use certmill_service::audit::{Head, Verdict, archive, verify};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use crate::jobs::sql::Sql;

async fn logs(app: &TestApp, query: &str) -> Vec<Value> {
    let body = app.get(&format!("/v1/audit/logs?{query}")).await.json_with(StatusCode::OK);
    body["logs"].as_array().unwrap().clone()
}

both_modes! {
    async fn every_change_has_one_row(app: TestApp) {
        let ca = app.root_ca("root").await;
        let role = app.role("web", ca["id"].as_str().unwrap()).await;
        let issued = app.issue("web", "a.example.internal").await;
        app.patch("/v1/pki/roles/web", json!({ "max_ttl": "30d" })).await.json_with(StatusCode::OK);
        let revoke = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", revoke.clone()).await.json_with(StatusCode::OK);
        app.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);

        let rows = logs(&app, "").await;
        let told: Vec<(&str, &str)> = rows
            .iter()
            .rev()
            .map(|row| (row["action"].as_str().unwrap(), row["object"].as_str().unwrap()))
            .collect();
        let certificate = issued["certificate_id"].as_str().unwrap();
        let tenant = app.tenant.id.to_string();
        assert_eq!(told[0], ("tenant.create", tenant.as_str()));
        assert_eq!(told[1].0, "token.create");
        // Revoking again changes nothing, so there is nothing to tell.
        assert_eq!(told[2..], [
            ("ca.create", ca["id"].as_str().unwrap()),
            ("role.create", role["id"].as_str().unwrap()),
            ("certificate.issue", certificate),
            ("role.update", role["id"].as_str().unwrap()),
            ("certificate.revoke", certificate),
        ]);
        let issue = &rows[2];
        assert_eq!(issue["success"], true);
        assert!(issue["identity"].as_str().unwrap().starts_with("tok_"));
        let found = app.get(&format!("/v1/pki/certificates/{certificate}")).await.json();
        assert_eq!(issue["after_sha256"], found["fingerprint_sha256"]);
        assert_eq!(rows[1]["before_sha256"], rows[3]["after_sha256"], "the role was changed from what was made");
        for pair in rows.windows(2) {
            assert_eq!(pair[0]["previous_hash"], pair[1]["hash"]);
            assert_eq!(pair[0]["sequence"].as_i64().unwrap(), pair[1]["sequence"].as_i64().unwrap() + 1);
        }
    }

    async fn each_change_of_a_certificate_begins_with_what_the_one_before_has_left(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let issued = app.issue("web", "a.example.internal").await;
        let path = format!("/v1/pki/certificates/{}", issued["certificate_id"].as_str().unwrap());
        let changes = [
            json!({ "endpoints": ["127.0.0.1:1"] }),
            json!({ "tags": { "team": "web" } }),
            json!({ "endpoints": ["127.0.0.1:2", "127.0.0.1:3"] }),
            json!({ "description": "the shop" }),
            json!({ "endpoints": [] }),
        ];
        for change in changes {
            app.patch(&path, change).await.json_with(StatusCode::OK);
        }
        let mut rows = logs(&app, "action=certificate.update").await;
        rows.reverse();
        assert_eq!(rows.len(), 5, "{rows:?}");
        for pair in rows.windows(2) {
            assert_eq!(pair[0]["after_sha256"], pair[1]["before_sha256"], "{rows:?}");
            assert_ne!(pair[0]["after_sha256"], pair[0]["before_sha256"], "{rows:?}");
        }
    }

    async fn refused_calls_are_told_with_their_code(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let answer = app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.com" })).await;
        answer.error(422, "role_violation");
        let reader = app.token(Scope::Read).await;
        let body = Some(("application/json", b"{}".to_vec()));
        let forbidden = app.send(Method::POST, "/v1/pki/ca", Some(&reader), &[], body.clone()).await;
        forbidden.error(403, "insufficient_scope");
        app.send(Method::POST, "/v1/pki/ca", Some("cmt_nobody"), &[], body).await;
        app.get("/v1/pki/ca/ca_unknown").await.error(404, "ca_not_found");

        let rows = logs(&app, "success=false").await;
        let told: Vec<(&Value, &Value, &Value)> =
            rows.iter().map(|row| (&row["action"], &row["object"], &row["error_code"])).collect();
        assert_eq!(told, [
            (&json!("ca.create"), &Value::Null, &json!("insufficient_scope")),
            (&json!("certificate.issue"), &json!("web"), &json!("role_violation")),
        ]);
        assert_eq!(rows[1]["request_id"], answer.header("x-request-id"));
    }

    async fn filters_narrow_and_pages_follow(app: TestApp) {
        let ca = app.root_ca("root").await;
        let ca_id = ca["id"].as_str().unwrap();
        app.role("web", ca_id).await;
        for number in 0..5 {
            app.issue("web", &format!("a{number}.example.internal")).await;
        }
        let all = logs(&app, "").await;
        let issues = logs(&app, "action=certificate.issue").await;
        assert_eq!(issues.len(), 5);
        assert_eq!(logs(&app, &format!("object={ca_id}")).await.len(), 1);
        assert_eq!(logs(&app, &format!("request_id={}", issues[0]["request_id"].as_str().unwrap())).await, issues[..1]);
        let identity = issues[0]["identity"].as_str().unwrap();
        assert_eq!(logs(&app, &format!("identity={identity}")).await.len(), 7);
        assert_eq!(logs(&app, "identity=operator").await.len(), all.len() - 7);
        assert!(logs(&app, "from=2100-01-01T00:00:00Z").await.is_empty());
        assert_eq!(logs(&app, "from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z").await.len(), all.len());
        assert!(logs(&app, "to=2000-01-01T00:00:00Z").await.is_empty());
        app.get("/v1/audit/logs?action=ca.destroy").await.error(422, "validation_error");
        app.get("/v1/audit/logs?from=yesterday").await.error(422, "validation_error");
        app.get("/v1/audit/logs?cursor=!").await.error(400, "invalid_cursor");

        let mut paged = Vec::new();
        let mut path = "/v1/audit/logs?limit=3".to_owned();
        loop {
            let page = app.get(&path).await.json_with(StatusCode::OK);
            paged.extend(page["logs"].as_array().unwrap().clone());
            match page["cursor"].as_str() {
                Some(cursor) => path = format!("/v1/audit/logs?limit=3&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(paged, all);
    }

    async fn another_tenant_has_a_log_of_its_own(app: TestApp) {
        app.root_ca("root").await;
        let (_, other) = app.another_tenant("second").await;
        let body = app.send(Method::GET, "/v1/audit/logs", Some(&other), &[], None).await.json_with(StatusCode::OK);
        let actions: Vec<&str> =
            body["logs"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["token.create", "tenant.create"]);
    }

    async fn concurrent_changes_make_one_chain(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let calls = (0..40).map(|number| {
            let app = &app;
            async move {
                if number % 4 == 0 {
                    app.post("/v1/tokens", json!({ "name": "t", "scopes": ["pki:read"] })).await.json_with(StatusCode::CREATED);
                } else {
                    app.issue("web", &format!("a{number}.example.internal")).await;
                }
            }
        });
        futures_util::future::join_all(calls).await;
        let Verdict::Intact(end) = verify(&app.app, app.tenant.id, None).await.unwrap() else {
            panic!("the chain is broken");
        };
        assert_eq!(end.sequence, 44);
        app.issue("web", "later.example.internal").await;
        assert!(matches!(verify(&app.app, app.tenant.id, Some(end)).await.unwrap(), Verdict::Intact(_)));
    }

    async fn tampering_is_noticed(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        app.issue("web", "a.example.internal").await;
        let end = match verify(&app.app, app.tenant.id, None).await.unwrap() {
            Verdict::Intact(end) => end,
            broken @ Verdict::Broken { .. } => panic!("{broken:?}"),
        };
        let sql = Sql::open(app.database_url()).await;
        let broken_at = async || match verify(&app.app, app.tenant.id, None).await.unwrap() {
            Verdict::Intact(_) => None,
            Verdict::Broken { sequence, .. } => Some(sequence),
        };
        // What a row says; then its own form again.
        sql.run("UPDATE audit_logs SET identity = 'operator' WHERE sequence = 3").await;
        assert_eq!(broken_at().await, Some(4));
        let identity = logs(&app, "limit=1").await[0]["identity"].as_str().unwrap().to_owned();
        sql.run(&format!("UPDATE audit_logs SET identity = '{identity}' WHERE sequence = 3")).await;
        assert_eq!(broken_at().await, None);
        // The last row, which no other row vouches for.
        sql.run(&format!("UPDATE audit_logs SET object = 'cert_x' WHERE sequence = {}", end.sequence)).await;
        assert_eq!(broken_at().await, Some(end.sequence));
        sql.run(&format!("DELETE FROM audit_logs WHERE sequence = {}", end.sequence)).await;
        assert_eq!(broken_at().await, Some(end.sequence));
        // A row taken out of the middle.
        sql.run("DELETE FROM audit_logs WHERE sequence = 2").await;
        assert_eq!(broken_at().await, Some(2));
        // All of it, and a new beginning: only an end that was noted elsewhere tells.
        sql.run("DELETE FROM audit_logs").await;
        sql.run("DELETE FROM audit_heads").await;
        assert_eq!(broken_at().await, None);
        let verdict = verify(&app.app, app.tenant.id, Some(end)).await.unwrap();
        assert!(matches!(verdict, Verdict::Broken { .. }));
    }
}

/// How long rows stay at least.
const STAYING: Duration = Duration::from_hours(30 * 24);

async fn intact(app: &TestApp) -> Head {
    match verify(&app.app, app.tenant.id, None).await.unwrap() {
        Verdict::Intact(end) => end,
        broken @ Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

/// Takes what is old to a file.
async fn archive_old(app: &TestApp) -> Option<(archive::Written, Vec<u8>)> {
    let (mut file, before) = (Vec::new(), app.app.now().minus(STAYING));
    let written = archive::write(&app.app, app.tenant.id, before, &mut file).await.unwrap()?;
    Some((written, file))
}

both_modes! {
    async fn old_rows_go_to_a_file_with_the_same_chain(mode: Mode) {
        let app = TestApp::without_worker(mode).await;
        let (sql, genesis) = (Sql::open(app.database_url()).await, Head { sequence: 0, hash: genesis(app.tenant.id) });
        let (other, token) = app.another_tenant("second").await;
        app.post_as(&token, "/v1/tokens", json!({ "name": "t", "scopes": ["pki:read"] })).await.json_with(StatusCode::CREATED);
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let noted = intact(&app).await;
        assert!(archive_old(&app).await.is_none(), "nothing is that old");
        app.clock.advance(STAYING + Duration::from_hours(1));
        app.issue("web", "later.example.internal").await;
        let end = intact(&app).await;
        let rows = async || sql.number(&format!("SELECT count(*) FROM audit_logs WHERE tenant_id = '{}'", app.tenant.id)).await;

        let (written, file) = archive_old(&app).await.unwrap();
        assert_eq!((written.from, written.to), (genesis, noted));
        assert_eq!((intact(&app).await, rows().await), (end, end.sequence), "nothing is deleted yet");
        archive::forget(&app.app, &written, "first.ndjson").await.unwrap();
        assert_eq!(rows().await, 2, "the younger row, and that of the archive");
        let told = logs(&app, "action=audit.archive").await;
        assert_eq!((told.len(), &told[0]["identity"]), (1, &json!("operator")));
        assert_eq!(told[0]["object"], format!("rows 1 to {} in first.ndjson", noted.sequence));
        assert_eq!(intact(&app).await.sequence, end.sequence + 1);
        assert!(matches!(verify(&app.app, other.id, None).await.unwrap(), Verdict::Intact(of) if of.sequence > 0));
        // An end from before is proven by the file, and one from after by the rows.
        let proven = archive::verify_file(genesis, Some(noted), &file[..]).unwrap();
        assert_eq!(proven, (Verdict::Intact(noted), true));
        let in_rows = async |expected| verify(&app.app, app.tenant.id, Some(expected)).await.unwrap();
        assert!(matches!(in_rows(end).await, Verdict::Intact(_)) && matches!(in_rows(noted).await, Verdict::Intact(_)));
        assert!(matches!(in_rows(Head { sequence: 1, ..noted }).await, Verdict::Broken { .. }));
        assert!(matches!(in_rows(Head { hash: [7; 32], ..noted }).await, Verdict::Broken { .. }));
        let text = String::from_utf8(file.clone()).unwrap();
        for (from, to, place) in [("role.create", "role.delete", noted.sequence), ("\n", "", 1)] {
            let changed = text.replacen(from, to, 1);
            let (verdict, _) = archive::verify_file(genesis, None, changed.as_bytes()).unwrap();
            assert!(matches!(verdict, Verdict::Broken { sequence, .. } if sequence == place), "{verdict:?}");
        }
        // The next file goes on from the one before.
        app.clock.advance(STAYING + Duration::from_hours(1));
        let (next, file) = archive_old(&app).await.unwrap();
        assert_eq!(next.from, noted);
        archive::forget(&app.app, &next, "second.ndjson").await.unwrap();
        let proven = archive::verify_file(noted, None, &file[..]).unwrap();
        assert_eq!(proven, (Verdict::Intact(next.to), false));
        // Of two at once, the later one deletes nothing.
        assert!(archive::forget(&app.app, &written, "first.ndjson").await.is_err());
        assert_eq!((intact(&app).await.sequence, rows().await), (next.to.sequence + 1, 1));
        app.issue("web", "last.example.internal").await;
        intact(&app).await;
    }

    async fn what_a_webhook_was_not_told_of_stays(mode: Mode) {
        let app = TestApp::without_worker(mode).await;
        let (sql, tenant) = (Sql::open(app.database_url()).await, app.tenant.id);
        app.root_ca("root").await;
        let key = if matches!(sql, Sql::Sqlite(_)) { "x'00'" } else { "'\\x00'" };
        sql.run(&format!(
            "INSERT INTO webhooks (tenant_id, id, name, url, events, filters, format, sealed_secrets, sealed_at, is_active, place, \
             failures, created_at, updated_at) VALUES ('{tenant}', 'whk_x', 'w', 'https://w.test/', '[]', '{{}}', 'certmill', {key}, \
             1, TRUE, 2, 0, 1, 1)"
        ))
        .await;
        app.clock.advance(STAYING + Duration::from_hours(1));
        let (written, _) = archive_old(&app).await.unwrap();
        assert_eq!(written.to.sequence, 2);
        sql.run("UPDATE webhooks SET is_active = FALSE").await;
        assert!(archive_old(&app).await.unwrap().0.to.sequence > 2);
    }
}
