//! The extensions and the subject of issued certificates, as `openssl x509 -text` reads them.

use serde_json::{Value, json};
use tests::both_modes;
use tests::openssl::Judge;

use super::{issue, role_with};
use crate::ca::{changed, text};

/// The value lines under an extension's name, joined; empty when the extension is absent.
fn extension<'a>(described: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = described.lines().skip_while(|line| !line.trim().starts_with(name));
    let Some(head) = lines.next() else {
        return Vec::new();
    };
    let depth = |line: &str| line.len() - line.trim_start().len();
    let values = lines.take_while(|line| depth(line) > depth(head)).map(str::trim);
    std::iter::once(head.trim()).chain(values).collect()
}

both_modes! {
    async fn usages_follow_the_role_and_the_key(app: TestApp) {
        const SERVER: &str = "TLS Web Server Authentication";
        const CLIENT: &str = "TLS Web Client Authentication";
        let judge = Judge::new();
        let both = format!("{SERVER}, {CLIENT}");
        for (case, settings, usage, purposes) in [
            ("default", json!({}), "Digital Signature, Key Agreement", both.clone()),
            ("rsa", json!({ "key_type": "rsa" }), "Digital Signature, Key Encipherment", both.clone()),
            ("ed25519", json!({ "key_type": "ed25519" }), "Digital Signature", both.clone()),
            ("none", json!({ "key_usage": [] }), "", both.clone()),
            ("named", json!({ "key_usage": ["ContentCommitment", "DigitalSignature"] }), "Digital Signature, Non Repudiation", both.clone()),
            ("server", json!({ "client_flag": false }), "Digital Signature, Key Agreement", SERVER.to_owned()),
            ("client", json!({ "server_flag": false }), "Digital Signature, Key Agreement", CLIENT.to_owned()),
            ("neither", json!({ "server_flag": false, "client_flag": false }), "Digital Signature, Key Agreement", String::new()),
            ("more", json!({ "ext_key_usage": ["CodeSigning", "ServerAuth", "1.3.6.1.5.5.7.3.17"] }),
                "Digital Signature, Key Agreement", format!("{both}, Code Signing, ipsec Internet Key Exchange")),
        ] {
            role_with(&app, case, settings).await;
            judge.write("leaf.pem", text(&issue(&app, case, json!({ "common_name": "a.example.internal" })).await["certificate"]));
            let described = judge.run("x509 -in leaf.pem -noout -text");
            let expect = |head: &str, value: &str| if value.is_empty() { Vec::new() } else { vec![head.to_owned(), value.to_owned()] };
            assert_eq!(extension(&described, "X509v3 Key Usage"), expect("X509v3 Key Usage: critical", usage), "{case}");
            assert_eq!(extension(&described, "X509v3 Extended Key Usage"), expect("X509v3 Extended Key Usage:", &purposes), "{case}");
        }
    }

    async fn every_certificate_has_the_extensions_of_an_end_entity(app: TestApp) {
        role_with(&app, "web", json!({})).await;
        let ca = app.get("/v1/pki/ca").await.json()["certificate_authorities"][0].clone();
        let issued = issue(&app, "web", json!({ "common_name": "a.example.internal" })).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.write("ca.pem", text(&issued["issuing_ca"]));
        let (leaf, issuer) = (judge.run("x509 -in leaf.pem -noout -text"), judge.run("x509 -in ca.pem -noout -text"));
        assert!(leaf.contains("Version: 3 (0x2)"), "{leaf}");
        assert_eq!(extension(&leaf, "X509v3 Basic Constraints"), ["X509v3 Basic Constraints: critical", "CA:FALSE"]);
        let key_id = extension(&leaf, "X509v3 Subject Key Identifier");
        let issuer_key_id = extension(&issuer, "X509v3 Subject Key Identifier");
        assert_eq!(key_id.len(), 2, "{leaf}");
        assert_eq!(extension(&leaf, "X509v3 Authority Key Identifier"), ["X509v3 Authority Key Identifier:", issuer_key_id[1]]);
        assert_eq!(extension(&issuer, "X509v3 Authority Key Identifier")[1], issuer_key_id[1]);
        assert_ne!(key_id[1], issuer_key_id[1]);
        let access = format!("CA Issuers - URI:{}", text(&ca["ca_issuers_url"]));
        assert_eq!(extension(&leaf, "Authority Information Access"), ["Authority Information Access:", &access]);
        let points = extension(&leaf, "X509v3 CRL Distribution Points").join(" ");
        assert!(points.contains(&format!("URI:{}", text(&ca["crl_url"]))) && !points.contains("critical"), "{points}");
        assert_eq!(extension(&leaf, "X509v3 Subject Alternative Name"), ["X509v3 Subject Alternative Name:", "DNS:a.example.internal"]);
        assert_eq!(leaf.matches("X509v3 ").count() - leaf.matches("X509v3 extensions").count(), 7, "nothing else: {leaf}");
    }

    async fn without_a_subject_the_names_are_critical(app: TestApp) {
        role_with(&app, "web", json!({ "require_cn": false })).await;
        let issued = issue(&app, "web", json!({ "alt_names": ["a.example.internal"] })).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.write("ca.pem", text(&issued["issuing_ca"]));
        let described = judge.run("x509 -in leaf.pem -noout -text");
        assert_eq!(
            extension(&described, "X509v3 Subject Alternative Name"),
            ["X509v3 Subject Alternative Name: critical", "DNS:a.example.internal"],
        );
        assert_eq!(judge.run("x509 -in leaf.pem -noout -subject").trim(), "subject=");
        judge.run("verify -x509_strict -CAfile ca.pem leaf.pem");
        let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
        let row = app.get(&path).await.json();
        assert_eq!((&row["common_name"], &row["subject"]), (&Value::Null, &json!("")));
        // Nothing at all is no request.
        let error = app.post("/v1/pki/issue/web", json!({})).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["alt_names"].is_string(), "{error}");
    }

    async fn a_time_stamp_authority_gets_what_it_needs(app: TestApp) {
        let settings = json!({
            "server_flag": false, "client_flag": false, "ext_key_usage": ["TimeStamping"], "key_usage": ["DigitalSignature"],
            "require_cn": false,
        });
        role_with(&app, "tsa", settings).await;
        let issued = issue(&app, "tsa", json!({ "common_name": "tsa.example.internal" })).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.write("ca.pem", text(&issued["issuing_ca"]));
        judge.run("verify -x509_strict -purpose timestampsign -CAfile ca.pem leaf.pem");
    }

    async fn country_codes_are_capitals(app: TestApp) {
        role_with(&app, "web", json!({ "country": ["de"] })).await;
        let issued = issue(&app, "web", json!({ "common_name": "a.example.internal" })).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        assert!(judge.run("x509 -in leaf.pem -noout -subject -nameopt RFC2253").contains("C=DE"));
    }

    async fn the_rest_of_the_subject_is_the_role_s(app: TestApp) {
        let subject = json!({
            "organization": ["Example, Ltd"], "organizational_unit": ["Keys", "Trust"], "country": ["DE"], "locality": ["Köln"],
            "province": ["NRW"],
        });
        role_with(&app, "web", subject).await;
        let issued = issue(&app, "web", json!({ "common_name": "a.example.internal" })).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        let shown = judge.run("x509 -in leaf.pem -noout -subject -nameopt RFC2253,utf8,-esc_msb");
        let shown = shown.trim().strip_prefix("subject=").unwrap();
        assert_eq!(shown.split(',').next(), Some("CN=a.example.internal"));
        for part in ["OU=Keys", "OU=Trust", "O=Example\\, Ltd", "L=Köln", "ST=NRW", "C=DE"] {
            assert!(shown.contains(part), "no {part} in {shown}");
        }
        let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
        assert_eq!(app.get(&path).await.json()["subject"], shown, "the same RFC 4514 text");
    }

    async fn times_from_2050_on_are_generalized(app: TestApp) {
        role_with(&app, "short", json!({})).await;
        let body = json!({ "name": "old", "common_name": "Old", "ca_type": "root", "key_type": "ec", "validity_days": 20_000 });
        let ca = app.post("/v1/pki/ca", body).await.json_with(poem::http::StatusCode::CREATED);
        let role = json!({ "name": "long", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true, "max_ttl": "50y" });
        app.post("/v1/pki/roles", role).await.json_with(poem::http::StatusCode::CREATED);
        let judge = Judge::new();
        for (role, ttl, kinds) in [("short", "1h", [2, 0]), ("long", "40y", [1, 1])] {
            let request = changed(json!({ "common_name": "a.example.internal" }), &json!({ "ttl": ttl }));
            judge.write("leaf.pem", text(&issue(&app, role, request).await["certificate"]));
            let parsed = judge.run("asn1parse -in leaf.pem");
            let counts = ["UTCTIME", "GENERALIZEDTIME"].map(|kind| parsed.matches(kind).count());
            assert_eq!(counts, kinds, "{ttl}: {parsed}");
        }
    }
}
