//! CAs that come here in any order: which is below which, and how long they issue.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::text;
use crate::revoke::entries;

const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                  subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// A root (`root.pem`, for so many days) and an intermediate below it (`ca.pem`) that both can move in.
fn hierarchy(root_days: u32) -> Judge {
    let judge = Judge::new();
    judge.run(&format!(
        "req -x509 {P256} -nodes -days {root_days} -subj /O=Theirs/CN=Root \
         -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem"
    ));
    judge.write("extensions", CA);
    judge.run(&format!("req -new {P256} -nodes -subj /O=Theirs/CN=Issuing -keyout ca.key -out ca.csr"));
    judge.run("x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 900 -set_serial 4097 -extfile extensions -out ca.pem");
    judge
}

fn root(judge: &Judge) -> Value {
    json!({ "name": "root", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key") })
}

fn issuing(judge: &Judge) -> Value {
    json!({
        "name": "issuing", "certificate_pem": judge.read("ca.pem"), "private_key_pem": judge.read("ca.key"),
        "chain_pem": judge.read("root.pem"),
    })
}

async fn import(app: &TestApp, body: Value) -> Value {
    app.post("/v1/pki/ca/import", body).await.json_with(StatusCode::CREATED)
}

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn role(app: &TestApp, ca: &Value) {
    let body = json!({ "name": "web", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true, "max_ttl": "300d" });
    app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
}

both_modes! {
    async fn a_root_that_comes_later_takes_those_below_it(app: TestApp) {
        let judge = hierarchy(3_650);
        let ca = import(&app, issuing(&judge)).await;
        assert_eq!((&ca["parent_ca_id"], &ca["ca_type"]), (&json!(null), &json!("intermediate")));
        role(&app, &ca).await;
        app.issue("web", "a.example.internal").await;
        let above = import(&app, root(&judge)).await;
        let linked = app.get(&path(&ca)).await.json();
        assert_eq!((&linked["parent_ca_id"], &linked["ca_type"]), (&above["id"], &json!("intermediate")));
        let issued = app.issue("web", "b.example.internal").await;
        assert_eq!(issued["ca_chain"].as_array().unwrap().len(), 2, "{issued}");
        app.post(&format!("{}/revoke", path(&ca)), json!({ "reason": "superseded" })).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&above), |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(json!(entries(&app, &path(&above)).await), json!({ "1001": "Superseded" }));
        app.eventually(&path(&ca), |ca| ca["revocation"]["completed_at"].is_string()).await;
    }

    async fn a_root_that_was_signed_anew_is_still_the_one_above(app: TestApp) {
        let judge = hierarchy(3_650);
        let old = judge.read("root.pem");
        judge.run("x509 -in root.pem -signkey root.key -days 3000 -set_serial 77 -clrext -extfile extensions -out again.pem");
        let mut newer = root(&judge);
        newer["certificate_pem"] = json!(judge.read("again.pem"));
        let ca = import(&app, issuing(&judge)).await;
        let above = import(&app, newer).await;
        assert_eq!(app.get(&path(&ca)).await.json()["parent_ca_id"], above["id"]);
        // In the other order too, whichever of its certificates comes as the chain.
        judge.run(&format!("req -new {P256} -nodes -subj /O=Theirs/CN=Second -keyout ca.key -out ca.csr"));
        judge.run("x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 900 -extfile extensions -out ca.pem");
        let mut second = issuing(&judge);
        (second["name"], second["chain_pem"]) = (json!("second"), json!(old));
        assert_eq!(import(&app, second).await["parent_ca_id"], above["id"]);
    }

    async fn those_that_were_revoked_before_are_on_its_list(app: TestApp) {
        let judge = hierarchy(3_650);
        let ca = import(&app, issuing(&judge)).await;
        app.post(&format!("{}/revoke", path(&ca)), json!({ "reason": "keyCompromise" })).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&path(&ca), |ca| ca["revocation"]["completed_at"].is_string()).await;
        let above = import(&app, root(&judge)).await;
        app.eventually(&path(&above), |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(json!(entries(&app, &path(&above)).await), json!({ "1001": "Key Compromise" }));
    }

    async fn what_the_root_had_revoked_is_revoked_when_it_comes(app: TestApp) {
        let judge = hierarchy(3_650);
        judge.write("index.txt", "");
        judge.write("crlnumber", "41");
        judge.write(
            "ca.conf",
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\nnew_certs_dir=.\ncertificate=root.pem\n\
             private_key=root.key\ndefault_md=sha256\ndefault_crl_days=7\ncrl_extensions=crl\n[crl]\nauthorityKeyIdentifier=keyid\n",
        );
        judge.run("ca -config ca.conf -revoke ca.pem -crl_reason cessationOfOperation");
        judge.run("ca -config ca.conf -gencrl -out list.pem");
        let ca = import(&app, issuing(&judge)).await;
        role(&app, &ca).await;
        let issued = app.issue("web", "a.example.internal").await;
        let mut body = root(&judge);
        body["crl_pem"] = json!(judge.read("list.pem"));
        let above = import(&app, body).await;
        let revoked = app.eventually(&path(&ca), |ca| ca["revocation"]["completed_at"].is_string()).await;
        assert_eq!((&revoked["status"], &revoked["parent_ca_id"]), (&json!("revoked"), &above["id"]), "{revoked}");
        let leaf = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
        assert_eq!(app.get(&leaf).await.json()["status"], "revoked");
        app.eventually(&path(&above), |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(json!(entries(&app, &path(&above)).await), json!({ "1001": "Cessation Of Operation" }));
        let told = app.get("/v1/audit/logs?action=ca.revoke").await.json_with(StatusCode::OK);
        assert_eq!((&told["logs"][0]["object"], &told["logs"][0]["identity"]), (&ca["id"], &json!("service")), "{told}");
        let body = json!({ "common_name": "b.example.internal" });
        app.post("/v1/pki/issue/web", body).await.error(409, "invalid_state");
    }

    async fn two_that_come_at_once_are_linked(app: TestApp) {
        let judge = hierarchy(3_650);
        let import = "/v1/pki/ca/import".to_owned();
        let calls = vec![(import.clone(), issuing(&judge)), (import.clone(), root(&judge))];
        for (answer, body) in app.post_at_once(calls.clone()).await.into_iter().zip(calls) {
            // The later one may be asked to look again.
            match answer.status {
                StatusCode::CONFLICT => drop(app.post(&import, body.1).await.json_with(StatusCode::CREATED)),
                status => assert_eq!(status, StatusCode::CREATED, "{}", answer.text()),
            }
        }
        let cas = app.get("/v1/pki/ca").await.json_with(StatusCode::OK);
        let parents = cas["certificate_authorities"].as_array().unwrap().iter().filter(|ca| ca["parent_ca_id"].is_string());
        assert_eq!(parents.count(), 1, "{cas}");
    }

    async fn nothing_outlives_the_certificates_above_it(app: TestApp) {
        let judge = hierarchy(90);
        let ca = import(&app, issuing(&judge)).await;
        role(&app, &ca).await;
        let ask = async |ttl: &str| {
            app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.internal", "ttl": ttl })).await
        };
        ask("60d").await.json_with(StatusCode::CREATED);
        let refused = ask("120d").await.error(422, "role_violation");
        assert_eq!(refused["details"]["rule"], "ca_validity", "{refused}");
        assert!(text(&refused["message"]).contains("a certificate above the CA ends at"), "{refused}");
        let below = json!({ "name": "below", "common_name": "B", "ca_type": "intermediate", "key_type": "ec", "parent_ca_id": ca["id"] });
        let days = async |days: u32| app.post("/v1/pki/ca", crate::ca::changed(below.clone(), &json!({ "validity_days": days }))).await;
        let refused = days(120).await.error(422, "validation_error");
        assert!(text(&refused["details"]["fields"]["validity_days"]).contains("after a certificate above it, which ends at"), "{refused}");
        days(60).await.json_with(StatusCode::CREATED);
        let csr = app.post("/v1/pki/csr", json!({ "subject": "CN=a.test", "key_type": "ec" })).await.json();
        let csr = format!("/v1/pki/csr/{}", text(&csr["id"]));
        app.post(&format!("{csr}/approve"), json!({})).await.json_with(StatusCode::OK);
        let sign = async |days: u32| app.post(&format!("{csr}/sign"), json!({ "ca_id": ca["id"], "validity_days": days })).await;
        assert_eq!(sign(120).await.error(422, "role_violation")["details"]["rule"], "ca_validity");
        sign(60).await.json_with(StatusCode::CREATED);
    }
}
