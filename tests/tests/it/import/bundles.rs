//! Imports of everything in one text, and of PKCS#12 bundles.

use std::process::Command;
use std::sync::LazyLock;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::{Authority, Leaf};
use tests::both_modes;
use tests::openssl::Judge;

use super::refusals::invalid;
use super::{PATH, der, has_key_of, import, taken, try_import};
use crate::ca::text;

const PASSWORD: &str = "correct-horse";

/// A bundle made by `keytool`, and its certificate: a key pair of its own, which takes Java some seconds.
static KEYTOOL: LazyLock<(String, String)> = LazyLock::new(|| {
    let judge = Judge::new();
    let make = concat!(
        "-genkeypair -keystore k.p12 -storetype PKCS12 -alias web -keyalg EC -groupname secp256r1 -validity 30 ",
        "-dname CN=java.example.com -ext san=dns:java.example.com -storepass correct-horse",
    );
    for arguments in
        [make, "-exportcert -rfc -keystore k.p12 -alias web -storepass correct-horse -file c.pem"]
    {
        let output = Command::new("keytool")
            .args(arguments.split_whitespace())
            .current_dir(judge.path())
            .output()
            .expect("keytool must be installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    (judge.run("base64 -A -in k.p12"), judge.read("c.pem").replace("\r\n", "\n"))
});

/// A PKCS#12 bundle in base64, made by `openssl pkcs12 -export`.
fn bundle(leaf: &Leaf, chain: &[&str], arguments: &str) -> String {
    let judge = Judge::new();
    judge.write("k", &leaf.key);
    judge.write("c", &leaf.certificate);
    judge.write("chain", chain.concat());
    let chain = if chain.is_empty() { "" } else { "-certfile chain" };
    judge.run(&format!("pkcs12 -export -inkey k -in c {chain} -out b -passout pass:{PASSWORD} {arguments}"));
    judge.run("base64 -A -in b")
}

both_modes! {
    async fn one_text_holds_everything_in_any_order(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let between = root.below("/CN=Between");
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1], [1, 2, 3, 0], [3, 0, 1, 2]] {
            let leaf = between.leaf("a.example.com");
            let parts = [&leaf.certificate, &leaf.key, &between.certificate, &root.certificate];
            let text: String = order.iter().map(|at| parts[*at].as_str()).collect();
            let imported = taken(&format!("{order:?}"), &try_import(&app, json!({ "certificate_pem": text })).await);
            assert_eq!(imported["certificate_pem"], leaf.certificate, "{order:?}");
            assert_eq!(imported["chain_pem"], between.chain().concat(), "{order:?}");
            has_key_of(&app, &imported, &leaf).await;
        }
        // Without a key, the leaf is what issued none of the others.
        let leaf = between.leaf("a.example.com");
        let text = format!("{}{}{}", root.certificate, leaf.certificate, between.certificate).replace('\n', "\r\n");
        let imported = import(&app, json!({ "certificate_pem": text })).await;
        assert_eq!((&imported["certificate_pem"], &imported["chain_pem"]), (&json!(leaf.certificate), &json!(between.chain().concat())));
        // The same certificate may stand in both places.
        let leaf = between.leaf("a.example.com");
        let chain = format!("{}{}", leaf.certificate, between.chain().concat());
        let body = json!({ "certificate_pem": format!("{}{}", leaf.certificate, between.certificate), "chain_pem": chain });
        assert_eq!(taken("repetitions", &try_import(&app, body).await)["chain_pem"], between.chain().concat());
    }

    async fn bundles_of_openssl_are_read(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let between = root.below("/CN=Between");
        for (case, arguments) in [
            ("as it comes", ""), ("with a name", "-name web"), ("SHA-512", "-macalg sha512"),
            ("AES-128", "-certpbe AES-128-CBC -keypbe AES-128-CBC"), ("certificates in the clear", "-certpbe NONE"),
        ] {
            let leaf = between.leaf("a.example.com");
            let pkcs12 = bundle(&leaf, &between.chain(), arguments);
            let imported = taken(case, &try_import(&app, json!({ "pkcs12": pkcs12, "private_key_password": PASSWORD })).await);
            assert_eq!(imported["certificate_pem"], leaf.certificate, "{case}");
            assert_eq!(imported["chain_pem"], between.chain().concat(), "{case}");
            has_key_of(&app, &imported, &leaf).await;
        }
        let leaf = between.leaf("a.example.com");
        let mut wrapped = bundle(&leaf, &[], "");
        for at in (64..wrapped.len()).step_by(64).rev() {
            wrapped.insert_str(at, "\r\n");
        }
        let imported = import(&app, json!({ "pkcs12": wrapped, "private_key_password": PASSWORD })).await;
        assert_eq!((&imported["has_private_key"], &imported["chain_pem"]), (&json!(true), &json!("")));
    }

    async fn a_bundle_of_keytool_is_read(app: TestApp) {
        let (pkcs12, certificate) = &*KEYTOOL;
        let imported = import(&app, json!({ "pkcs12": pkcs12, "private_key_password": PASSWORD })).await;
        assert_eq!((&imported["certificate_pem"], &imported["has_private_key"]), (&json!(certificate), &json!(true)));
        assert_eq!(imported["sans"]["dns"], json!(["java.example.com"]));
        let key = app.post(&format!("/v1/pki/certificates/{}/private-key", text(&imported["id"])), json!({})).await;
        let judge = Judge::new();
        judge.write("k", text(&key.json_with(StatusCode::OK)["private_key"]));
        judge.write("c", certificate);
        assert_eq!(judge.run("pkey -in k -pubout"), judge.run("x509 -in c -noout -pubkey"));
    }

    async fn what_the_service_bundles_it_reads(app: TestApp) {
        let ca = app.root_ca("root").await;
        let role = json!({ "name": "kept", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec", "store_private_keys": true });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let issued = app.issue("kept", "a.example.internal").await;
        let path = format!("/v1/pki/certificates/{}/private-key", text(&issued["certificate_id"]));
        let pkcs12 = app.post(&path, json!({ "format": "pkcs12", "password": PASSWORD })).await.json_with(StatusCode::OK);
        let (_, stranger) = app.another_tenant("second").await;
        let body = json!({ "pkcs12": pkcs12["pkcs12"], "private_key_password": PASSWORD });
        let imported = app.post_as(&stranger, PATH, body).await.json_with(StatusCode::CREATED);
        assert_eq!((&imported["certificate_pem"], &imported["chain_pem"]), (&issued["certificate"], &issued["issuing_ca"]));
        assert_eq!((&imported["has_private_key"], &imported["ca_id"]), (&json!(true), &Value::Null));
    }

    async fn bundles_that_cannot_be_opened_are_refused(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let leaf = root.leaf("a.example.com");
        let good = bundle(&leaf, &[], "");
        let half: String = good.chars().take(good.len() / 2 / 4 * 4).collect();
        for (case, body) in [
            ("no password", json!({ "pkcs12": good })),
            ("an empty password", json!({ "pkcs12": good, "private_key_password": "" })),
            ("a wrong password", json!({ "pkcs12": good, "private_key_password": "another-horse" })),
            ("half of it", json!({ "pkcs12": half, "private_key_password": PASSWORD })),
            ("no base64", json!({ "pkcs12": "!!!", "private_key_password": PASSWORD })),
            ("nothing", json!({ "pkcs12": "", "private_key_password": PASSWORD })),
            ("a certificate", json!({ "pkcs12": der("x509", &leaf.certificate), "private_key_password": PASSWORD })),
            ("a certificate beside it", json!({ "pkcs12": good, "private_key_password": PASSWORD, "certificate_pem": leaf.certificate })),
            ("a chain beside it", json!({ "pkcs12": good, "private_key_password": PASSWORD, "chain_pem": root.certificate })),
            ("a key beside it", json!({ "pkcs12": good, "private_key_password": PASSWORD, "private_key_pem": leaf.key })),
        ] {
            let shown = invalid(case, &try_import(&app, body).await).to_string();
            assert!(!shown.contains("horse") && !shown.contains("error:"), "{case}: {shown}");
            if case.ends_with("password") {
                assert!(shown.contains("password"), "{case}: {shown}");
            }
        }
        import(&app, json!({ "pkcs12": good, "private_key_password": PASSWORD })).await;
    }
}
