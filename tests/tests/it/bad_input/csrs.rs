//! CSRs that must not be signed, made by openssl.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;
use tests::openssl::Judge;

use super::{permissive_role, refused};
use crate::access::expect;
use crate::access::rows::Rows;

const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k";

both_modes! {
    async fn csrs_that_must_not_be_signed(app: TestApp) {
        permissive_role(&app).await;
        let judge = Judge::new();
        let good = request(&judge, &format!("{P256} -subj /CN=good.test"));
        let made = |arguments: &str| request(&judge, arguments);
        let mut cases = vec![
            ("a broken signature", reassembled(&judge, |der| *der.last_mut().unwrap() ^= 1)),
            ("a changed name", reassembled(&judge, |der| {
                let place = der.windows(9).position(|window| window == b"good.test").unwrap();
                der[place] = b'f';
            })),
            ("garbage after the DER", reassembled(&judge, |der| der.extend_from_slice(b"garbage"))),
            ("half of the DER", reassembled(&judge, |der| der.truncate(der.len() / 2))),
            ("no DER", reassembled(&judge, Vec::clear)),
            ("SHA-1", made(&format!("{P256} -sha1 -subj /CN=good.test"))),
            ("MD5", made("-newkey rsa:2048 -nodes -keyout k -md5 -subj /CN=good.test")),
            ("RSA of 1024 bits", made("-newkey rsa:1024 -nodes -keyout k -subj /CN=good.test")),
            ("an exponent of 3", made("-newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3 -nodes -keyout k -subj /CN=good.test")),
            ("secp256k1", made("-newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout k -subj /CN=good.test")),
            ("P-224", made("-newkey ec -pkeyopt ec_paramgen_curve:P-224 -nodes -keyout k -subj /CN=good.test")),
            ("X.509 v1 curve parameters in full", made("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -nodes -keyout k -subj /CN=good.test")),
            ("CA:TRUE", made(&format!("{P256} -subj /CN=good.test -addext basicConstraints=critical,CA:TRUE"))),
            ("CA:TRUE with a path length", made(&format!("{P256} -subj /CN=good.test -addext basicConstraints=CA:TRUE,pathlen:0"))),
            ("NUL in a name", made(&format!("{P256} -subj /CN=good.test -addext subjectAltName=DER:300A82086100622E74657374"))),
            ("an empty text", String::new()),
            ("no PEM", "nonsense".to_owned()),
            ("no base64", "-----BEGIN CERTIFICATE REQUEST-----\n!!!\n-----END CERTIFICATE REQUEST-----\n".to_owned()),
            ("a private key", judge.read("k")),
            ("no end line", good.replace("-----END CERTIFICATE REQUEST-----", "")),
            ("two requests", format!("{good}{good}")),
        ];
        judge.run(&format!("req -x509 {P256} -subj /CN=good.test -out c"));
        cases.push(("a certificate", judge.read("c")));
        let before = Rows::of(&app).await.all().await;
        for (case, csr) in cases {
            let answer = app.post("/v1/pki/sign/csr", json!({ "csr_pem": csr })).await;
            let error = expect(case, &answer, 422, "csr_invalid");
            let shown = error.to_string();
            assert!(!shown.contains("BEGIN PRIVATE KEY") && !shown.contains("error:0"), "{case}: {shown}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused CSR left something behind");
        app.post("/v1/pki/sign/csr", json!({ "csr_pem": good })).await.json_with(StatusCode::CREATED);
    }

    async fn csrs_with_names_that_must_not_be_certified(app: TestApp) {
        let ca = permissive_role(&app).await;
        app.role("narrow", &ca).await;
        let judge = Judge::new();
        let before = Rows::of(&app).await.all().await;
        for (case, role, arguments) in [
            ("two wildcards", "csr", "-subj /CN=good.test -addext subjectAltName=DNS:*.*.test"),
            ("an address as common name", "csr", "-subj /CN=192.0.2.1"),
            ("no name at all", "csr", "-subj /O=nobody"),
            ("a name of another domain", "narrow", "-subj /CN=www.example.internal -addext subjectAltName=DNS:www.example.com"),
            ("another common name", "narrow", "-subj /CN=www.example.com -addext subjectAltName=DNS:www.example.internal"),
            ("an e-mail address", "narrow", "-subj /CN=www.example.internal -addext subjectAltName=email:root@example.internal"),
            ("a URI", "narrow", "-subj /CN=www.example.internal -addext subjectAltName=URI:spiffe://example.internal/a"),
        ] {
            let csr = request(&judge, &format!("{P256} -utf8 {arguments}"));
            let answer = app.post(&format!("/v1/pki/sign/{role}"), json!({ "csr_pem": csr })).await;
            let codes = ["csr_invalid", "role_violation", "validation_error"];
            let code = codes.into_iter().find(|code| answer.text().contains(code)).unwrap_or("csr_invalid");
            expect(case, &answer, 422, code);
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused CSR left something behind");
    }

    async fn of_500_names_one_that_is_wrong_counts(app: TestApp) {
        let ca = permissive_role(&app).await;
        app.role("narrow", &ca).await;
        let judge = Judge::new();
        let names = |last: &str| {
            let names = (1..500).map(|number| format!("DNS:n{number}.example.internal")).collect::<Vec<_>>().join(",");
            format!("{P256} -subj /CN=n1.example.internal -addext subjectAltName={names},DNS:{last}")
        };
        let before = Rows::of(&app).await.all().await;
        let csr = request(&judge, &names("evil.example.com"));
        let answer = app.post("/v1/pki/sign/narrow", json!({ "csr_pem": csr })).await;
        let error = expect("one foreign name of 500", &answer, 422, "role_violation");
        assert_eq!(error["details"]["value"], "evil.example.com", "{error}");
        assert!(answer.body.len() < 2_000, "the error repeats {} bytes", answer.body.len());
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused CSR left something behind");
        let csr = request(&judge, &names("n500.example.internal"));
        let signed = app.post("/v1/pki/sign/narrow", json!({ "csr_pem": csr })).await.json_with(StatusCode::CREATED);
        judge.write("leaf.pem", signed["certificate"].as_str().unwrap());
        let text = judge.run("x509 -in leaf.pem -noout -ext subjectAltName");
        assert_eq!(text.matches("DNS:").count(), 500, "names were lost");
        let path = format!("/v1/pki/certificates/{}", signed["certificate_id"].as_str().unwrap());
        let stored = app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!(stored["sans"]["dns"].as_array().map(Vec::len), Some(500));
        let beyond: Vec<Value> = (0..20_000).map(|number| json!(format!("n{number}.example.internal"))).collect();
        let before = Rows::of(&app).await.all().await;
        let answer = app.post("/v1/pki/issue/narrow", json!({ "common_name": "n1.example.internal", "alt_names": beyond })).await;
        refused("20,000 names", &answer, "alt_names");
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused request left something behind");
    }
}

/// Makes a CSR.
fn request(judge: &Judge, arguments: &str) -> String {
    judge.run(&format!("req -new {arguments} -out r"));
    judge.read("r")
}

/// A good CSR with its DER changed.
fn reassembled(judge: &Judge, change: impl FnOnce(&mut Vec<u8>)) -> String {
    judge.run(&format!("req -new {P256} -subj /CN=good.test -outform der -out r.der"));
    let mut der = std::fs::read(judge.path().join("r.der")).unwrap();
    change(&mut der);
    judge.write("changed.der", &der);
    judge.run("base64 -in changed.der -out changed.b64");
    let text = judge.read("changed.b64");
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", text.trim_end())
}
