//! What a person approved, key and names together, is renewed for another key only by somebody who may approve.

use std::time::Duration;

use certmill_domain::Scope;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use crate::ca::{seconds, text};
use crate::csr::{approve_and_sign, generated, imported, path, request, stored};

/// The key of the bank, in a CSR; the same key signs another CSR by [`same_key`].
struct Applicant {
    judge: Judge,
    csr: String,
}

impl Applicant {
    fn new(subject: &str) -> Self {
        let judge = Judge::new();
        judge.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out own.key");
        judge.run(&format!("req -new -key own.key -subj {subject} -out own.csr"));
        let csr = judge.read("own.csr");
        Self { judge, csr }
    }

    /// Another CSR of the same key.
    fn same_key(&self) -> String {
        self.judge.run("req -new -key own.key -subj /CN=again -out again.csr");
        self.judge.read("again.csr")
    }
}

async fn renew(app: &TestApp, token: &str, certificate: &Value, body: Value) -> Answer {
    let path = format!("/v1/pki/certificates/{}/renew", text(certificate));
    let body = Some(("application/json", body.to_string().into_bytes()));
    app.send(Method::POST, &path, Some(token), &[], body).await
}

fn public_key(issued: &Value) -> String {
    let judge = Judge::new();
    judge.write("leaf.pem", text(&issued["certificate"]));
    judge.run("x509 -in leaf.pem -noout -pubkey")
}

/// Refused for want of `pki:admin`, and nothing is renewed.
async fn refused(app: &TestApp, answer: Answer, certificate: &Value) {
    let error = answer.error(403, "insufficient_scope");
    assert_eq!(error["details"]["required_scope"], "pki:admin", "{error}");
    let row = app.get(&format!("/v1/pki/certificates/{}", text(certificate))).await.json_with(StatusCode::OK);
    assert_eq!(row["renewed_by"], Value::Null);
}

async fn csrs(app: &TestApp) -> Vec<Value> {
    app.get("/v1/pki/csr").await.json_with(StatusCode::OK)["csrs"].as_array().unwrap().clone()
}

