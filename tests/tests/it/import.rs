//! `/v1/pki/certificates/import`: what is taken, in which forms, and what becomes of it.

mod attacks;
mod bundles;
mod refusals;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::{Authority, Leaf};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use crate::ca::{changed, text, with_fields};

pub(crate) const PATH: &str = "/v1/pki/certificates/import";
const FIELDS: [&str; 27] = [
    "id",
    "serial_number",
    "common_name",
    "subject",
    "sans",
    "ca_id",
    "role",
    "source",
    "acme_order_id",
    "key_type",
    "key_size",
    "fingerprint_sha256",
    "spki_sha256",
    "not_before",
    "not_after",
    "status",
    "revoked_at",
    "revocation_reason",
    "has_private_key",
    "renewed_from",
    "renewed_by",
    "tags",
    "description",
    "created_at",
    "certificate_pem",
    "chain_pem",
    "endpoints",
];

async fn try_import(app: &TestApp, body: Value) -> Answer {
    app.post(PATH, body).await
}

async fn import(app: &TestApp, body: Value) -> Value {
    try_import(app, body).await.json_with(StatusCode::CREATED)
}

/// Checks that the answer is a success, naming the case otherwise.
fn taken(case: &str, answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
    answer.json()
}

/// The stored private key of an imported certificate, which must be the one of `leaf`.
async fn has_key_of(app: &TestApp, imported: &Value, leaf: &Leaf) {
    let path = format!("/v1/pki/certificates/{}/private-key", text(&imported["id"]));
    let key = app.post(&path, json!({})).await.json_with(StatusCode::OK);
    let judge = Judge::new();
    judge.write("stored", text(&key["private_key"]));
    judge.write("leaf", &leaf.key);
    assert_eq!(judge.run("pkey -in stored"), judge.run("pkey -in leaf"));
    assert!(text(&key["private_key"]).starts_with("-----BEGIN PRIVATE KEY-----\n"), "not PKCS#8");
}

/// A PEM text as base64 of its DER.
fn der(kind: &str, pem: &str) -> String {
    let judge = Judge::new();
    judge.write("pem", pem);
    judge.run(&format!("{kind} -in pem -outform der -out der"));
    judge.run("base64 -A -in der")
}

