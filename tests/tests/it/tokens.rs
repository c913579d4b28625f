//! `/v1/tokens`: secrets shown once and kept as hashes, scopes, ends, revocation, pages.

use std::collections::BTreeSet;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::both_modes;
use tests::openssl::Judge;

use crate::access::expect;
use crate::access::rows::Rows;

both_modes! {
    async fn a_token_is_shown_once(app: TestApp) {
        let body = json!({ "name": "deploy", "scopes": ["pki:issue"], "ttl": "90d" });
        let answer = app.post("/v1/tokens", body).await;
        let mut created = answer.json_with(StatusCode::CREATED);
        let id = created["id"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("location"), format!("/v1/tokens/{id}"));
        assert!(id.starts_with("tok_"), "{created}");
        let expected = [
            "created_at", "expires_at", "id", "last_used_at", "last_used_from", "name", "networks", "revoked_at", "roles",
            "scopes", "tenant_id", "token",
        ];
        assert_eq!(keys(&created), expected);
        assert_eq!(
            (&created["name"], &created["scopes"], &created["tenant_id"], &created["revoked_at"]),
            (&json!("deploy"), &json!(["pki:issue"]), &json!(app.tenant.id.to_string()), &Value::Null)
        );
        let secret = created.as_object_mut().unwrap().remove("token").unwrap();
        let secret = secret.as_str().unwrap().to_owned();
        assert!(secret.starts_with("cmt_") && secret.len() >= 4 + 43, "fewer than 256 random bits: {secret}");
        let found = app.get(&format!("/v1/tokens/{id}")).await;
        assert_eq!(found.json_with(StatusCode::OK), created);
        let listed = app.get("/v1/tokens").await;
        assert_eq!(listed.json_with(StatusCode::OK)["tokens"][0], created);
        let random = secret.strip_prefix("cmt_").unwrap();
        assert!(!found.text().contains(random) && !listed.text().contains(random), "the secret can be read again");
        let used = app.send(Method::GET, "/v1/pki/roles", Some(&secret), &[], None).await;
        assert_eq!(used.status, StatusCode::OK, "{}", used.text());
        let again = app.post("/v1/tokens", json!({ "name": "deploy", "scopes": ["pki:issue"] })).await;
        assert_ne!(again.json_with(StatusCode::CREATED)["token"], secret, "names need not be unique, secrets must");
    }

    async fn secrets_are_stored_as_hashes_only(app: TestApp) {
        let body = json!({ "name": "needle in the rows", "scopes": ["pki:read"] });
        let created = app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED);
        let secret = created["token"].as_str().unwrap();
        let judge = Judge::new();
        judge.write("secret", secret);
        let digest = judge.run("dgst -sha256 -r secret").split_whitespace().next().unwrap().to_owned();
        let mut stored = String::new();
        for rows in Rows::of(&app).await.all().await.into_values() {
            stored.push_str(&rows.join("\n").to_lowercase());
        }
        assert!(stored.contains("needle in the rows"), "the search does not see the token's row");
        assert!(stored.contains(&digest), "the token is not kept under the SHA-256 of its secret");
        let random = secret.strip_prefix("cmt_").unwrap();
        let in_hex = random.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert!(!stored.contains(random) && !stored.contains(&in_hex), "the secret stands in a row");
        if let Some(path) = app.database_url().strip_prefix("sqlite://") {
            let files = ["", "-wal"].map(|end| std::fs::read(format!("{path}{end}")).unwrap_or_default()).concat();
            let holds = |needle: &str| files.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(holds("needle in the rows"), "the search does not see the database file");
            assert!(!holds(random), "the secret stands in the database file");
        }
    }

    async fn a_ttl_sets_the_end(app: TestApp) {
        for (ttl, end) in [
            (json!("1h"), "01:00:00"),
            (json!("1h30m"), "01:30:00"),
            (json!(90), "00:01:30"),
            (json!("45s"), "00:00:45"),
        ] {
            let body = json!({ "name": "short", "scopes": ["pki:read"], "ttl": ttl });
            let created = app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED);
            let seconds = |field: &str| seconds_of_day(created[field].as_str().unwrap());
            let span = (seconds("expires_at") + 86_400 - seconds("created_at")) % 86_400;
            assert_eq!(span, seconds_of_day(&format!("T{end}Z")), "{ttl}: {created}");
        }
        let created = app.post("/v1/tokens", json!({ "name": "long", "scopes": ["pki:read"] })).await;
        assert_eq!(created.json_with(StatusCode::CREATED)["expires_at"], Value::Null);
        let before = Rows::of(&app).await.all().await;
        for (ttl, status, code) in [
            (json!("0"), 422, "validation_error"),
            (json!(0), 422, "validation_error"),
            (json!("-1h"), 400, "invalid_duration"),
            (json!(-5), 400, "invalid_duration"),
            (json!("1.5h"), 400, "invalid_duration"),
            (json!("soon"), 400, "invalid_duration"),
            (json!(""), 400, "invalid_duration"),
            (json!("10000y"), 400, "invalid_duration"),
            (json!("99999999999999999999s"), 400, "invalid_duration"),
        ] {
            let body = json!({ "name": "short", "scopes": ["pki:read"], "ttl": ttl });
            let error = expect(&ttl.to_string(), &app.post("/v1/tokens", body).await, status, code);
            assert!(status == 400 || error["details"]["fields"]["ttl"].is_string(), "{ttl}: {error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before);
    }

    async fn a_deleted_token_is_refused_at_once(app: TestApp) {
        let body = json!({ "name": "leaked", "scopes": ["pki:admin"] });
        let created = app.post("/v1/tokens", body).await.json_with(StatusCode::CREATED);
        let (path, secret) = (format!("/v1/tokens/{}", created["id"].as_str().unwrap()), created["token"].as_str());
        let as_itself = |method| app.send(method, &path, secret, &[], None);
        assert_eq!(as_itself(Method::GET).await.status, StatusCode::OK);
        let deleted = app.delete(&path).await;
        assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
        as_itself(Method::GET).await.error(401, "token_revoked");
        let found = app.get(&path).await.json_with(StatusCode::OK);
        let revoked_at = found["revoked_at"].as_str().unwrap_or_else(|| panic!("not revoked: {found}")).to_owned();
        app.delete(&path).await;
        let again = app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!(again["revoked_at"], revoked_at, "a repeated call changed the first revocation");
        for path in ["/v1/tokens/tok_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/tokens/nonsense", "/v1/tokens/%00"] {
            expect(path, &app.delete(path).await, 404, "token_not_found");
            expect(path, &app.get(path).await, 404, "token_not_found");
        }
    }

    async fn the_last_use_is_noted(app: TestApp) {
        let created = app.post("/v1/tokens", json!({ "name": "used", "scopes": ["pki:read"] })).await;
        let created = created.json_with(StatusCode::CREATED);
        assert_eq!(created["last_used_at"], Value::Null);
        app.send(Method::GET, "/v1/pki/roles", created["token"].as_str(), &[], None).await.json_with(StatusCode::OK);
        let path = format!("/v1/tokens/{}", created["id"].as_str().unwrap());
        let used = app.eventually(&path, |token| !token["last_used_at"].is_null()).await;
        let at = used["last_used_at"].as_str().unwrap();
        assert!(at >= created["created_at"].as_str().unwrap() && at.ends_with('Z'), "{used}");
    }

    async fn scopes_imply_the_lesser_ones(app: TestApp) {
        let calls = [
            (Method::GET, "/v1/pki/roles", None),
            (Method::POST, "/v1/pki/issue/absent", Some(json!({ "common_name": "a.test" }))),
            (Method::GET, "/v1/pki/ca", None),
        ];
        for (scopes, stored, admitted) in [
            (json!(["pki:read"]), json!(["pki:read"]), 1),
            (json!(["pki:issue"]), json!(["pki:issue"]), 2),
            (json!(["pki:admin"]), json!(["pki:admin"]), 3),
            (json!("pki:read, pki:issue"), json!(["pki:read", "pki:issue"]), 2),
            (json!(["pki:read", "pki:read"]), json!(["pki:read"]), 1),
        ] {
            let created = app.post("/v1/tokens", json!({ "name": "scoped", "scopes": scopes })).await;
            let created = created.json_with(StatusCode::CREATED);
            assert_eq!(created["scopes"], stored, "{scopes}");
            for (place, (method, path, body)) in calls.iter().enumerate() {
                let body = body.as_ref().map(|body: &Value| ("application/json", body.to_string().into_bytes()));
                let answer = app.send(method.clone(), path, created["token"].as_str(), &[], body).await;
                assert_eq!(answer.status != StatusCode::FORBIDDEN, place < admitted, "{path} with {scopes}");
            }
        }
    }

    async fn wrong_tokens_are_refused_and_not_stored(app: TestApp) {
        let long = "a".repeat(129);
        let before = Rows::of(&app).await.all().await;
        for (body, field) in [
            (json!({ "name": "", "scopes": ["pki:read"] }), "name"),
            (json!({ "name": "   ", "scopes": ["pki:read"] }), "name"),
            (json!({ "name": long, "scopes": ["pki:read"] }), "name"),
            (json!({ "name": "line\nbreak", "scopes": ["pki:read"] }), "name"),
            (json!({ "name": "nul\u{0}", "scopes": ["pki:read"] }), "name"),
            (json!({ "scopes": ["pki:read"] }), "name"),
            (json!({ "name": "scopeless" }), "scopes"),
            (json!({ "name": "scopeless", "scopes": [] }), "scopes"),
            (json!({ "name": "scopeless", "scopes": "" }), "scopes"),
            (json!({ "name": "unknown", "scopes": ["pki:read", "pki:root"] }), "scopes"),
            (json!({ "name": "case", "scopes": ["PKI:READ"] }), "scopes"),
            (json!({ "name": "tenant", "scopes": ["pki:read"], "tenant_id": "tnt_other" }), "tenant_id"),
            (json!({ "name": "secret", "scopes": ["pki:read"], "token": "cmt_mine" }), "token"),
        ] {
            let error = expect(&body.to_string(), &app.post("/v1/tokens", body.clone()).await, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{body}: {error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before);
        for name in ["a".repeat(128), "é".repeat(128), "🔑 of the build farm".to_owned()] {
            let created = app.post("/v1/tokens", json!({ "name": name, "scopes": ["pki:read"] })).await;
            assert_eq!(created.json_with(StatusCode::CREATED)["name"], name);
        }
    }

    async fn pages_stay_stable_while_tokens_are_added(app: TestApp) {
        for number in 1..=5 {
            app.post("/v1/tokens", json!({ "name": format!("t{number}"), "scopes": ["pki:read"] })).await;
        }
        let mut seen = Vec::new();
        let mut path = "/v1/tokens?limit=2".to_owned();
        loop {
            let page = app.get(&path).await.json_with(StatusCode::OK);
            assert_eq!(keys(&page), ["cursor", "has_more", "tokens"]);
            let names = page["tokens"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap().to_owned());
            seen.extend(names);
            assert_eq!(page["has_more"].as_bool(), Some(page["cursor"].is_string()), "{page}");
            let Some(cursor) = page["cursor"].as_str() else { break };
            path = format!("/v1/tokens?limit=2&cursor={cursor}");
            app.post("/v1/tokens", json!({ "name": "late", "scopes": ["pki:read"] })).await;
        }
        assert_eq!(seen, ["t5", "t4", "t3", "t2", "t1", "pki:admin"], "newest first, the first one made by the test");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// `…T01:02:03Z` as seconds; panics unless the time has whole seconds and UTC.
fn seconds_of_day(time: &str) -> u32 {
    let clock = time.split_once('T').and_then(|(_, clock)| clock.strip_suffix('Z'));
    let parts: Vec<u32> = clock.unwrap_or_default().split(':').filter_map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("not ISO 8601 in whole seconds UTC: {time}") };
    hours * 3_600 + minutes * 60 + seconds
}
