//! Another certificate for a CA with the same name and key.

use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{changed, text};
use crate::revoke::entries;

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn certificate(app: &TestApp, ca: &Value) -> Value {
    app.get(&format!("{}/certificate", path(ca))).await.json_with(StatusCode::OK)
}

async fn reissue(app: &TestApp, ca: &Value, body: Value) -> Value {
    app.post(&format!("{}/reissue", path(ca)), body).await.json_with(StatusCode::OK)
}

/// A root for 100 days, an intermediate below it for 50, and a role.
async fn hierarchy(app: &TestApp) -> (Value, Value) {
    let wish = json!({
        "name": "root", "common_name": "Root", "organization": "Smïth, Inc.", "ca_type": "root", "key_type": "ec", "validity_days": 100,
        "ocsp": true,
    });
    let root = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
    let wish = json!({
        "name": "issuing", "common_name": "Issuing", "ca_type": "intermediate", "key_type": "ec", "validity_days": 50,
        "parent_ca_id": root["id"], "max_path_length": 0, "permitted_dns_domains": ["example.internal"],
    });
    let issuing = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
    let role = json!({ "name": "web", "ca_id": issuing["id"], "key_type": "ec", "allow_any_name": true });
    app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
    (root, issuing)
}

/// The lines of an extension, of a certificate that openssl reads.
fn extension(judge: &Judge, file: &str, names: &str) -> String {
    judge.run(&format!("x509 -in {file} -noout -ext {names}"))
}

