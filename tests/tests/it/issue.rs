//! `/v1/pki/issue/{role}`: what is answered, what stands in the certificates, and what a role refuses.

mod profile;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, seconds, text, with_fields};

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
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Makes a root and a role on it for P-256 keys and names below `example.internal`, changed by `settings`.
async fn role_with(app: &TestApp, name: &str, settings: Value) -> Value {
    let base = json!({
        "name": name, "ca_id": app.root_ca(name).await["id"], "allowed_domains": ["example.internal"],
        "allow_subdomains": true, "key_type": "ec",
    });
    app.post("/v1/pki/roles", changed(base, &settings)).await.json_with(StatusCode::CREATED)
}

/// Issues under `role`.
async fn issue(app: &TestApp, role: &str, request: Value) -> Value {
    app.post(&format!("/v1/pki/issue/{role}"), request).await.json_with(StatusCode::CREATED)
}

/// The answered certificate as it is stored.
async fn stored(app: &TestApp, issued: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

async fn count(app: &TestApp) -> usize {
    let listed = app.get("/v1/pki/certificates?include_revoked=true").await.json_with(StatusCode::OK);
    listed["certificates"].as_array().unwrap().len()
}

both_modes! {
    async fn the_answer_holds_certificate_key_and_chain(app: TestApp) {
        let root = app.root_ca("root").await;
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        app.role("web", text(&sub["id"])).await;
        let body = json!({ "common_name": "www.example.internal" }).to_string().into_bytes();
        let issuer = app.token(certmill_domain::Scope::Issue).await;
        let body = Some(("application/json", body));
        let answer = app.send(Method::POST, "/v1/pki/issue/web", Some(&issuer), &[], body).await;
        let issued = with_fields(&answer, StatusCode::CREATED, &FIELDS);
        let id = text(&issued["certificate_id"]);
        assert!(id.starts_with("cert_"), "{id}");
        assert_eq!(answer.header("location"), format!("/v1/pki/certificates/{id}"));
        assert_eq!(issued["private_key_type"], "ec");
        assert!(text(&issued["private_key"]).starts_with("-----BEGIN PRIVATE KEY-----\n"), "it must be PKCS#8");
        let chain = issued["ca_chain"].as_array().unwrap();
        assert_eq!((chain.len(), &chain[0]), (2, &issued["issuing_ca"]));

        let judge = Judge::new();
        for (file, content) in [
            ("leaf.pem", &issued["certificate"]), ("leaf.key", &issued["private_key"]), ("sub.pem", &chain[0]),
            ("root.pem", &chain[1]),
        ] {
            judge.write(file, text(content));
        }
        judge.run("verify -x509_strict -purpose sslserver -verify_hostname www.example.internal -CAfile root.pem -untrusted sub.pem leaf.pem");
        judge.run("pkey -in leaf.key -check -noout");
        assert_eq!(judge.run("pkey -in leaf.key -pubout"), judge.run("x509 -in leaf.pem -pubkey -noout"));
        let serial = judge.run("x509 -in leaf.pem -noout -serial").trim().replace("serial=", "").to_lowercase();
        assert_eq!(text(&issued["serial_number"]).replace(':', ""), serial);
        let shown = |time: &Value| text(time).replace('T', " ");
        let dates = judge.run("x509 -in leaf.pem -noout -dates -dateopt iso_8601");
        let expected = format!("notBefore={}\nnotAfter={}\n", shown(&issued["not_before"]), shown(&issued["not_after"]));
        assert_eq!(dates, expected);
        let ca = app.get(&format!("/v1/pki/ca/{}", text(&sub["id"]))).await.json();
        assert_eq!(ca["certificates_issued"], 1);
    }

    async fn every_type_of_key_is_made(app: TestApp) {
        let judge = Judge::new();
        role_with(&app, "any", json!({ "key_type": "any" })).await;
        for (case, settings, request, key_type, key_size, described) in [
            ("P-256", json!({}), json!({}), "ec", 256, "NIST CURVE: P-256"),
            ("P-384", json!({ "key_bits": 384 }), json!({ "key_type": "ec", "key_bits": 384 }), "ec", 384, "NIST CURVE: P-384"),
            ("P-521", json!({ "key_bits": 521 }), json!({}), "ec", 521, "NIST CURVE: P-521"),
            ("ed25519", json!({ "key_type": "ed25519" }), json!({}), "ed25519", 256, "ED25519 Public-Key"),
            ("rsa", json!({ "key_type": "rsa" }), json!({}), "rsa", 2048, "Public-Key: (2048 bit)"),
            ("any-384", Value::Null, json!({ "key_type": "ec", "key_bits": 384 }), "ec", 384, "NIST CURVE: P-384"),
            ("any-ed", Value::Null, json!({ "key_type": "ed25519" }), "ed25519", 256, "ED25519 Public-Key"),
        ] {
            let role = if settings.is_null() { "any" } else { case };
            if !settings.is_null() {
                role_with(&app, case, settings).await;
            }
            let request = changed(json!({ "common_name": "a.example.internal" }), &request);
            let issued = issue(&app, role, request).await;
            assert_eq!(issued["private_key_type"], key_type, "{case}");
            judge.write("leaf.pem", text(&issued["certificate"]));
            judge.write("leaf.key", text(&issued["private_key"]));
            assert_eq!(judge.run("pkey -in leaf.key -pubout"), judge.run("x509 -in leaf.pem -pubkey -noout"), "{case}");
            let shown = judge.run("x509 -in leaf.pem -noout -text");
            assert!(shown.contains(described), "{case}: {shown}");
            let row = stored(&app, &issued).await;
            assert_eq!((&row["key_type"], &row["key_size"]), (&json!(key_type), &json!(key_size)), "{case}");
        }
    }

    async fn validity_is_what_was_asked_or_the_role_s(app: TestApp) {
        role_with(&app, "own", json!({ "ttl": "2h", "max_ttl": "30d" })).await;
        role_with(&app, "longest", json!({ "max_ttl": "12h" })).await;
        role_with(&app, "plain", json!({})).await;
        for (role, ttl, expected) in [
            ("own", Value::Null, 2 * HOUR), ("longest", Value::Null, 12 * HOUR), ("plain", Value::Null, 768 * HOUR),
            ("own", json!("1h"), HOUR), ("own", json!(5400), 5400), ("own", json!("5400"), 5400), ("own", json!("90m"), 5400),
            ("own", json!("1d12h"), 36 * HOUR), ("own", json!("2w"), 14 * DAY), ("own", json!("45s"), 45),
            ("own", json!("30d"), 30 * DAY), ("longest", json!("12h"), 12 * HOUR),
        ] {
            let earliest = app.app.now().unix_seconds();
            let request = changed(json!({ "common_name": "a.example.internal" }), &json!({ "ttl": ttl }));
            let issued = issue(&app, role, request).await;
            let start = seconds(&issued["not_after"]) - expected;
            assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "{role} {ttl}: {issued}");
            assert!(seconds(&issued["not_before"]) <= earliest, "{role} {ttl}: it must be valid at once");
        }
        for wrong in [json!("soon"), json!("-1h"), json!("1.5h"), json!(""), json!("h"), json!("1 h"), json!("1h30"), json!(-5)] {
            let request = json!({ "common_name": "a.example.internal", "ttl": wrong });
            app.post("/v1/pki/issue/own", request).await.error(400, "invalid_duration");
        }
        assert_eq!(count(&app).await, 12);
    }

    async fn the_start_lies_back_but_never_before_the_ca_s(app: TestApp) {
        role_with(&app, "back", json!({ "not_before_duration": "1h" })).await;
        let ca = app.get("/v1/pki/ca").await.json()["certificate_authorities"][0].clone();
        let issued = issue(&app, "back", json!({ "common_name": "a.example.internal" })).await;
        assert_eq!(issued["not_before"], ca["valid_from"]);
        app.patch("/v1/pki/roles/back", json!({ "not_before_duration": "0s" })).await.json_with(StatusCode::OK);
        let earliest = app.app.now().unix_seconds();
        let issued = issue(&app, "back", json!({ "common_name": "a.example.internal" })).await;
        assert!((earliest..=app.app.now().unix_seconds()).contains(&seconds(&issued["not_before"])), "{issued}");
    }

    async fn more_than_the_longest_validity_is_refused_and_not_cut(app: TestApp) {
        role_with(&app, "web", json!({ "max_ttl": "1d" })).await;
        let refused = async |ttl: &str| {
            let request = json!({ "common_name": "a.example.internal", "ttl": ttl });
            app.post("/v1/pki/issue/web", request).await.error(422, "role_violation")
        };
        for ttl in ["86401", "25h", "10y"] {
            let error = refused(ttl).await;
            let details = &error["details"];
            assert_eq!((&details["rule"], &details["field"], &details["value"]), (&json!("max_ttl"), &json!("ttl"), &json!(ttl)));
            assert!(text(&details["allowed"]).contains("1d") && text(&error["message"]).contains(ttl), "{error}");
        }
        app.patch("/v1/pki/roles/web", json!({ "max_ttl": "100y" })).await.json_with(StatusCode::OK);
        let ca = app.get("/v1/pki/ca").await.json()["certificate_authorities"][0].clone();
        let error = refused("3651d").await;
        assert!(text(&error["details"]["allowed"]).contains(text(&ca["valid_until"])), "it names the CA's end: {error}");
        assert_eq!(count(&app).await, 0);
        issue(&app, "web", json!({ "common_name": "a.example.internal", "ttl": "3649d" })).await;
    }

    async fn names_of_every_kind_are_written(app: TestApp) {
        role_with(&app, "all", json!({
            "allow_bare_domains": true, "allow_email_sans": true, "allowed_uri_sans": ["spiffe://example.internal/*"],
        })).await;
        let expected = json!({
            "dns": ["www.example.internal", "*.example.internal", "example.internal"],
            "ip": ["10.0.0.7", "2001:db8::7", "10.0.0.8"], "email": ["ops@example.internal"],
            "uri": ["spiffe://example.internal/web"],
        });
        let judge = Judge::new();
        let arrays = json!({
            "common_name": "www.example.internal", "ip_sans": ["2001:DB8:0:0::7", "10.0.0.8"], "uri_sans": ["spiffe://example.internal/web"],
            "alt_names": ["*.example.internal", "10.0.0.7", "ops@example.internal", "EXAMPLE.internal", "www.example.internal"],
        });
        let texts = json!({
            "common_name": "www.example.internal", "ip_sans": "2001:DB8:0:0::7,10.0.0.8", "uri_sans": "spiffe://example.internal/web",
            "alt_names": "*.example.internal, 10.0.0.7 ,ops@example.internal,EXAMPLE.internal,,www.example.internal, ",
        });
        issue(&app, "all", json!({ "common_name": "www.example.internal", "alt_names": "", "ip_sans": " , ", "uri_sans": "" })).await;
        for request in [arrays, texts] {
            let issued = issue(&app, "all", request.clone()).await;
            let row = stored(&app, &issued).await;
            assert_eq!(row["sans"], expected, "{request}");
            assert_eq!((&row["common_name"], &row["subject"]), (&json!("www.example.internal"), &json!("CN=www.example.internal")));
            judge.write("leaf.pem", text(&issued["certificate"]));
            let shown = judge.run("x509 -in leaf.pem -noout -ext subjectAltName");
            for name in [
                "DNS:www.example.internal, DNS:*.example.internal, DNS:example.internal", "IP Address:10.0.0.7",
                "IP Address:2001:DB8:0:0:0:0:0:7", "IP Address:10.0.0.8", "email:ops@example.internal",
                "URI:spiffe://example.internal/web",
            ] {
                assert!(shown.contains(name), "no {name} in {shown}");
            }
        }
    }

    async fn names_become_a_labels_in_lower_case(app: TestApp) {
        role_with(&app, "web", json!({})).await;
        for (asked, written) in [
            ("Bücher.Example.Internal", "xn--bcher-kva.example.internal"),
            ("XN--BCHER-KVA.example.internal", "xn--bcher-kva.example.internal"),
            ("日本.example.internal", "xn--wgv71a.example.internal"),
            ("WWW.EXAMPLE.INTERNAL", "www.example.internal"),
            ("www.example.internal.", "www.example.internal"),
        ] {
            let row = stored(&app, &issue(&app, "web", json!({ "common_name": asked })).await).await;
            assert_eq!((&row["common_name"], &row["sans"]["dns"]), (&json!(written), &json!([written])), "{asked}");
        }
    }

    async fn what_a_role_forbids_is_refused_with_its_rule(app: TestApp) {
        role_with(&app, "web", json!({
            "max_ttl": "1d", "allow_wildcard_certificates": false, "allowed_ip_sans_cidr": ["10.0.0.0/8"], "allow_localhost": false,
        })).await;
        for (request, rule, field, value) in [
            (json!({ "common_name": null }), "require_cn", "common_name", ""),
            (json!({ "common_name": "www.other.internal" }), "allowed_domains", "common_name", "www.other.internal"),
            (json!({ "common_name": "example.internal" }), "allowed_domains", "common_name", "example.internal"),
            (json!({ "common_name": "badexample.internal" }), "allowed_domains", "common_name", "badexample.internal"),
            (json!({ "common_name": "localhost" }), "allowed_domains", "common_name", "localhost"),
            (json!({ "alt_names": ["b.example.internal", "www.other.internal"] }), "allowed_domains", "alt_names", "www.other.internal"),
            (json!({ "alt_names": "*.example.internal" }), "allow_wildcard_certificates", "alt_names", "*.example.internal"),
            (json!({ "alt_names": ["a@example.internal"] }), "allow_email_sans", "alt_names", "a@example.internal"),
            (json!({ "alt_names": ["11.0.0.1"] }), "allowed_ip_sans_cidr", "alt_names", "11.0.0.1"),
            (json!({ "ip_sans": ["10.0.0.1", "11.0.0.1"] }), "allowed_ip_sans_cidr", "ip_sans", "11.0.0.1"),
            (json!({ "ip_sans": ["::ffff:11.0.0.1"] }), "allowed_ip_sans_cidr", "ip_sans", "::ffff:11.0.0.1"),
            (json!({ "uri_sans": ["https://a.example.internal/"] }), "allowed_uri_sans", "uri_sans", "https://a.example.internal/"),
            (json!({ "key_type": "rsa" }), "key_type", "key_type", "rsa"),
            (json!({ "key_bits": 384 }), "key_bits", "key_bits", "384"),
        ] {
            let body = changed(json!({ "common_name": "a.example.internal" }), &request);
            let error = app.post("/v1/pki/issue/web", body).await.error(422, "role_violation");
            let details = &error["details"];
            assert_eq!((&details["rule"], &details["field"], &details["value"]), (&json!(rule), &json!(field), &json!(value)), "{request}");
            assert!(!text(&details["allowed"]).is_empty(), "{request}: it must say what would be allowed");
            assert!(text(&error["message"]).contains(value), "{request}: {error}");
        }
        let error = app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.internal", "colour": 1 })).await;
        assert!(error.error(422, "validation_error")["details"]["fields"]["colour"].is_string());
        app.post("/v1/pki/issue/none", json!({ "common_name": "a.example.internal" })).await.error(404, "role_not_found");
        assert_eq!(count(&app).await, 0);
    }

    async fn serial_numbers_are_random_positive_and_never_twice(app: TestApp) {
        role_with(&app, "web", json!({})).await;
        let judge = Judge::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..25 {
            let request = || issue(&app, "web", json!({ "common_name": "a.example.internal" }));
            let (one, two) = tokio::join!(request(), request());
            for issued in [one, two] {
                let octets: Vec<_> = text(&issued["serial_number"]).split(':').map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect();
                assert!((16..=20).contains(&octets.len()), "about 159 random bits: {octets:?}");
                assert!(octets.len() < 20 || octets[0] < 0x80, "it would take a 21st octet: {octets:?}");
                assert!(seen.insert(octets), "twice the same serial number");
                judge.write("leaf.pem", text(&issued["certificate"]));
            }
        }
        assert!(!judge.run("x509 -in leaf.pem -noout -text").contains("(Negative)"));
        // Of 50 random first octets below 0x80 some are large and some are small.
        let first: Vec<u8> = seen.iter().filter(|octets| octets.len() == 20).map(|octets| octets[0]).collect();
        assert!(first.iter().any(|octet| *octet >= 0x40) && first.iter().any(|octet| *octet < 0x40), "{first:?}");
        assert_eq!(count(&app).await, 50);
    }

    async fn keys_are_kept_only_where_the_role_says_so(app: TestApp) {
        role_with(&app, "kept", json!({ "store_private_keys": true })).await;
        role_with(&app, "once", json!({})).await;
        for (role, kept) in [("kept", true), ("once", false)] {
            let issued = issue(&app, role, json!({ "common_name": "a.example.internal" })).await;
            let row = stored(&app, &issued).await;
            assert_eq!(row["has_private_key"], kept, "{role}");
            assert!(!row.to_string().contains("PRIVATE KEY"), "{role}: {row}");
        }
    }
}
