//! How calls are read and refused, whatever they are about: conditions, wrong fields, media types, ids of another kind.

use std::collections::BTreeSet;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

/// Sends a change as admin, bound to the state with this tag.
async fn change(app: &TestApp, method: Method, path: &str, (tag, body): (&str, Value)) -> Answer {
    let body = Some(("application/merge-patch+json", serde_json::to_vec(&body).unwrap()));
    let body = if method == Method::DELETE { None } else { body };
    app.send(method, path, Some(&app.admin), &[("if-match", tag)], body).await
}

/// What can be changed under a condition: its path, and two changes.
async fn changeable(app: &TestApp) -> Vec<(String, Value, Value)> {
    let root = app.root_ca("root").await;
    app.role("web", root["id"].as_str().unwrap()).await;
    let issued = app.issue("web", "a.example.internal").await;
    let provider = json!({ "name": "a", "type": "manual", "config": {}, "zones": ["example.org"] });
    let provider = app.post("/v1/pki/dns-providers", provider).await.json_with(StatusCode::CREATED);
    let webhook = json!({ "name": "a", "url": "https://127.0.0.1:1/", "events": ["ca.revoked"] });
    let webhook = app.post("/v1/webhooks", webhook).await.json_with(StatusCode::CREATED);
    let path = |kind: &str, id: &Value| format!("/v1/pki/{kind}/{}", id.as_str().unwrap());
    vec![
        (
            path("ca", &root["id"]),
            json!({ "renewal_of_desk_certificates": "desk" }),
            json!({ "renewal_of_desk_certificates": "admin" }),
        ),
        ("/v1/pki/roles/web".to_owned(), json!({ "ttl": "1h" }), json!({ "ttl": "2h" })),
        (
            path("certificates", &issued["certificate_id"]),
            json!({ "description": "one" }),
            json!({ "description": "two" }),
        ),
        (path("dns-providers", &provider["id"]), json!({ "name": "b" }), json!({ "name": "c" })),
        (
            format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap()),
            json!({ "name": "b" }),
            json!({ "name": "c" }),
        ),
    ]
}

fn fields(error: &Value) -> BTreeSet<String> {
    error["details"]["fields"].as_object().unwrap().keys().cloned().collect()
}