both_modes! {
    async fn what_was_issued_before_is_good_by_either_certificate(app: TestApp) {
        let judge = Judge::new();
        let (root, issuing) = hierarchy(&app).await;
        judge.write("before.pem", text(&app.issue("web", "a.example.internal").await["certificate"]));
        for (ca, name) in [(&root, "root"), (&issuing, "issuing")] {
            judge.write(&format!("{name}.old"), text(&certificate(&app, ca).await["certificate_pem"]));
        }
        app.advance(Duration::from_hours(24)).await;
        let (renewed, below) = (reissue(&app, &root, json!({})).await, reissue(&app, &issuing, json!({ "validity_days": 60 })).await);
        for (old, new) in [(&root, &renewed), (&issuing, &below)] {
            assert_ne!(old["serial_number"], new["serial_number"]);
            assert!(text(&old["valid_until"]) < text(&new["valid_until"]), "{old} {new}");
            for same in ["id", "name", "common_name", "ca_type", "parent_ca_id", "key_type", "status", "valid_from"] {
                assert_eq!(old[same], new[same], "{same}");
            }
        }
        let issued = app.issue("web", "b.example.internal").await;
        judge.write("after.pem", text(&issued["certificate"]));
        for (ca, old, name) in [(&root, &root, "root"), (&issuing, &issuing, "issuing")] {
            let found = certificate(&app, ca).await;
            judge.write(&format!("{name}.new"), text(&found["certificate_pem"]));
            let former = found["former"].as_array().unwrap();
            assert_eq!(former.len(), 1);
            assert_eq!((&former[0]["serial_number"], &former[0]["valid_until"]), (&old["serial_number"], &old["valid_until"]));
            assert_eq!(text(&former[0]["certificate_pem"]), judge.read(&format!("{name}.old")));
            let public = app.send(Method::GET, &format!("/pub/ca/{}.crt", text(&ca["id"])), None, &[], None).await;
            judge.write("public.der", &public.body);
            assert_eq!(judge.run("x509 -inform der -in public.der"), judge.run(&format!("x509 -in {name}.new")));
            let names = "subjectKeyIdentifier,authorityKeyIdentifier,keyUsage,basicConstraints,nameConstraints";
            assert_eq!(extension(&judge, &format!("{name}.old"), names), extension(&judge, &format!("{name}.new"), names));
            let subject = |file: &str| judge.run(&format!("x509 -in {file} -noout -subject -pubkey"));
            assert_eq!(subject(&format!("{name}.old")), subject(&format!("{name}.new")));
        }
        assert_eq!(issued["ca_chain"], json!([judge.read("issuing.new"), judge.read("root.new")]));
        for leaf in ["before", "after"] {
            for (top, between) in [("old", "old"), ("old", "new"), ("new", "old"), ("new", "new")] {
                let at = format!("-attime {}", app.app.now().unix_seconds());
                judge.run(&format!("verify -x509_strict {at} -CAfile root.{top} -untrusted issuing.{between} {leaf}.pem"));
            }
        }
        let events = app.get("/v1/events?type=ca.updated").await.json_with(StatusCode::OK);
        assert_eq!(events["events"].as_array().unwrap().len(), 2, "{events}");
    }

    async fn every_certificate_of_a_revoked_ca_is_revoked(app: TestApp) {
        let judge = Judge::new();
        let (root, issuing) = hierarchy(&app).await;
        judge.write("old.pem", text(&certificate(&app, &issuing).await["certificate_pem"]));
        let new = reissue(&app, &issuing, json!({})).await;
        judge.write("root.pem", text(&certificate(&app, &root).await["certificate_pem"]));
        app.post(&format!("{}/revoke", path(&issuing)), json!({ "reason": "superseded" })).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&root), |ca| ca["crl"]["entries"] == 2).await;
        let plain = |serial: &Value| text(serial).replace(':', "").to_lowercase();
        let listed: Vec<String> = entries(&app, &path(&root)).await.into_keys().collect();
        let mut wanted = vec![plain(&issuing["serial_number"]), plain(&new["serial_number"])];
        wanted.sort();
        assert_eq!(listed, wanted);
        // OCSP knows the former one too.
        judge.run("ocsp -issuer root.pem -cert old.pem -no_nonce -reqout request.der");
        let request = std::fs::read(judge.path().join("request.der")).unwrap();
        let ocsp = format!("/pub/ocsp/{}", text(&root["id"]));
        let answer = app.send(Method::POST, &ocsp, None, &[], Some(("application/ocsp-request", request))).await;
        judge.write("answer.der", &answer.body);
        let told = judge.run("ocsp -no_nonce -reqin request.der -respin answer.der -CAfile root.pem -issuer root.pem -cert old.pem");
        assert!(told.contains("old.pem: revoked"), "{told}");
        // The next list has both, and is published; later, without those that have ended.
        app.post(&format!("{}/crl", path(&root)), json!({})).await.json_with(StatusCode::OK);
        app.eventually(&path(&issuing), |ca| ca["revocation"]["completed_at"].is_string()).await;
        let refused = app.post(&format!("{}/reissue", path(&issuing)), json!({})).await.error(409, "invalid_state");
        assert_eq!(refused["details"]["state"], "revoked", "{refused}");
    }

    async fn a_ca_that_has_ended_comes_back(app: TestApp) {
        let (root, issuing) = hierarchy(&app).await;
        app.advance(Duration::from_hours(24 * 60)).await;
        assert_eq!(app.get(&path(&issuing)).await.json()["status"], "expired");
        app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.internal" })).await.error(409, "invalid_state");
        let back = reissue(&app, &issuing, json!({})).await;
        // As long as before would be too long for the root.
        assert_eq!((&back["status"], &back["valid_until"]), (&json!("active"), &root["valid_until"]));
        app.patch("/v1/pki/roles/web", json!({ "ttl": "1d" })).await.json_with(StatusCode::OK);
        app.issue("web", "a.example.internal").await;
        app.advance(Duration::from_hours(24 * 60)).await;
        let refused = app.post(&format!("{}/reissue", path(&issuing)), json!({})).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
        reissue(&app, &root, json!({})).await;
        reissue(&app, &issuing, json!({ "validity_days": 90 })).await;
        app.issue("web", "a.example.internal").await;
    }

    async fn what_cannot_be_reissued_is_said(app: TestApp) {
        let (root, issuing) = hierarchy(&app).await;
        for (days, said) in [(0, "from 1 to"), (36_501, "from 1 to"), (101, "after its parent, which ends at"), (49, "before the present one")] {
            let answer = app.post(&format!("{}/reissue", path(&issuing)), json!({ "validity_days": days })).await;
            let error = answer.error(422, "validation_error");
            assert!(text(&error["details"]["fields"]["validity_days"]).contains(said), "{error}");
        }
        app.post(&format!("{}/reissue", path(&root)), json!({ "colour": "red" })).await.error(422, "validation_error");
        app.post("/v1/pki/ca/ca_x/reissue", json!({})).await.error(404, "ca_not_found");
        let (_, stranger) = app.another_tenant("second").await;
        app.post_as(&stranger, &format!("{}/reissue", path(&root)), json!({})).await.error(404, "ca_not_found");
        let wish = json!({ "name": "waits", "common_name": "W", "ca_type": "intermediate", "key_type": "ec", "external": true });
        let waits = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
        let refused = app.post(&format!("{}/reissue", path(&waits)), json!({})).await.error(409, "invalid_state");
        assert_eq!(refused["details"]["state"], "pending", "{refused}");
        assert_eq!(certificate(&app, &issuing).await["former"], json!([]));
        // Of two at once one may be told to look again; none is lost.
        let call = (format!("{}/reissue", path(&issuing)), json!({}));
        let answers = app.post_at_once(vec![call.clone(), call]).await;
        let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert!(made >= 1 && answers.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())));
        assert_eq!(certificate(&app, &issuing).await["former"].as_array().unwrap().len(), made);
    }

    /// Other programs name their issuer's certificate by its serial number too, which is that of the former one then.
    async fn what_names_one_certificate_of_its_issuer_is_shown_with_that(app: TestApp) {
        let judge = Judge::new();
        judge.run(&format!("req -x509 {P256} -nodes -days 90 -subj /CN=Theirs -addext keyUsage=critical,keyCertSign,cRLSign -addext authorityKeyIdentifier=keyid,issuer:always -set_serial 77 -keyout root.key -out root.old"));
        judge.run(&format!("req -new {P256} -nodes -subj /CN=a.example.internal -keyout leaf.key -out leaf.csr"));
        let sign = |extensions: &str, file: &str| {
            judge.write("extensions", extensions);
            judge.run(&format!("x509 -req -in leaf.csr -CA root.old -CAkey root.key -days 60 -extfile extensions -out {file}"));
        };
        sign("subjectAltName=DNS:a.example.internal\nauthorityKeyIdentifier=keyid,issuer:always\n", "named.pem");
        sign("subjectAltName=DNS:b.example.internal\nauthorityKeyIdentifier=keyid\n", "plain.pem");
        let wish = json!({ "name": "theirs", "certificate_pem": judge.read("root.old"), "private_key_pem": judge.read("root.key") });
        let ca = app.post("/v1/pki/ca/import", wish).await.json_with(StatusCode::CREATED);
        let mut imported = Vec::new();
        for file in ["named.pem", "plain.pem"] {
            let body = json!({ "certificate_pem": judge.read(file), "ca_id": ca["id"] });
            imported.push(app.post("/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED));
        }
        reissue(&app, &ca, json!({ "validity_days": 100 })).await;
        judge.write("root.new", text(&certificate(&app, &ca).await["certificate_pem"]));
        assert!(!judge.run("x509 -in root.new -noout -text").contains("DirName"), "what is written here names no certificate");
        // OpenSSL takes no other certificate than the one that is named.
        for (file, root, accepted) in
            [("named.pem", "root.old", true), ("named.pem", "root.new", false), ("plain.pem", "root.new", true)]
        {
            assert_eq!(judge.try_run(&format!("verify -CAfile {root} {file}")).0, accepted, "{file} {root}");
        }
        for (certificate, above) in imported.iter().zip(["root.old", "root.new"]) {
            let path = format!("/v1/pki/certificates/{}", text(&certificate["id"]));
            let found = app.get(&path).await.json_with(StatusCode::OK);
            assert_eq!(found["chain_pem"], json!(judge.read(above)), "{found}");
            let body = json!({ "certificate_pem": found["certificate_pem"] });
            let verdict = app.post("/v1/pki/certificates/validate", body).await.json_with(StatusCode::OK);
            assert_eq!(verdict["valid"], true, "the key id is what counts here: {verdict}");
        }
        // When the former one has ended, only the other one is left.
        app.advance(Duration::from_hours(24 * 95)).await;
        let path = format!("/v1/pki/certificates/{}", text(&imported[0]["id"]));
        assert_eq!(app.get(&path).await.json_with(StatusCode::OK)["chain_pem"], json!(judge.read("root.new")));
    }

    async fn a_ca_from_elsewhere_takes_another_certificate_from_there(app: TestApp) {
        let judge = Judge::new();
        judge.run(&format!("req -x509 {P256} -nodes -days 3650 -subj /CN=Theirs -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem"));
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
        judge.run(&format!("req -new {P256} -nodes -subj /CN=Issuing -keyout ca.key -out ca.csr"));
        judge.run("req -new -key ca.key -subj /CN=Other -out other.csr");
        let sign = |days: u32, serial: u32, csr: &str| {
            judge.run(&format!("x509 -req -in {csr} -CA root.pem -CAkey root.key -days {days} -set_serial {serial} -extfile extensions -out ca.pem"));
            judge.read("ca.pem")
        };
        let wish = json!({
            "name": "ours", "certificate_pem": sign(90, 1, "ca.csr"), "private_key_pem": judge.read("ca.key"), "chain_pem": judge.read("root.pem"),
        });
        let ca = app.post("/v1/pki/ca/import", wish.clone()).await.json_with(StatusCode::CREATED);
        let role = json!({ "name": "web", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let refused = app.post(&format!("{}/reissue", path(&ca)), json!({})).await.error(409, "invalid_state");
        assert_eq!(refused["details"]["state"], "signed_elsewhere", "{refused}");
        let give = async |certificate: String| {
            let body = json!({ "certificate_pem": certificate, "chain_pem": judge.read("root.pem") });
            app.post(&format!("{}/certificate", path(&ca)), body).await
        };
        let same = give(text(&wish["certificate_pem"]).to_owned()).await.error(422, "certificate_invalid");
        assert!(text(&same["message"]).contains("already"), "{same}");
        let other = give(sign(900, 2, "other.csr")).await.error(422, "certificate_invalid");
        assert!(text(&other["message"]).contains("subject"), "{other}");
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=01:02:03\n");
        let other = give(sign(900, 3, "ca.csr")).await.error(422, "certificate_invalid");
        assert!(text(&other["message"]).contains("subjectKeyIdentifier"), "{other}");
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
        let newer = give(sign(900, 4, "ca.csr")).await.json_with(StatusCode::OK);
        assert_eq!((&newer["id"], &newer["serial_number"]), (&ca["id"], &json!("04")));
        assert_eq!(certificate(&app, &ca).await["former"][0]["serial_number"], "01");
        assert_eq!(app.get(&path(&ca)).await.json()["crl"], ca["crl"]);
        let issued = app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.internal" })).await.json_with(StatusCode::CREATED);
        assert_eq!(issued["ca_chain"][0], certificate(&app, &ca).await["certificate_pem"]);
        // What it has issued is good until the end of the present one.
        for shorter in [text(&wish["certificate_pem"]).to_owned(), sign(899, 5, "ca.csr")] {
            let refused = give(shorter).await.error(422, "certificate_invalid");
            assert!(text(&refused["message"]).contains("before the present one"), "{refused}");
        }
        // When its issuer comes here, both are on its list.
        give(sign(900, 4_660, "ca.csr")).await.json_with(StatusCode::OK);
        let wish = json!({ "name": "theirs", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key") });
        let theirs = app.post("/v1/pki/ca/import", wish).await.json_with(StatusCode::CREATED);
        assert_eq!(app.get(&path(&ca)).await.json()["parent_ca_id"], theirs["id"]);
        app.post(&format!("{}/revoke", path(&ca)), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&theirs), |ca| ca["crl"]["entries"] == 3).await;
        let own = app.root_ca("own").await;
        let body = json!({ "certificate_pem": judge.read("root.pem") });
        app.post(&format!("{}/certificate", path(&own)), changed(body, &json!({}))).await.error(409, "invalid_state");
    }
}
