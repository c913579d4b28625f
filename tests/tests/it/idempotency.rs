//! Calls with an `Idempotency-Key`: the first is carried out, its repetitions get its answer.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_domain::Scope;
use certmill_service::App;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

use crate::jobs::sql::Sql;

async fn post(app: &TestApp, path: &str, key: &str, body: Value) -> Answer {
    post_as(app, &app.admin, path, key, body).await
}

async fn post_as(app: &TestApp, token: &str, path: &str, key: &str, body: Value) -> Answer {
    let body = serde_json::to_vec(&body).unwrap();
    let headers = [("idempotency-key", key)];
    app.send(Method::POST, path, Some(token), &headers, Some(("application/json", body))).await
}

async fn with_role(app: &TestApp) {
    let ca = app.root_ca("root").await;
    app.role("web", ca["id"].as_str().unwrap()).await;
}

async fn certificates(app: &TestApp) -> usize {
    app.get("/v1/pki/certificates").await.json()["certificates"].as_array().unwrap().len()
}

const ISSUE: &str = "/v1/pki/issue/web";

fn name(name: &str) -> Value {
    json!({ "common_name": format!("{name}.example.internal") })
}

both_modes! {
    async fn a_repeated_call_gets_the_first_answer(app: TestApp) {
        with_role(&app).await;
        let first = post(&app, ISSUE, "one", name("a")).await;
        let again = post(&app, ISSUE, "one", name("a")).await;
        assert_eq!(again.json_with(StatusCode::CREATED), first.json_with(StatusCode::CREATED));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (String::new(), "true".to_owned()));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        assert_eq!(certificates(&app).await, 1);
        post(&app, ISSUE, "two", name("a")).await.json_with(StatusCode::CREATED);
        assert_eq!(certificates(&app).await, 2);
    }

    async fn a_key_stands_for_one_request(app: TestApp) {
        with_role(&app).await;
        post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        let other_body = post(&app, ISSUE, "one", name("b")).await;
        let error = other_body.error(422, "validation_error");
        assert!(error["details"]["fields"]["Idempotency-Key"].as_str().unwrap().contains("another request"));
        post(&app, "/v1/pki/sign/web", "one", name("a")).await.error(422, "validation_error");
        assert_eq!(certificates(&app).await, 1);
        // Another token's key is another key.
        let issuer = app.token(Scope::Issue).await;
        post_as(&app, &issuer, ISSUE, "one", name("b")).await.json_with(StatusCode::CREATED);
        for illegal in ["", "ä", &"x".repeat(256)] {
            post(&app, ISSUE, illegal, name("c")).await.error(422, "validation_error");
        }
    }

    async fn a_refused_call_gives_its_key_back(app: TestApp) {
        post(&app, ISSUE, "one", name("a")).await.error(404, "role_not_found");
        with_role(&app).await;
        post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
    }

    async fn of_many_at_once_one_is_carried_out(app: TestApp) {
        with_role(&app).await;
        let calls = (0..12).map(|_| post(&app, ISSUE, "one", name("a")));
        let answers = futures_util::future::join_all(calls).await;
        let mut serials = BTreeSet::new();
        for answer in answers {
            if answer.status == StatusCode::CONFLICT {
                answer.error(409, "invalid_state");
                assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            } else {
                serials.insert(answer.json_with(StatusCode::CREATED)["serial_number"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(serials.len(), 1);
        assert_eq!(certificates(&app).await, 1);
    }

    async fn every_kind_of_creation_is_repeatable(app: TestApp) {
        let body = json!({ "name": "r", "common_name": "R", "ca_type": "root", "key_type": "ec" });
        let ca = post(&app, "/v1/pki/ca", "ca", body.clone()).await.json_with(StatusCode::CREATED);
        assert_eq!(post(&app, "/v1/pki/ca", "ca", body.clone()).await.json(), ca);
        // Without a key the name is taken.
        app.post("/v1/pki/ca", body).await.error(409, "already_exists");
        let body = json!({ "name": "web", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec" });
        let role = post(&app, "/v1/pki/roles", "role", body.clone()).await.json_with(StatusCode::CREATED);
        assert_eq!(post(&app, "/v1/pki/roles", "role", body).await.json(), role);
        let body = json!({ "name": "t", "scopes": ["pki:read"] });
        let token = post(&app, "/v1/tokens", "token", body.clone()).await.json_with(StatusCode::CREATED);
        assert_eq!(post(&app, "/v1/tokens", "token", body).await.json(), token);
        let path = format!("/v1/pki/ca/{}/revoke", ca["id"].as_str().unwrap());
        let revoked = post(&app, &path, "revoke", json!({})).await;
        assert_eq!(revoked.status, StatusCode::ACCEPTED, "{}", revoked.text());
        assert_eq!(post(&app, &path, "revoke", json!({})).await.json(), revoked.json());
    }

    async fn secrets_leave_the_repeated_answer_after_ten_minutes(app: TestApp) {
        with_role(&app).await;
        let first = post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        assert!(first["private_key"].is_string());
        app.advance(Duration::from_secs(9 * 60 + 30)).await;
        assert_eq!(post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED), first);
        app.advance(Duration::from_secs(30)).await;
        let mut expected = first.clone();
        expected.as_object_mut().unwrap().remove("private_key");
        assert_eq!(post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED), expected);
        // The sweep then takes them out of the row as well.
        sweep(&app.app).await;
        let sql = Sql::open(app.database_url()).await;
        assert_eq!(sql.number("SELECT COUNT(*) FROM idempotency_keys WHERE sealed_secret_answer IS NOT NULL").await, 0);
        app.advance(Duration::from_hours(24)).await;
        let anew = post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        assert_ne!(anew["serial_number"], first["serial_number"]);
    }

    async fn nothing_secret_is_stored_in_the_clear(app: TestApp) {
        with_role(&app).await;
        let issued = post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        let line = issued["private_key"].as_str().unwrap().lines().nth(1).unwrap().to_owned();
        let sql = Sql::open(app.database_url()).await;
        for column in ["sealed_answer", "sealed_secret_answer"] {
            let bytes = sql.bytes(&format!("SELECT {column} FROM idempotency_keys")).await;
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&line) && !text.contains("serial_number"), "{column}");
        }
    }

    async fn a_call_that_died_is_carried_out_or_told(app: TestApp) {
        with_role(&app).await;
        post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        let certificate = app.get("/v1/pki/certificates").await.json()["certificates"][0]["id"].as_str().unwrap().to_owned();
        let sql = Sql::open(app.database_url()).await;
        // The process died after the commit and before it could keep the answer.
        sql.run("UPDATE idempotency_keys SET status = NULL, sealed_answer = NULL, sealed_secret_answer = NULL, secret_until = NULL").await;
        let running = post(&app, ISSUE, "one", name("a")).await;
        running.error(409, "invalid_state");
        assert!(!running.header("retry-after").is_empty());
        app.advance(Duration::from_mins(2)).await;
        let told = post(&app, ISSUE, "one", name("a")).await.error(409, "invalid_state");
        assert!(told["message"].as_str().unwrap().contains(&certificate), "{told}");
        assert_eq!(certificates(&app).await, 1);
        // The process died before the commit.
        sql.run("UPDATE idempotency_keys SET effect = NULL").await;
        post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
        assert_eq!(certificates(&app).await, 2);
    }
}

async fn sweep(app: &App) {
    certmill_service::idempotency::prune(app).await.unwrap();
}

mod hanging_up {
    use super::*;

    both_modes! {
        async fn a_call_goes_on_when_its_client_hangs_up(app: TestApp) {
            with_role(&app).await;
            for number in 0..20_u64 {
                let (key, body) = (format!("key {number}"), name(&format!("a{number}")));
                // Dropping the call is what the server does to a handler whose connection is gone.
                let call = post(&app, ISSUE, &key, body.clone());
                let _ = tokio::time::timeout(Duration::from_micros(number * 300), call).await;
                let answer = loop {
                    let answer = post(&app, ISSUE, &key, body.clone()).await;
                    if answer.status != StatusCode::CONFLICT {
                        break answer;
                    }
                    let told = answer.json()["error"]["details"]["state"].clone();
                    assert_eq!(told, "running", "the answer was lost: {}", answer.text());
                    tokio::task::yield_now().await;
                };
                assert!(answer.json_with(StatusCode::CREATED)["private_key"].is_string());
            }
            assert_eq!(certificates(&app).await, 20);
        }

        async fn a_repeated_private_key_is_in_the_audit_log(app: TestApp) {
            with_role(&app).await;
            let issued = post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
            post(&app, ISSUE, "one", name("a")).await.json_with(StatusCode::CREATED);
            let logs = app.get("/v1/audit/logs?action=certificate.private_key").await.json();
            let objects: Vec<&Value> = logs["logs"].as_array().unwrap().iter().map(|row| &row["object"]).collect();
            assert_eq!(objects, [&issued["certificate_id"]]);
        }
    }
}