both_modes! {
    async fn a_certificate_is_imported_with_key_and_chain(app: TestApp) {
        let root = Authority::root("/O=Theirs/CN=Root");
        let between = root.below("/O=Theirs/CN=Between");
        let leaf = between.issue(
            "/O=Theirs/CN=www.example.com", "",
            "subjectAltName=DNS:www.example.com,DNS:*.example.com,IP:192.0.2.1,email:ops@example.com,URI:spiffe://example.com/web\n",
        );
        let answer = try_import(&app, json!({
            "certificate_pem": leaf.certificate, "private_key_pem": leaf.key, "chain_pem": between.chain().concat(),
        })).await;
        let imported = with_fields(&answer, StatusCode::CREATED, &FIELDS);
        assert_eq!(answer.header("location"), format!("/v1/pki/certificates/{}", text(&imported["id"])));
        assert!(!answer.text().contains("PRIVATE KEY"), "the key is answered");
        for (field, expected) in [
            ("serial_number", json!(leaf.serial_number())), ("common_name", json!("www.example.com")),
            ("subject", json!("CN=www.example.com,O=Theirs")), ("ca_id", Value::Null), ("role", Value::Null),
            ("sans", json!({
                "dns": ["www.example.com", "*.example.com"], "ip": ["192.0.2.1"], "email": ["ops@example.com"], "uri": ["spiffe://example.com/web"],
            })),
            ("source", json!("imported")), ("key_type", json!("ec")), ("key_size", json!(256)), ("status", json!("active")),
            ("has_private_key", json!(true)), ("certificate_pem", json!(leaf.certificate)), ("chain_pem", json!(between.chain().concat())),
            ("renewed_from", Value::Null), ("tags", json!({})), ("description", json!("")),
        ] {
            assert_eq!(imported[field], expected, "{field}");
        }
        let judge = Judge::new();
        judge.write("leaf.pem", &leaf.certificate);
        let said = judge.run("x509 -in leaf.pem -noout -fingerprint -sha256").trim().to_lowercase().replace(':', "");
        assert!(said.ends_with(text(&imported["fingerprint_sha256"])), "{said}");
        has_key_of(&app, &imported, &leaf).await;
        let path = format!("/v1/pki/certificates/{}", text(&imported["id"]));
        assert_eq!(app.get(&path).await.json_with(StatusCode::OK), imported);
        assert_eq!(app.get(&format!("{path}/pem")).await.text(), leaf.certificate);
        for query in ["source=imported", "san=www.example.com", "san=*.example.com", "common_name=www", "status=active"] {
            let listed = app.get(&format!("/v1/pki/certificates?{query}")).await.json_with(StatusCode::OK);
            assert_eq!(listed["certificates"].as_array().unwrap().len(), 1, "{query}");
        }
        let labelled = app.patch(&path, json!({ "tags": { "from": "elsewhere" } })).await.json_with(StatusCode::OK);
        assert_eq!(labelled["tags"], json!({ "from": "elsewhere" }));
    }

    async fn a_certificate_alone_is_enough(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let leaf = root.leaf("a.example.com");
        let imported = import(&app, json!({ "certificate_pem": leaf.certificate })).await;
        assert_eq!((&imported["has_private_key"], &imported["chain_pem"]), (&json!(false), &json!("")));
        let key = app.post(&format!("/v1/pki/certificates/{}/private-key", text(&imported["id"])), json!({})).await;
        key.error(409, "invalid_state");
        let own = import(&app, json!({ "certificate_pem": root.certificate })).await;
        assert_eq!((&own["common_name"], &own["ca_id"]), (&json!("Root"), &Value::Null));
    }

    async fn pem_is_read_as_people_send_it(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let between = root.below("/CN=Between");
        let judge = Judge::new();
        let described = |leaf: &Leaf| {
            judge.write("leaf.pem", &leaf.certificate);
            judge.run("x509 -in leaf.pem -text")
        };
        for (case, write) in [
            ("plain", (&|leaf: &Leaf| leaf.certificate.clone()) as &dyn Fn(&Leaf) -> String),
            ("CRLF", &|leaf| leaf.certificate.replace('\n', "\r\n")),
            ("no newline at the end", &|leaf| leaf.certificate.trim_end().to_owned()),
            ("spaces at the ends of lines", &|leaf| leaf.certificate.replace('\n', "  \n")),
            ("leading text", &|leaf| format!("Bag Attributes\n    friendlyName: a\nsubject=CN = a\n{}", leaf.certificate)),
            ("the text of openssl before", &described),
            ("trailing text", &|leaf| format!("{}that was all\n", leaf.certificate)),
            ("an old label", &|leaf| leaf.certificate.replace(" CERTIFICATE", " X509 CERTIFICATE")),
            ("DER in base64", &|leaf| der("x509", &leaf.certificate)),
            ("DER in lines of base64", &|leaf| {
                let lines: Vec<_> = leaf.certificate.lines().filter(|line| !line.starts_with('-')).collect();
                lines.join("\r\n")
            }),
        ] {
            let leaf = between.leaf("a.example.com");
            let imported = taken(case, &try_import(&app, json!({ "certificate_pem": write(&leaf) })).await);
            assert_eq!(imported["certificate_pem"], leaf.certificate, "{case}");
        }
        let leaf = between.leaf("a.example.com");
        let imported = import(&app, json!({
            "certificate_pem": der("x509", &leaf.certificate), "private_key_pem": der("pkey", &leaf.key), "chain_pem": der("x509", &between.certificate),
        })).await;
        assert_eq!(imported["chain_pem"], between.certificate);
        has_key_of(&app, &imported, &leaf).await;
    }

    async fn a_chain_comes_in_any_order_and_length(app: TestApp) {
        let root = Authority::root("/CN=Root");
        let upper = root.below("/CN=Upper");
        let lower = upper.below("/CN=Lower");
        let [low, up, top] = [&lower.certificate, &upper.certificate, &root.certificate];
        for (case, chain, expected) in [
            ("in order", vec![low, up, top], vec![low, up, top]), ("reversed", vec![top, up, low], vec![low, up, top]),
            ("mixed", vec![up, low, top], vec![low, up, top]), ("without the root", vec![up, low], vec![low, up]),
            ("the issuer alone", vec![low], vec![low]), ("none", vec![], vec![]),
        ] {
            let leaf = lower.leaf("a.example.com");
            let chain: String = chain.into_iter().map(String::as_str).collect();
            let body = json!({ "certificate_pem": leaf.certificate, "chain_pem": chain });
            let imported = taken(case, &try_import(&app, body).await);
            assert_eq!(imported["chain_pem"], expected.into_iter().map(String::as_str).collect::<String>(), "{case}");
        }
    }

    async fn keys_come_in_many_forms(app: TestApp) {
        let root = Authority::root("/CN=Root");
        for (case, rsa, arguments) in [
            ("PKCS#8", false, "pkey -in k -out f"),
            ("SEC 1", false, "ec -in k -out f"),
            ("PKCS#1", true, "rsa -in k -traditional -out f"),
            ("RSA in PKCS#8", true, "pkey -in k -out f"),
            ("encrypted PKCS#8", false, "pkcs8 -topk8 -in k -out f -passout pass:secret-1"),
            ("encrypted PKCS#8 with SHA-1", false, "pkcs8 -topk8 -in k -out f -passout pass:secret-1 -v2 aes-128-cbc -v2prf hmacWithSHA1"),
            ("encrypted PKCS#8 with scrypt", false, "pkcs8 -topk8 -in k -out f -passout pass:secret-1 -scrypt"),
            ("encrypted in the old way", true, "rsa -in k -aes128 -traditional -out f -passout pass:secret-1"),
            ("encrypted SEC 1", false, "ec -in k -aes256 -out f -passout pass:secret-1"),
        ] {
            let leaf = if rsa { root.issue_rsa("/CN=a.example.com") } else { root.leaf("a.example.com") };
            let judge = Judge::new();
            judge.write("k", &leaf.key);
            judge.run(arguments);
            let key = judge.read("f");
            let password = if arguments.contains("secret-1") { json!("secret-1") } else { Value::Null };
            let body = json!({ "certificate_pem": leaf.certificate, "private_key_pem": key, "private_key_password": password });
            let imported = taken(case, &try_import(&app, body).await);
            has_key_of(&app, &imported, &leaf).await;
        }
        // `openssl ecparam -genkey` writes the curve before the key.
        let judge = Judge::new();
        judge.run("ecparam -name prime256v1 -genkey -out k");
        assert!(judge.read("k").contains("EC PARAMETERS"));
        judge.run("req -x509 -new -key k -subj /CN=self.example.com -days 3 -out c");
        let body = json!({ "certificate_pem": judge.read("c"), "private_key_pem": judge.read("k") });
        assert_eq!(taken("EC PARAMETERS", &try_import(&app, body).await)["has_private_key"], true);
    }

    async fn the_audit_log_tells_it(app: TestApp) {
        let leaf = Authority::root("/CN=Root").leaf("a.example.com");
        let imported = import(&app, json!({ "certificate_pem": leaf.certificate, "private_key_pem": leaf.key })).await;
        try_import(&app, json!({ "certificate_pem": "nonsense" })).await;
        let logs = app.get("/v1/audit/logs?action=certificate.import").await.json_with(StatusCode::OK);
        let [refused, done] = &logs["logs"].as_array().unwrap()[..] else { panic!("{logs}") };
        assert_eq!((&done["object"], &done["after_sha256"]), (&imported["id"], &imported["fingerprint_sha256"]));
        assert_eq!((&refused["success"], &refused["error_code"]), (&json!(false), &json!("certificate_invalid")));
        assert!(!logs.to_string().contains("PRIVATE"), "{logs}");
    }

    async fn the_same_import_with_an_idempotency_key_is_answered_again(app: TestApp) {
        let leaf = Authority::root("/CN=Root").leaf("a.example.com");
        let body = json!({ "certificate_pem": leaf.certificate });
        let send = || app.send(
            poem::http::Method::POST, PATH, Some(&app.admin), &[("idempotency-key", "one")],
            Some(("application/json", body.to_string().into_bytes())),
        );
        let first = send().await.json_with(StatusCode::CREATED);
        assert_eq!(send().await.json_with(StatusCode::CREATED), first);
        let without = changed(body.clone(), &json!({}));
        assert_eq!(try_import(&app, without).await.error(409, "already_exists")["details"]["id"], first["id"]);
    }
}
