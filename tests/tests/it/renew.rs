//! `/v1/pki/certificates/{id}/renew`: a new certificate in the place of an old one.

mod refusals;

use std::time::Duration;

use certmill_domain::Scope;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use crate::ca::{changed, seconds, text, with_fields};
use crate::csr::{approve_and_sign, generated, imported, request};

const FIELDS: [&str; 9] = [
    "certificate",
    "private_key",
    "private_key_type",
    "ca_chain",
    "issuing_ca",
    "serial_number",
    "certificate_id",
    "not_before",
    "not_after",
];
const DAY: i64 = 86_400;

/// A root that is a day old: certificates begin a little before they are issued, but not before their CA.
async fn old_root(app: &TestApp) -> Value {
    // Made in the past, so that what is issued later is valid now for openssl as well.
    let age = Duration::from_hours(24);
    app.clock.set(app.app.now().minus(age));
    let ca = app.root_ca("root").await;
    app.advance(age).await;
    ca
}

/// Such a root with a role `web` on it; answers the root.
async fn web(app: &TestApp, settings: Value) -> Value {
    let ca = old_root(app).await;
    let role = json!({
        "name": "web", "ca_id": ca["id"], "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec",
        "ttl": "10d", "max_ttl": "90d", "allow_email_sans": true, "allow_bare_domains": true,
        "allowed_uri_sans": ["spiffe://example.internal/*"], "organization": ["Ours"], "country": ["NL"],
    });
    app.post("/v1/pki/roles", changed(role, &settings)).await.json_with(StatusCode::CREATED);
    ca
}

async fn issue(app: &TestApp, body: Value) -> Value {
    let body = changed(json!({ "common_name": "a.example.internal" }), &body);
    app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED)
}