both_modes! {
    /// Somebody who may issue under a role of their own renews the bank's certificate with their own key, and so gets a name
    /// that only a person could have approved.
    async fn an_approved_name_is_not_renewed_for_a_stranger_s_key(app: TestApp) {
        let ca = app.root_ca("root").await;
        let bank = Applicant::new("/CN=vault.bank.example");
        let old = approve_and_sign(&app, &imported(&app, &bank.csr).await, &ca, json!({})).await;
        let issuer = app.token(Scope::Issue).await;
        let id = &old["certificate_id"];
        let stranger = json!({ "csr_pem": request("-subj /CN=vault.bank.example") });
        refused(&app, renew(&app, &issuer, id, stranger.clone()).await, id).await;
        // A key that the service makes is another key too.
        refused(&app, renew(&app, &issuer, id, json!({})).await, id).await;
        assert_eq!(csrs(&app).await.len(), 1, "a refused renewal went to the desk");
        // Neither does it help to renew a renewal, or to delete the CSR.
        let same = json!({ "csr_pem": bank.same_key() });
        let second = renew(&app, &issuer, id, same).await.json_with(StatusCode::CREATED);
        assert_eq!(public_key(&second), public_key(&old));
        assert_eq!(stored(&app, &second).await["subject"], stored(&app, &old).await["subject"]);
        assert_eq!(app.delete(&path(&csrs(&app).await[0], "")).await.status, StatusCode::NO_CONTENT);
        let id = &second["certificate_id"];
        refused(&app, renew(&app, &issuer, id, stranger.clone()).await, id).await;
        // Whoever may approve may approve another key.
        let third = renew(&app, &app.admin, id, stranger).await.json_with(StatusCode::CREATED);
        assert_ne!(public_key(&third), public_key(&old));
        refused(&app, renew(&app, &issuer, &third["certificate_id"], json!({ "csr_pem": bank.same_key() })).await, &third["certificate_id"]).await;
    }

    /// A certificate of our CA is imported again, without its history, so that its renewal is nobody's matter.
    async fn an_imported_certificate_is_renewed_for_its_own_key_only(app: TestApp) {
        let ca = app.root_ca("root").await;
        let judge = Judge::new();
        // Signed by the CA's key outside of this service's records: its row is taken away.
        let bank = Applicant::new("/CN=vault.bank.example");
        let signed = approve_and_sign(&app, &imported(&app, &bank.csr).await, &ca, json!({})).await;
        let mut rows = crate::access::rows::Rows::of(&app).await;
        rows.execute("DELETE FROM certificates").await;
        judge.write("leaf.pem", text(&signed["certificate"]));
        let body = json!({ "certificate_pem": signed["certificate"], "ca_id": ca["id"] });
        let imported = app.post("/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED);
        let issuer = app.token(Scope::Issue).await;
        let stranger = json!({ "csr_pem": request("-subj /CN=vault.bank.example") });
        refused(&app, renew(&app, &issuer, &imported["id"], stranger).await, &imported["id"]).await;
        let renewed = renew(&app, &issuer, &imported["id"], json!({ "csr_pem": bank.same_key() })).await;
        renewed.json_with(StatusCode::CREATED);
    }

    /// Under `desk` the wish of somebody who may not approve waits for a person, and is a renewal once that person signs it.
    async fn another_key_waits_at_the_desk_where_the_ca_has_it_so(app: TestApp) {
        let ca = app.root_ca("root").await;
        let ca_path = format!("/v1/pki/ca/{}", text(&ca["id"]));
        let changed = app.patch(&ca_path, json!({ "renewal_of_desk_certificates": "desk" })).await;
        assert_eq!(changed.json_with(StatusCode::OK)["renewal_of_desk_certificates"], "desk");
        app.patch(&ca_path, json!({ "renewal_of_desk_certificates": "nobody" })).await.error(422, "validation_error");
        let pem = request("-subj /O=Bank/CN=vault.bank.example -addext subjectAltName=DNS:vault.bank.example,DNS:b.bank.example");
        let old = approve_and_sign(&app, &imported(&app, &pem).await, &ca, json!({ "validity_days": 30 })).await;
        let (issuer, id) = (app.token(Scope::Issue).await, &old["certificate_id"]);
        let other = Applicant::new("/CN=something.else");
        let wish = json!({ "csr_pem": other.csr });
        let waiting = renew(&app, &issuer, id, wish.clone()).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&waiting["status"], &waiting["renewal_of"]), (&json!("pending"), id));
        assert_eq!(waiting["sans"]["dns"], json!(["vault.bank.example", "b.bank.example"]));
        assert_eq!((&waiting["subject"]["common_name"], &waiting["subject"]["organization"]), (&json!("vault.bank.example"), &json!("Bank")));
        // Asking again does not fill the desk.
        assert_eq!(renew(&app, &issuer, id, wish).await.json_with(StatusCode::ACCEPTED)["id"], waiting["id"]);
        assert_eq!(csrs(&app).await.len(), 2);
        assert_eq!(stored(&app, &old).await["renewed_by"], Value::Null);
        let wrong = renew(&app, &issuer, id, json!({ "ttl": "1d" })).await.error(422, "validation_error");
        assert!(wrong["details"]["fields"]["ttl"].is_string(), "{wrong}");

        let new = approve_and_sign(&app, &waiting, &ca, json!({})).await;
        let (row, before) = (stored(&app, &new).await, stored(&app, &old).await);
        assert_eq!((&row["renewed_from"], &before["renewed_by"]), (id, &new["certificate_id"]));
        for same in ["subject", "sans", "ca_id"] {
            assert_eq!(row[same], before[same], "{same}");
        }
        let lasts = |issued: &Value| seconds(&issued["not_after"]) - seconds(&issued["not_before"]);
        assert_eq!(lasts(&new), lasts(&old));
        let judge = Judge::new();
        judge.write("own.csr", &other.csr);
        assert_eq!(public_key(&new), judge.run("req -in own.csr -noout -pubkey"));
        // Whoever may approve needs no desk.
        renew(&app, &app.admin, &new["certificate_id"], json!({})).await.json_with(StatusCode::CREATED);
    }

    /// However new the CA is, whose start certificates do not begin before.
    async fn a_renewal_at_the_desk_lasts_no_longer_than_what_was_approved(app: TestApp) {
        app.clock.freeze();
        let issuer = app.token(Scope::Issue).await;
        for (age, later) in [(1, 1), (26, 3), (29, 60), (40, 1)] {
            let ca = app.root_ca(&format!("root-{age}-{later}")).await;
            app.patch(&format!("/v1/pki/ca/{}", text(&ca["id"])), json!({ "renewal_of_desk_certificates": "desk" })).await.json_with(StatusCode::OK);
            app.advance(Duration::from_secs(age)).await;
            let applicant = Applicant::new("/CN=vault.bank.example");
            let old = approve_and_sign(&app, &imported(&app, &applicant.csr).await, &ca, json!({ "validity_days": 30 })).await;
            app.advance(Duration::from_secs(later)).await;
            let wish = json!({ "csr_pem": Applicant::new("/CN=something.else").csr });
            let waiting = renew(&app, &issuer, &old["certificate_id"], wish).await.json_with(StatusCode::ACCEPTED);
            let new = approve_and_sign(&app, &waiting, &ca, json!({})).await;
            let by_admin = renew(&app, &app.admin, &new["certificate_id"], json!({})).await.json_with(StatusCode::CREATED);
            let lasts = |issued: &Value| seconds(&issued["not_after"]) - seconds(&issued["not_before"]);
            assert_eq!([lasts(&new), lasts(&by_admin)], [lasts(&old); 2], "a CA of {age} s, {later} s later");
        }
    }

    /// Of two wishes at the desk for one certificate only one becomes its renewal, and the key of a CSR that is made here
    /// stays with its certificate.
    async fn a_certificate_is_renewed_at_the_desk_once(app: TestApp) {
        let ca = app.post("/v1/pki/ca", json!({
            "name": "root", "common_name": "root", "ca_type": "root", "key_type": "ec", "renewal_of_desk_certificates": "desk",
        })).await.json_with(StatusCode::CREATED);
        let old = approve_and_sign(&app, &generated(&app, json!({})).await, &ca, json!({})).await;
        let (issuer, id) = (app.token(Scope::Issue).await, &old["certificate_id"]);
        let made = renew(&app, &issuer, id, json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&made["has_private_key"], &made["key_type"]), (&json!(true), &json!("ec")));
        let brought = json!({ "csr_pem": request("-subj /CN=x") });
        let brought = renew(&app, &issuer, id, brought).await.json_with(StatusCode::ACCEPTED);
        assert_ne!(made["id"], brought["id"]);
        let new = approve_and_sign(&app, &made, &ca, json!({})).await;
        assert_eq!(stored(&app, &new).await["has_private_key"], true);
        assert_eq!(app.post(&path(&brought, "approve"), json!({})).await.status, StatusCode::OK);
        let error = app.post(&path(&brought, "sign"), json!({ "ca_id": ca["id"] })).await.error(409, "invalid_state");
        assert_eq!(error["details"]["state"], "renewed", "{error}");
        let after = app.get(&path(&brought, "")).await.json_with(StatusCode::OK);
        assert_eq!((&after["status"], &after["certificate_id"]), (&json!("approved"), &Value::Null));
        assert_eq!(stored(&app, &old).await["renewed_by"], new["certificate_id"]);
    }

    /// A role is deleted and its name given to a role of another CA, so that renewals come from a CA that never issued them.
    async fn a_role_of_the_same_name_at_another_ca_does_not_renew(app: TestApp) {
        let issue = || async {
            let body = json!({ "common_name": "a.example.internal" });
            app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED)
        };
        let role = |ca: &Value| json!({
            "name": "web", "ca_id": ca["id"], "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec",
        });
        let (first, second) = (app.root_ca("first").await, app.root_ca("second").await);
        app.post("/v1/pki/roles", role(&first)).await.json_with(StatusCode::CREATED);
        let old = issue().await;
        assert_eq!(app.delete("/v1/pki/roles/web").await.status, StatusCode::NO_CONTENT);
        app.post("/v1/pki/roles", role(&second)).await.json_with(StatusCode::CREATED);
        let issuer = app.token(Scope::Issue).await;
        for token in [&issuer, &app.admin] {
            let error = renew(&app, token, &old["certificate_id"], json!({})).await.error(409, "invalid_state");
            assert_eq!(error["details"]["state"], "role_of_another_ca", "{error}");
            assert!(text(&error["message"]).contains(text(&second["id"])), "{error}");
        }
        assert_eq!(stored(&app, &old).await["renewed_by"], Value::Null);
        // What the present role issues is renewed, with a key of the service's making and by whoever may issue.
        let new = issue().await;
        renew(&app, &issuer, &new["certificate_id"], json!({})).await.json_with(StatusCode::CREATED);
    }
}
