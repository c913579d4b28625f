//! What is not renewed, and that nothing comes of it.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

use super::{issue, renew, stored, try_renew, web};
use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{PAST_ITS_END, short_root, text};
use crate::csr::{approve_and_sign, generated, imported, request};

const RENEWABLE: [&str; 2] = ["active", "expired"];

/// Checks that it cannot be renewed in its state, and that trying leaves nothing behind.
async fn not_renewable(app: &TestApp, old: &Value, state: &str) -> Value {
    let before = Rows::of(app).await.all().await;
    let error = expect(state, &try_renew(app, old, json!({})).await, 409, "invalid_state");
    assert_eq!(error["details"], json!({ "state": state, "possible_from": RENEWABLE }), "{error}");
    assert_eq!(Rows::of(app).await.all().await, before, "{state}: a refused renewal left something behind");
    error
}

async fn change_role(app: &TestApp, change: Value) {
    app.patch("/v1/pki/roles/web", change).await.json_with(StatusCode::OK);
}

both_modes! {
    async fn the_role_s_present_rules_say_which_name(app: TestApp) {
        web(&app, json!({ "allowed_domains": ["example.internal", "example.com"] })).await;
        let old = issue(&app, json!({
            "alt_names": ["b.example.com", "*.example.internal", "ops@example.internal"], "ip_sans": ["10.0.0.7"],
            "uri_sans": ["spiffe://example.internal/web"],
        })).await;
        for (narrowed, widened, rule, value) in [
            (json!({ "allowed_domains": ["example.internal"] }), json!({ "allowed_domains": ["example.internal", "example.com"] }), "allowed_domains", "b.example.com"),
            (json!({ "allow_wildcard_certificates": false }), json!({ "allow_wildcard_certificates": null }), "allow_wildcard_certificates", "*.example.internal"),
            (json!({ "allow_email_sans": false }), json!({ "allow_email_sans": true }), "allow_email_sans", "ops@example.internal"),
            (json!({ "allow_ip_sans": false }), json!({ "allow_ip_sans": null }), "allow_ip_sans", "10.0.0.7"),
            (json!({ "allowed_uri_sans": [] }), json!({ "allowed_uri_sans": ["spiffe://example.internal/*"] }), "allowed_uri_sans", "spiffe://example.internal/web"),
            (json!({ "ttl": "1d", "max_ttl": "2d" }), json!({ "ttl": "10d", "max_ttl": "90d" }), "max_ttl", ""),
            (json!({ "organization": ["Other"] }), json!({ "organization": ["Ours"] }), "organization", "Ours"),
            (json!({ "country": [] }), json!({ "country": ["NL"] }), "country", "NL"),
        ] {
            change_role(&app, narrowed.clone()).await;
            let answer = try_renew(&app, &old, json!({})).await;
            let error = expect(&narrowed.to_string(), &answer, 422, "role_violation");
            assert_eq!(error["details"]["rule"], rule, "{error}");
            assert!(value.is_empty() || error["details"]["value"] == value, "{error}");
            assert!(text(&error["message"]).contains(value), "{error}");
            change_role(&app, widened).await;
        }
        assert_eq!(stored(&app, &old).await["renewed_by"], Value::Null);
        renew(&app, &old, json!({})).await;
    }

    async fn the_key_of_a_csr_must_fit(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let rsa = request("-newkey rsa:2048 -subj /CN=x");
        let error = try_renew(&app, &old, json!({ "csr_pem": rsa })).await.error(422, "role_violation");
        assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&json!("key_type"), &json!("rsa")));
        for (case, pem) in [
            ("SHA-1", request("-sha1 -subj /CN=x")), ("a weak key", request("-newkey rsa:1024 -subj /CN=x")),
            ("nothing", String::new()), ("no PEM", "hello".to_owned()),
        ] {
            expect(case, &try_renew(&app, &old, json!({ "csr_pem": pem })).await, 422, "csr_invalid");
        }
        for (body, field) in [(json!({ "csr_pem": 7 }), "csr_pem"), (json!({ "common_name": "b.example.internal" }), "common_name")] {
            let error = try_renew(&app, &old, body).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        assert_eq!(stored(&app, &old).await["renewed_by"], Value::Null);
    }

    async fn without_its_role_it_is_not_renewed(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        assert_eq!(app.delete("/v1/pki/roles/web").await.status, StatusCode::NO_CONTENT);
        let error = not_renewable(&app, &old, "role_deleted").await;
        assert!(text(&error["message"]).contains("`web`"), "{error}");
    }

    async fn a_revoked_certificate_is_not_renewed(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let path = format!("/v1/pki/ca/{}", text(&stored(&app, &old).await["ca_id"]));
        app.post("/v1/pki/revoke", json!({ "serial_number": old["serial_number"] })).await.json_with(StatusCode::OK);
        app.eventually(&path, |ca| ca["crl"]["entries"] == 1).await;
        not_renewable(&app, &old, "revoked").await;
    }

    async fn a_certificate_is_renewed_once(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let new = renew(&app, &old, json!({})).await;
        let error = not_renewable(&app, &old, "renewed").await;
        assert!(text(&error["message"]).contains(text(&new["certificate_id"])), "{error}");
        // Its renewal being revoked does not open it again; there is a certificate to issue instead.
        app.post("/v1/pki/revoke", json!({ "serial_number": new["serial_number"] })).await.json_with(StatusCode::OK);
        try_renew(&app, &old, json!({})).await.error(409, "invalid_state");
        try_renew(&app, &new, json!({})).await.error(409, "invalid_state");
    }

    async fn of_two_renewals_at_once_one_wins(app: TestApp) {
        let ca = web(&app, json!({})).await;
        for round in 0..4 {
            let old = if round % 2 == 0 {
                issue(&app, json!({})).await
            } else {
                approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({})).await
            };
            let path = format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"]));
            let answers = app.post_at_once(vec![(path, json!({})); 4]).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::CREATED);
            assert_eq!(won.len(), 1, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
            let winner = won[0].json()["certificate_id"].clone();
            for answer in lost {
                let error = answer.error(409, "invalid_state");
                assert_eq!(error["details"]["state"], "renewed");
                assert!(text(&error["message"]).contains(text(&winner)), "{error}");
            }
            assert_eq!(stored(&app, &old).await["renewed_by"], winner);
            let found = app.get("/v1/pki/certificates").await.json()["certificates"].as_array().unwrap().len();
            assert_eq!(found, (round + 1) * 2, "a renewal that nobody was given");
        }
    }

    async fn a_renewal_and_a_revocation_that_meet_agree(app: TestApp) {
        web(&app, json!({})).await;
        for _ in 0..6 {
            let old = issue(&app, json!({})).await;
            let path = format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"]));
            let revoke = json!({ "serial_number": old["serial_number"] });
            let answers = app.post_at_once(vec![(path, json!({})), ("/v1/pki/revoke".to_owned(), revoke)]).await;
            answers[1].json_with(StatusCode::OK);
            let row = stored(&app, &old).await;
            assert_eq!(row["status"], "revoked");
            if answers[0].status == StatusCode::CREATED {
                assert_eq!(row["renewed_by"], answers[0].json()["certificate_id"]);
            } else {
                assert_eq!(answers[0].error(409, "invalid_state")["details"]["state"], "revoked");
                assert_eq!(row["renewed_by"], Value::Null);
            }
        }
    }

    async fn a_ca_that_ended_or_was_revoked_renews_nothing(app: TestApp) {
        let ca = web(&app, json!({})).await;
        let ended = [short_root(&app, "desk").await, short_root(&app, "role").await];
        let (desk, role) = (&ended[0], &ended[1]);
        let by_desk = approve_and_sign(&app, &generated(&app, json!({})).await, desk, json!({ "validity_days": 1 })).await;
        change_role(&app, json!({ "ca_id": role["id"] })).await;
        let by_role = issue(&app, json!({ "ttl": "1d" })).await;
        app.advance(PAST_ITS_END).await;
        for old in [&by_desk, &by_role] {
            let error = try_renew(&app, old, json!({})).await.error(409, "invalid_state");
            assert_eq!(error["details"], json!({ "state": "expired", "possible_from": ["active"] }), "{error}");
        }
        change_role(&app, json!({ "ca_id": ca["id"] })).await;
        let live = [
            approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({})).await,
            issue(&app, json!({})).await,
        ];
        let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
        app.post(&format!("{path}/revoke"), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path, |ca| !ca["revocation"]["completed_at"].is_null()).await;
        // The cascade has taken the certificates along.
        for old in &live {
            let error = try_renew(&app, old, json!({})).await.error(409, "invalid_state");
            assert_eq!(error["details"]["state"], "revoked", "{error}");
        }
    }

    async fn a_key_that_the_service_cannot_make_is_asked_for(app: TestApp) {
        let ca = app.root_ca("root").await;
        let csr = imported(&app, &request("-newkey rsa:2560 -subj /CN=a.example.internal")).await;
        let old = approve_and_sign(&app, &csr, &ca, json!({})).await;
        let error = try_renew(&app, &old, json!({})).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["csr_pem"].is_string(), "{error}");
        renew(&app, &old, json!({ "csr_pem": request("-subj /CN=x") })).await;
    }

    async fn another_tenant_renews_nothing(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let (_, stranger) = app.another_tenant("second").await;
        let path = format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"]));
        app.post_as(&stranger, &path, json!({})).await.error(404, "certificate_not_found");
        app.post("/v1/pki/certificates/cert_01ARZ3NDEKTSV4RRFFQ69G5FAV/renew", json!({})).await.error(404, "certificate_not_found");
        assert_eq!(stored(&app, &old).await["renewed_by"], Value::Null);
    }
}
