//! What is not imported, and that nothing comes of it.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use super::{PATH, der, import, try_import};
use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{changed, text};

/// Checks that it is refused in this way and that nothing is left behind; answers the error.
async fn refused(app: &TestApp, case: &str, body: Value, code: &str) -> Value {
    let before = Rows::of(app).await.all().await;
    let answer = try_import(app, body).await;
    let error = expect(case, &answer, if code == "already_exists" { 409 } else { 422 }, code);
    let shown = error.to_string();
    assert!(
        !shown.contains("KEY-----\\n") && !shown.contains("error:0") && !shown.contains("secret-1"),
        "{case}: {shown}"
    );
    assert_eq!(Rows::of(app).await.all().await, before, "{case}: it left something behind");
    error
}

/// A refusal of what is in a field, or of the field; answers the error.
pub(super) fn invalid(case: &str, answer: &Answer) -> Value {
    let code =
        if answer.text().contains("validation_error") { "validation_error" } else { "certificate_invalid" };
    expect(case, answer, 422, code)
}

both_modes! {
    async fn a_key_must_belong_to_the_certificate(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let (leaf, other) = (root.leaf("a.example.com"), root.leaf("a.example.com"));
        let with = |key: &str| json!({ "certificate_pem": leaf.certificate, "private_key_pem": key });
        for (case, key) in [("another key", &other.key), ("an RSA key", &root.issue_rsa("/CN=x").key)] {
            let error = refused(&app, case, with(key), "certificate_invalid").await;
            assert!(text(&error["message"]).contains("key does not belong"), "{case}: {error}");
        }
        for (case, key) in [
            ("a certificate for a key", other.certificate.clone()), ("garbage", "hello".to_owned()), ("nothing", String::new()),
            ("two keys", format!("{}{}", leaf.key, other.key)), ("half a key", leaf.key[..leaf.key.len() / 2].to_owned()),
        ] {
            let before = Rows::of(&app).await.all().await;
            let answer = try_import(&app, with(&key)).await;
            let error = invalid(case, &answer);
            assert!(error.to_string().contains("private_key_pem"), "{case}: {error}");
            assert_eq!(Rows::of(&app).await.all().await, before, "{case}: it left something behind");
        }
        let both = json!({ "certificate_pem": format!("{}{}", leaf.certificate, other.key) });
        refused(&app, "another key in the same text", both, "certificate_invalid").await;
    }

    /// AD CS with AlternateSignatureAlgorithm makes such chains.
    async fn chains_are_verified_by_what_signed_them(app: TestApp) {
        let judge = Judge::new();
        judge.write("ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
        for (kind, options) in [("pss", "-sha256 -sigopt rsa_padding_mode:pss"), ("sha1", "-sha1"), ("md5", "-md5")] {
            judge.run("req -new -newkey rsa:2048 -nodes -keyout ca.key -out ca.csr -subj /CN=Above");
            judge.run(&format!("x509 -req -in ca.csr -signkey ca.key -days 30 -extfile ca.ext -out ca.pem {options}"));
            judge.run(&format!("req -new -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN={kind}"));
            judge.run(&format!("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 30 -out leaf.pem {options}"));
            let body = json!({ "certificate_pem": judge.read("leaf.pem"), "chain_pem": judge.read("ca.pem") });
            if kind == "pss" {
                let imported = import(&app, body).await;
                assert_eq!(text(&imported["chain_pem"]).trim(), judge.read("ca.pem").trim());
            } else {
                let error = refused(&app, kind, body, "certificate_invalid").await;
                let message = text(&error["message"]);
                let hash = if kind == "sha1" { "SHA-1" } else { "MD5" };
                assert!(message.contains("cannot be verified") && message.contains("CN=Above") && message.contains(hash), "{error}");
            }
        }
    }

    async fn a_password_must_be_the_right_one(app: TestApp) {
        let leaf = Authority::root("/CN=Root").leaf("a.example.com");
        let judge = Judge::new();
        judge.write("k", &leaf.key);
        judge.run("pkcs8 -topk8 -in k -out encrypted -passout pass:secret-1");
        judge.run("ec -in k -aes256 -out old -passout pass:secret-1");
        for (case, file) in [("PKCS#8", "encrypted"), ("the old way", "old")] {
            let body = json!({ "certificate_pem": leaf.certificate, "private_key_pem": judge.read(file) });
            for (password, said) in [(Value::Null, "password"), (json!("secret-2"), "password"), (json!(""), "password")] {
                let body = changed(body.clone(), &json!({ "private_key_password": password }));
                let error = expect(&format!("{case} with {password}"), &try_import(&app, body).await, 422, "validation_error");
                let problem = text(&error["details"]["fields"]["private_key_password"]);
                assert!(problem.contains(said), "{case} with {password}: {error}");
            }
        }
        let bundle = json!({ "certificate_pem": format!("{}{}", leaf.certificate, judge.read("encrypted")), "private_key_password": "secret-1" });
        assert_eq!(import(&app, bundle).await["has_private_key"], true);
    }

    async fn a_chain_must_lead_upwards(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let between = root.below("/CN=Between");
        let (stranger, twin) = (Authority::root("/CN=Stranger"), Authority::root("/CN=Root"));
        let leaf = between.leaf("a.example.com");
        let brother = between.leaf("b.example.com");
        for (case, chain) in [
            ("a stranger alone", vec![&stranger.certificate]), ("a stranger at the end", vec![&between.certificate, &stranger.certificate]),
            ("a stranger in between", vec![&between.certificate, &stranger.certificate, &root.certificate]),
            ("a gap", vec![&root.certificate]), ("another root of the same name", vec![&between.certificate, &twin.certificate]),
            ("another leaf", vec![&brother.certificate, &between.certificate]),
        ] {
            let chain: String = chain.into_iter().map(String::as_str).collect();
            let body = json!({ "certificate_pem": leaf.certificate, "chain_pem": chain });
            refused(&app, case, body, "certificate_invalid").await;
        }
        // `certificate_pem` says which one is meant: what it issued is not above it.
        for (case, key) in [("a certificate below", Value::Null), ("a certificate below, and its key", json!(leaf.key))] {
            let chain = format!("{}{}", leaf.certificate, root.certificate);
            let body = json!({ "certificate_pem": between.certificate, "chain_pem": chain, "private_key_pem": key });
            refused(&app, case, body, "certificate_invalid").await;
        }
    }

    async fn garbage_is_refused(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let leaf = root.leaf("a.example.com");
        let judge = Judge::new();
        judge.write("k", &leaf.key);
        judge.run("req -new -key k -subj /CN=a -out r");
        let encoded = der("x509", &leaf.certificate);
        let tampered = |at: usize| {
            let mut letters: Vec<u8> = encoded.clone().into_bytes();
            letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(letters).unwrap()
        };
        for (case, text) in [
            ("nothing", String::new()), ("a sentence", "hello".to_owned()), ("a key alone", leaf.key.clone()),
            ("a CSR", judge.read("r")), ("half a certificate", leaf.certificate[..leaf.certificate.len() / 2].to_owned()),
            ("no end line", leaf.certificate.replace("-----END CERTIFICATE-----", "")),
            ("half of the DER", encoded[..encoded.len() / 8 * 4].to_owned()), ("a broken length", tampered(4)),
            ("two leaves", format!("{}{}", leaf.certificate, root.leaf("b.example.com").certificate)),
            ("NUL", "\u{0}".to_owned()), ("base64 of nothing", "====".to_owned()),
            ("an unknown label", leaf.certificate.replace(" CERTIFICATE", " SOMETHING")),
            ("mismatched labels", leaf.certificate.replace("END CERTIFICATE", "END X509 CRL")),
        ] {
            refused(&app, case, json!({ "certificate_pem": text }), "certificate_invalid").await;
        }
        let many = leaf.certificate.repeat(1_000_000 / leaf.certificate.len());
        refused(&app, "a thousand certificates", json!({ "certificate_pem": many }), "certificate_invalid").await;
        for (body, field) in [
            (json!({}), "certificate_pem"), (json!({ "private_key_pem": leaf.key }), "certificate_pem"),
            (json!({ "certificate_pem": 7 }), "certificate_pem"), (json!({ "certificate_pem": [leaf.certificate] }), "certificate_pem"),
            (json!({ "certificate_pem": leaf.certificate, "certificate": "x" }), "certificate"),
        ] {
            let error = refused(&app, &body.to_string(), body, "validation_error").await;
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        import(&app, json!({ "certificate_pem": leaf.certificate })).await;
    }

    async fn a_certificate_is_imported_once(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let leaf = root.leaf_with_serial("a.example.com", "0badc0de");
        let first = import(&app, json!({ "certificate_pem": leaf.certificate })).await;
        for (case, body) in [
            ("the same", json!({ "certificate_pem": leaf.certificate })),
            ("the same in DER", json!({ "certificate_pem": der("x509", &leaf.certificate) })),
            ("with its key", json!({ "certificate_pem": leaf.certificate, "private_key_pem": leaf.key })),
            ("another one of the same issuer and serial number", json!({ "certificate_pem": root.leaf_with_serial("b.example.com", "0badc0de").certificate })),
            ("one of another issuer of the same name", json!({ "certificate_pem": Authority::root("/CN=Root").leaf_with_serial("c.example.com", "0badc0de").certificate })),
        ] {
            let error = refused(&app, case, body, "already_exists").await;
            assert_eq!(error["details"]["id"], first["id"], "{case}: {error}");
            assert!(text(&error["message"]).contains(text(&first["id"])), "{case}: {error}");
        }
        // The serial number alone says nothing.
        let other = import(&app, json!({ "certificate_pem": Authority::root("/CN=Other").leaf_with_serial("a.example.com", "0badc0de").certificate })).await;
        assert_eq!((&other["serial_number"], &other["ca_id"]), (&first["serial_number"], &Value::Null));
        let listed = app.get("/v1/pki/certificates?serial_number=0badc0de").await.json_with(StatusCode::OK);
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 2);
        // Another tenant has its own.
        let (_, stranger) = app.another_tenant("second").await;
        app.post_as(&stranger, PATH, json!({ "certificate_pem": leaf.certificate })).await.json_with(StatusCode::CREATED);
    }

    async fn of_several_imports_at_once_one_wins(app: TestApp) {
        let root = Authority::root("/CN=Root");
        for _ in 0..3 {
            let leaf = root.leaf("a.example.com");
            let body = json!({ "certificate_pem": leaf.certificate, "private_key_pem": leaf.key });
            let answers = app.post_at_once(vec![(PATH.to_owned(), body); 4]).await;
            let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == StatusCode::CREATED);
            assert_eq!(won.len(), 1, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
            for answer in lost {
                assert_eq!(answer.error(409, "already_exists")["details"]["id"], won[0].json()["id"]);
            }
        }
    }
}
