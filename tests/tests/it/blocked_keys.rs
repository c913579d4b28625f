//! Keys that nothing is issued for: those that can be computed or are in print, and `/v1/pki/blocked-keys`.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::text;

const PATH: &str = "/v1/pki/blocked-keys";
const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

/// The test key of RFC 9500 §2.3.
const PUBLISHED: &str = "-----BEGIN EC PRIVATE KEY-----\n\
                         MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n\
                         AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n\
                         uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n\
                         -----END EC PRIVATE KEY-----\n";

/// A folder with a key `own.key` and a CSR for it, in PEM.
fn own() -> (Judge, String) {
    let judge = Judge::new();
    judge.run(&format!(
        "req -new -newkey {P256} -nodes -subj /CN=a.example.internal -keyout own.key -out own.csr"
    ));
    let csr = judge.read("own.csr");
    (judge, csr)
}

/// A CSR for the neutral point of Ed25519, which needs no private key: every signature with R = B·s fits, and s may be 0.
fn without_key() -> String {
    let judge = Judge::new();
    judge.run(
        "req -new -newkey ed25519 -nodes -subj /CN=a.example.internal -keyout k -out r.der -outform DER",
    );
    let mut der = std::fs::read(judge.path().join("r.der")).unwrap();
    let neutral = |octets: &mut [u8]| {
        octets.fill(0);
        octets[0] = 1;
    };
    let key = der.windows(3).position(|octets| octets == [0x03, 0x21, 0x00]).unwrap() + 3;
    neutral(&mut der[key..key + 32]);
    let signature = der.len() - 64;
    neutral(&mut der[signature..]);
    judge.write("changed.der", der);
    judge.run("req -inform DER -in changed.der -out changed.csr");
    judge.read("changed.csr")
}

pub(crate) fn published() -> String {
    let judge = Judge::new();
    judge.write("k", PUBLISHED);
    judge.run("req -new -key k -subj /CN=a.example.internal -out r.csr");
    judge.read("r.csr")
}

async fn role(app: &TestApp) -> String {
    let ca = text(&app.root_ca("root").await["id"]).to_owned();
    let body = json!({ "name": "any", "ca_id": ca, "allow_any_name": true, "key_type": "any" });
    app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
    ca
}

async fn sign(app: &TestApp, csr: &str) -> Value {
    app.post("/v1/pki/sign/any", json!({ "csr_pem": csr })).await.json_with(StatusCode::CREATED)
}

async fn block(app: &TestApp, body: Value) -> Value {
    app.post(PATH, body).await.json_with(StatusCode::CREATED)
}

fn ids(blocked: &Value) -> Vec<&str> {
    blocked["certificates"].as_array().unwrap().iter().map(|found| text(&found["certificate_id"])).collect()
}

