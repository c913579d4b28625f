//! Odd input to the CSR desk, to renewing and to stored keys: the contract's error, and nothing is written.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::both_modes;

use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{changed, text};
use crate::csr::{approve, generated, path, request};

both_modes! {
    async fn csrs_with_illegal_contents_are_not_made(app: TestApp) {
        let before = Rows::of(&app).await.all().await;
        let base = json!({ "subject": { "common_name": "a.example.internal" }, "key_type": "ec" });
        let long = "x".repeat(100_000);
        for (case, change, field) in [
            ("a subject as number", json!({ "subject": 7 }), "subject"),
            ("a subject as array", json!({ "subject": ["CN=a"] }), "subject"),
            ("no subject", json!({ "subject": null }), "subject"),
            ("an empty subject and no names", json!({ "subject": {} }), "subject"),
            ("an empty text and no names", json!({ "subject": "" }), "subject"),
            ("an unknown attribute", json!({ "subject": { "common_name": "a", "surname": "b" } }), "subject"),
            ("a text without an attribute", json!({ "subject": "a.example.internal" }), "subject"),
            ("a text with an unknown attribute", json!({ "subject": "CN=a,X=b" }), "subject"),
            ("a text that ends early", json!({ "subject": "CN=a," }), "subject"),
            ("a lone escape", json!({ "subject": "CN=a\\" }), "subject"),
            ("two common names", json!({ "subject": "CN=a,CN=b" }), "subject"),
            ("a country of three letters", json!({ "subject": { "common_name": "a", "country": "NLD" } }), "subject"),
            ("NUL in the common name", json!({ "subject": { "common_name": "a\u{0}b" } }), "subject"),
            ("a line break in the organization", json!({ "subject": { "common_name": "a", "organization": "b\nc" } }), "subject"),
            ("a huge common name", json!({ "subject": { "common_name": long } }), "subject"),
            ("a huge text", json!({ "subject": format!("CN={long}") }), "subject"),
            ("an e-mail address that is none", json!({ "subject": { "common_name": "a", "email": "a b" } }), "subject"),
            ("an empty value", json!({ "subject": { "common_name": "a", "organization": [""] } }), "subject"),
            ("an illegal host name", json!({ "san_dns": ["a b"] }), "san_dns"),
            ("NUL in a host name", json!({ "san_dns": ["a\u{0}.test"] }), "san_dns"),
            ("two wildcards", json!({ "san_dns": ["*.*.test"] }), "san_dns"),
            ("an address as host name", json!({ "san_dns": ["10.0.0.7"] }), "san_dns"),
            ("a name as address", json!({ "san_ip": ["a.test"] }), "san_ip"),
            ("a network as address", json!({ "san_ip": ["10.0.0.0/8"] }), "san_ip"),
            ("half an e-mail address", json!({ "san_email": ["a@"] }), "san_email"),
            ("a relative URI", json!({ "san_uri": ["/path"] }), "san_uri"),
            ("an object as names", json!({ "san_dns": { "a": "b" } }), "san_dns"),
            ("another type of key", json!({ "key_type": "dsa" }), "key_type"),
            ("1024 bits", json!({ "key_type": "rsa", "key_size": 1024 }), "key_size"),
            ("a million bits", json!({ "key_type": "rsa", "key_size": 1_000_000 }), "key_size"),
            ("another curve", json!({ "key_type": "ec", "key_size": 224 }), "key_size"),
            ("a negative size", json!({ "key_size": -1 }), "key_size"),
            ("a size as text", json!({ "key_size": "2048" }), "key_size"),
            ("an unknown field", json!({ "san": ["a.test"] }), "san"),
        ] {
            let answer = app.post("/v1/pki/csr", changed(base.clone(), &change)).await;
            let error = expect(case, &answer, 422, "validation_error");
            let fields = error["details"]["fields"].as_object().unwrap();
            assert!(fields.keys().any(|name| name.split('.').next() == Some(field)), "{case}: {error}");
            assert!(answer.body.len() < 4_000, "{case}: the error repeats {} bytes", answer.body.len());
        }
        let names: Vec<String> = (0..20_000).map(|number| format!("n{number}.example.internal")).collect();
        let answer = app.post("/v1/pki/csr", changed(base.clone(), &json!({ "san_dns": names }))).await;
        expect("20,000 names", &answer, 422, "validation_error");
        for (case, body) in [("an array", "[]"), ("half an object", "{\"subject\":"), ("nothing", "")] {
            let body = Some(("application/json", body.as_bytes().to_vec()));
            let answer = app.send(Method::POST, "/v1/pki/csr", Some(&app.admin), &[], body).await;
            expect(case, &answer, 400, "invalid_request");
        }
        let body = Some(("text/plain", request("-subj /CN=a").into_bytes()));
        let answer = app.send(Method::POST, "/v1/pki/csr/import", Some(&app.admin), &[], body).await;
        expect("PEM as the body", &answer, 415, "unsupported_media_type");
        let huge = json!({ "csr_pem": "x".repeat(2_000_000) });
        expect("2 MB", &app.post("/v1/pki/csr/import", huge).await, 413, "body_too_large");
        for body in [json!({}), json!({ "csr_pem": null }), json!({ "csr_pem": 7 })] {
            let error = expect(&body.to_string(), &app.post("/v1/pki/csr/import", body.clone()).await, 422, "validation_error");
            assert!(error["details"]["fields"]["csr_pem"].is_string(), "{error}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
        app.post("/v1/pki/csr", base).await.json_with(StatusCode::CREATED);
    }

    async fn decisions_with_odd_bodies_are_not_taken(app: TestApp) {
        let ca = app.root_ca("root").await;
        let csr = generated(&app, json!({})).await;
        let before = Rows::of(&app).await.all().await;
        for body in [
            json!({}), json!({ "reason": "" }), json!({ "reason": " \n" }), json!({ "reason": null }), json!({ "reason": 7 }),
            json!({ "reason": "x".repeat(1_025) }), json!({ "reason": "a\u{0}b" }), json!({ "reason": "a\u{1b}[31m" }),
        ] {
            let error = expect(&body.to_string(), &app.post(&path(&csr, "reject"), body.clone()).await, 422, "validation_error");
            assert!(error["details"]["fields"]["reason"].is_string(), "{error}");
        }
        let error = app.post(&path(&csr, "reject"), json!({ "reason": "x", "why": "y" })).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["why"].is_string(), "{error}");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused decision left something behind");
        approve(&app, &csr).await;
        let before = Rows::of(&app).await.all().await;
        let many: Vec<String> = (0..20_000).map(|number| format!("n{number}.example.internal")).collect();
        for (body, field) in [
            (json!({}), "ca_id"), (json!({ "ca_id": null }), "ca_id"), (json!({ "ca_id": 7 }), "ca_id"),
            (json!({ "ca_id": ca["id"], "ttl": "90d" }), "ttl"), (json!({ "ca_id": ca["id"], "validity_days": true }), "validity_days"),
            (json!({ "ca_id": ca["id"], "role": 7 }), "role"), (json!({ "ca_id": ca["id"], "is_ca": true }), "is_ca"),
        ] {
            let error = expect(&body.to_string(), &app.post(&path(&csr, "sign"), body.clone()).await, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        let body = json!({ "ca_id": ca["id"], "san": { "dns": many } });
        let answer = app.post(&path(&csr, "sign"), body).await;
        expect("20,000 names", &answer, 422, "validation_error");
        for id in ["\u{0}", "ca_", "ca_01ARZ3NDEKTSV4RRFFQ69G5FAV'; DROP TABLE csrs", &"x".repeat(10_000)] {
            let answer = app.post(&path(&csr, "sign"), json!({ "ca_id": id })).await;
            expect("an id that is none", &answer, 404, "ca_not_found");
            assert!(answer.body.len() < 1_000, "the error repeats {} bytes", answer.body.len());
        }
        for role in ["\u{0}", "", "../web", &"x".repeat(10_000)] {
            expect("a role that is none", &app.post(&path(&csr, "sign"), json!({ "ca_id": ca["id"], "role": role })).await, 404, "role_not_found");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused signature left something behind");
        let reason = "ü".repeat(1_024);
        let rejected = app.post(&path(&csr, "reject"), json!({ "reason": reason })).await.json_with(StatusCode::OK);
        assert_eq!(rejected["rejection_reason"], reason);
    }

    async fn ids_that_cannot_be_ids_are_not_found(app: TestApp) {
        let certificate = Value::from("cert_01ARZ3NDEKTSV4RRFFQ69G5FAV");
        let ids = ["x", "%00", "..%2f..%2fcsr", "csr_", "%F0%9F%94%91", "cert_01ARZ3NDEKTSV4RRFFQ69G5FAV%20", &"a".repeat(5_000)];
        for id in ids {
            for (path, code) in [
                (format!("/v1/pki/csr/{id}/approve"), "csr_not_found"), (format!("/v1/pki/certificates/{id}/renew"), "certificate_not_found"),
                (format!("/v1/pki/certificates/{id}/private-key"), "certificate_not_found"),
            ] {
                let answer = app.post(&path, json!({})).await;
                expect(&path, &answer, 404, code);
                assert!(answer.body.len() < 1_000, "the error repeats {} bytes", answer.body.len());
            }
            expect(id, &app.delete(&format!("/v1/pki/trust-anchors/{id}")).await, 404, "trust_anchor_not_found");
        }
        app.get(&format!("/v1/pki/certificates/{}", text(&certificate))).await.error(404, "certificate_not_found");
    }
}
