//! Imports that try to make the service vouch for, list or revoke what it did not issue.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{PATH, import, try_import};
use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{changed, text};
use crate::jobs::sql::Sql;

/// A root with a role `web`; answers the root.
async fn web(app: &TestApp) -> Value {
    let ca = app.root_ca("root").await;
    app.role("web", text(&ca["id"])).await;
    ca
}

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn revoke(app: &TestApp, serial: &Value) -> tests::Answer {
    app.post("/v1/pki/revoke", json!({ "serial_number": serial, "reason": "keyCompromise" })).await
}

/// The text of a CRL that is built now, as openssl reads it.
async fn crl(app: &TestApp, ca: &Value) -> String {
    let built = app.post(&format!("{}/crl", path(ca)), json!({})).await.json_with(StatusCode::OK);
    let judge = Judge::new();
    judge.write("crl.pem", text(&built["crl_pem"]));
    judge.run("crl -in crl.pem -noout -text")
}

async fn status(app: &TestApp, id: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(id))).await.json_with(StatusCode::OK)["status"].clone()
}

async fn issued(app: &TestApp, ca: &Value) -> Value {
    app.get(&path(ca)).await.json_with(StatusCode::OK)["certificates_issued"].clone()
}

/// Takes the row of a certificate out of the database, as if a backup from before were restored.
async fn forget(app: &TestApp, issued: &Value) {
    let sql = Sql::open(app.database_url()).await;
    let id = text(&issued["certificate_id"]);
    sql.run(&format!("DELETE FROM certificate_names WHERE certificate_id = '{id}'; DELETE FROM certificates WHERE id = '{id}'"))
        .await;
}

