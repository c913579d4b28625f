//! CAs that sign by RSASSA-PSS: their certificates, lists and OCSP answers.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::text;

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn make(app: &TestApp, body: Value) -> Value {
    app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED)
}

/// How a file of openssl's is signed, as it tells.
fn signed_by(judge: &Judge, command: &str) -> String {
    let shown = judge.run(command);
    let line = shown.lines().find(|line| line.contains("Signature Algorithm: "));
    line.unwrap_or_else(|| panic!("{shown}")).trim().to_owned()
}

async fn list(app: &TestApp, judge: &Judge, ca: &Value, file: &str) {
    let built = app.post(&format!("{}/crl", path(ca)), json!({})).await.json_with(StatusCode::OK);
    judge.write(file, text(&built["crl_pem"]));
}

both_modes! {
    async fn everything_such_a_ca_signs_is_signed_so(app: TestApp) {
        let judge = Judge::new();
        let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "rsa", "use_pss": true });
        let root = make(&app, body).await;
        assert_eq!(root["use_pss"], true);
        let body = json!({
            "name": "issuing", "common_name": "Issuing", "ca_type": "intermediate", "parent_ca_id": root["id"],
            "key_type": "rsa", "key_size": 4096, "use_pss": true, "ocsp": true,
        });
        let issuing = make(&app, body).await;
        let role = json!({ "name": "web", "ca_id": issuing["id"], "key_type": "ec", "allow_any_name": true });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let issued = app.issue("web", "a.example.internal").await;
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.write("issuing.pem", text(&issued["ca_chain"][0]));
        judge.write("root.pem", text(&issued["ca_chain"][1]));
        for file in ["leaf.pem", "issuing.pem", "root.pem"] {
            let algorithm = signed_by(&judge, &format!("x509 -in {file} -noout -text"));
            assert_eq!(algorithm, "Signature Algorithm: rsassaPss", "{file}");
        }
        let shown = judge.run("x509 -in leaf.pem -noout -text");
        assert!(shown.contains("Hash Algorithm: SHA2-384") || shown.contains("Hash Algorithm: sha384"), "{shown}");
        app.post("/v1/pki/revoke", json!({ "serial_number": issued["serial_number"] })).await.json_with(StatusCode::OK);
        list(&app, &judge, &issuing, "issuing.crl").await;
        list(&app, &judge, &root, "root.crl").await;
        for (file, issuer) in [("issuing.crl", "issuing.pem"), ("root.crl", "root.pem")] {
            assert_eq!(signed_by(&judge, &format!("crl -in {file} -noout -text")), "Signature Algorithm: rsassaPss");
            assert!(judge.run(&format!("crl -in {file} -CAfile {issuer} -noout")).contains("verify OK"));
        }
        judge.run("verify -x509_strict -CAfile root.pem -untrusted issuing.pem leaf.pem");
        let (ok, said) = judge.try_run("verify -crl_check -CAfile root.pem -untrusted issuing.pem -CRLfile issuing.crl leaf.pem");
        assert!(!ok && said.contains("certificate revoked"), "{said}");
        judge.run("ocsp -issuer issuing.pem -cert leaf.pem -no_nonce -reqout request.der");
        let request = std::fs::read(judge.path().join("request.der")).unwrap();
        let ocsp = format!("/pub/ocsp/{}", text(&issuing["id"]));
        let answer = app.send(Method::POST, &ocsp, None, &[], Some(("application/ocsp-request", request))).await;
        judge.write("answer.der", &answer.body);
        let told = judge.run("ocsp -no_nonce -reqin request.der -respin answer.der -CAfile root.pem -verify_other issuing.pem -issuer issuing.pem -cert leaf.pem -resp_text");
        assert!(told.contains("leaf.pem: revoked") && told.contains("rsassaPss"), "{told}");
        // Its own validation reads what it signs.
        let validate = json!({ "certificate_pem": app.issue("web", "b.example.internal").await["certificate"], "check_revocation": true });
        let valid = app.post("/v1/pki/certificates/validate", validate).await.json_with(StatusCode::OK);
        assert_eq!(valid["valid"], true, "{valid}");
    }

    async fn a_ca_that_waits_or_moves_in_can_sign_so(app: TestApp) {
        let judge = Judge::new();
        judge.run("req -x509 -newkey rsa:2048 -nodes -days 900 -subj /CN=Root -sigopt rsa_padding_mode:pss \
                   -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem");
        let body = json!({
            "name": "moved", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key"), "use_pss": true,
        });
        let moved = app.post("/v1/pki/ca/import", body).await.json_with(StatusCode::CREATED);
        list(&app, &judge, &moved, "moved.crl").await;
        assert_eq!(signed_by(&judge, "crl -in moved.crl -noout -text"), "Signature Algorithm: rsassaPss");
        let body = json!({
            "name": "ours", "common_name": "Ours", "ca_type": "intermediate", "key_type": "rsa", "external": true, "use_pss": true,
        });
        let ours = make(&app, body).await;
        judge.write("ca.csr", text(&ours["csr_pem"]));
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n");
        judge.run("x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 90 -extfile extensions -out ca.pem");
        let body = json!({ "certificate_pem": judge.read("ca.pem"), "chain_pem": judge.read("root.pem") });
        app.post(&format!("{}/certificate", path(&ours)), body).await.json_with(StatusCode::OK);
        judge.write("ours.crl", app.get(&format!("{}/crl", path(&ours))).await.body);
        assert_eq!(signed_by(&judge, "crl -inform der -in ours.crl -noout -text"), "Signature Algorithm: rsassaPss");
        list(&app, &judge, &ours, "next.crl").await;
        assert_eq!(signed_by(&judge, "crl -in next.crl -noout -text"), "Signature Algorithm: rsassaPss");
    }

    async fn only_rsa_keys_sign_so(app: TestApp) {
        for kind in ["ec", "ed25519"] {
            let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": kind, "use_pss": true });
            let error = app.post("/v1/pki/ca", body).await.error(422, "validation_error");
            assert!(text(&error["details"]["fields"]["use_pss"]).contains("RSA"), "{error}");
        }
        let judge = Judge::new();
        judge.run(&format!("req -x509 {P256} -nodes -days 9 -subj /CN=Root -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem"));
        let body = json!({
            "name": "moved", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key"), "use_pss": true,
        });
        let error = app.post("/v1/pki/ca/import", body).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["use_pss"].is_string(), "{error}");
        assert_eq!(crate::ca::count(&app).await, 0);
        let root = make(&app, json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec" })).await;
        // It stays as it is.
        app.patch(&path(&root), json!({ "use_pss": true })).await.error(422, "validation_error");
    }
}
