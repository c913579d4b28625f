//! `/v1/pki/discover`: what servers show becomes inventory.

use certmill_domain::Scope;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::X509;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::tls_server::{Manner, TlsServer};
use tests::{TestApp, both_modes};

use super::{issued, path, serve};
use crate::ca::text;

/// Has servers looked at, and answers what became of each.
async fn discovered(app: &TestApp, targets: &[String]) -> Vec<Value> {
    let begun =
        app.post("/v1/pki/discover", json!({ "targets": targets })).await.json_with(StatusCode::ACCEPTED);
    let path = format!("/v1/pki/discover/{}", text(&begun["id"]));
    let over = app.eventually(&path, |found| found["is_done"] == true).await;
    assert_eq!(
        (&over["done_count"], over["finished_at"].is_string()),
        (&over["targets_count"], true),
        "{over}"
    );
    over["targets"].as_array().unwrap().clone()
}

/// Another certificate with the issuer, serial number and subject of this one, and its key, both PEM: somebody's own work.
fn forged(certificate: &str) -> (String, String) {
    let original = X509::from_pem(certificate.as_bytes()).unwrap();
    let key = PKey::generate_ed25519().unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(original.serial_number()).unwrap();
    builder.set_issuer_name(original.issuer_name()).unwrap();
    builder.set_subject_name(original.subject_name()).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::null()).unwrap();
    let pem = |octets: Result<Vec<u8>, _>| String::from_utf8(octets.unwrap()).unwrap();
    (pem(builder.build().to_pem()), pem(key.private_key_to_pem_pkcs8()))
}

both_modes! {
    /// Issuer and serial number are words that anybody can write.
    async fn a_forged_certificate_is_not_known(app: TestApp) {
        let own = issued(&app).await;
        let elsewhere = Authority::root("/CN=Root").leaf("localhost");
        let imported = json!({ "certificate_pem": elsewhere.certificate });
        let imported = app.post("/v1/pki/certificates/import", imported).await.json_with(StatusCode::CREATED);
        let imported = text(&imported["id"]);
        for (original, id) in [(text(&own["certificate"]), text(&own["certificate_id"])), (&elsewhere.certificate, imported)] {
            let (certificate, key) = forged(original);
            let server = TlsServer::with(Manner::Serves("tls"), &certificate, &key);
            let found = discovered(&app, &[format!("localhost:{}", server.port)]).await;
            assert_eq!((&found[0]["state"], &found[0]["certificate_id"]), (&json!("refused"), &json!(null)), "{found:?}");
            let reason = text(&found[0]["reason"]);
            assert!(reason.contains(id) && reason.contains("another certificate"), "{found:?}");
        }
        let inventory = app.get("/v1/pki/certificates").await.json();
        assert_eq!(inventory["certificates"].as_array().unwrap().len(), 2, "nothing of it is taken: {inventory}");
    }

    async fn what_servers_show_is_taken_into_the_inventory_once(app: TestApp) {
        let own = issued(&app).await;
        let middle = Authority::root("/CN=Root").below("/CN=Middle");
        let theirs = middle.leaf("localhost");
        let chain = format!("{}{}", theirs.certificate, middle.chain().concat());
        let shown = TlsServer::with(Manner::Serves("tls"), &chain, &theirs.key);
        let again = TlsServer::with(Manner::Serves("smtp"), &chain, &theirs.key);
        let ours = serve(Manner::Serves("tls"), &own);
        let targets = [
            format!("localhost:{}", shown.port),
            format!("TLS:localhost:{}", shown.port),
            format!("smtp:localhost:{}", again.port),
            format!("localhost:{}", ours.port),
            "10.0.0.1:443".to_owned(),
        ];
        let found = discovered(&app, &targets).await;
        assert_eq!(found.len(), 4, "each once: {found:?}");
        let states: Vec<_> = found.iter().map(|target| text(&target["state"])).collect();
        let mut first_two = [states[0], states[1]];
        first_two.sort_unstable();
        assert_eq!((first_two, &states[2..]), (["imported", "known"], ["known", "unreachable"].as_slice()), "{found:?}");
        assert_eq!(found[0]["certificate_id"], found[1]["certificate_id"]);
        assert_eq!(found[2]["certificate_id"], own["certificate_id"]);
        assert!(text(&found[3]["reason"]).contains("egress policy"), "{found:?}");

        let taken = app.get(&path(&found[0])).await.json_with(StatusCode::OK);
        assert_eq!((&taken["source"], &taken["serial_number"], &taken["has_private_key"]), (&json!("imported"), &json!(theirs.serial_number()), &json!(false)));
        assert_eq!(text(&taken["certificate_pem"]).replace('\n', ""), theirs.certificate.replace('\n', ""));
        assert_eq!(text(&taken["chain_pem"]).matches("BEGIN").count(), 2, "those above it come along");
        assert!(text(&taken["description"]).contains("Found at"), "{taken}");
        let told = app.get(&format!("/v1/events?object={}", text(&found[0]["certificate_id"]))).await.json();
        let told = &told["events"][0];
        assert_eq!(told["event_type"], "certificate.imported", "{told}");
        assert!(text(&told["data"]["found_at"]).contains("localhost"), "{told}");
        // Another look finds nothing new.
        let found = discovered(&app, &targets).await;
        assert!(found.iter().all(|target| target["state"] != "imported"), "{found:?}");
        // It can be watched from now on, as what was imported otherwise.
        let endpoints = json!({ "endpoints": [format!("localhost:{}", shown.port)] });
        app.patch(&path(&found[0]), endpoints).await.json_with(StatusCode::OK);
        app.eventually(&path(&found[0]), |row| row["endpoints"][0]["state"] == "deployed").await;
    }

    async fn what_is_asked_for_has_bounds(app: TestApp) {
        let many: Vec<_> = (1..=1_001).map(|port| format!("127.0.0.1:{port}")).collect();
        for wrong in [json!([]), json!(many), json!(["localhost"])] {
            let error = app.post("/v1/pki/discover", json!({ "targets": wrong })).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["targets"].is_string(), "{error}");
        }
        app.get("/v1/pki/discover/disc_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.error(404, "discovery_not_found");
        let issuer = app.token(Scope::Issue).await;
        let body = json!({ "targets": ["127.0.0.1:1"] });
        app.post_as(&issuer, "/v1/pki/discover", body.clone()).await.error(403, "insufficient_scope");
        let slow = TlsServer::start(Manner::Hangs);
        let hanging = json!({ "targets": [format!("127.0.0.1:{}", slow.port)] });
        for _ in 0..5 {
            app.post("/v1/pki/discover", hanging.clone()).await.json_with(StatusCode::ACCEPTED);
        }
        app.post("/v1/pki/discover", body).await.error(409, "invalid_state");
        let logs = app.get("/v1/audit/logs?action=certificate.discover").await.text();
        assert!(logs.contains("disc_") && logs.contains("insufficient_scope"), "{logs}");
    }
}
