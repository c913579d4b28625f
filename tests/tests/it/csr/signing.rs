//! Signing approved CSRs: what the certificate says, whose key it has, and who may not sign.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{approve, approve_and_sign, generated, imported, path, request, stored};
use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{PAST_ITS_END, changed, seconds, short_root, text, with_fields};

const FIELDS: [&str; 7] =
    ["certificate", "ca_chain", "issuing_ca", "serial_number", "certificate_id", "not_before", "not_after"];
const DAY: i64 = 86_400;

/// A judge with `leaf.pem`, `ca.pem` (the root) and `between.pem` of a signed certificate.
fn judge(signed: &Value) -> Judge {
    let judge = Judge::new();
    let chain: Vec<_> = signed["ca_chain"].as_array().unwrap().iter().map(text).collect();
    judge.write("leaf.pem", text(&signed["certificate"]));
    judge.write("ca.pem", chain.last().unwrap());
    judge.write("between.pem", chain.concat());
    judge
}

fn described(signed: &Value) -> String {
    judge(signed).run("x509 -in leaf.pem -noout -text")
}

/// Approves it, and tries to have it signed.
async fn refused(app: &TestApp, csr: &Value, body: Value, status: u16, code: &str) -> Value {
    let case = body.to_string();
    expect(&case, &app.post(&path(csr, "sign"), body).await, status, code)
}