both_modes! {
    async fn a_certificate_that_names_our_ca_is_not_ours(app: TestApp) {
        let ca = web(&app).await;
        let victim = app.issue("web", "victim.example.internal").await;
        // A forger has a CA of the same name as ours, and chooses the serial number.
        assert_eq!(text(&ca["common_name"]), "root CA");
        let judge = Judge::new();
        judge.write("config", "[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\nCN=root CA\n[ca]\nbasicConstraints=critical,CA:TRUE\n");
        judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -config config -utf8 -keyout ca.key -out ca.pem");
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=forged.example.com -keyout k -out r");
        let forged = |serial: &str| {
            judge.run(&format!("x509 -req -in r -CA ca.pem -CAkey ca.key -days 30 -set_serial 0x{} -out c", serial.replace(':', "")));
            judge.read("c")
        };
        let chosen = "5eed000000000000000000000000000000000001";
        let pem = forged(chosen);
        judge.write("ours.pem", text(&victim["issuing_ca"]));
        assert_eq!(
            judge.run("x509 -in c -noout -issuer_hash"), judge.run("x509 -in ours.pem -noout -subject_hash"),
            "the forgery does not name our CA"
        );
        // With the CA named, its signature does not verify.
        let answer = try_import(&app, json!({ "certificate_pem": pem, "ca_id": ca["id"] })).await;
        expect("a forgery", &answer, 422, "certificate_invalid");
        // Without, it is nobody's.
        let imported = import(&app, json!({ "certificate_pem": pem })).await;
        assert_eq!((&imported["ca_id"], &imported["role"], &imported["chain_pem"]), (&Value::Null, &Value::Null, &json!("")));
        let error = expect("by serial number", &revoke(&app, &imported["serial_number"]).await, 409, "invalid_state");
        assert_eq!((&error["details"]["state"], &error["details"]["possible_from"]), (&json!("imported"), &json!(["active", "expired"])));
        let body = json!({ "serial_number": chosen, "ca_id": ca["id"] });
        expect("with our CA", &app.post("/v1/pki/revoke", body).await, 404, "certificate_not_found");
        let answer = app.post(&format!("/v1/pki/certificates/{}/renew", text(&imported["id"])), json!({})).await;
        assert_eq!(expect("renewing", &answer, 409, "invalid_state")["details"]["state"], "imported");
        // With the serial number of one that we issued, it would stand in its place: refused.
        let body = json!({ "certificate_pem": forged(text(&victim["serial_number"])) });
        let error = expect("a taken serial number", &try_import(&app, body).await, 409, "already_exists");
        assert_eq!(error["details"]["id"], victim["certificate_id"]);
        let said = crl(&app, &ca).await;
        assert!(said.contains("No Revoked Certificates"), "{said}");
        assert_eq!((status(&app, &imported["id"]).await, status(&app, &victim["certificate_id"]).await), (json!("active"), json!("active")));
        assert_eq!(issued(&app, &ca).await, 1, "an import was counted as issued");
        let listed = app.get(&format!("/v1/pki/certificates?ca_id={}", text(&ca["id"]))).await.json_with(StatusCode::OK);
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 1, "the forgery is listed as our CA's");
    }

    async fn a_serial_number_of_ours_from_another_issuer_revokes_only_ours(app: TestApp) {
        let ca = web(&app).await;
        let ours = app.issue("web", "a.example.internal").await;
        let theirs = Authority::root("/CN=Their-Root").leaf_with_serial("a.example.com", text(&ours["serial_number"]));
        let imported = import(&app, json!({ "certificate_pem": theirs.certificate })).await;
        assert_eq!(imported["serial_number"], ours["serial_number"]);
        let revoked = revoke(&app, &ours["serial_number"]).await.json_with(StatusCode::OK);
        assert_eq!(revoked["certificate_id"], ours["certificate_id"]);
        let said = crl(&app, &ca).await;
        assert_eq!(said.matches("Serial Number:").count(), 1, "{said}");
        assert_eq!((status(&app, &imported["id"]).await, status(&app, &ours["certificate_id"]).await), (json!("active"), json!("revoked")));
        // Repeating it answers the first revocation, and still not the other one.
        assert_eq!(revoke(&app, &ours["serial_number"]).await.json_with(StatusCode::OK)["certificate_id"], ours["certificate_id"]);
    }

    async fn revoking_our_ca_leaves_imports_alone(app: TestApp) {
        let ca = web(&app).await;
        let ours = app.issue("web", "a.example.internal").await;
        let imported = import(&app, json!({ "certificate_pem": Authority::root("/CN=Root").leaf("a.example.com").certificate })).await;
        app.post(&format!("{}/revoke", path(&ca)), json!({})).await.json_with(StatusCode::ACCEPTED);
        let done = app.eventually(&path(&ca), |ca| !ca["revocation"]["completed_at"].is_null()).await;
        assert_eq!((&done["revocation"]["certificates_revoked"], &done["revocation"]["certificates_total"]), (&json!(1), &json!(1)));
        assert_eq!((status(&app, &imported["id"]).await, status(&app, &ours["certificate_id"]).await), (json!("active"), json!("revoked")));
    }

    async fn what_our_ca_signed_and_we_lost_can_be_brought_back(app: TestApp) {
        let ca = web(&app).await;
        let other = app.root_ca("other").await;
        let lost = app.issue("web", "a.example.internal").await;
        let body = json!({ "certificate_pem": lost["certificate"], "private_key_pem": lost["private_key"], "ca_id": ca["id"] });
        let error = expect("not lost yet", &try_import(&app, body.clone()).await, 409, "already_exists");
        assert_eq!(error["details"]["id"], lost["certificate_id"]);
        forget(&app, &lost).await;
        let wrong = changed(body.clone(), &json!({ "ca_id": other["id"] }));
        expect("another CA of ours", &try_import(&app, wrong).await, 422, "certificate_invalid");
        let back = import(&app, body).await;
        assert_eq!((&back["ca_id"], &back["source"], &back["serial_number"]), (&ca["id"], &json!("imported"), &lost["serial_number"]));
        assert_eq!((&back["chain_pem"], &back["has_private_key"]), (&lost["issuing_ca"], &json!(true)));
        assert_eq!(issued(&app, &ca).await, 1, "an import was counted as issued");
        // Our key made its signature, so it can be renewed and revoked here.
        let renewed = app.post(&format!("/v1/pki/certificates/{}/renew", text(&back["id"])), json!({})).await;
        let renewed = renewed.json_with(StatusCode::CREATED);
        let row = app.get(&format!("/v1/pki/certificates/{}", text(&renewed["certificate_id"]))).await.json();
        assert_eq!((&row["sans"], &row["subject"], &row["renewed_from"]), (&back["sans"], &back["subject"], &back["id"]));
        assert_eq!(revoke(&app, &lost["serial_number"]).await.json_with(StatusCode::OK)["certificate_id"], back["id"]);
        let said = crl(&app, &ca).await;
        assert!(said.to_lowercase().contains(&text(&lost["serial_number"]).replace(':', "")), "{said}");
    }

    async fn what_was_imported_without_its_ca_stays_foreign(app: TestApp) {
        let ca = web(&app).await;
        let lost = app.issue("web", "a.example.internal").await;
        forget(&app, &lost).await;
        let back = import(&app, json!({ "certificate_pem": lost["certificate"] })).await;
        assert_eq!(back["ca_id"], Value::Null);
        expect("nobody said that it is ours", &revoke(&app, &lost["serial_number"]).await, 409, "invalid_state");
        assert!(crl(&app, &ca).await.contains("No Revoked Certificates"));
    }

    async fn our_own_authorities_are_not_imported_as_certificates_of_ours(app: TestApp) {
        let root = app.root_ca("root").await;
        let below = app.intermediate_ca("below", text(&root["id"])).await;
        for ca in [&root, &below] {
            let pem = app.get(&format!("{}/certificate", path(ca))).await.json_with(StatusCode::OK)["certificate_pem"].clone();
            let answer = try_import(&app, json!({ "certificate_pem": pem, "ca_id": root["id"] })).await;
            expect("our own CA", &answer, 422, "certificate_invalid");
            // To watch it is no harm: the serial number does not lead to the CA.
            let watched = import(&app, json!({ "certificate_pem": pem })).await;
            assert_eq!(watched["ca_id"], Value::Null);
            expect("a CA by serial number", &revoke(&app, &ca["serial_number"]).await, 409, "invalid_state");
            assert_eq!(app.get(&path(ca)).await.json()["status"], "active");
        }
        assert!(crl(&app, &root).await.contains("No Revoked Certificates"));
    }

    async fn another_tenant_s_certificates_and_cas_are_out_of_reach(app: TestApp) {
        let ca = web(&app).await;
        let ours = app.issue("web", "a.example.internal").await;
        let (_, stranger) = app.another_tenant("second").await;
        let body = json!({ "certificate_pem": ours["certificate"], "private_key_pem": ours["private_key"] });
        let with_ca = changed(body.clone(), &json!({ "ca_id": ca["id"] }));
        let before = Rows::of(&app).await.all().await;
        expect("a foreign CA", &app.post_as(&stranger, PATH, with_ca).await, 404, "ca_not_found");
        assert_eq!(Rows::of(&app).await.all().await, before);
        // The certificate is public, and whoever has its key may keep it; it is still not theirs to revoke.
        let theirs = app.post_as(&stranger, PATH, body).await.json_with(StatusCode::CREATED);
        assert_eq!((&theirs["ca_id"], &theirs["chain_pem"]), (&Value::Null, &json!("")));
        let revoke = json!({ "serial_number": ours["serial_number"] });
        let answer = app.post_as(&stranger, "/v1/pki/revoke", revoke).await;
        expect("a foreign certificate", &answer, 409, "invalid_state");
        assert_eq!(status(&app, &ours["certificate_id"]).await, "active");
        let seen = app.send(Method::GET, &format!("/v1/pki/certificates/{}", text(&ours["certificate_id"])), Some(&stranger), &[], None).await;
        seen.error(404, "certificate_not_found");
    }

    async fn a_ca_id_is_taken_at_its_word(app: TestApp) {
        let ca = web(&app).await;
        let leaf = Authority::root("/CN=Root").leaf("a.example.com");
        for (id, status, code) in [
            (ca["id"].clone(), 422, "certificate_invalid"), (json!("ca_01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404, "ca_not_found"),
            (json!("root"), 404, "ca_not_found"), (json!(7), 422, "validation_error"),
        ] {
            let body = json!({ "certificate_pem": leaf.certificate, "ca_id": id });
            expect(&body["ca_id"].to_string(), &try_import(&app, body).await, status, code);
        }
        assert_eq!(app.get("/v1/pki/certificates").await.json()["certificates"], json!([]));
    }
}