both_modes! {
    async fn a_change_of_a_state_that_is_gone_is_refused(app: TestApp) {
        for (path, one, two) in changeable(&app).await {
            let found = app.get(&path).await;
            let first = found.header("etag");
            assert!(first.starts_with('"') && first.ends_with('"'), "{path}: {first}");
            assert_eq!(app.get(&path).await.header("etag"), first, "{path}: reading changes the tag");
            let changed = change(&app, Method::PATCH, &path, (&first, one.clone())).await;
            assert_eq!(changed.status, StatusCode::OK, "{path}: {}", changed.text());
            let second = changed.header("etag");
            assert_ne!(second, first, "{path}");
            assert_eq!(app.get(&path).await.header("etag"), second, "{path}");
            let before = app.get(&path).await.json();
            let refused = change(&app, Method::PATCH, &path, (&first, two.clone())).await;
            assert_eq!(refused.error(412, "precondition_failed")["details"]["etag"], second, "{path}");
            assert_eq!(app.get(&path).await.json(), before, "{path}: changed all the same");
            let either = format!("{first}, {second}");
            assert_eq!(change(&app, Method::PATCH, &path, (&either, two)).await.status, StatusCode::OK, "{path}");
            assert_eq!(change(&app, Method::PATCH, &path, ("*", one)).await.status, StatusCode::OK, "{path}");
            if ["/roles/", "/dns-providers/", "/webhooks/"].iter().any(|of| path.contains(of)) {
                change(&app, Method::DELETE, &path, (&first, json!({}))).await.error(412, "precondition_failed");
                let present = app.get(&path).await.header("etag");
                let deleted = change(&app, Method::DELETE, &path, (&present, json!({}))).await;
                assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{path}: {}", deleted.text());
            }
        }
    }

    async fn wrong_parameters_are_told_in_words(app: TestApp) {
        for (query, field, words) in [
            ("limit=ten", "limit", "must be a whole number, such as 100"),
            ("limit=", "limit", "must be a whole number, such as 100"),
            ("limit=99999999999999999999", "limit", "must be a whole number, such as 100"),
            ("count=yes", "count", "must be true or false"),
        ] {
            let refused = app.get(&format!("/v1/pki/roles?{query}")).await.error(422, "validation_error");
            assert_eq!(refused["details"]["fields"][field], words, "{query}");
        }
    }

    async fn what_a_call_without_fields_is_sent_is_not_passed_over(app: TestApp) {
        let body = json!({ "subject": { "common_name": "a.example.internal" }, "key_type": "ec" });
        let csr = app.post("/v1/pki/csr", body).await.json_with(StatusCode::CREATED);
        let path = format!("/v1/pki/csr/{}/approve", csr["id"].as_str().unwrap());
        let refused = app.post(&path, json!({ "validity_days": 10, "san": [] })).await.error(422, "validation_error");
        assert_eq!(fields(&refused), BTreeSet::from(["san".to_owned(), "validity_days".to_owned()]));
        app.post(&path, json!([1])).await.error(400, "invalid_request");
        let send = async |body: &[u8]| {
            let body = Some(("application/json", body.to_vec()));
            app.send(Method::POST, &path, Some(&app.admin), &[], body).await
        };
        send(b"{\"a\":").await.error(400, "invalid_request");
        let found = app.get(path.trim_end_matches("/approve")).await.json();
        assert_eq!(found["status"], "pending", "nothing was decided");
        assert_eq!(send(b" {} ").await.json_with(StatusCode::OK)["status"], "approved");
        // Where no fields are sent, the state decides.
        send(b"").await.error(409, "invalid_state");
    }

    async fn wrong_types_are_told_in_the_words_of_json(app: TestApp) {
        let root = app.root_ca("root").await;
        app.role("web", root["id"].as_str().unwrap()).await;
        for (body, field, words) in [
            (json!({ "requests": [null] }), "requests[0]", "invalid type: null, expected an object"),
            (json!({ "requests": 1 }), "requests", "invalid type: integer, expected an array"),
        ] {
            let refused = app.post("/v1/pki/issue/web/batch", body).await.error(422, "validation_error");
            assert_eq!(refused["details"]["fields"][field], words);
        }
    }

    async fn of_changes_of_one_state_one_is_made(app: TestApp) {
        for (path, one, two) in changeable(&app).await {
            let tag = app.get(&path).await.header("etag");
            let calls = (0..8).map(|at| {
                let body = if at % 2 == 0 { one.clone() } else { two.clone() };
                let (app, path, tag) = (&app, &path, &tag);
                async move { change(app, Method::PATCH, path, (tag, body)).await }
            });
            let answers = futures_util::future::join_all(calls).await;
            let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
            // What changes nothing leaves the state as it is, so for a CA, whose rule is `admin` already, more may pass.
            let is_ca = path.contains("/ca/");
            assert!(made == 1 || (is_ca && made >= 1), "{path}: {made} of 8 were made");
            for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
                answer.error(412, "precondition_failed");
            }
        }
    }

    async fn every_wrong_field_is_told_at_once(app: TestApp) {
        let body = json!({ "name": 7, "ca_type": "root", "validity_days": "x", "colour": 1, "shape": 2 });
        let error = app.post("/v1/pki/ca", body).await.error(422, "validation_error");
        let wrong = ["colour", "common_name", "name", "shape", "validity_days"].map(ToOwned::to_owned);
        assert_eq!(fields(&error), BTreeSet::from(wrong), "{error}");
        let root = app.root_ca("root").await;
        let role = |more: Value| {
            let mut body = json!({ "name": "dd", "ca_id": root["id"] });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let body = role(json!({ "ttl": "1 hour", "max_ttl": "x", "not_before_duration": "30s" }));
        let error = app.post("/v1/pki/roles", body).await.error(400, "invalid_duration");
        assert_eq!(fields(&error), BTreeSet::from(["ttl", "max_ttl"].map(ToOwned::to_owned)), "{error}");
        let body = role(json!({ "ttl": "1 hour", "key_type": "rot13" }));
        let error = app.post("/v1/pki/roles", body).await.error(422, "validation_error");
        assert_eq!(fields(&error), BTreeSet::from(["ttl", "key_type"].map(ToOwned::to_owned)), "{error}");
        let error = app.get("/v1/pki/certificates?expiring_within=soon").await.error(400, "invalid_duration");
        assert_eq!(fields(&error), BTreeSet::from(["expiring_within".to_owned()]), "{error}");
    }

    async fn merge_patches_are_for_changes(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}", root["id"].as_str().unwrap());
        let send = async |method, path: &str, body: &str| {
            let body = Some(("application/merge-patch+json; charset=utf-8", body.as_bytes().to_vec()));
            app.send(method, path, Some(&app.admin), &[], body).await
        };
        let changed = send(Method::PATCH, &path, r#"{"renewal_of_desk_certificates": "desk"}"#).await;
        assert_eq!(changed.json_with(StatusCode::OK)["renewal_of_desk_certificates"], "desk");
        send(Method::POST, "/v1/pki/ca", "{}").await.error(415, "unsupported_media_type");
    }

    async fn a_ca_can_be_revoked_without_a_body(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}/revoke", root["id"].as_str().unwrap());
        let revoked = app.send(Method::POST, &path, Some(&app.admin), &[], None).await;
        assert_eq!(revoked.json_with(StatusCode::ACCEPTED)["revocation"]["reason"], "unspecified");
    }

    async fn an_id_of_another_kind_is_told(app: TestApp) {
        let root = app.root_ca("root").await;
        let id = root["id"].as_str().unwrap();
        let error = app.get(&format!("/v1/pki/certificates/{id}")).await.error(404, "certificate_not_found");
        assert!(error["message"].as_str().unwrap().contains("certificate authority"), "{error}");
        let error = app.get("/v1/pki/certificates/cert_01J9Z3NDEKTSV4RRFFQ69G5FAV").await;
        let error = error.error(404, "certificate_not_found");
        assert!(!error["message"].as_str().unwrap().contains("kind"), "{error}");
    }
}
