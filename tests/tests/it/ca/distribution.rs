//! CRLs and CA certificates as relying parties fetch them, and the revocation of CAs.

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use super::{seconds, text, with_fields};

const BUILT: [&str; 5] = ["crl_pem", "crl_number", "this_update", "next_update", "entries"];
const REVOCATION: [&str; 5] =
    ["reason", "revoked_at", "certificates_revoked", "certificates_total", "completed_at"];

async fn open(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    app.send(Method::GET, path, None, headers, None).await
}

async fn ca(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/v1/pki/ca/{id}")).await.json_with(StatusCode::OK)
}

both_modes! {
    async fn a_crl_comes_as_der_and_as_pem(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}/crl", text(&root["id"]));
        let der = app.get(&path).await;
        assert_eq!((der.status, der.header("content-type")), (StatusCode::OK, "application/pkix-crl".to_owned()));
        let judge = Judge::new();
        judge.write("crl.der", &der.body);
        judge.run("crl -inform der -in crl.der -out crl.pem");
        for accept in ["application/x-pem-file", "text/plain"] {
            let pem = app.send(Method::GET, &path, Some(&app.admin), &[("accept", accept)], None).await;
            assert!(pem.header("content-type").starts_with(accept), "{}", pem.header("content-type"));
            assert_eq!(pem.text().trim(), judge.read("crl.pem").trim());
            assert_ne!(pem.header("etag"), der.header("etag"), "two forms are two entities (RFC 9110 section 8.8.3)");
        }
        judge.write("ca.pem", app.send(
            Method::GET, &format!("/v1/pki/ca/{}/certificate", text(&root["id"])), Some(&app.admin),
            &[("accept", "text/plain")], None).await.body);
        assert!(judge.run("crl -in crl.pem -CAfile ca.pem -noout").contains("verify OK"));
        let described = judge.run("crl -in crl.pem -noout -text");
        for part in ["Version 2", "X509v3 CRL Number", "X509v3 Authority Key Identifier", "No Revoked Certificates"] {
            assert!(described.contains(part), "no {part} in {described}");
        }
        let figures = &root["crl"];
        assert_eq!((&figures["number"], &figures["entries"]), (&json!(1), &json!(0)));
        assert!(seconds(&figures["next_update"]) > seconds(&figures["this_update"]));
    }

    async fn a_client_that_has_the_crl_is_not_sent_it_again(app: TestApp) {
        let root = app.root_ca("root").await;
        let id = text(&root["id"]);
        for (path, token) in [(format!("/v1/pki/ca/{id}/crl"), Some(app.admin.as_str())), (format!("/pub/crl/{id}.crl"), None)] {
            let get = async |headers: &[(&str, &str)]| app.send(Method::GET, &path, token, headers, None).await;
            let first = get(&[]).await;
            let tag = first.header("etag");
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag}");
            let modified = first.header("last-modified");
            assert!(modified.ends_with(" GMT") && modified.len() == 29, "{modified}");
            for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let again = get(&[("if-none-match", &known)]).await;
                assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path} {known}");
                assert_eq!(again.header("etag"), tag, "{path} {known}");
            }
            assert_eq!(get(&[("if-none-match", "\"other\"")]).await.status, StatusCode::OK);
            app.post(&format!("/v1/pki/ca/{id}/crl"), json!({})).await.json_with(StatusCode::OK);
            let newer = get(&[("if-none-match", &tag)]).await;
            assert_eq!(newer.status, StatusCode::OK, "{path}: the list is another one now");
            assert!(newer.header("etag") != tag && newer.body != first.body);
        }
    }

    async fn distribution_points_are_open_and_serve_what_certificates_name(app: TestApp) {
        let root = app.root_ca("root").await;
        app.role("web", text(&root["id"])).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&app.issue("web", "a.example.internal").await["certificate"]));
        let described = judge.run("x509 -in leaf.pem -noout -text");
        let path_of = |key: &str| {
            let url = text(&root[key]);
            assert!(described.contains(&format!("URI:{url}\n")), "{key}: {described}");
            url.strip_prefix("http://pki.test").unwrap().to_owned()
        };
        assert!(described.contains("CA Issuers - URI:"), "{described}");
        let certificate = open(&app, &path_of("ca_issuers_url"), &[]).await;
        let crl = open(&app, &path_of("crl_url"), &[("accept", "text/plain")]).await;
        for (answer, media_type) in [(&certificate, "application/pkix-cert"), (&crl, "application/pkix-crl")] {
            assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, media_type.to_owned()));
            assert!(answer.header("cache-control").contains("max-age="), "{media_type} must be cacheable");
        }
        judge.write("ca.der", &certificate.body);
        judge.run("x509 -inform der -in ca.der -out ca.pem");
        judge.write("crl.der", &crl.body);
        judge.run("crl -inform der -in crl.der -out crl.pem");
        judge.run("verify -x509_strict -crl_check -CAfile ca.pem -CRLfile crl.pem leaf.pem");
        let (known, last) = text(&root["id"]).split_at(text(&root["id"]).len() - 1);
        let nobody = format!("{known}{}", if last == "0" { "1" } else { "0" });
        for id in [nobody.as_str(), "ca_x", "", "%00"] {
            for path in [format!("/pub/ca/{id}.crt"), format!("/pub/crl/{id}.crl")] {
                open(&app, &path, &[]).await.error(404, "ca_not_found");
            }
        }
    }

    async fn every_call_for_a_new_crl_gets_a_newer_one(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}/crl", text(&root["id"]));
        let mut last = root["crl"]["number"].as_i64().unwrap();
        for _ in 0..2 {
            let built = with_fields(&app.post(&path, json!({})).await, StatusCode::OK, &BUILT);
            assert!(built["crl_number"].as_i64().unwrap() > last, "{built}");
            last = built["crl_number"].as_i64().unwrap();
            let shown = &ca(&app, text(&root["id"])).await["crl"];
            assert_eq!(
                (&shown["number"], &shown["this_update"], &shown["next_update"], &shown["entries"]),
                (&built["crl_number"], &built["this_update"], &built["next_update"], &built["entries"]),
            );
            let judge = Judge::new();
            judge.write("crl.pem", text(&built["crl_pem"]));
            let number = judge.run("crl -in crl.pem -noout -crlnumber");
            let number = i64::from_str_radix(number.trim().strip_prefix("crlNumber=0x").unwrap(), 16).unwrap();
            assert_eq!(number, last);
        }
        let one = async || app.post(&path, json!({})).await.json_with(StatusCode::OK)["crl_number"].as_i64().unwrap();
        let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
        for number in [a, b, c, d] {
            assert!((last + 1..=last + 5).contains(&number), "{number} after {last}");
        }
        app.post("/v1/pki/ca/ca_x/crl", json!({})).await.error(404, "ca_not_found");
        app.get("/v1/pki/ca/ca_x/crl").await.error(404, "ca_not_found");
    }

    async fn a_revoked_intermediate_is_on_its_parent_s_crl(app: TestApp) {
        let root = app.root_ca("root").await;
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        app.role("below", text(&sub["id"])).await;
        let leaf = app.issue("below", "a.example.internal").await;
        let path = format!("/v1/pki/ca/{}/revoke", text(&sub["id"]));
        let revoked = app.post(&path, json!({ "reason": "ca_compromise" })).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&revoked["status"], &revoked["revocation"]["reason"]), (&json!("revoked"), &json!("cACompromise")));
        let mut fields: Vec<_> = revoked["revocation"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = REVOCATION.to_vec();
        fields.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fields, expected);

        let done = app.eventually(&format!("/v1/pki/ca/{}", text(&sub["id"])), |ca| !ca["revocation"]["completed_at"].is_null()).await;
        let progress = &done["revocation"];
        assert_eq!((&progress["certificates_revoked"], &progress["certificates_total"]), (&json!(1), &json!(1)));
        app.eventually(&format!("/v1/pki/ca/{}", text(&root["id"])), |ca| ca["crl"]["entries"] == 1).await;
        let judge = Judge::new();
        judge.write("crl.der", open(&app, &format!("/pub/crl/{}.crl", text(&root["id"])), &[]).await.body);
        let described = judge.run("crl -inform der -in crl.der -noout -text");
        let serial = text(&sub["serial_number"]).replace(':', "").to_uppercase();
        assert!(described.contains(&serial) && described.contains("CA Compromise"), "{described}");
        judge.run("crl -inform der -in crl.der -out crl.pem");
        judge.write("leaf.pem", text(&leaf["certificate"]));
        judge.write("sub.pem", text(&leaf["ca_chain"][0]));
        judge.write("root.pem", text(&leaf["ca_chain"][1]));
        let (accepted, said) = judge.try_run("verify -crl_check -CAfile root.pem -CRLfile crl.pem sub.pem");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        assert_eq!(ca(&app, text(&root["id"])).await["status"], "active");
    }

    async fn a_ca_is_revoked_once(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}", text(&root["id"]));
        let revoke = format!("{path}/revoke");
        let error = app.post(&revoke, json!({ "reason": "boredom" })).await.error(422, "validation_error");
        assert!(text(&error["details"]["fields"]["reason"]).contains("keyCompromise"), "{error}");
        app.post(&revoke, json!({ "colour": "red" })).await.error(422, "validation_error");
        assert_eq!(ca(&app, text(&root["id"])).await, root);
        let first = app.post(&revoke, json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&first["revocation"]["reason"], &first["is_active"]), (&json!("unspecified"), &json!(false)));
        app.post(&revoke, json!({ "reason": "superseded" })).await.error(409, "invalid_state");
        for (body, reason) in [
            (json!({}), "unspecified"),
            (json!({ "reason": "keyCompromise" }), "keyCompromise"),
            (json!({}), "keyCompromise"),
        ] {
            let again = app.post(&revoke, body).await.json_with(StatusCode::ACCEPTED);
            assert_eq!(again["revocation"]["reason"], reason);
            assert_eq!(again["revocation"]["revoked_at"], first["revocation"]["revoked_at"], "it is one revocation");
        }
        let done = app.eventually(&path, |ca| !ca["revocation"]["completed_at"].is_null()).await;
        assert_eq!(done["revocation"]["certificates_total"], 0, "{done}");
        app.post("/v1/pki/ca/ca_x/revoke", json!({})).await.error(404, "ca_not_found");
        // Relying parties still need the list of a CA that issues no more.
        app.post(&format!("{path}/crl"), json!({})).await.json_with(StatusCode::OK);
    }
}
