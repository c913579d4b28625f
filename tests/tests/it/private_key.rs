//! `/v1/pki/certificates/{id}/private-key`: stored keys, and that every retrieval is told.

use std::process::Command;

use certmill_domain::Scope;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use crate::access::expect;
use crate::ca::{changed, text, with_fields};
use crate::jobs::sql::Sql;

const PASSWORD: &str = "correct-horse";

/// A role `kept` that stores keys, changed by `settings`, under an intermediate; answers the intermediate.
async fn keeping(app: &TestApp, settings: Value) -> Value {
    let root = app.root_ca("root").await;
    let ca = app.intermediate_ca("below", text(&root["id"])).await;
    let role = json!({
        "name": "kept", "ca_id": ca["id"], "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec",
        "store_private_keys": true,
    });
    app.post("/v1/pki/roles", changed(role, &settings)).await.json_with(StatusCode::CREATED);
    ca
}

fn path(issued: &Value) -> String {
    format!("/v1/pki/certificates/{}/private-key", text(&issued["certificate_id"]))
}

async fn retrieve(app: &TestApp, issued: &Value, body: Value) -> Answer {
    app.post(&path(issued), body).await
}

/// A bundle in a judge's folder as `bundle.p12`.
async fn bundle(app: &TestApp, issued: &Value, password: &str) -> Judge {
    let answer = retrieve(app, issued, json!({ "format": "pkcs12", "password": password })).await;
    let body = with_fields(&answer, StatusCode::OK, &["certificate_id", "format", "pkcs12"]);
    assert_eq!((&body["certificate_id"], &body["format"]), (&issued["certificate_id"], &json!("pkcs12")));
    let judge = Judge::new();
    judge.write("bundle.b64", text(&body["pkcs12"]));
    judge.run("base64 -d -A -in bundle.b64 -out bundle.p12");
    judge
}

/// The audit rows of `certificate.private_key`, newest first.
async fn told(app: &TestApp) -> Vec<Value> {
    let logs = app.get("/v1/audit/logs?action=certificate.private_key").await.json_with(StatusCode::OK);
    logs["logs"].as_array().unwrap().clone()
}

