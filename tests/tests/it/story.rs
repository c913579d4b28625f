//! The main job from beginning to end, judged by openssl.

use poem::http::StatusCode;
use serde_json::json;
use tests::both_modes;
use tests::openssl::Judge;

both_modes! {
    async fn a_certificate_is_issued_revoked_and_listed(app: TestApp) {
        let root = app.root_ca("root").await;
        let intermediate = app.intermediate_ca("issuing", root["id"].as_str().unwrap()).await;
        let ca_id = intermediate["id"].as_str().unwrap();
        app.role("web", ca_id).await;
        let issued = app.issue("web", "www.example.internal").await;
        let judge = Judge::new();
        judge.write("leaf.pem", issued["certificate"].as_str().unwrap());
        judge.write("leaf.key", issued["private_key"].as_str().unwrap());
        judge.write("intermediate.pem", issued["issuing_ca"].as_str().unwrap());
        judge.write("root.pem", issued["ca_chain"][1].as_str().unwrap());
        judge.run("verify -x509_strict -CAfile root.pem -untrusted intermediate.pem leaf.pem");
        judge.run("pkey -in leaf.key -pubout -out key.pub");
        judge.run("x509 -in leaf.pem -pubkey -noout -out cert.pub");
        assert_eq!(judge.read("key.pub"), judge.read("cert.pub"));

        let serial = issued["serial_number"].as_str().unwrap();
        let before = app.get(&format!("/v1/pki/ca/{ca_id}")).await.json_with(StatusCode::OK);
        assert_eq!((before["crl"]["number"].as_i64(), before["certificates_issued"].as_i64()), (Some(1), Some(1)));
        let revoked = app.post("/v1/pki/revoke", json!({ "serial_number": serial, "reason": "keyCompromise" })).await;
        let revoked = revoked.json_with(StatusCode::OK);
        assert_eq!((&revoked["crl_update"], &revoked["reason"]), (&json!("scheduled"), &json!("keyCompromise")));

        app.eventually(&format!("/v1/pki/ca/{ca_id}"), |ca| ca["crl"]["entries"] == 1).await;
        let crl = app.get(&format!("/v1/pki/ca/{ca_id}/crl")).await;
        assert_eq!(crl.header("content-type"), "application/pkix-crl");
        judge.write("list.crl", &crl.body);
        judge.run("crl -inform der -in list.crl -out list.pem");
        let text = judge.run("crl -inform der -in list.crl -noout -text");
        assert!(text.contains(&serial.replace(':', "").to_uppercase()) && text.contains("Key Compromise"), "{text}");
        let (accepted, said) =
            judge.try_run("verify -crl_check -CAfile root.pem -untrusted intermediate.pem -CRLfile list.pem leaf.pem");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");

        let built = app.post(&format!("/v1/pki/ca/{ca_id}/crl"), json!({})).await.json_with(StatusCode::OK);
        assert!(built["crl_number"].as_i64().unwrap() > 2, "{built}");
        assert!(built["crl_pem"].as_str().unwrap().starts_with("-----BEGIN X509 CRL-----"));
    }

    async fn revoking_a_root_stops_issuing_and_revokes_everything_below(app: TestApp) {
        let root = app.root_ca("root").await;
        let root_id = root["id"].as_str().unwrap();
        let sub = app.intermediate_ca("sub", root_id).await;
        let sub_id = sub["id"].as_str().unwrap();
        app.role("direct", root_id).await;
        app.role("below", sub_id).await;
        app.issue("direct", "a.example.internal").await;
        for host in ["b", "c"] {
            app.issue("below", &format!("{host}.example.internal")).await;
        }
        let path = format!("/v1/pki/ca/{root_id}/revoke");
        let accepted = app.post(&path, json!({ "reason": "cessationOfOperation" })).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&accepted["status"], &accepted["is_active"]), (&json!("revoked"), &json!(false)));
        for role in ["direct", "below"] {
            let body = json!({ "common_name": "late.example.internal" });
            let error = app.post(&format!("/v1/pki/issue/{role}"), body).await.error(409, "invalid_state");
            assert_eq!(error["details"]["state"], "revoked");
        }
        let done = app
            .eventually(&format!("/v1/pki/ca/{root_id}"), |ca| !ca["revocation"]["completed_at"].is_null())
            .await;
        assert_eq!(done["revocation"]["certificates_revoked"], 4, "{done}");
        assert_eq!(done["revocation"]["certificates_total"], 4, "{done}");
        let listed = app.get("/v1/pki/certificates?status=revoked").await.json_with(StatusCode::OK);
        let reasons: Vec<_> =
            listed["certificates"].as_array().unwrap().iter().map(|row| row["revocation_reason"].clone()).collect();
        assert_eq!(reasons, vec![json!("cessationOfOperation"); 3]);
        app.eventually(&format!("/v1/pki/ca/{sub_id}"), |ca| ca["crl"]["entries"] == 2).await;
        app.eventually(&format!("/v1/pki/ca/{root_id}"), |ca| ca["crl"]["entries"] == 2).await;
    }
}
