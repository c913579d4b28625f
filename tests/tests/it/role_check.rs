//! `roles/{name}/check`: every rule with its verdict, and nothing issued.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

const CHECK: &str = "/v1/pki/roles/web/check";

async fn check(app: &TestApp, body: Value) -> Value {
    app.post(CHECK, body).await.json_with(StatusCode::OK)
}

fn refused(answer: &Value) -> Vec<&str> {
    let rules = answer["rules"].as_array().unwrap();
    rules
        .iter()
        .filter(|rule| rule["verdict"] == "refused")
        .map(|rule| rule["rule"].as_str().unwrap())
        .collect()
}

async fn with_role(app: &TestApp) -> String {
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    app.role("web", &ca).await;
    ca
}

both_modes! {
    async fn a_permitted_request_is_told_what_it_would_get(app: TestApp) {
        with_role(&app).await;
        let body = json!({ "common_name": "a.example.internal", "ip_sans": ["192.0.2.1"], "ttl": "1h" });
        let told = check(&app, body.clone()).await;
        assert_eq!(told["allowed"], true, "{told}");
        assert!(refused(&told).is_empty());
        let issued = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        let path = format!("/v1/pki/certificates/{}", issued["certificate_id"].as_str().unwrap());
        let certificate = app.get(&path).await.json_with(StatusCode::OK);
        let would = &told["would_issue"];
        for field in ["subject", "sans", "key_type", "key_size"] {
            assert_eq!(would[field], certificate[field], "{field}");
        }
        assert_eq!(would["key_usage"], json!(["DigitalSignature", "KeyAgreement"]));
        assert_eq!(would["ext_key_usage"], json!(["ServerAuth", "ClientAuth"]));
    }

    async fn every_field_of_the_role_is_a_rule(app: TestApp) {
        with_role(&app).await;
        let role = app.get("/v1/pki/roles/web").await.json_with(StatusCode::OK);
        let told = check(&app, json!({ "common_name": "a.example.internal" })).await;
        let rules: Vec<&str> = told["rules"].as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
        for field in role.as_object().unwrap().keys() {
            if !["id", "name", "ca_id", "owners", "created_at", "updated_at"].contains(&field.as_str()) {
                assert!(rules.contains(&field.as_str()), "{field} is not among {rules:?}");
            }
        }
        for rule in ["syntax", "ca_validity", "ca_status", "ca_name_constraints"] {
            assert!(rules.contains(&rule), "{rule}");
        }
    }

    async fn all_refusals_are_told_and_the_first_is_the_one_of_issue(app: TestApp) {
        with_role(&app).await;
        let body = json!({
            "common_name": "a.example.com", "alt_names": ["x@example.internal", "b.example.internal"], "ttl": "91d"
        });
        let told = check(&app, body.clone()).await;
        assert_eq!((&told["allowed"], &told["would_issue"]), (&json!(false), &Value::Null));
        assert_eq!(refused(&told), ["allowed_domains", "allow_email_sans", "allowed_domains", "max_ttl"]);
        let error = app.post("/v1/pki/issue/web", body).await.error(422, "role_violation");
        let first = told["rules"].as_array().unwrap().iter().find(|rule| rule["verdict"] == "refused").unwrap().clone();
        assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&first["rule"], &first["value"]));
        assert!(first["reason"].as_str().unwrap().contains("example.internal"), "{first}");
    }

    async fn a_csr_is_explained_like_a_request(app: TestApp) {
        with_role(&app).await;
        let judge = Judge::new();
        judge.run(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=a.example.internal \
             -out csr.pem",
        );
        let pem = judge.read("csr.pem");
        let told = check(&app, json!({ "csr_pem": pem })).await;
        assert_eq!(told["allowed"], true, "{told}");
        assert_eq!(told["would_issue"]["key_size"], 256);
        let told = check(&app, json!({ "csr_pem": pem, "san": ["a.example.com"] })).await;
        assert_eq!(refused(&told), ["allowed_domains"]);
        app.post(CHECK, json!({ "csr_pem": pem, "key_bits": 256 })).await.error(422, "validation_error");
        app.post(CHECK, json!({ "san": ["a.example.com"] })).await.error(422, "validation_error");
        app.post(CHECK, json!({ "csr_pem": "none" })).await.error(422, "csr_invalid");
    }

    async fn the_ca_has_a_say(app: TestApp) {
        let root = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        let body = json!({
            "name": "narrow", "common_name": "Narrow", "ca_type": "intermediate", "parent_ca_id": root,
            "key_type": "ec", "excluded_dns_domains": ["secret.example.internal"]
        });
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let id = ca["id"].as_str().unwrap();
        app.role("web", id).await;
        let told = check(&app, json!({ "common_name": "a.secret.example.internal" })).await;
        assert_eq!((refused(&told), &told["allowed"]), (vec!["ca_name_constraints"], &json!(false)));
        app.post(&format!("/v1/pki/ca/{id}/revoke"), json!({})).await;
        let told = check(&app, json!({ "common_name": "a.example.internal" })).await;
        assert_eq!((refused(&told), &told["allowed"]), (vec!["ca_status"], &json!(false)));
    }

    async fn nothing_is_issued_or_recorded(app: TestApp) {
        with_role(&app).await;
        let before = app.get("/v1/audit/logs").await.json();
        check(&app, json!({ "common_name": "a.example.internal" })).await;
        check(&app, json!({ "common_name": "a.example.com" })).await;
        app.post("/v1/pki/roles/none/check", json!({ "common_name": "a" })).await.error(404, "role_not_found");
        assert_eq!(app.get("/v1/audit/logs").await.json(), before);
        assert_eq!(app.get("/v1/pki/certificates").await.json()["certificates"], json!([]));
    }
}
