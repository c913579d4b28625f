//! Input that no careful client sends. Each: the contract's error, and nothing is written.

mod csrs;
mod desk;
mod races;

use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, Mode, TestApp, both_modes};

use crate::access::expect;
use crate::access::rows::Rows;

both_modes! {
    async fn illegal_names_are_refused(app: TestApp) {
        let ca = permissive_role(&app).await;
        app.role("narrow", &ca).await;
        let long_label = format!("{}.test", "a".repeat(64));
        let long_name = format!("{}test", "a123456789.".repeat(24));
        let before = Rows::of(&app).await.all().await;
        for (case, name) in [
            ("NUL", "a\u{0}b.test"),
            ("a NUL at the end", "good.test\u{0}"),
            ("a space", "a b.test"),
            ("a space around", " good.test"),
            ("a line break", "good.test\n"),
            ("a direction mark", "a\u{202e}b.test"),
            ("a 64-octet label", &long_label),
            ("a name of 268 octets", &long_name),
            ("two wildcards", "*.*.test"),
            ("two wildcards over a short name", "*.*.x"),
            ("a wildcard inside", "a.*.test"),
            ("a wildcard alone", "*"),
            ("an empty label", "a..test"),
            ("a leading dot", ".test"),
            ("a leading hyphen", "-a.test"),
            ("a trailing hyphen", "a-.test"),
            ("a path", "a.test/b"),
            ("a URL", "https://a.test"),
            ("a port", "a.test:443"),
            ("an address in brackets", "[::1]"),
            ("a broken A-label", "xn--a.test"),
            ("an emoji", "🔑.test"),
            ("an emoji below a wildcard", "*.🔑.test"),
            ("an emoji as A-label", "xn--wv8h.test"),
            ("an emoji at the end", "example.internal.🔑"),
            ("a snowman", "www.☃.test"),
            ("an underscore before a letter beyond ASCII", "_ü.test"),
            ("an underscore after a letter beyond ASCII", "a.ü_.test"),
            ("an e-mail address without a host", "user@"),
            ("an e-mail address with two hosts", "user@a@b.test"),
        ] {
            let fields = [
                ("common_name", json!({ "common_name": name })),
                ("alt_names", json!({ "common_name": "good.test", "alt_names": [name] })),
                ("alt_names", json!({ "common_name": "good.test", "alt_names": ["fine.test", name, "good.test"] })),
            ];
            for (field, body) in fields {
                refused(&format!("{case} in {field}"), &app.post("/v1/pki/issue/any", body).await, field);
            }
        }
        for (case, field, value) in [
            ("an IPv4 address as common name", "common_name", "192.0.2.1"),
            ("an IPv6 address as common name", "common_name", "2001:db8::1"),
            ("a common name of 65 characters", "common_name", &format!("{}.{}.test", "a".repeat(30), "b".repeat(29))),
            ("no common name", "common_name", ""),
            ("a name as address", "ip_sans", "a.test"),
            ("an address with too many parts", "ip_sans", "192.0.2.1.5"),
            ("an address with a number too high", "ip_sans", "192.0.2.256"),
            ("a network as address", "ip_sans", "192.0.2.0/24"),
            ("an address with a zone", "ip_sans", "fe80::1%eth0"),
            ("NUL in an address", "ip_sans", "192.0.2.1\u{0}"),
            ("a relative URI", "uri_sans", "/path"),
            ("a URI with a space", "uri_sans", "spiffe://a b"),
            ("a URI with NUL", "uri_sans", "spiffe://a\u{0}b"),
        ] {
            let mut body = json!({ "common_name": "good.test" });
            body[field] = if field == "common_name" { json!(value) } else { json!([value]) };
            refused(case, &app.post("/v1/pki/issue/any", body).await, field);
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
    }

    async fn illegal_lifetimes_are_refused(app: TestApp) {
        let ca = permissive_role(&app).await;
        let judge = Judge::new();
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=good.test -out r");
        let csr = judge.read("r");
        let before = Rows::of(&app).await.all().await;
        for (ttl, status, code) in [
            (json!("0"), 422, ""),
            (json!("0s"), 422, ""),
            (json!(0), 422, ""),
            (json!("-1h"), 400, "invalid_duration"),
            (json!(-3600), 400, "invalid_duration"),
            (json!("10000y"), 400, "invalid_duration"),
            (json!("18446744073709551616"), 400, "invalid_duration"),
            (json!("9999999999999999w9999999999999999w"), 400, "invalid_duration"),
            (json!("21y"), 422, "role_violation"),
            (json!("11y"), 422, "role_violation"),
        ] {
            for (path, body) in [
                ("/v1/pki/issue/any", json!({ "common_name": "good.test", "ttl": ttl })),
                ("/v1/pki/sign/csr", json!({ "csr_pem": csr, "ttl": ttl })),
            ] {
                let case = format!("{path} with ttl {ttl}");
                let answer = app.post(path, body).await;
                if status == 422 {
                    refused(&case, &answer, "ttl");
                }
                if !code.is_empty() {
                    expect(&case, &answer, status, code);
                }
            }
        }
        for days in [json!(0), json!(-1), json!(10_000_000), json!(i64::MAX), json!(i64::MIN)] {
            let body = json!({ "name": "x", "common_name": "X", "ca_type": "root", "key_type": "ec", "validity_days": days });
            let error = expect(&format!("validity_days {days}"), &app.post("/v1/pki/ca", body).await, 422, "validation_error");
            assert!(error["details"]["fields"]["validity_days"].is_string(), "{days}: {error}");
        }
        for field in ["ttl", "max_ttl", "not_before_duration"] {
            let mut body = json!({ "name": "x", "ca_id": ca });
            body[field] = json!("10000y");
            expect(field, &app.post("/v1/pki/roles", body).await, 400, "invalid_duration");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
    }

    async fn illegal_authorities_and_roles_are_refused(app: TestApp) {
        let ca = permissive_role(&app).await;
        let before = Rows::of(&app).await.all().await;
        let good = json!({ "name": "x", "common_name": "X", "ca_type": "root", "key_type": "ec" });
        for (field, value) in [
            ("name", json!("")),
            ("name", json!("nul\u{0}")),
            ("name", json!("a".repeat(200))),
            ("common_name", json!("")),
            ("common_name", json!("nul\u{0}")),
            ("common_name", json!("a".repeat(65))),
            ("ca_type", json!("leaf")),
            ("ca_type", json!("")),
            ("key_type", json!("dsa")),
            ("key_size", json!(255)),
            ("key_size", json!(0)),
            ("parent_ca_id", json!(ca)),
            ("max_path_length", json!(-1)),
            ("permitted_dns_domains", json!(["*.a.test"])),
            ("permitted_dns_domains", json!(["a b"])),
            ("excluded_dns_domains", json!(["a..b"])),
            ("country", json!("Germany")),
            ("organization", json!(["a".repeat(65)])),
        ] {
            let mut body = good.clone();
            body[field] = value.clone();
            let case = format!("a CA with {field}: {value}");
            let error = expect(&case, &app.post("/v1/pki/ca", body).await, 422, "validation_error");
            assert!(error["details"]["fields"].as_object().is_some_and(|fields| !fields.is_empty()), "{case}: {error}");
        }
        for bits in [512, 1024, 2047, 16_384] {
            let body = json!({ "name": "x", "common_name": "X", "ca_type": "root", "key_type": "rsa", "key_size": bits });
            let error = expect(&format!("RSA {bits}"), &app.post("/v1/pki/ca", body).await, 422, "validation_error");
            assert!(error["details"]["fields"]["key_size"].is_string(), "{error}");
        }
        for (field, value) in [
            ("name", json!("")),
            ("name", json!("with space")),
            ("name", json!("nul\u{0}")),
            ("name", json!("../up")),
            ("name", json!("a".repeat(200))),
            ("allowed_domains", json!(["a b"])),
            ("allowed_domains", json!(["nul\u{0}.test"])),
            ("allowed_ip_sans_cidr", json!(["10.0.0.0/33"])),
            ("key_type", json!("dsa")),
            ("key_bits", json!(1024)),
            ("key_usage", json!(["Everything"])),
            ("ext_key_usage", json!(["Everything"])),
            ("country", json!(["Germany"])),
        ] {
            let mut body = json!({ "name": "x", "ca_id": ca });
            body[field] = value.clone();
            let case = format!("a role with {field}: {value}");
            let error = expect(&case, &app.post("/v1/pki/roles", body).await, 422, "validation_error");
            let fields = error["details"]["fields"].as_object().unwrap();
            assert!(fields.keys().any(|name| name.starts_with(field)), "{case}: {error}");
            if field != "name" {
                let answer = app.patch("/v1/pki/roles/any", json!({ field: value })).await;
                expect(&format!("{case} by PATCH"), &answer, 422, "validation_error");
            }
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
    }
}

#[tokio::test]
async fn a_revoked_authority_issues_nothing_embedded() {
    of_an_authority_that_ended("revoked", TestApp::without_worker(Mode::Embedded).await).await;
}

#[tokio::test]
async fn a_revoked_authority_issues_nothing_fleet() {
    of_an_authority_that_ended("revoked", TestApp::without_worker(Mode::Fleet).await).await;
}

#[tokio::test]
async fn an_expired_authority_issues_nothing_embedded() {
    of_an_authority_that_ended("expired", TestApp::without_worker(Mode::Embedded).await).await;
}

#[tokio::test]
async fn an_expired_authority_issues_nothing_fleet() {
    of_an_authority_that_ended("expired", TestApp::without_worker(Mode::Fleet).await).await;
}

async fn of_an_authority_that_ended(state: &str, app: TestApp) {
    let ca = permissive_role(&app).await;
    let other = app.root_ca("other").await;
    app.role("moving", other["id"].as_str().unwrap()).await;
    // Once before, so that the role and the key are in the caches.
    app.post("/v1/pki/issue/any", json!({ "common_name": "before.test" }))
        .await
        .json_with(StatusCode::CREATED);
    if state == "revoked" {
        app.post(&format!("/v1/pki/ca/{ca}/revoke"), json!({})).await.json_with(StatusCode::ACCEPTED);
    } else {
        // It is valid for ten years.
        app.advance(Duration::from_hours(24 * 3_651)).await;
    }
    let judge = Judge::new();
    judge.run(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=good.test -out r",
    );
    let csr = judge.read("r");
    let before = Rows::of(&app).await.all().await;
    let sub = json!({ "name": "sub", "common_name": "Sub", "ca_type": "intermediate", "parent_ca_id": ca, "key_type": "ec" });
    for forgetful in [false, true] {
        if forgetful {
            app.app.forget_cached(app.tenant.id);
        }
        for (method, path, body) in [
            (Method::POST, "/v1/pki/issue/any", json!({ "common_name": "good.test" })),
            (Method::POST, "/v1/pki/issue/any", json!({ "common_name": "good.test", "ttl": "19y" })),
            (Method::POST, "/v1/pki/sign/csr", json!({ "csr_pem": csr })),
            (Method::POST, "/v1/pki/roles", json!({ "name": "late", "ca_id": ca })),
            (Method::PATCH, "/v1/pki/roles/moving", json!({ "ca_id": ca })),
            (Method::POST, "/v1/pki/ca", sub.clone()),
        ] {
            let case = format!("{method} {path} {body} of a CA that is {state}");
            let body = Some(("application/json", body.to_string().into_bytes()));
            let answer = app.send(method, path, Some(&app.admin), &[], body).await;
            let error = expect(&case, &answer, 409, "invalid_state");
            assert_eq!(error["details"]["state"], state, "{case}: {error}");
            assert_eq!(error["details"]["possible_from"], json!(["active"]), "{case}: {error}");
        }
    }
    assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
    let ca = app.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
    assert_eq!((&ca["status"], &ca["is_active"]), (&json!(state), &json!(false)));
}

/// Roles that permit every legal name for 20 years, under a CA of 10: `any` for P-256 keys, `csr` for all keys.
/// Answers the CA's id.
async fn permissive_role(app: &TestApp) -> String {
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    for (name, key_type) in [("any", "ec"), ("csr", "any")] {
        let role = json!({
            "name": name, "ca_id": ca, "allow_any_name": true, "allow_email_sans": true, "allowed_uri_sans": ["*"],
            "key_type": key_type, "ttl": "1h", "max_ttl": "20y"
        });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
    }
    app.issue("any", "good.test").await;
    ca
}

/// A refusal that says which field it is about.
fn refused(case: &str, answer: &Answer, field: &str) -> Value {
    let code = if answer.text().contains("role_violation") { "role_violation" } else { "validation_error" };
    let error = expect(case, answer, 422, code);
    let named = error["details"]["field"] == field || error["details"]["fields"][field].is_string();
    assert!(named, "{case}: does not say that {field} is wrong: {error}");
    error
}