both_modes! {
    async fn a_signed_csr_is_a_server_s_and_client_s_certificate(app: TestApp) {
        let root = app.root_ca("root").await;
        let ca = app.intermediate_ca("below", text(&root["id"])).await;
        for (key, usage) in [
            ("-newkey ec -pkeyopt ec_paramgen_curve:P-256", "Digital Signature, Key Agreement"),
            ("-newkey ec -pkeyopt ec_paramgen_curve:P-384", "Digital Signature, Key Agreement"),
            ("-newkey rsa:2048", "Digital Signature, Key Encipherment"),
            ("-newkey ed25519", "Digital Signature"),
        ] {
            let pem = request(&format!(
                "{key} -subj /C=NL/O=Theirs/OU=Ops/CN=www.example.internal -addext subjectAltName=DNS:b.example.internal,IP:10.0.0.7 \
                 -addext extendedKeyUsage=codeSigning -addext keyUsage=keyCertSign -addext nsComment=hello"
            ));
            let csr = imported(&app, &pem).await;
            approve(&app, &csr).await;
            let earliest = app.app.now().unix_seconds();
            let answer = app.post(&path(&csr, "sign"), json!({ "ca_id": ca["id"] })).await;
            let signed = with_fields(&answer, StatusCode::CREATED, &FIELDS);
            assert_eq!(answer.header("location"), format!("/v1/pki/certificates/{}", text(&signed["certificate_id"])));
            assert_eq!(signed["ca_chain"].as_array().unwrap().len(), 2);
            let judge = judge(&signed);
            for purpose in ["sslserver", "sslclient"] {
                judge.run(&format!("verify -x509_strict -purpose {purpose} -CAfile ca.pem -untrusted between.pem leaf.pem"));
            }
            judge.run("verify -verify_hostname www.example.internal -CAfile ca.pem -untrusted between.pem leaf.pem");
            judge.write("r", &pem);
            assert_eq!(judge.run("x509 -in leaf.pem -noout -pubkey"), judge.run("req -in r -noout -pubkey"), "{key}");
            let said = judge.run("x509 -in leaf.pem -noout -text -nameopt RFC2253");
            for part in [
                "Subject: CN=www.example.internal,OU=Ops,O=Theirs,C=NL", "CA:FALSE", "TLS Web Server Authentication, TLS Web Client Authentication",
                "DNS:www.example.internal, DNS:b.example.internal, IP Address:10.0.0.7", usage, "CRL Distribution Points",
            ] {
                assert!(said.contains(part), "{key}: {part} is missing: {said}");
            }
            for absent in ["Code Signing", "Certificate Sign", "hello"] {
                assert!(!said.contains(absent), "{key}: {absent} stands in {said}");
            }
            let row = stored(&app, &signed).await;
            assert_eq!((&row["source"], &row["role"], &row["ca_id"]), (&json!("csr"), &Value::Null, &ca["id"]), "{key}");
            assert_eq!((&row["has_private_key"], &row["status"]), (&json!(false), &json!("active")), "{key}");
            let start = seconds(&signed["not_after"]) - 365 * DAY;
            assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "{signed}");
        }
    }

    async fn the_key_of_a_generated_csr_follows_its_certificate(app: TestApp) {
        let ca = app.root_ca("root").await;
        let csr = generated(&app, json!({})).await;
        let signed = approve_and_sign(&app, &csr, &ca, json!({})).await;
        let after = app.get(&path(&csr, "")).await.json_with(StatusCode::OK);
        assert_eq!((&after["has_private_key"], &after["certificate_id"]), (&json!(false), &signed["certificate_id"]));
        let certificate = format!("/v1/pki/certificates/{}", text(&signed["certificate_id"]));
        let row = app.get(&certificate).await.json_with(StatusCode::OK);
        assert_eq!((&row["has_private_key"], &row["spki_sha256"]), (&json!(true), &csr["spki_sha256"]));
        // Deleting the CSR takes neither the certificate nor the key along.
        assert_eq!(app.delete(&path(&csr, "")).await.status, StatusCode::NO_CONTENT);
        assert_eq!(app.get(&certificate).await.json_with(StatusCode::OK), row);
        let key = app.post(&format!("{certificate}/private-key"), json!({})).await.json_with(StatusCode::OK);
        let judge = judge(&signed);
        judge.write("k", text(&key["private_key"]));
        assert_eq!(judge.run("pkey -in k -pubout"), judge.run("x509 -in leaf.pem -noout -pubkey"));
    }

    async fn san_replaces_the_names_of_the_csr(app: TestApp) {
        let ca = app.root_ca("root").await;
        let every = json!({
            "dns": ["c.example.internal"], "ip": ["10.0.0.9"], "email": ["x@example.internal"], "uri": ["spiffe://example.internal/x"],
        });
        for (case, san, expected) in [
            ("object", every.clone(), every.clone()),
            ("object with texts", json!({ "dns": "c.example.internal, d.example.internal" }),
                json!({ "dns": ["c.example.internal", "d.example.internal"], "ip": [], "email": [], "uri": [] })),
            ("array", json!(["c.example.internal", "10.0.0.9", "x@example.internal", "spiffe://example.internal/x"]), every.clone()),
            ("text", json!("c.example.internal, 10.0.0.9,x@example.internal"), changed(every.clone(), &json!({ "uri": [] }))),
        ] {
            let pem = request("-subj /CN=a.example.internal -addext subjectAltName=DNS:b.example.internal,IP:10.0.0.7");
            let csr = imported(&app, &pem).await;
            approve(&app, &csr).await;
            let answer = app.post(&path(&csr, "sign"), json!({ "ca_id": ca["id"], "san": san })).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
            let row = stored(&app, &answer.json()).await;
            assert_eq!(row["common_name"], "a.example.internal", "{case}");
            let mut sans = row["sans"].clone();
            sans["dns"].as_array_mut().unwrap().retain(|name| *name != "a.example.internal");
            assert_eq!(sans, expected, "{case}");
            let said = described(&answer.json());
            assert!(!said.contains("DNS:10.0.0.9") && !said.contains("DNS:b.example.internal"), "{case}: {said}");
        }
        let csr = imported(&app, &request("-subj /CN=a.example.internal")).await;
        approve(&app, &csr).await;
        for (san, field) in [
            (json!(["a b"]), "san"), (json!({ "ip": ["10.0.0"] }), "san.ip"), (json!({ "email": ["x@"] }), "san.email"),
            (json!({ "uri": ["/path"] }), "san.uri"), (json!({ "hostname": ["x"] }), "san.hostname"), (json!(7), "san"),
        ] {
            let error = refused(&app, &csr, json!({ "ca_id": ca["id"], "san": san }), 422, "validation_error").await;
            let fields = error["details"]["fields"].as_object().unwrap();
            assert!(fields.len() == 1 && fields.keys().all(|name| name.starts_with(field)), "{san}: {error}");
        }
    }

    async fn validity_is_in_days(app: TestApp) {
        let ca = app.root_ca("root").await;
        for days in [1, 90, 3_600] {
            let csr = generated(&app, json!({})).await;
            let earliest = app.app.now().unix_seconds();
            let signed = approve_and_sign(&app, &csr, &ca, json!({ "validity_days": days })).await;
            let start = seconds(&signed["not_after"]) - days * DAY;
            assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "{days}: {signed}");
            assert!(seconds(&signed["not_before"]) <= earliest, "clocks differ: {signed}");
        }
        let csr = generated(&app, json!({})).await;
        approve(&app, &csr).await;
        for days in [json!(0), json!(-1), json!(10_000_000), json!(i64::MAX), json!("90"), json!(1.5)] {
            let error = refused(&app, &csr, json!({ "ca_id": ca["id"], "validity_days": days }), 422, "validation_error").await;
            assert!(error["details"]["fields"]["validity_days"].is_string(), "{days}: {error}");
        }
        let error = refused(&app, &csr, json!({ "ca_id": ca["id"], "validity_days": 3_700 }), 422, "role_violation").await;
        assert_eq!((&error["details"]["rule"], &error["details"]["field"]), (&json!("ca_validity"), &json!("validity_days")), "{error}");
        assert!(text(&error["message"]).contains("3649") || text(&error["message"]).contains("3650"), "{error}");
    }

    async fn a_role_applies_its_constraints_and_profile(app: TestApp) {
        let (ca, other) = (app.root_ca("root").await, app.root_ca("other").await);
        let role = |name: &str, ca: &Value, more: Value| changed(json!({
            "name": name, "ca_id": ca["id"], "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec",
            "max_ttl": "90d", "ttl": "10d", "organization": ["Ours"], "server_flag": false, "client_flag": false,
            "ext_key_usage": ["CodeSigning"], "key_usage": ["DigitalSignature"],
        }), &more);
        for body in [
            role("web", &ca, json!({})), role("elsewhere", &other, json!({})), role("strict", &ca, json!({ "allow_subdomains": false })),
            role("p384", &ca, json!({ "key_bits": 384 })),
        ] {
            app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
        }
        let csr = imported(&app, &request("-subj /O=Theirs/CN=a.example.internal")).await;
        approve(&app, &csr).await;
        let with = |more: Value| changed(json!({ "ca_id": ca["id"], "role": "web" }), &more);
        for (body, rule, value) in [
            (with(json!({ "role": "strict" })), "allowed_domains", "a.example.internal"),
            (with(json!({ "role": "p384" })), "key_bits", "256"),
            (with(json!({ "san": ["b.example.com"] })), "allowed_domains", "b.example.com"),
            (with(json!({ "validity_days": 91 })), "max_ttl", "7862400s"),
        ] {
            let error = refused(&app, &csr, body, 422, "role_violation").await;
            assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&json!(rule), &json!(value)), "{error}");
        }
        let error = refused(&app, &csr, with(json!({ "role": "elsewhere" })), 422, "validation_error").await;
        assert!(text(&error["details"]["fields"]["role"]).contains(text(&other["id"])), "{error}");
        refused(&app, &csr, with(json!({ "role": "none" })), 404, "role_not_found").await;
        let earliest = app.app.now().unix_seconds();
        let signed = app.post(&path(&csr, "sign"), with(json!({}))).await.json_with(StatusCode::CREATED);
        let start = seconds(&signed["not_after"]) - 10 * DAY;
        assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "not the role's ttl: {signed}");
        let said = described(&signed);
        assert!(said.contains("Code Signing") && !said.contains("TLS Web"), "{said}");
        let row = stored(&app, &signed).await;
        assert_eq!((&row["role"], &row["source"], &row["subject"]), (&json!("web"), &json!("csr"), &json!("CN=a.example.internal,O=Ours")));
    }

    async fn only_an_active_ca_of_the_tenant_signs(app: TestApp) {
        let (ca, revoked, ended) = (app.root_ca("root").await, app.root_ca("revoked").await, short_root(&app, "ended").await);
        app.post(&format!("/v1/pki/ca/{}/revoke", text(&revoked["id"])), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.advance(PAST_ITS_END).await;
        let (_, stranger) = app.another_tenant("second").await;
        let foreign = json!({ "name": "theirs", "common_name": "Theirs", "ca_type": "root", "key_type": "ec" });
        let foreign = app.post_as(&stranger, "/v1/pki/ca", foreign).await.json_with(StatusCode::CREATED);
        let csr = generated(&app, json!({})).await;
        approve(&app, &csr).await;
        // What the worker does after a revocation is not of interest.
        let rows = async || {
            let mut rows = Rows::of(&app).await.all().await;
            rows.retain(|table, _| ["csrs", "certificates", "certificate_names", "audit_logs"].contains(&table.as_str()));
            rows
        };
        let before = rows().await;
        for (id, status, code) in [
            (&revoked["id"], 409, "invalid_state"), (&ended["id"], 409, "invalid_state"), (&foreign["id"], 404, "ca_not_found"),
            (&json!("ca_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "ca_not_found"), (&json!("root"), 404, "ca_not_found"),
            (&Value::Null, 422, "validation_error"),
        ] {
            refused(&app, &csr, json!({ "ca_id": id }), status, code).await;
        }
        let error = refused(&app, &csr, json!({ "ca_id": revoked["id"] }), 409, "invalid_state").await;
        assert_eq!(error["details"], json!({ "state": "revoked", "possible_from": ["active"] }));
        let theirs = app.post_as(&stranger, &path(&csr, "sign"), json!({ "ca_id": foreign["id"] })).await;
        theirs.error(404, "csr_not_found");
        assert_eq!(before.len(), 4);
        assert_eq!(rows().await, before, "a refused signature left something behind");
        app.post(&path(&csr, "sign"), json!({ "ca_id": ca["id"] })).await.json_with(StatusCode::CREATED);
    }

    async fn whatever_is_asked_for_a_leaf_comes_out(app: TestApp) {
        let ca = app.root_ca("root").await;
        let pem = request(
            "-subj /CN=a.example.internal -addext basicConstraints=critical,CA:TRUE,pathlen:3 -addext keyUsage=critical,keyCertSign,cRLSign",
        );
        let signed = approve_and_sign(&app, &imported(&app, &pem).await, &ca, json!({})).await;
        let said = described(&signed);
        assert!(said.contains("CA:FALSE") && !said.contains("CA:TRUE") && !said.contains("Certificate Sign"), "{said}");
        // openssl refuses what this certificate would issue.
        let judge = judge(&signed);
        assert!(!judge.try_run("verify -purpose crlsign -CAfile ca.pem leaf.pem").0);
    }

    async fn an_e_mail_address_of_the_subject_becomes_a_name(app: TestApp) {
        let ca = app.root_ca("root").await;
        let csr = generated(&app, json!({
            "subject": { "common_name": "Ann Example", "email": "ann@example.internal" }, "san_dns": ["a.example.internal"],
        })).await;
        let signed = approve_and_sign(&app, &csr, &ca, json!({})).await;
        let row = stored(&app, &signed).await;
        assert_eq!(row["sans"], json!({ "dns": ["a.example.internal"], "ip": [], "email": ["ann@example.internal"], "uri": [] }));
        assert_eq!((&row["common_name"], &row["subject"]), (&json!("Ann Example"), &json!("CN=Ann Example")));
        let said = described(&signed);
        assert!(said.contains("email:ann@example.internal") && !said.contains("emailAddress"), "{said}");
    }

    async fn a_common_name_that_is_no_host_name_stays_in_the_subject(app: TestApp) {
        let ca = app.root_ca("root").await;
        for name in ["Ann Example", "laptop", "Zoë's phone", "10.0.0.7"] {
            let csr = generated(&app, json!({ "subject": { "common_name": name }, "san_uri": ["spiffe://example.internal/a"] })).await;
            let row = stored(&app, &approve_and_sign(&app, &csr, &ca, json!({})).await).await;
            assert_eq!((&row["common_name"], &row["sans"]["dns"], &row["sans"]["ip"]), (&json!(name), &json!([]), &json!([])), "{name}");
        }
        // A name alone, with nothing a server could be known by.
        let csr = generated(&app, json!({ "subject": { "common_name": "Ann Example" } })).await;
        let said = described(&approve_and_sign(&app, &csr, &ca, json!({})).await);
        assert!(!said.contains("Subject Alternative Name"), "{said}");
        // No subject, so the names are critical (RFC 5280 section 4.2.1.6).
        let csr = generated(&app, json!({ "subject": {}, "san_dns": ["a.example.internal"] })).await;
        let said = described(&approve_and_sign(&app, &csr, &ca, json!({})).await);
        assert!(said.contains("X509v3 Subject Alternative Name: critical"), "{said}");
    }

    async fn the_name_constraints_of_the_ca_hold_on_the_desk_too(app: TestApp) {
        let body = json!({
            "name": "narrow", "common_name": "Narrow CA", "ca_type": "root", "key_type": "ec", "permitted_dns_domains": ["example.internal"],
        });
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let csr = generated(&app, json!({ "san_dns": ["evil.example.com"] })).await;
        approve(&app, &csr).await;
        let error = refused(&app, &csr, json!({ "ca_id": ca["id"] }), 422, "role_violation").await;
        assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&json!("ca_name_constraints"), &json!("evil.example.com")));
        app.post(&path(&csr, "sign"), json!({ "ca_id": ca["id"], "san": [] })).await.json_with(StatusCode::CREATED);
    }

    async fn a_signed_certificate_is_revoked_like_any_other(app: TestApp) {
        let ca = app.root_ca("root").await;
        let signed = approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({})).await;
        let revoke = json!({ "serial_number": signed["serial_number"], "reason": "superseded" });
        app.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);
        let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
        app.eventually(&path, |ca| ca["crl"]["entries"] == 1).await;
        let crl = app.send(Method::GET, &format!("{path}/crl"), Some(&app.admin), &[("accept", "application/x-pem-file")], None).await;
        let judge = judge(&signed);
        judge.write("crl.pem", crl.text());
        let (good, said) = judge.try_run("verify -crl_check -CAfile ca.pem -CRLfile crl.pem leaf.pem");
        assert!(!good && said.contains("certificate revoked"), "{said}");
        let listed = app.get("/v1/pki/certificates?source=csr&include_revoked=true").await.json_with(StatusCode::OK);
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 1);
    }
}
