//! What an approver is shown of a CSR, and which are not taken at all.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;
use tests::openssl::Judge;

use super::{approve_and_sign, imported, path, request};
use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::text;

/// The codes of the warnings of a CSR, each with a message.
fn warnings(csr: &Value) -> Vec<&str> {
    let warnings = csr["warnings"].as_array().unwrap();
    for warning in warnings {
        assert!(
            !text(&warning["message"]).is_empty() && warning.as_object().unwrap().len() == 2,
            "{warning}"
        );
    }
    let mut codes: Vec<_> = warnings.iter().map(|warning| text(&warning["code"])).collect();
    codes.sort_unstable();
    codes
}

both_modes! {
    async fn everything_in_a_csr_is_shown(app: TestApp) {
        let pem = request(
            "-subj /C=NL/O=Theirs/CN=www.example.internal/emailAddress=ops@example.internal \
             -addext subjectAltName=DNS:www.example.internal,DNS:*.example.internal,IP:10.0.0.7,email:ops@example.internal,URI:spiffe://example.internal/web \
             -addext keyUsage=critical,digitalSignature,keyAgreement -addext extendedKeyUsage=serverAuth,codeSigning,1.2.3.4 \
             -addext basicConstraints=critical,CA:TRUE,pathlen:2 -addext nsComment=hello -addext 1.2.3.5=critical,DER:0500",
        );
        let csr = imported(&app, &pem).await;
        assert_eq!(csr["subject"], json!({
            "common_name": "www.example.internal", "organization": "Theirs", "organizational_unit": null,
            "country": "NL", "locality": null, "province": null, "email": "ops@example.internal",
        }));
        let sans = json!({
            "dns": ["www.example.internal", "*.example.internal"], "ip": ["10.0.0.7"], "email": ["ops@example.internal"],
            "uri": ["spiffe://example.internal/web"],
        });
        assert_eq!(csr["sans"], sans);
        let requested = &csr["requested_extensions"];
        assert_eq!(requested["key_usage"], json!(["DigitalSignature", "KeyAgreement"]));
        assert_eq!(requested["ext_key_usage"], json!(["ServerAuth", "CodeSigning", "1.2.3.4"]));
        assert_eq!((&requested["is_ca"], &requested["max_path_length"]), (&json!(true), &json!(2)));
        assert_eq!(requested["other"], json!([
            { "oid": "2.16.840.1.113730.1.13", "critical": false }, { "oid": "1.2.3.5", "critical": true },
        ]));
        let judge = Judge::new();
        judge.write("r", &pem);
        judge.run("req -in r -outform der -out r.der");
        let digest = |said: String| said.trim().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(csr["fingerprint_sha256"], digest(judge.run("dgst -sha256 r.der")));
        judge.write("r.pub", judge.run("req -in r -noout -pubkey"));
        judge.run("pkey -pubin -in r.pub -outform der -out r.spki");
        assert_eq!(csr["spki_sha256"], digest(judge.run("dgst -sha256 r.spki")));
        assert_eq!((&csr["signature_algorithm"], &csr["key_strength_bits"]), (&json!("ecdsa-with-SHA256"), &json!(128)));
    }

    async fn what_is_odd_is_told(app: TestApp) {
        let sans = "-addext subjectAltName=DNS:a.example.internal";
        for (case, arguments, expected) in [
            ("nothing", format!("-subj /CN=a.example.internal {sans}"), vec![]),
            ("no names beside the common name", "-subj /CN=a.example.internal".to_owned(), vec!["common_name_not_in_sans", "no_subject_alt_names"]),
            ("another common name", format!("-subj /CN=b.example.internal {sans}"), vec!["common_name_not_in_sans"]),
            ("a wildcard", "-subj /CN=*.example.internal -addext subjectAltName=DNS:*.example.internal".to_owned(), vec!["wildcard_name"]),
            ("SHA-1", format!("-sha1 -subj /CN=a.example.internal {sans}"), vec!["weak_signature_hash"]),
            ("asks to be a CA", format!("-subj /CN=a.example.internal {sans} -addext basicConstraints=CA:TRUE"), vec!["ca_requested"]),
            ("an e-mail address in the subject", format!("-subj /CN=a.example.internal/emailAddress=a@example.internal {sans}"), vec!["email_in_subject"]),
            ("an attribute that certificates do not get", format!("-subj /UID=7/CN=a.example.internal {sans}"), vec!["subject_attribute_left_out"]),
            ("a UPN", format!("-subj /CN=a.example.internal {sans},otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@example.internal"), vec!["other_name"]),
            ("a registered id", format!("-subj /CN=a.example.internal {sans},RID:1.2.3.4"), vec!["unsupported_name"]),
        ] {
            let csr = imported(&app, &request(&arguments)).await;
            assert_eq!(warnings(&csr), expected, "{case}: {csr}");
            let again = app.get(&path(&csr, "")).await.json_with(StatusCode::OK);
            assert_eq!(again["warnings"], csr["warnings"], "{case}");
        }
    }

    async fn a_challenge_password_is_noticed_and_not_shown(app: TestApp) {
        let judge = Judge::new();
        judge.write("config", "[req]\nprompt=no\ndistinguished_name=dn\nattributes=more\n[dn]\nCN=a\n[more]\nchallengePassword=open-sesame\n");
        judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out r -config config");
        let csr = imported(&app, &judge.read("r")).await;
        assert!(warnings(&csr).contains(&"challenge_password"), "{csr}");
        assert!(!csr.to_string().contains("open-sesame"), "{csr}");
    }

    async fn a_common_name_need_not_be_a_host_name(app: TestApp) {
        for name in ["Ann Example", "Zoë", "10.0.0.7", "a/b", "no dots", "ann@example.internal"] {
            let pem = {
                let judge = Judge::new();
                judge.write("config", format!("[req]\nprompt=no\ndistinguished_name=dn\nutf8=yes\n[dn]\nCN={name}\n"));
                judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out r -config config -utf8");
                judge.read("r")
            };
            let csr = imported(&app, &pem).await;
            assert_eq!((&csr["subject"]["common_name"], &csr["sans"]["dns"]), (&json!(name), &json!([])), "{name}");
        }
    }

    async fn what_is_no_csr_is_refused(app: TestApp) {
        const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k";
        let judge = Judge::new();
        let make = |arguments: &str| {
            judge.run(&format!("req -new {arguments} -out r"));
            judge.read("r")
        };
        let good = make(&format!("{P256} -subj /CN=good.test"));
        let key = judge.read("k");
        let tampered = |change: &dyn Fn(&mut Vec<u8>)| {
            judge.run(&format!("req -new {P256} -subj /CN=good.test -outform der -out r.der"));
            let mut der = std::fs::read(judge.path().join("r.der")).unwrap();
            change(&mut der);
            judge.write("changed", der);
            judge.run("base64 -in changed -out changed.b64");
            let encoded = judge.read("changed.b64");
            format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", encoded.trim_end())
        };
        judge.run(&format!("req -x509 {P256} -subj /CN=good.test -out c"));
        let cases = [
            ("a broken signature", tampered(&|der| *der.last_mut().unwrap() ^= 1)),
            ("a changed name", tampered(&|der| {
                let place = der.windows(9).position(|window| window == b"good.test").unwrap();
                der[place] = b'f';
            })),
            ("garbage after the DER", tampered(&|der| der.extend_from_slice(b"garbage"))),
            ("half of the DER", tampered(&|der| der.truncate(der.len() / 2))),
            ("no DER", tampered(&Vec::clear)),
            ("RSA of 1024 bits", make("-newkey rsa:1024 -nodes -keyout k -subj /CN=good.test")),
            ("an exponent of 3", make("-newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3 -nodes -keyout k -subj /CN=good.test")),
            ("secp256k1", make("-newkey ec -pkeyopt ec_paramgen_curve:secp256k1 -nodes -keyout k -subj /CN=good.test")),
            ("P-224", make("-newkey ec -pkeyopt ec_paramgen_curve:P-224 -nodes -keyout k -subj /CN=good.test")),
            ("curve parameters in full", make(&format!("{P256} -pkeyopt ec_param_enc:explicit -subj /CN=good.test"))),
            ("an empty text", String::new()),
            ("no PEM", "nonsense".to_owned()),
            ("no base64", "-----BEGIN CERTIFICATE REQUEST-----\n!!!\n-----END CERTIFICATE REQUEST-----\n".to_owned()),
            ("a private key", key),
            ("no end line", good.replace("-----END CERTIFICATE REQUEST-----", "")),
            ("two requests", format!("{good}{good}")),
            ("a certificate", judge.read("c")),
        ];
        let before = Rows::of(&app).await.all().await;
        for (case, pem) in cases {
            let answer = app.post("/v1/pki/csr/import", json!({ "csr_pem": pem })).await;
            let shown = expect(case, &answer, 422, "csr_invalid").to_string();
            assert!(!shown.contains("PRIVATE KEY-----\\n") && !shown.contains("error:0"), "{case}: {shown}");
        }
        assert_eq!(Rows::of(&app).await.all().await, before, "a refused CSR left something behind");
        imported(&app, &good).await;
    }

    async fn a_weak_hash_is_a_matter_for_a_person(app: TestApp) {
        let ca = app.root_ca("root").await;
        let role = json!({ "name": "any", "ca_id": ca["id"], "allow_any_name": true, "key_type": "any" });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let sans = "-subj /CN=a.example.internal -addext subjectAltName=DNS:a.example.internal";
        for arguments in [format!("-sha1 {sans}"), format!("-newkey rsa:2048 -sha1 {sans}")] {
            let pem = request(&arguments);
            app.post("/v1/pki/sign/any", json!({ "csr_pem": pem })).await.error(422, "csr_invalid");
            let csr = imported(&app, &pem).await;
            assert!(text(&csr["signature_algorithm"]).to_uppercase().contains("SHA1"), "{csr}");
            assert_eq!(warnings(&csr), ["weak_signature_hash"], "{csr}");
            let signed = approve_and_sign(&app, &csr, &ca, json!({})).await;
            let judge = Judge::new();
            judge.write("leaf.pem", text(&signed["certificate"]));
            let described = judge.run("x509 -in leaf.pem -noout -text");
            assert!(!described.to_lowercase().contains("sha1"), "{described}");
        }
    }

    async fn a_subject_that_cannot_be_written_again_stays_off_the_desk(app: TestApp) {
        let poison = include_str!("../../../vectors/csr_country_utf8.pem");
        let answer = app.post("/v1/pki/csr/import", json!({ "csr_pem": poison })).await;
        let error = answer.error(422, "csr_invalid");
        assert!(text(&error["message"]).contains("subject"), "{error}");
        app.get("/v1/pki/csr").await.json_with(StatusCode::OK);
    }
}
