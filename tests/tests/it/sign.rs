//! `/v1/pki/sign/{role}`: CSRs made by `openssl req`.

use std::sync::LazyLock;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, seconds, text, with_fields};

const FIELDS: [&str; 7] =
    ["certificate", "ca_chain", "issuing_ca", "serial_number", "certificate_id", "not_before", "not_after"];
const SANS: &str = concat!(
    "-addext subjectAltName=DNS:b.example.internal,DNS:*.example.internal,IP:10.0.0.7,email:ops@example.internal,",
    "URI:spiffe://example.internal/web",
);

/// A CSR and the public key in it, as openssl reads it.
struct Csr {
    pem: String,
    public_key: String,
}

/// Makes a CSR with a new key.
fn csr(key: &str, arguments: &str) -> Csr {
    let judge = Judge::new();
    judge.run(&format!("req -new -newkey {key} -nodes -keyout new.key -out new.csr {arguments}"));
    Csr { pem: judge.read("new.csr"), public_key: judge.run("req -in new.csr -pubkey -noout") }
}

static EC: LazyLock<Csr> =
    LazyLock::new(|| csr("ec -pkeyopt ec_paramgen_curve:P-256", "-subj /CN=a.example.internal"));
static EC_WITH_SANS: LazyLock<Csr> = LazyLock::new(|| {
    csr("ec -pkeyopt ec_paramgen_curve:P-256", &format!("-subj /CN=a.example.internal {SANS}"))
});
static P384: LazyLock<Csr> =
    LazyLock::new(|| csr("ec -pkeyopt ec_paramgen_curve:P-384", "-subj /CN=a.example.internal"));
static RSA: LazyLock<Csr> = LazyLock::new(|| csr("rsa:2048", "-subj /CN=a.example.internal"));
static NO_NAME: LazyLock<Csr> =
    LazyLock::new(|| csr("ed25519", "-subj / -addext subjectAltName=DNS:b.example.internal"));

/// One of each kind: what it is, its key's type and size, and whether it brings subject alternative names.
type Kind = (&'static str, &'static str, u32, bool, Csr);

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let kinds: [(&str, &str, &str, u32, bool); 8] = [
        ("RSA 2048", "rsa:2048", "rsa", 2048, true),
        ("RSA 3072", "rsa:3072", "rsa", 3072, false),
        ("RSA 4096", "rsa:4096", "rsa", 4096, true),
        ("P-256", "ec -pkeyopt ec_paramgen_curve:P-256", "ec", 256, false),
        ("P-384", "ec -pkeyopt ec_paramgen_curve:P-384", "ec", 384, true),
        ("P-521", "ec -pkeyopt ec_paramgen_curve:P-521", "ec", 521, false),
        ("Ed25519", "ed25519", "ed25519", 256, true),
        ("Ed25519 without SANs", "ed25519", "ed25519", 256, false),
    ];
    let make = |(case, key, key_type, size, sans)| {
        let arguments = format!("-subj /CN=a.example.internal {}", if sans { SANS } else { "" });
        (case, key_type, size, sans, csr(key, &arguments))
    };
    kinds.map(make).into()
});

/// Makes a root and a role on it that takes any key and names below `example.internal`, changed by `settings`.
async fn role_with(app: &TestApp, name: &str, settings: Value) {
    let base = json!({
        "name": name, "ca_id": app.root_ca(name).await["id"], "allowed_domains": ["example.internal"],
        "allow_subdomains": true, "key_type": "any", "allow_email_sans": true, "allow_bare_domains": true,
        "allowed_uri_sans": ["spiffe://example.internal/*"],
    });
    app.post("/v1/pki/roles", changed(base, &settings)).await.json_with(StatusCode::CREATED);
}

async fn sign(app: &TestApp, role: &str, csr: &Csr, more: Value) -> Value {
    let body = changed(json!({ "csr_pem": csr.pem }), &more);
    app.post(&format!("/v1/pki/sign/{role}"), body).await.json_with(StatusCode::CREATED)
}

async fn refused(app: &TestApp, role: &str, csr: &Csr, more: Value) -> Value {
    let body = changed(json!({ "csr_pem": csr.pem }), &more);
    app.post(&format!("/v1/pki/sign/{role}"), body).await.error(422, "role_violation")
}

