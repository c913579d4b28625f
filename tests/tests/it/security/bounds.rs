//! Every list and text that a caller gives has a bound, and one more than it is refused by name. The bounds are those of the
//! table in ARCHITECTURE.md.

use certmill_x509::pem;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

use crate::jobs::sql::Sql;

/// So many different texts.
fn many(count: usize, text: impl Fn(usize) -> String) -> Value {
    json!((0..count).map(text).collect::<Vec<_>>())
}

fn names(count: usize) -> Value {
    many(count, |n| format!("n{n}.example.internal"))
}

/// Refused, with the field and the bound.
fn is_refused(answer: &Answer, field: &str, bound: &str) {
    let error = answer.error(422, "validation_error");
    let problem = error["details"]["fields"][field].as_str().unwrap_or_default();
    assert!(problem.contains(bound), "`{field}` and {bound}: {error}");
}

async fn role_with(app: &TestApp, ca: &Value, settings: Value) -> Answer {
    let mut body = json!({ "name": "bounded", "ca_id": ca });
    for (field, value) in settings.as_object().unwrap() {
        body[field] = value.clone();
    }
    app.post("/v1/pki/roles", body).await
}

both_modes! {
    /// A tenant makes a role so large that every look at it is work.
    async fn roles_are_bounded(app: TestApp) {
        let ca = app.root_ca("root").await["id"].clone();
        let long = format!("{}@example.org", "l".repeat(309));
        for (field, value, bound) in [
            ("allowed_domains", names(1_001), "1000"),
            ("allowed_domains", json!([long]), "320"),
            ("allowed_domains", many(1_000, |n| format!("n{n}.{}.example.org", "l".repeat(140))), "131072"),
            ("allowed_ip_sans_cidr", many(1_001, |n| format!("10.{}.{}.0/24", n / 256, n % 256)), "1000"),
            ("allowed_uri_sans", many(1_001, |n| format!("spiffe://example.org/{n}")), "1000"),
            ("allowed_uri_sans", json!([format!("spiffe://example.org/{}", "p".repeat(2_028))]), "2048"),
            ("key_usage", many(33, |_| "DigitalSignature".to_owned()), "32"),
            ("ext_key_usage", many(101, |n| format!("1.3.6.1.4.1.{n}")), "100"),
            ("organization", many(33, |n| format!("Org {n}")), "32"),
            ("organizational_unit", many(33, |n| format!("Unit {n}")), "32"),
            ("country", many(33, |_| "DE".to_owned()), "32"),
            ("locality", many(33, |n| format!("Town {n}")), "32"),
            ("province", many(33, |n| format!("Land {n}")), "32"),
        ] {
            let answer = role_with(&app, &ca, json!({ field: value })).await;
            is_refused(&answer, field, bound);
        }
        let largest = json!({ "allowed_domains": names(1_000), "key_type": "ec" });
        role_with(&app, &ca, largest).await.json_with(StatusCode::CREATED);
        let answer = app.patch("/v1/pki/roles/bounded", json!({ "allowed_domains": names(1_001) })).await;
        is_refused(&answer, "allowed_domains", "1000");
        let kept = app.get("/v1/pki/roles/bounded").await.json_with(StatusCode::OK);
        assert_eq!(kept["allowed_domains"].as_array().unwrap().len(), 1_000);
    }

    /// A role from before there were bounds is shown and issues; it is not written again until it is within them.
    async fn a_role_from_before_the_bounds_is_read(app: TestApp) {
        let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        app.role("old", &ca).await;
        let mut domains = names(5_000).as_array().unwrap().clone();
        domains.push(json!("example.internal"));
        let sql = Sql::open(app.database_url()).await;
        let stored = sql.texts("SELECT settings FROM roles WHERE name = 'old'").await;
        let mut stored: Value = serde_json::from_str(&stored[0]).unwrap();
        stored["allowed_domains"] = json!(domains);
        // What no certificate can have does not hinder reading and mending the role.
        stored["allowed_uri_sans"] = json!(["https://a.example/%7Euser/*"]);
        stored["ext_key_usage"] = json!(["TimeStamping", "CodeSigning"]);
        sql.run(&format!("UPDATE roles SET settings = '{stored}' WHERE name = 'old'")).await;
        app.app.forget_cached(app.tenant.id);
        let shown = app.get("/v1/pki/roles/old").await.json_with(StatusCode::OK);
        assert_eq!(shown["allowed_domains"].as_array().unwrap().len(), 5_001);
        let body = json!({ "common_name": "a.b.example.internal" });
        let told = app.post("/v1/pki/issue/old", body).await.error(422, "role_violation");
        assert_eq!(told["details"]["rule"], "ext_key_usage");
        let answer = app.patch("/v1/pki/roles/old", json!({ "max_ttl": "30d" })).await;
        is_refused(&answer, "allowed_domains", "1000");
        let fewer = json!({ "allowed_domains": ["example.internal"] });
        let told = app.patch("/v1/pki/roles/old", fewer).await.error(422, "validation_error");
        let fields: Vec<&String> = told["details"]["fields"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["allowed_uri_sans", "ext_key_usage"]);
        let less = json!({
            "max_ttl": "30d", "allowed_domains": ["example.internal"], "allowed_uri_sans": [], "ext_key_usage": []
        });
        app.patch("/v1/pki/roles/old", less).await.json_with(StatusCode::OK);
        app.issue("old", "a.b.example.internal").await;
    }

    /// A request lists more names than a certificate holds, or names that take a role's patterns too long.
    async fn names_of_requests_are_bounded(app: TestApp) {
        let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        app.role("web", &ca).await;
        for field in ["alt_names", "ip_sans", "uri_sans"] {
            let body = json!({ "common_name": "a.example.internal", field: names(1_001) });
            is_refused(&app.post("/v1/pki/issue/web", body.clone()).await, field, "1000");
            let told = app.post("/v1/pki/roles/web/check", body).await.json_with(StatusCode::OK);
            assert_eq!(told["allowed"], false);
        }
        // Every pattern would be tried on every name, octet by octet.
        let patterns = many(400, |n| format!("*a*b*c*{n}*{}", "d".repeat(200)));
        let body = json!({ "allowed_domains": patterns, "allow_glob_domains": true, "require_cn": false, "key_type": "ec" });
        let mut body = body;
        body["name"] = json!("globs");
        body["ca_id"] = json!(ca);
        app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
        let long = many(1_000, |n| format!("n{n}.{0}.{0}.{0}.org", "abc".repeat(20)));
        let body = json!({ "alt_names": long });
        is_refused(&app.post("/v1/pki/issue/globs", body.clone()).await, "alt_names", "268435456");
        let told = app.post("/v1/pki/roles/globs/check", body).await.json_with(StatusCode::OK);
        let refused = |rule: &&Value| rule["verdict"] == "refused";
        let first = told["rules"].as_array().unwrap().iter().find(refused).unwrap();
        assert_eq!((&first["rule"], &first["field"]), (&json!("syntax"), &json!("alt_names")), "{first}");
        let few = json!({ "alt_names": ["a.b.c.example.org"] });
        app.post("/v1/pki/issue/globs", few).await.error(422, "role_violation");
    }

    /// The lists and texts of all other bodies.
    async fn every_other_list_is_bounded(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let issued = app.issue("web", "a.example.internal").await;
        let domains = |count| many(count, |n| format!("d{n}.example.org"));
        let new_ca = |field: &str, value: Value| {
            let mut body = json!({ "name": "more", "common_name": "More", "ca_type": "root", "key_type": "ec" });
            body[field] = value;
            ("/v1/pki/ca", body)
        };
        let csr = |subject: Value, field: &str, value: Value| {
            ("/v1/pki/csr", json!({ "subject": subject, "key_type": "ec", field: value }))
        };
        let one = json!({ "common_name": "a.example.org" });
        let wide = json!({ "common_name": "a.example.org", "organization": domains(64) });
        let provider = |config: Value, zones: Value| {
            ("/v1/pki/dns-providers", json!({ "name": "dns", "type": "powerdns", "config": config, "zones": zones, "verify": false }))
        };
        let config = |more: Value| {
            let mut config = json!({ "api_key": "key", "base_url": "http://127.0.0.1:9" });
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            config
        };
        let servers = many(21, |n| format!("192.0.2.{n}"));
        let validate = |field: &str, value: Value| {
            ("/v1/pki/certificates/validate", json!({ "certificate_pem": issued["certificate"], field: value }))
        };
        let crls = app.send(Method::GET, &format!("/pub/crl/{}.crl", ca["id"].as_str().unwrap()), None, &[], None).await;
        let crls = pem::encode(pem::X509_CRL, &crls.body).repeat(101);
        for ((path, body), field, bound) in [
            (new_ca("organization", domains(33)), "organization", "32"),
            (new_ca("locality", domains(33)), "locality", "32"),
            (new_ca("permitted_dns_domains", domains(101)), "permitted_dns_domains", "100"),
            (new_ca("excluded_dns_domains", domains(101)), "excluded_dns_domains", "100"),
            (csr(one.clone(), "san_dns", domains(1_001)), "san_dns", "1000"),
            (csr(one.clone(), "san_uri", many(1_001, |n| format!("urn:example:{n}"))), "san_uri", "1000"),
            (csr(one, "san_email", many(1_001, |n| format!("a{n}@example.org"))), "san_email", "1000"),
            (csr(wide, "san_dns", domains(1)), "subject", "64"),
            (("/v1/tokens", json!({ "name": "t", "scopes": many(17, |_| "pki:read".to_owned()) })), "scopes", "16"),
            (("/v1/tokens", json!({ "name": "t", "scopes": many(10_001, |_| "pki:read".to_owned()) })), "scopes", "10000"),
            (("/v1/tokens", json!({ "name": "t", "scopes": vec!["pki:read"; 10_001].join(",") })), "scopes", "10000"),
            (("/v1/tokens", json!({ "name": "t".repeat(129), "scopes": ["pki:read"] })), "name", "128"),
            (validate("policies", many(101, |n| format!("1.2.3.{n}"))), "policies", "100"),
            (validate("crl_pem", json!(crls)), "crl_pem", "100"),
            (provider(config(json!({})), domains(1_001)), "zones", "1000"),
            (provider(config(json!({ "propagation": { "nameservers": servers } })), json!([])), "config.propagation.nameservers", "20"),
            (provider(config(json!({ "api_key": "k".repeat(64 << 10) })), json!([])), "config", "65536"),
        ] {
            is_refused(&app.post(path, body).await, field, bound);
        }
        let too_much = json!({ "data": { "text": "t".repeat(64 << 10) } });
        is_refused(&app.put("/v1/secrets/large", too_much).await, "data", "65536");
        let path = format!("/v1/pki/certificates/{}", issued["certificate_id"].as_str().unwrap());
        let tags: serde_json::Map<String, Value> = (0..65).map(|n| (format!("t{n}"), json!("x"))).collect();
        is_refused(&app.patch(&path, json!({ "tags": tags })).await, "tags", "64");
        is_refused(&app.patch(&path, json!({ "tags": { "t": "x".repeat(257) } })).await, "tags", "256");
        is_refused(&app.patch(&path, json!({ "description": "x".repeat(4_097) })).await, "description", "4096");
        let blocks = pem::encode(pem::CERTIFICATE, &[0x30, 0]).repeat(1_001);
        for path in ["/v1/pki/certificates/validate", "/v1/pki/certificates/import"] {
            let error = app.post(path, json!({ "certificate_pem": blocks })).await.error(422, "certificate_invalid");
            assert!(error["message"].as_str().unwrap().contains("1000"), "{error}");
        }
    }

    /// CAs are stacked without end, so that every certificate below them brings all of them along.
    async fn cas_are_stacked_as_high_as_paths_are_validated(app: TestApp) {
        let mut above = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        let below = |level: usize, above: &str| {
            // Each ends before the one above it.
            json!({
                "name": format!("level {level}"), "common_name": format!("Level {level}"), "ca_type": "intermediate",
                "parent_ca_id": above, "key_type": "ec", "validity_days": 1_000 - level
            })
        };
        for level in 2..=15 {
            let ca = app.post("/v1/pki/ca", below(level, &above)).await.json_with(StatusCode::CREATED);
            ca["id"].as_str().unwrap().clone_into(&mut above);
        }
        let body = below(16, &above);
        is_refused(&app.post("/v1/pki/ca", body).await, "parent_ca_id", "15");
        app.role("web", &above).await;
        let issued = app.issue("web", "a.example.internal").await;
        let question = json!({ "certificate_pem": issued["certificate"], "check_revocation": true });
        let answer = app.post("/v1/pki/certificates/validate", question).await.json_with(StatusCode::OK);
        assert_eq!((&answer["valid"], &answer["not_revoked"]), (&json!(true), &json!(true)), "{answer}");
    }
}