async fn try_renew(app: &TestApp, old: &Value, body: Value) -> Answer {
    app.post(&format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"])), body).await
}

async fn renew(app: &TestApp, old: &Value, body: Value) -> Value {
    try_renew(app, old, body).await.json_with(StatusCode::CREATED)
}

async fn stored(app: &TestApp, issued: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

/// What stays the same over a renewal, as openssl reads it: the subject, and all extensions but the key's identifier.
fn profile(issued: &Value) -> String {
    let judge = Judge::new();
    judge.write("leaf.pem", text(&issued["certificate"]));
    let subject = judge.run("x509 -in leaf.pem -noout -subject -issuer -nameopt RFC2253");
    let extensions = "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints,authorityKeyIdentifier,crlDistributionPoints,authorityInfoAccess";
    subject + &judge.run(&format!("x509 -in leaf.pem -noout -ext {extensions}"))
}

fn public_key(issued: &Value) -> String {
    let judge = Judge::new();
    judge.write("leaf.pem", text(&issued["certificate"]));
    judge.run("x509 -in leaf.pem -noout -pubkey")
}

both_modes! {
    async fn a_renewal_is_the_same_with_a_fresh_key(app: TestApp) {
        let ca = web(&app, json!({ "key_usage": ["DigitalSignature"], "ext_key_usage": ["CodeSigning"] })).await;
        let old = issue(&app, json!({
            "alt_names": ["b.example.internal", "*.c.example.internal", "ops@example.internal"], "ip_sans": ["10.0.0.7"],
            "uri_sans": ["spiffe://example.internal/web"], "ttl": "5d",
        })).await;
        let old_path = format!("/v1/pki/certificates/{}", text(&old["certificate_id"]));
        let labels = json!({ "tags": { "team": "ops", "env": "prod" }, "description": "the front door" });
        app.patch(&old_path, labels.clone()).await.json_with(StatusCode::OK);
        let before = stored(&app, &old).await;
        let earliest = app.app.now().unix_seconds();
        let answer = try_renew(&app, &old, json!({})).await;
        let new = with_fields(&answer, StatusCode::CREATED, &FIELDS);
        assert_eq!(answer.header("location"), format!("/v1/pki/certificates/{}", text(&new["certificate_id"])));
        let row = stored(&app, &new).await;
        for same in ["common_name", "subject", "sans", "ca_id", "role", "key_type", "key_size", "tags", "description"] {
            assert_eq!(row[same], before[same], "{same}");
        }
        for different in ["id", "serial_number", "fingerprint_sha256", "spki_sha256"] {
            assert_ne!(row[different], before[different], "{different}");
        }
        assert_eq!((&row["source"], &row["renewed_from"], &row["renewed_by"]), (&json!("renewed"), &before["id"], &Value::Null));
        assert_eq!((&row["tags"], &row["description"]), (&labels["tags"], &labels["description"]));
        // The old one stays as it is but for the link.
        assert_eq!(stored(&app, &old).await, changed(before.clone(), &json!({ "renewed_by": row["id"] })));
        let start = seconds(&new["not_after"]) - 5 * DAY;
        assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "not for as long: {new}");
        assert_eq!(profile(&new), profile(&old));
        assert_ne!(public_key(&new), public_key(&old));
        let judge = Judge::new();
        judge.write("k", text(&new["private_key"]));
        assert_eq!(judge.run("pkey -in k -pubout"), public_key(&new));
        judge.write("leaf.pem", text(&new["certificate"]));
        judge.write("ca.pem", text(&new["issuing_ca"]));
        judge.run("verify -x509_strict -CAfile ca.pem leaf.pem");
        assert_eq!(app.get(&format!("/v1/pki/ca/{}", text(&ca["id"]))).await.json()["certificates_issued"], 2);
    }

    async fn the_body_may_be_left_out(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let path = format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"]));
        app.send(Method::POST, &path, Some(&app.admin), &[], None).await.json_with(StatusCode::CREATED);
    }

    async fn the_key_of_a_csr_is_used_and_nothing_else_of_it(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({ "alt_names": ["b.example.internal"] })).await;
        let pem = request(
            "-subj /O=Theirs/CN=evil.example.com -addext subjectAltName=DNS:evil.example.com -addext extendedKeyUsage=codeSigning",
        );
        let new = renew(&app, &old, json!({ "csr_pem": pem })).await;
        assert_eq!((&new["private_key"], &new["private_key_type"]), (&Value::Null, &Value::Null));
        assert_eq!(profile(&new), profile(&old));
        let judge = Judge::new();
        judge.write("r", &pem);
        assert_eq!(public_key(&new), judge.run("req -in r -noout -pubkey"));
        let row = stored(&app, &new).await;
        assert_eq!((&row["source"], &row["has_private_key"]), (&json!("renewed"), &json!(false)));
        // What was renewed by a CSR can be renewed with a key of the service's making.
        assert!(renew(&app, &new, json!({})).await["private_key"].is_string());
    }

    async fn a_chain_of_renewals_is_linked_both_ways(app: TestApp) {
        web(&app, json!({})).await;
        let mut line = vec![issue(&app, json!({})).await];
        for _ in 0..3 {
            line.push(renew(&app, line.last().unwrap(), json!({})).await);
        }
        let id = |at: usize| line.get(at).map_or(Value::Null, |issued| issued["certificate_id"].clone());
        for (at, issued) in line.iter().enumerate() {
            let row = stored(&app, issued).await;
            let from = at.checked_sub(1).map_or(Value::Null, id);
            assert_eq!((&row["renewed_from"], &row["renewed_by"]), (&from, &id(at + 1)), "{at}");
        }
        let listed = app.get("/v1/pki/certificates?source=renewed").await.json_with(StatusCode::OK);
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 3);
    }

    async fn a_ttl_is_the_role_s_matter(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let error = try_renew(&app, &old, json!({ "ttl": "91d" })).await.error(422, "role_violation");
        assert_eq!(error["details"]["rule"], "max_ttl", "{error}");
        try_renew(&app, &old, json!({ "ttl": "soon" })).await.error(400, "invalid_duration");
        let earliest = app.app.now().unix_seconds();
        let new = renew(&app, &old, json!({ "ttl": "60d" })).await;
        let start = seconds(&new["not_after"]) - 60 * DAY;
        assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "{new}");
        // And the renewal of that is for 60 days again.
        let again = renew(&app, &new, json!({})).await;
        assert_eq!(
            seconds(&again["not_after"]) - seconds(&again["not_before"]),
            seconds(&new["not_after"]) - seconds(&new["not_before"])
        );
    }

    async fn an_expired_certificate_can_be_renewed(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        app.advance(Duration::from_hours(11 * 24)).await;
        assert_eq!(stored(&app, &old).await["status"], "expired");
        let new = renew(&app, &old, json!({})).await;
        assert_eq!(stored(&app, &new).await["status"], "active");
    }

    async fn a_role_that_takes_any_key_gets_one_like_the_old_one(app: TestApp) {
        web(&app, json!({ "key_type": "any" })).await;
        for (key_type, bits) in [("ec", 384), ("ed25519", 256), ("rsa", 2048)] {
            let old = issue(&app, json!({ "key_type": key_type, "key_bits": bits })).await;
            let row = stored(&app, &renew(&app, &old, json!({})).await).await;
            assert_eq!((&row["key_type"], &row["key_size"]), (&json!(key_type), &json!(bits)));
        }
    }

    async fn a_kept_key_is_kept_again(app: TestApp) {
        let ca = web(&app, json!({ "store_private_keys": true })).await;
        let by_role = issue(&app, json!({})).await;
        let by_desk = approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({})).await;
        for old in [by_role, by_desk] {
            let new = renew(&app, &old, json!({})).await;
            let key = app.post(&format!("/v1/pki/certificates/{}/private-key", text(&new["certificate_id"])), json!({})).await;
            assert_eq!(key.json_with(StatusCode::OK)["private_key"], new["private_key"]);
            let (row, before) = (stored(&app, &new).await, stored(&app, &old).await);
            assert_ne!(row["spki_sha256"], before["spki_sha256"], "the old key is used again");
        }
    }

    async fn what_a_person_approved_is_renewed_as_it_was(app: TestApp) {
        let ca = old_root(&app).await;
        let pem = request("-newkey rsa:2048 -subj /O=Theirs/CN=Ann -addext subjectAltName=DNS:a.example.com,email:ann@example.com");
        let old = approve_and_sign(&app, &imported(&app, &pem).await, &ca, json!({ "validity_days": 30 })).await;
        let longer = try_renew(&app, &old, json!({ "ttl": "31d" })).await.error(422, "validation_error");
        assert!(longer["details"]["fields"]["ttl"].is_string(), "{longer}");
        let new = renew(&app, &old, json!({})).await;
        let (row, before) = (stored(&app, &new).await, stored(&app, &old).await);
        for same in ["subject", "sans", "ca_id", "role", "key_type", "key_size"] {
            assert_eq!(row[same], before[same], "{same}");
        }
        assert_eq!((&row["source"], &row["has_private_key"]), (&json!("renewed"), &json!(false)));
        assert_eq!(profile(&new), profile(&old));
        let lasts = |issued: &Value| seconds(&issued["not_after"]) - seconds(&issued["not_before"]);
        assert_eq!(lasts(&new), lasts(&old));
        // Over any number of renewals it does not grow.
        let third = renew(&app, &new, json!({ "csr_pem": request("-newkey rsa:2048 -subj /CN=whoever") })).await;
        assert_eq!((lasts(&third), profile(&third)), (lasts(&old), profile(&old)));
        let fourth = renew(&app, &third, json!({ "ttl": "1d" })).await;
        assert!(lasts(&fourth) <= DAY + 60, "{fourth}");
        try_renew(&app, &fourth, json!({ "ttl": "2d" })).await.error(422, "validation_error");
    }

    async fn a_certificate_of_the_desk_under_a_role_is_renewed_under_it(app: TestApp) {
        let ca = web(&app, json!({})).await;
        let old = approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({ "role": "web" })).await;
        app.patch("/v1/pki/roles/web", json!({ "allowed_domains": ["example.com"] })).await.json_with(StatusCode::OK);
        let error = try_renew(&app, &old, json!({})).await.error(422, "role_violation");
        assert_eq!(error["details"]["value"], "a.example.internal");
    }

    async fn renewing_is_told_and_repeatable(app: TestApp) {
        web(&app, json!({})).await;
        let old = issue(&app, json!({})).await;
        let issuer = app.token(Scope::Issue).await;
        let path = format!("/v1/pki/certificates/{}/renew", text(&old["certificate_id"]));
        let mut answers = Vec::new();
        for _ in 0..2 {
            let body = Some(("application/json", b"{}".to_vec()));
            answers.push(app.send(Method::POST, &path, Some(&issuer), &[("idempotency-key", "one")], body).await);
        }
        assert_eq!(answers[0].json_with(StatusCode::CREATED), answers[1].json_with(StatusCode::CREATED));
        let logs = app.get("/v1/audit/logs?action=certificate.renew").await.json_with(StatusCode::OK);
        let rows = logs["logs"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "{logs}");
        let new = stored(&app, &answers[0].json()).await;
        assert_eq!((&rows[0]["object"], &rows[0]["after_sha256"]), (&old["certificate_id"], &new["fingerprint_sha256"]));
    }
}