async fn stored(app: &TestApp, signed: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&signed["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

both_modes! {
    async fn csrs_of_every_key_are_signed(app: TestApp) {
        role_with(&app, "any", json!({})).await;
        let judge = Judge::new();
        for (case, key_type, key_size, with_sans, csr) in KINDS.iter() {
            let answer = app.post("/v1/pki/sign/any", json!({ "csr_pem": csr.pem })).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
            let signed = with_fields(&answer, StatusCode::CREATED, &FIELDS);
            assert_eq!(answer.header("location"), format!("/v1/pki/certificates/{}", text(&signed["certificate_id"])));
            assert_eq!(signed["ca_chain"], json!([signed["issuing_ca"]]));
            judge.write("leaf.pem", text(&signed["certificate"]));
            judge.write("ca.pem", text(&signed["issuing_ca"]));
            judge.run("verify -x509_strict -CAfile ca.pem leaf.pem");
            assert_eq!(judge.run("x509 -in leaf.pem -pubkey -noout"), csr.public_key, "{case}");
            let row = stored(&app, &signed).await;
            let expected = if *with_sans {
                json!({
                    "dns": ["a.example.internal", "b.example.internal", "*.example.internal"], "ip": ["10.0.0.7"],
                    "email": ["ops@example.internal"], "uri": ["spiffe://example.internal/web"],
                })
            } else {
                json!({ "dns": ["a.example.internal"], "ip": [], "email": [], "uri": [] })
            };
            assert_eq!(row["sans"], expected, "{case}");
            assert_eq!((&row["key_type"], &row["key_size"]), (&json!(key_type), &json!(key_size)), "{case}");
            assert_eq!((&row["source"], &row["has_private_key"]), (&json!("signed"), &json!(false)), "{case}");
        }
    }

    async fn names_that_stand_in_for_the_csrs_stand_in_for_its_common_name(app: TestApp) {
        role_with(&app, "any", json!({ "require_cn": false, "allow_any_name": true })).await;
        role_with(&app, "strict", json!({ "allow_any_name": true })).await;
        for subject in ["/CN=192.0.2.5", "/CN=Web.Server.1_"] {
            let odd = csr("ec -pkeyopt ec_paramgen_curve:P-256", &format!("-subj {subject} -addext subjectAltName=IP:192.0.2.5"));
            let signed = sign(&app, "any", &odd, json!({ "san": { "ip": ["192.0.2.5"] } })).await;
            let row = stored(&app, &signed).await;
            assert_eq!((&row["common_name"], &row["sans"]["ip"], &row["sans"]["dns"]), (&Value::Null, &json!(["192.0.2.5"]), &json!([])));
            // Or another takes its place, or none does.
            let named = json!({ "san": { "ip": ["192.0.2.5"] }, "common_name": "a.example.internal" });
            assert_eq!(stored(&app, &sign(&app, "any", &odd, named).await).await["common_name"], "a.example.internal");
            assert_eq!(stored(&app, &sign(&app, "any", &odd, json!({ "common_name": "" })).await).await["common_name"], Value::Null);
            let body = json!({ "csr_pem": odd.pem, "san": { "ip": ["192.0.2.5"] } });
            app.post("/v1/pki/sign/strict", body).await.error(422, "validation_error");
        }
        // One that is among the names stays; one that is not does not come back as a name.
        for (san, common_name) in [(json!({ "dns": ["A.example.internal"] }), json!("a.example.internal")), (json!({ "dns": ["c.example.internal"] }), Value::Null)] {
            let row = stored(&app, &sign(&app, "any", &EC, json!({ "san": san })).await).await;
            assert_eq!((&row["common_name"], row["sans"]["dns"].as_array().unwrap().len()), (&common_name, 1), "{row}");
        }
    }

    async fn what_certificates_cannot_have_is_left_out_and_told(app: TestApp) {
        role_with(&app, "any", json!({})).await;
        let names = "-addext subjectAltName=DNS:b.example.internal,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:ann@example.internal";
        let odd = csr("ec -pkeyopt ec_paramgen_curve:P-256", &format!("-subj /CN=a.example.internal {names}"));
        let signed = sign(&app, "any", &odd, json!({})).await;
        assert_eq!(signed["warnings"].as_array().unwrap().len(), 1, "{signed}");
        assert!(text(&signed["warnings"][0]).contains("ann@example.internal"), "{signed}");
        assert_eq!(stored(&app, &signed).await["sans"]["dns"], json!(["a.example.internal", "b.example.internal"]));
        // Keys and their signatures in other forms.
        let pss = csr("rsa:2048", "-subj /CN=a.example.internal -sigopt rsa_padding_mode:pss");
        let signed = sign(&app, "any", &pss, json!({})).await;
        assert!(signed["warnings"].is_null(), "{signed}");
        let bare: String = pss.pem.lines().filter(|line| !line.starts_with('-')).collect();
        app.post("/v1/pki/sign/any", json!({ "csr_pem": bare })).await.json_with(StatusCode::CREATED);
    }

    async fn san_replaces_the_names_of_the_csr(app: TestApp) {
        role_with(&app, "any", json!({})).await;
        let every = json!({
            "dns": ["c.example.internal"], "ip": ["10.0.0.9"], "email": ["x@example.internal"],
            "uri": ["spiffe://example.internal/x"],
        });
        for (case, san, expected) in [
            ("object", every.clone(), every.clone()),
            ("object with texts", json!({ "dns": "c.example.internal, d.example.internal" }),
                json!({ "dns": ["c.example.internal", "d.example.internal"], "ip": [], "email": [], "uri": [] })),
            ("array", json!(["c.example.internal", "10.0.0.9", "x@example.internal", "spiffe://example.internal/x"]), every.clone()),
            ("text", json!("c.example.internal, 10.0.0.9,x@example.internal"),
                json!({ "dns": ["c.example.internal"], "ip": ["10.0.0.9"], "email": ["x@example.internal"], "uri": [] })),
        ] {
            let row = stored(&app, &sign(&app, "any", &EC_WITH_SANS, json!({ "san": san })).await).await;
            assert_eq!(row["common_name"], "a.example.internal", "{case}");
            let mut sans = row["sans"].clone();
            sans["dns"].as_array_mut().unwrap().retain(|name| *name != "a.example.internal");
            assert_eq!(sans, expected, "{case}");
        }
        let error = refused(&app, "any", &EC_WITH_SANS, json!({ "san": ["c.other.internal"] })).await;
        assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&json!("allowed_domains"), &json!("c.other.internal")));
        for wrong in [json!(7), json!({ "dns": 7 }), json!({ "hostname": ["x"] })] {
            let body = json!({ "csr_pem": EC.pem, "san": wrong });
            let error = app.post("/v1/pki/sign/any", body).await.error(422, "validation_error");
            let fields = error["details"]["fields"].as_object().unwrap();
            assert!(fields.keys().all(|field| field.starts_with("san")) && fields.len() == 1, "{wrong}: {error}");
        }
    }

    async fn of_the_csr_only_key_and_names_count(app: TestApp) {
        role_with(&app, "any", json!({ "organization": ["Ours"] })).await;
        let csr = csr(
            "ec -pkeyopt ec_paramgen_curve:P-256",
            "-subj /C=US/ST=Ohio/L=Akron/O=Theirs/OU=Sales/CN=a.example.internal \
             -addext keyUsage=critical,keyEncipherment -addext extendedKeyUsage=codeSigning \
             -addext subjectKeyIdentifier=hash -addext nsComment=hello",
        );
        let signed = sign(&app, "any", &csr, json!({})).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&signed["certificate"]));
        let subject = judge.run("x509 -in leaf.pem -noout -subject -nameopt RFC2253");
        assert_eq!(subject.trim(), "subject=CN=a.example.internal,O=Ours");
        assert_eq!(stored(&app, &signed).await["subject"], "CN=a.example.internal,O=Ours");
        let described = judge.run("x509 -in leaf.pem -noout -text");
        for absent in ["Code Signing", "Key Encipherment", "Netscape", "hello"] {
            assert!(!described.contains(absent), "{absent} stands in {described}");
        }
        assert!(described.contains("Digital Signature, Key Agreement"), "{described}");
        assert!(described.contains("TLS Web Server Authentication, TLS Web Client Authentication"), "{described}");
        assert!(described.contains("CA:FALSE"), "{described}");
    }

    async fn the_role_judges_the_csr(app: TestApp) {
        for (name, settings) in [
            ("ec", json!({ "key_type": "ec" })), ("ec384", json!({ "key_type": "ec", "key_bits": 384 })),
            ("rsa3072", json!({ "key_type": "rsa", "key_bits": 3072 })), ("rsa", json!({ "key_type": "rsa" })),
            ("strict", json!({ "allow_subdomains": false })), ("no-ip", json!({ "allow_ip_sans": false })),
            ("no-mail", json!({ "allow_email_sans": false })), ("no-uri", json!({ "allowed_uri_sans": [] })),
            ("no-star", json!({ "allow_wildcard_certificates": false })), ("short", json!({ "max_ttl": "1h" })),
        ] {
            role_with(&app, name, settings).await;
        }
        for (role, csr, more, rule, value) in [
            ("ec", &RSA, json!({}), "key_type", "rsa"),
            ("rsa", &EC, json!({}), "key_type", "ec"),
            ("ec384", &EC, json!({}), "key_bits", "256"),
            ("rsa3072", &RSA, json!({}), "key_bits", "2048"),
            ("strict", &EC, json!({}), "allowed_domains", "a.example.internal"),
            ("no-ip", &EC_WITH_SANS, json!({}), "allow_ip_sans", "10.0.0.7"),
            ("no-mail", &EC_WITH_SANS, json!({}), "allow_email_sans", "ops@example.internal"),
            ("no-uri", &EC_WITH_SANS, json!({}), "allowed_uri_sans", "spiffe://example.internal/web"),
            ("no-star", &EC_WITH_SANS, json!({}), "allow_wildcard_certificates", "*.example.internal"),
            ("short", &EC, json!({ "ttl": "2h" }), "max_ttl", "2h"),
            ("no-ip", &NO_NAME, json!({}), "require_cn", ""),
        ] {
            let error = refused(&app, role, csr, more).await;
            assert_eq!((&error["details"]["rule"], &error["details"]["value"]), (&json!(rule), &json!(value)), "{role}: {error}");
            assert!(!text(&error["details"]["allowed"]).is_empty(), "{role}: {error}");
        }
        let listed = app.get("/v1/pki/certificates").await.json();
        assert_eq!(listed["certificates"], json!([]));
        // The bits of a role are the least that a CSR's key may have.
        for (role, csr) in [("ec", &P384), ("ec384", &P384), ("rsa", &RSA), ("ec", &EC)] {
            sign(&app, role, csr, json!({})).await;
        }
        app.post("/v1/pki/sign/none", json!({ "csr_pem": EC.pem })).await.error(404, "role_not_found");
    }

    async fn a_csr_without_subject_is_signed_where_no_name_is_required(app: TestApp) {
        role_with(&app, "any", json!({ "require_cn": false })).await;
        let signed = sign(&app, "any", &NO_NAME, json!({})).await;
        let judge = Judge::new();
        judge.write("leaf.pem", text(&signed["certificate"]));
        let described = judge.run("x509 -in leaf.pem -noout -text");
        assert!(described.contains("X509v3 Subject Alternative Name: critical"), "{described}");
        assert_eq!(stored(&app, &signed).await["common_name"], Value::Null);
    }

    async fn validity_and_refusals_are_those_of_issuing(app: TestApp) {
        role_with(&app, "any", json!({ "ttl": "2h" })).await;
        for (ttl, expected) in [(Value::Null, 7_200), (json!("90m"), 5_400), (json!(60), 60)] {
            let earliest = app.app.now().unix_seconds();
            let signed = sign(&app, "any", &EC, json!({ "ttl": ttl })).await;
            let start = seconds(&signed["not_after"]) - expected;
            assert!((earliest..=app.app.now().unix_seconds()).contains(&start), "{ttl}: {signed}");
        }
        app.post("/v1/pki/sign/any", json!({ "csr_pem": EC.pem, "ttl": "soon" })).await.error(400, "invalid_duration");
        for (body, field) in [(json!({}), "csr_pem"), (json!({ "csr_pem": 7 }), "csr_pem"), (json!({ "csr_pem": EC.pem, "x": 1 }), "x")] {
            let error = app.post("/v1/pki/sign/any", body).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{field}: {error}");
        }
        for (case, pem) in [("nothing", String::new()), ("no PEM", "hello".to_owned()), ("two", EC.pem.repeat(2))] {
            let answer = app.post("/v1/pki/sign/any", json!({ "csr_pem": pem })).await;
            assert_eq!(answer.error(422, "csr_invalid")["code"], "csr_invalid", "{case}");
        }
    }

    async fn pem_is_read_as_people_send_it(app: TestApp) {
        role_with(&app, "any", json!({})).await;
        let judge = Judge::new();
        judge.write("ec.csr", &EC.pem);
        let described = judge.run("req -in ec.csr -text");
        for (case, pem) in [
            ("the old label", EC.pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")),
            ("CRLF", EC.pem.replace('\n', "\r\n")),
            ("no newline at the end", EC.pem.trim_end().to_owned()),
            ("text before", described),
        ] {
            let answer = app.post("/v1/pki/sign/any", json!({ "csr_pem": pem })).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
        }
    }
}