both_modes! {
    async fn keys_that_are_known_are_not_certified(app: TestApp) {
        let ca = role(&app).await;
        for (csr, says) in [(published(), "RFC 9500"), (without_key(), "small order")] {
            let body = json!({ "csr_pem": csr });
            let refused = app.post("/v1/pki/sign/any", body.clone()).await.error(422, "csr_invalid");
            assert!(text(&refused["message"]).contains(says), "{refused}");
            // The desk shows why, and does not sign either.
            let imported = app.post("/v1/pki/csr/import", body).await.json_with(StatusCode::CREATED);
            let warnings = imported["warnings"].as_array().unwrap();
            let weak = warnings.iter().find(|warning| warning["code"] == "weak_key");
            assert!(text(&weak.unwrap()["message"]).contains(says), "{imported}");
            let path = format!("/v1/pki/csr/{}", text(&imported["id"]));
            app.post(&format!("{path}/approve"), json!({})).await.json_with(StatusCode::OK);
            let refused = app.post(&format!("{path}/sign"), json!({ "ca_id": ca })).await.error(422, "csr_invalid");
            assert!(text(&refused["message"]).contains(says), "{refused}");
        }
        // An inventory wants to see them.
        let judge = Judge::new();
        judge.write("k", PUBLISHED);
        judge.run("req -x509 -new -key k -subj /CN=theirs -days 30 -out c.pem");
        let found = app.post("/v1/pki/certificates/import", json!({ "certificate_pem": judge.read("c.pem") })).await;
        assert_eq!(found.json_with(StatusCode::CREATED)["weak_key"], "published_key");
    }

    async fn weak_keys_are_taken_into_the_inventory_with_a_mark(app: TestApp) {
        for (key, key_type, key_size, mark) in [
            ("rsa:1024", "rsa", 1024, "weak_key"), ("rsa:2048 -pkeyopt rsa_keygen_pubexp:3", "rsa", 2048, "weak_key"),
            ("ec -pkeyopt ec_paramgen_curve:P-224", "ec", 224, "unsupported_key"), ("ed448", "ed448", 456, "unsupported_key"),
            ("ec -pkeyopt ec_paramgen_curve:brainpoolP384r1", "ec", 384, "unsupported_key"),
        ] {
            let judge = Judge::new();
            judge.run(&format!("req -x509 -newkey {key} -nodes -subj /CN=old -days 30 -keyout k -out c.pem"));
            let answer = app.post("/v1/pki/certificates/import", json!({ "certificate_pem": judge.read("c.pem") })).await;
            let found = answer.json_with(StatusCode::CREATED);
            assert_eq!((&found["key_type"], &found["key_size"], &found["weak_key"]), (&json!(key_type), &json!(key_size), &json!(mark)), "{key}");
        }
    }

    async fn a_key_in_wrong_hands_is_found_everywhere_and_revoked(app: TestApp) {
        role(&app).await;
        let (judge, csr) = own();
        let (one, two) = (sign(&app, &csr).await, sign(&app, &csr).await);
        let other = sign(&app, &own().1).await;
        judge.run("req -x509 -new -key own.key -subj /CN=theirs -days 30 -out theirs.pem");
        let imported = json!({ "certificate_pem": judge.read("theirs.pem") });
        let imported = app.post("/v1/pki/certificates/import", imported).await.json_with(StatusCode::CREATED);
        assert!(imported["weak_key"].is_null(), "{imported}");
        // Whoever found the private key brings it.
        let blocked = block(&app, json!({ "private_key_pem": judge.read("own.key"), "comment": "seen on a forge" })).await;
        assert_eq!(blocked["spki_sha256"], imported["spki_sha256"]);
        assert_eq!(ids(&blocked), [text(&imported["id"]), text(&two["certificate_id"]), text(&one["certificate_id"])]);
        assert_eq!((&blocked["has_more"], &blocked["revoked"]), (&json!(false), &json!([])));
        let refused = app.post("/v1/pki/sign/any", json!({ "csr_pem": csr })).await.error(422, "csr_invalid");
        assert!(text(&refused["message"]).contains(text(&blocked["id"])), "{refused}");
        let renewal = format!("/v1/pki/certificates/{}/renew", text(&one["certificate_id"]));
        app.post(&renewal, json!({ "csr_pem": csr })).await.error(422, "csr_invalid");
        let shown = app.get(&format!("/v1/pki/certificates/{}", text(&imported["id"]))).await.json();
        assert_eq!(shown["weak_key"], "blocked");

        // The same again, by certificate and by hash, is the same; now what is ours is revoked.
        let again = json!({ "certificate_pem": one["certificate"], "comment": "other words", "revoke": true });
        let again = block(&app, again).await;
        assert_eq!((&again["id"], &again["comment"]), (&blocked["id"], &json!("seen on a forge")));
        assert_eq!(again["revoked"], json!([two["certificate_id"], one["certificate_id"]]));
        for (certificate, status) in [(&one, "revoked"), (&two, "revoked"), (&other, "active")] {
            let path = format!("/v1/pki/certificates/{}", text(&certificate["certificate_id"]));
            let shown = app.get(&path).await.json();
            assert_eq!(shown["status"], status, "{shown}");
            if status == "revoked" {
                assert_eq!(shown["revocation_reason"], "keyCompromise");
            }
        }
        let hash = text(&blocked["spki_sha256"]).to_uppercase();
        let third = block(&app, json!({ "spki_sha256": hash, "revoke": true })).await;
        assert_eq!((&third["id"], &third["revoked"]), (&blocked["id"], &json!([])));

        let page = app.get(PATH).await.json_with(StatusCode::OK);
        assert_eq!(page["blocked_keys"].as_array().unwrap().len(), 1, "{page}");
        let path = format!("{PATH}/{}", text(&blocked["id"]));
        assert_eq!(ids(&app.get(&path).await.json()), ids(&blocked));
        assert_eq!(app.delete(&path).await.status, StatusCode::NO_CONTENT);
        app.get(&path).await.error(404, "blocked_key_not_found");
        sign(&app, &csr).await;
    }

    async fn a_key_that_the_desk_has_made_is_blocked_like_any_other(app: TestApp) {
        let ca = role(&app).await;
        let csr = json!({ "subject": "CN=a.example.internal", "key_type": "ec" });
        let csr = app.post("/v1/pki/csr", csr).await.json_with(StatusCode::CREATED);
        let path = format!("/v1/pki/csr/{}", text(&csr["id"]));
        app.post(&format!("{path}/approve"), json!({})).await.json_with(StatusCode::OK);
        let judge = Judge::new();
        judge.write("r.csr", text(&csr["csr_pem"]));
        judge.run("req -in r.csr -pubkey -noout -out pub.pem");
        judge.run("pkey -pubin -in pub.pem -outform DER -out pub.der");
        let hash = certmill_x509::sha256_hex(&std::fs::read(judge.path().join("pub.der")).unwrap());
        block(&app, json!({ "spki_sha256": hash })).await;
        let refused = app.post(&format!("{path}/sign"), json!({ "ca_id": ca })).await.error(422, "csr_invalid");
        assert!(text(&refused["message"]).contains("blocked"), "{refused}");
    }

    async fn which_key_is_meant_is_said_once(app: TestApp) {
        let (judge, _) = own();
        let key = judge.read("own.key");
        for (body, field) in [
            (json!({}), "spki_sha256"),
            (json!({ "spki_sha256": "00" }), "spki_sha256"),
            (json!({ "spki_sha256": "g".repeat(64) }), "spki_sha256"),
            (json!({ "spki_sha256": "0".repeat(64), "private_key_pem": key }), "spki_sha256"),
            (json!({ "private_key_pem": "nonsense" }), "private_key_pem"),
            (json!({ "spki_sha256": "0".repeat(64), "comment": "c".repeat(1_025) }), "comment"),
        ] {
            let error = app.post(PATH, body.clone()).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{body}: {error}");
        }
        app.post(PATH, json!({ "certificate_pem": "nonsense" })).await.error(422, "certificate_invalid");
        // A key that another tenant has blocked is its own matter.
        let (_, stranger) = app.another_tenant("second").await;
        block(&app, json!({ "private_key_pem": key })).await;
        let theirs = app.post_as(&stranger, PATH, json!({ "private_key_pem": key })).await.json_with(StatusCode::CREATED);
        assert_eq!(theirs["certificates"], json!([]));
    }
}