both_modes! {
    async fn a_stored_key_is_that_of_the_certificate(app: TestApp) {
        keeping(&app, json!({ "key_type": "any" })).await;
        for (key_type, bits, begins) in [("ec", 256, "ec"), ("ec", 384, "ec"), ("ed25519", 256, "ed25519"), ("rsa", 2048, "rsa")] {
            let body = json!({ "common_name": "a.example.internal", "key_type": key_type, "key_bits": bits });
            let issued = app.post("/v1/pki/issue/kept", body).await.json_with(StatusCode::CREATED);
            let answer = retrieve(&app, &issued, json!({})).await;
            let body = with_fields(&answer, StatusCode::OK, &["certificate_id", "format", "private_key", "private_key_type"]);
            assert_eq!(body["certificate_id"], issued["certificate_id"]);
            assert_eq!((&body["format"], &body["private_key_type"]), (&json!("pem"), &json!(begins)));
            assert_eq!(body["private_key"], issued["private_key"], "not the key that issuing answered");
            assert!(text(&body["private_key"]).starts_with("-----BEGIN PRIVATE KEY-----\n"), "not PKCS#8");
            let judge = Judge::new();
            judge.write("k", text(&body["private_key"]));
            judge.write("leaf.pem", text(&issued["certificate"]));
            assert_eq!(judge.run("pkey -in k -pubout"), judge.run("x509 -in leaf.pem -noout -pubkey"), "{key_type} {bits}");
            let row = app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]))).await;
            assert_eq!(row.json()["has_private_key"], true);
            assert!(!row.text().contains("PRIVATE KEY"), "reading shows the key");
        }
    }

    async fn the_body_may_be_left_out(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        let bare = app.send(Method::POST, &path(&issued), Some(&app.admin), &[], None).await;
        assert_eq!(bare.json_with(StatusCode::OK)["private_key"], issued["private_key"]);
        let named = retrieve(&app, &issued, json!({ "format": "pem" })).await;
        assert_eq!(named.json_with(StatusCode::OK), bare.json());
    }

    async fn a_bundle_for_old_programs_has_a_name_of_choice(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        for (encryption, cipher, mac) in [("compatible", "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"), ("modern", "AES-256-CBC", "MAC: sha256")] {
            let body = json!({ "format": "pkcs12", "password": PASSWORD, "encryption": encryption, "friendly_name": "Web server" });
            let answer = retrieve(&app, &issued, body).await.json_with(StatusCode::OK);
            let judge = Judge::new();
            judge.write("bundle.b64", text(&answer["pkcs12"]));
            judge.run("base64 -d -A -in bundle.b64 -out bundle.p12");
            let said = judge.run(&format!("pkcs12 -in bundle.p12 -passin pass:{PASSWORD} -info -nodes -out k"));
            assert!(said.contains(cipher) && said.contains(mac), "{encryption}: {said}");
            assert!(judge.read("k").contains("friendlyName: Web server"), "{encryption}");
        }
    }

    async fn a_bundle_is_opened_by_openssl(app: TestApp) {
        let ca = keeping(&app, json!({ "key_type": "any" })).await;
        for (key_type, bits) in [("ec", 256), ("rsa", 2048), ("ed25519", 256)] {
            let body = json!({ "common_name": "a.example.internal", "key_type": key_type, "key_bits": bits });
            let issued = app.post("/v1/pki/issue/kept", body).await.json_with(StatusCode::CREATED);
            let judge = bundle(&app, &issued, PASSWORD).await;
            judge.run(&format!("pkcs12 -in bundle.p12 -passin pass:{PASSWORD} -nodes -nocerts -out k"));
            judge.run(&format!("pkcs12 -in bundle.p12 -passin pass:{PASSWORD} -clcerts -nokeys -out leaf.pem"));
            judge.run(&format!("pkcs12 -in bundle.p12 -passin pass:{PASSWORD} -cacerts -nokeys -out chain.pem"));
            judge.write("issued.pem", text(&issued["certificate"]));
            assert_eq!(judge.run("x509 -in leaf.pem"), judge.run("x509 -in issued.pem"), "{key_type}");
            assert_eq!(judge.run("pkey -in k -pubout"), judge.run("x509 -in leaf.pem -noout -pubkey"), "{key_type}");
            assert_eq!(judge.read("chain.pem").matches("BEGIN CERTIFICATE").count(), 2, "the chain is not in it");
            let root = issued["ca_chain"].as_array().unwrap().last().unwrap().clone();
            judge.write("root.pem", text(&root));
            judge.run("verify -CAfile root.pem -untrusted chain.pem leaf.pem");
            let said = judge.run(&format!("pkcs12 -in bundle.p12 -passin pass:{PASSWORD} -info -noout"));
            for modern in ["AES-256-CBC", "PBKDF2", "sha256"] {
                assert!(said.contains(modern), "{modern} is missing: {said}");
            }
            for broken in ["RC2", "3DES", "DES-CBC", "MAC: sha1", "hmacWithSHA1,"] {
                assert!(!said.contains(broken), "{broken} stands in {said}");
            }
            let (opened, _) = judge.try_run("pkcs12 -in bundle.p12 -passin pass:another-horse -nodes -nocerts -out other");
            assert!(!opened, "any password opens it");
        }
        let imported = app.get(&format!("/v1/pki/ca/{}", text(&ca["id"]))).await.json();
        assert_eq!(imported["certificates_issued"], 3);
    }

    async fn a_bundle_is_opened_by_keytool(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        // Java takes ASCII only for the key of such a bundle, whoever made it.
        let judge = bundle(&app, &issued, "a pass; w/ $igns").await;
        let output = Command::new("keytool")
            .args(["-list", "-v", "-keystore", "bundle.p12", "-storetype", "PKCS12", "-storepass", "a pass; w/ $igns"])
            .current_dir(judge.path())
            .output()
            .expect("keytool must be installed");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}");
        for part in ["PrivateKeyEntry", "Certificate chain length: 3", "CN=a.example.internal", "a.example.internal"] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
    }

    async fn passwords_follow_rules(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        for (case, body, field) in [
            ("no password", json!({ "format": "pkcs12" }), "password"),
            ("an empty one", json!({ "format": "pkcs12", "password": "" }), "password"),
            ("a short one", json!({ "format": "pkcs12", "password": "1234567" }), "password"),
            ("a huge one", json!({ "format": "pkcs12", "password": "x".repeat(300) }), "password"),
            ("an unknown encryption", json!({ "format": "pkcs12", "password": PASSWORD, "encryption": "rc2" }), "encryption"),
            ("an encryption for PEM", json!({ "encryption": "modern" }), "encryption"),
            ("an empty name", json!({ "format": "pkcs12", "password": PASSWORD, "friendly_name": "" }), "friendly_name"),
            ("a long name", json!({ "format": "pkcs12", "password": PASSWORD, "friendly_name": "n".repeat(129) }), "friendly_name"),
            ("NUL in it", json!({ "format": "pkcs12", "password": "1234\u{0}5678" }), "password"),
            ("a number", json!({ "format": "pkcs12", "password": 12_345_678 }), "password"),
            ("one for PEM", json!({ "format": "pem", "password": PASSWORD }), "password"),
            ("one without a format", json!({ "password": PASSWORD }), "password"),
            ("another format", json!({ "format": "jks", "password": PASSWORD }), "format"),
            ("another field", json!({ "passphrase": PASSWORD }), "passphrase"),
        ] {
            let answer = retrieve(&app, &issued, body).await;
            let error = expect(case, &answer, 422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{case}: {error}");
            assert!(!answer.text().contains(PASSWORD), "{case}: the password is repeated: {error}");
        }
        let long = "ü".repeat(100);
        for password in ["12345678", "with space and \"quotes\"", "pässwörd 🔑", &long] {
            let judge = bundle(&app, &issued, password).await;
            judge.write("password", password);
            judge.run("pkcs12 -in bundle.p12 -passin file:password -nodes -nocerts -out k");
        }
    }

    async fn a_key_that_was_not_stored_cannot_be_had(app: TestApp) {
        let root = app.root_ca("root").await;
        app.role("web", text(&root["id"])).await;
        let issued = app.issue("web", "a.example.internal").await;
        let judge = Judge::new();
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.example.internal -keyout k -out r");
        app.patch("/v1/pki/roles/web", json!({ "store_private_keys": true })).await.json_with(StatusCode::OK);
        // The key of a CSR was never here, whatever the role says.
        let signed = app.post("/v1/pki/sign/web", json!({ "csr_pem": judge.read("r") })).await.json_with(StatusCode::CREATED);
        for certificate in [&issued, &signed] {
            for body in [json!({}), json!({ "format": "pkcs12", "password": PASSWORD })] {
                let error = retrieve(&app, certificate, body).await.error(409, "invalid_state");
                assert!(text(&error["message"]).contains("store_private_keys"), "{error}");
                assert_eq!(error["details"]["possible_from"], json!(["stored"]));
            }
        }
        let kept = app.issue("web", "a.example.internal").await;
        retrieve(&app, &kept, json!({})).await.json_with(StatusCode::OK);
        // What is stored stays, whatever becomes of the role and of the certificate.
        app.delete("/v1/pki/roles/web").await;
        app.post("/v1/pki/revoke", json!({ "serial_number": kept["serial_number"] })).await.json_with(StatusCode::OK);
        assert_eq!(retrieve(&app, &kept, json!({})).await.json_with(StatusCode::OK)["private_key"], kept["private_key"]);
    }

    async fn who_may_not_have_it_is_refused(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        let reader = app.token(Scope::Read).await;
        let error = app.post_as(&reader, &path(&issued), json!({})).await.error(403, "insufficient_scope");
        assert_eq!(error["details"]["required_scope"], "pki:issue");
        let issuer = app.token(Scope::Issue).await;
        app.post_as(&issuer, &path(&issued), json!({})).await.json_with(StatusCode::OK);
        let (_, stranger) = app.another_tenant("second").await;
        app.post_as(&stranger, &path(&issued), json!({})).await.error(404, "certificate_not_found");
        for id in ["cert_01ARZ3NDEKTSV4RRFFQ69G5FAV", "cert_x", "x"] {
            app.post(&format!("/v1/pki/certificates/{id}/private-key"), json!({})).await.error(404, "certificate_not_found");
        }
        let get = app.get(&path(&issued)).await;
        get.error(405, "method_not_allowed");
    }

    async fn every_retrieval_is_told(app: TestApp) {
        let ca = keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        app.post("/v1/pki/roles", json!({
            "name": "web", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec",
        })).await.json_with(StatusCode::CREATED);
        let bare = app.issue("web", "a.example.internal").await;
        let reader = app.token(Scope::Read).await;
        let bundle = json!({ "format": "pkcs12", "password": PASSWORD });
        let mut expected = Vec::new();
        for (answer, object, code) in [
            (retrieve(&app, &issued, json!({})).await, &issued, None),
            (retrieve(&app, &issued, json!({})).await, &issued, None),
            (retrieve(&app, &issued, bundle).await, &issued, None),
            (retrieve(&app, &bare, json!({})).await, &bare, Some("invalid_state")),
            (retrieve(&app, &issued, json!({ "format": "jks" })).await, &issued, Some("validation_error")),
            (app.post_as(&reader, &path(&issued), json!({})).await, &issued, Some("insufficient_scope")),
        ] {
            assert_eq!(answer.status.is_success(), code.is_none(), "{}", answer.text());
            expected.insert(0, (object["certificate_id"].clone(), json!(code), json!(answer.header("x-request-id")), json!(code.is_none())));
        }
        let rows = told(&app).await;
        let told: Vec<_> = rows.iter().map(|row| {
            (row["object"].clone(), row["error_code"].clone(), row["request_id"].clone(), row["success"].clone())
        }).collect();
        assert_eq!(told, expected);
        assert!(rows.iter().all(|row| text(&row["identity"]).starts_with("tok_")), "{rows:?}");
        assert_ne!(rows[0]["identity"], rows[5]["identity"]);
        // The form in which it left is told too.
        assert_ne!(rows[3]["after_sha256"], rows[4]["after_sha256"]);
        assert_eq!(rows[4]["after_sha256"], rows[5]["after_sha256"]);
    }

    async fn no_idempotency_key_keeps_a_key_in_an_answer(app: TestApp) {
        keeping(&app, json!({})).await;
        let issued = app.issue("kept", "a.example.internal").await;
        for _ in 0..2 {
            let headers = [("idempotency-key", "one")];
            let answer = app.send(Method::POST, &path(&issued), Some(&app.admin), &headers, None).await;
            answer.json_with(StatusCode::OK);
            assert_eq!(answer.header("idempotency-replayed"), "");
        }
        assert_eq!(told(&app).await.len(), 2, "a retrieval that nobody was told of");
        let sql = Sql::open(app.database_url()).await;
        assert_eq!(sql.number("SELECT COUNT(*) FROM idempotency_keys").await, 0);
    }

    async fn a_key_that_was_moved_to_another_row_does_not_open(app: TestApp) {
        keeping(&app, json!({})).await;
        let (one, two) = (app.issue("kept", "a.example.internal").await, app.issue("kept", "b.example.internal").await);
        let sql = Sql::open(app.database_url()).await;
        sql.run(&format!(
            "UPDATE certificates SET sealed_key = (SELECT sealed_key FROM certificates WHERE id = '{}') WHERE id = '{}'",
            text(&one["certificate_id"]), text(&two["certificate_id"]),
        )).await;
        let answer = retrieve(&app, &two, json!({})).await;
        answer.error(500, "internal_error");
        assert!(!answer.text().contains("PRIVATE KEY"));
        retrieve(&app, &one, json!({})).await.json_with(StatusCode::OK);
    }
}
