//! What the former certificates of a CA are good for, and what another one may not take away.

use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{changed, seconds, text};
use crate::openapi::operations;
use crate::validate::workshop::{CA, LONG, Workshop};

const DAY: i64 = 24 * 3_600;

fn path(ca: &Value) -> String {
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

async fn certificate(app: &TestApp, ca: &Value) -> Value {
    app.get(&format!("{}/certificate", path(ca))).await.json_with(StatusCode::OK)
}

/// Imports what a workshop has made, with its key.
async fn import(app: &TestApp, shop: &Workshop, name: &str, chain: &[&str]) -> Value {
    let read = |file: String| shop.judge().read(&file);
    let above: String = chain.iter().map(|above| read(format!("{above}.pem"))).collect();
    let body = json!({ "name": name, "certificate_pem": read(format!("{name}.pem")), "private_key_pem": read(format!("{name}.key")) });
    let chain = if above.is_empty() { json!({}) } else { json!({ "chain_pem": above }) };
    app.post("/v1/pki/ca/import", changed(body, &chain)).await.json_with(StatusCode::CREATED)
}

async fn block(app: &TestApp, certificate: &str) {
    let body = json!({ "certificate_pem": certificate, "comment": "on a laptop that is lost" });
    app.post("/v1/pki/blocked-keys", body).await.json_with(StatusCode::CREATED);
}

both_modes! {
    async fn extensions_that_are_not_written_are_not_dropped(app: TestApp) {
        let shop = Workshop::new();
        let more = "certificatePolicies=1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:3\n\
                    inhibitAnyPolicy=critical,0\nsubjectAltName=DNS:ca.example";
        shop.root_as("odd", "odd", more);
        let odd = import(&app, &shop, "odd", &[]).await;
        let refused = app.post(&format!("{}/reissue", path(&odd)), json!({})).await.error(422, "certificate_invalid");
        for name in ["certificatePolicies (2.5.29.32)", "policyConstraints", "inhibitAnyPolicy", "subjectAltName"] {
            assert!(text(&refused["message"]).contains(name), "{refused}");
        }
        assert_eq!(certificate(&app, &odd).await["former"], json!([]));
    }

    async fn a_ca_without_an_end_is_reissued_without_one(app: TestApp) {
        let shop = Workshop::new();
        shop.root("endless");
        let dates = "-startdate 20150101000000Z -enddate 99991231235959Z";
        shop.judge().run(&format!(
            "ca -config endless.cnf -selfsign -keyfile endless.key -batch -notext -in endless.csr -out endless.pem {dates} -extfile extensions"
        ));
        let ca = import(&app, &shop, "endless", &[]).await;
        let new = app.post(&format!("{}/reissue", path(&ca)), json!({})).await.json_with(StatusCode::OK);
        assert_eq!((&new["valid_from"], &new["valid_until"]), (&json!("2015-01-01T00:00:00Z"), &json!("9999-12-31T23:59:59Z")));
        assert_ne!(new["serial_number"], ca["serial_number"]);
    }

    async fn another_certificate_begins_with_the_present_one(app: TestApp) {
        let wish = json!({ "name": "root", "common_name": "R", "ca_type": "root", "key_type": "ec", "validity_days": 100 });
        let root = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
        for _ in 0..3 {
            app.advance(Duration::from_hours(24 * 10)).await;
            let new = app.post(&format!("{}/reissue", path(&root)), json!({})).await.json_with(StatusCode::OK);
            assert_eq!(new["valid_from"], root["valid_from"]);
            // Each for as many days as the first.
            let left = seconds(&new["valid_until"]) - app.app.now().unix_seconds();
            assert!((100 * DAY - 60..=100 * DAY + 60).contains(&left), "{left}: {new}");
        }
    }

    async fn a_blocked_key_gets_no_other_certificate(app: TestApp) {
        let own = app.root_ca("own").await;
        block(&app, text(&certificate(&app, &own).await["certificate_pem"])).await;
        let refused = app.post(&format!("{}/reissue", path(&own)), json!({})).await.error(422, "certificate_invalid");
        assert!(text(&refused["message"]).contains("blocked"), "{refused}");
        // From elsewhere: the first one, and another one.
        let shop = Workshop::new();
        shop.root("theirs");
        shop.ca("theirs", "known", "");
        let known = import(&app, &shop, "known", &["theirs"]).await;
        let wish = json!({ "name": "waits", "common_name": "W", "organization": "O", "ca_type": "intermediate", "key_type": "ec", "external": true });
        let waits = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
        shop.judge().write("waits.csr", text(&waits["csr_pem"]));
        for (ca, name) in [(&known, "known"), (&waits, "waits")] {
            let signed = shop.again("theirs", (name, "signed"), LONG, CA);
            block(&app, &signed).await;
            let body = json!({ "certificate_pem": signed, "chain_pem": shop.judge().read("theirs.pem") });
            let refused = app.post(&format!("{}/certificate", path(ca)), body).await.error(422, "certificate_invalid");
            assert!(text(&refused["message"]).contains("blocked"), "{refused}");
        }
    }

    async fn one_that_ends_at_the_same_time_may_come_back(app: TestApp) {
        let shop = Workshop::new();
        shop.root("theirs");
        let first = shop.ca("theirs", "ours", "");
        let ours = import(&app, &shop, "ours", &["theirs"]).await;
        let second = shop.again("theirs", ("ours", "second"), LONG, CA);
        for pem in [&second, &first] {
            let body = json!({ "certificate_pem": pem, "chain_pem": shop.judge().read("theirs.pem") });
            app.post(&format!("{}/certificate", path(&ours)), body).await.json_with(StatusCode::OK);
        }
        let found = certificate(&app, &ours).await;
        assert_eq!(found["certificate_pem"], json!(first));
        let former = found["former"].as_array().unwrap();
        assert_eq!((former.len(), &former[0]["certificate_pem"]), (1, &json!(second)));
    }

    async fn only_so_many_former_certificates_are_good_at_once(app: TestApp) {
        let wish = json!({ "name": "root", "common_name": "R", "ca_type": "root", "key_type": "ec", "validity_days": 1 });
        let root = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
        let again = async || app.post(&format!("{}/reissue", path(&root)), json!({ "validity_days": 1 })).await;
        for _ in 0..50 {
            again().await.json_with(StatusCode::OK);
        }
        let refused = again().await.error(409, "invalid_state");
        assert_eq!(refused["details"]["state"], "full", "{refused}");
        // Those that have ended are in nobody's way, and no more of them are kept.
        app.advance(Duration::from_hours(48)).await;
        for _ in 0..2 {
            again().await.json_with(StatusCode::OK);
        }
        assert_eq!(certificate(&app, &root).await["former"].as_array().unwrap().len(), 51);
    }

    async fn caches_see_another_certificate_soon(app: TestApp) {
        let judge = Judge::new();
        let root = app.root_ca("root").await;
        let address = format!("/pub/ca/{}.crt", text(&root["id"]));
        let get = async |tag: &str| app.send(Method::GET, &address, None, &[("if-none-match", tag)], None).await;
        let first = get("\"other\"").await;
        let (tag, cache) = (first.header("etag"), first.header("cache-control"));
        assert!(first.status == StatusCode::OK && tag.len() > 2 && cache == "public, max-age=300", "{tag} {cache}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let again = get(&known).await;
            assert_eq!((again.status, again.body.len(), again.header("etag")), (StatusCode::NOT_MODIFIED, 0, tag.clone()));
        }
        app.post(&format!("{}/reissue", path(&root)), json!({})).await.json_with(StatusCode::OK);
        let new = get(&tag).await;
        assert_eq!(new.status, StatusCode::OK);
        assert_ne!(new.header("etag"), tag);
        judge.write("new.der", &new.body);
        judge.write("new.pem", text(&certificate(&app, &root).await["certificate_pem"]));
        assert_eq!(judge.run("x509 -inform der -in new.der"), judge.run("x509 -in new.pem"));
    }

    async fn another_certificate_can_be_bound_to_a_state(app: TestApp) {
        let root = app.root_ca("root").await;
        for (call, body) in [("reissue", json!({})), ("certificate", json!({ "certificate_pem": "x" }))] {
            let body = Some(("application/json", body.to_string().into_bytes()));
            let headers = [("if-match", "\"nope\"")];
            let answer = app.send(Method::POST, &format!("{}/{call}", path(&root)), Some(&app.admin), &headers, body).await;
            answer.error(412, "precondition_failed");
        }
    }
}

#[test]
fn the_document_says_so() {
    let found =
        |id: &str| operations().into_iter().find(|operation| operation.spec["operationId"] == id).unwrap();
    for id in ["reissueCa", "setCaCertificate", "updateCa"] {
        let operation = found(id);
        assert!(operation.parameters("header").contains("If-Match"), "{id}");
        assert!(operation.spec["responses"]["412"].is_object(), "{id}");
    }
    for id in ["getCrl", "getCaCertificate"] {
        assert!(found(id).spec["responses"]["409"].is_object(), "{id}");
    }
    assert!(found("getPublishedCaCertificate").spec["responses"]["304"].is_object());
}
