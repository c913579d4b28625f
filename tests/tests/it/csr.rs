//! `/v1/pki/csr`: making, importing, reading, listing and deleting CSRs.

mod contents;
mod signing;

use certmill_domain::Scope;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, has_fields, text, with_fields};
use crate::jobs::sql::Sql;

const FIELDS: [&str; 14] = [
    "id",
    "status",
    "source",
    "subject",
    "sans",
    "key_type",
    "key_size",
    "csr_pem",
    "has_private_key",
    "rejection_reason",
    "certificate_id",
    "created_at",
    "decided_at",
    "renewal_of",
];
/// What reading one CSR adds.
const CONTENTS: [&str; 7] = [
    "subject_text",
    "fingerprint_sha256",
    "spki_sha256",
    "signature_algorithm",
    "key_strength_bits",
    "requested_extensions",
    "warnings",
];

/// A CSR made by `openssl req`, with a new P-256 key unless the arguments say otherwise.
pub(crate) fn request(arguments: &str) -> String {
    let judge = Judge::new();
    let key = if arguments.contains("-newkey") { "" } else { P256 };
    judge.run(&format!("req -new {key} -nodes -keyout new.key -out new.csr {arguments}"));
    judge.read("new.csr")
}

/// Generates a CSR for `a.example.internal` with a P-256 key, changed by `more`.
pub(crate) async fn generated(app: &TestApp, more: Value) -> Value {
    let base = json!({ "subject": { "common_name": "a.example.internal" }, "key_type": "ec" });
    app.post("/v1/pki/csr", changed(base, &more)).await.json_with(StatusCode::CREATED)
}

/// Imports a CSR.
pub(crate) async fn imported(app: &TestApp, pem: &str) -> Value {
    app.post("/v1/pki/csr/import", json!({ "csr_pem": pem })).await.json_with(StatusCode::CREATED)
}

/// The path of a CSR, or of what is done with it.
pub(crate) fn path(csr: &Value, call: &str) -> String {
    let slash = if call.is_empty() { "" } else { "/" };
    format!("/v1/pki/csr/{}{slash}{call}", text(&csr["id"]))
}

pub(crate) async fn approve(app: &TestApp, csr: &Value) -> Value {
    app.post(&path(csr, "approve"), json!({})).await.json_with(StatusCode::OK)
}

/// Approves a CSR and has this CA sign it, as `more` says.
pub(crate) async fn approve_and_sign(app: &TestApp, csr: &Value, ca: &Value, more: Value) -> Value {
    approve(app, csr).await;
    let body = changed(json!({ "ca_id": ca["id"] }), &more);
    app.post(&path(csr, "sign"), body).await.json_with(StatusCode::CREATED)
}

pub(crate) async fn stored(app: &TestApp, issued: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

fn detail_fields() -> Vec<&'static str> {
    FIELDS.into_iter().chain(CONTENTS).collect()
}

fn no_names() -> Value {
    json!({ "dns": [], "ip": [], "email": [], "uri": [] })
}

both_modes! {
    async fn a_generated_csr_keeps_its_key_here(app: TestApp) {
        let answer = app.post("/v1/pki/csr", json!({
            "subject": { "common_name": "a.example.internal", "organization": "Example, Inc.", "country": "NL" },
            "san_dns": ["a.example.internal", "b.example.internal"], "san_ip": "10.0.0.7, 2001:db8::1",
            "san_email": ["ops@example.internal"], "san_uri": ["spiffe://example.internal/a"], "key_type": "ec",
        })).await;
        let csr = with_fields(&answer, StatusCode::CREATED, &detail_fields());
        assert!(text(&csr["id"]).starts_with("csr_"), "{csr}");
        assert_eq!(answer.header("location"), path(&csr, ""));
        assert!(!answer.text().contains("PRIVATE KEY"), "the key has left the service");
        assert_eq!((&csr["status"], &csr["source"]), (&json!("pending"), &json!("generated")));
        assert_eq!((&csr["key_type"], &csr["key_size"], &csr["has_private_key"]), (&json!("ec"), &json!(256), &json!(true)));
        assert_eq!(csr["subject"], json!({
            "common_name": "a.example.internal", "organization": "Example, Inc.", "organizational_unit": null,
            "country": "NL", "locality": null, "province": null, "email": null,
        }));
        assert_eq!(csr["sans"], json!({
            "dns": ["a.example.internal", "b.example.internal"], "ip": ["10.0.0.7", "2001:db8::1"],
            "email": ["ops@example.internal"], "uri": ["spiffe://example.internal/a"],
        }));
        for empty in ["rejection_reason", "certificate_id", "decided_at"] {
            assert_eq!(csr[empty], Value::Null, "{empty}");
        }
        let judge = Judge::new();
        judge.write("r", text(&csr["csr_pem"]));
        let described = judge.run("req -in r -noout -verify -text -nameopt RFC2253");
        for part in [
            "verify OK", "Version: 1 (0x0)", "Subject: CN=a.example.internal,O=Example\\, Inc.,C=NL", "NIST CURVE: P-256",
            "DNS:a.example.internal, DNS:b.example.internal, IP Address:10.0.0.7, IP Address:2001:DB8:0:0:0:0:0:1",
            "email:ops@example.internal", "URI:spiffe://example.internal/a",
        ] {
            assert!(described.contains(part), "{part} is missing: {described}");
        }
        assert_eq!(app.get(&path(&csr, "")).await.json_with(StatusCode::OK), csr);
        let text = answer.text();
        has_fields(&csr["requested_extensions"], &text[text.find("requested_extensions").unwrap()..],
            &["key_usage", "ext_key_usage", "is_ca", "max_path_length", "other"]);
    }

    async fn every_type_and_size_of_key_can_be_generated(app: TestApp) {
        let judge = Judge::new();
        for (key_type, key_size, size, strength, described) in [
            (Value::Null, Value::Null, 2048, 112, "Public-Key: (2048 bit)"),
            (json!("rsa"), json!(3072), 3072, 128, "Public-Key: (3072 bit)"),
            (json!("ec"), Value::Null, 256, 128, "NIST CURVE: P-256"),
            (json!("ec"), json!(384), 384, 192, "NIST CURVE: P-384"),
            (json!("ec"), json!(521), 521, 256, "NIST CURVE: P-521"),
            (json!("ed25519"), Value::Null, 256, 128, "ED25519 Public-Key"),
        ] {
            let case = format!("{key_type} {key_size}");
            let csr = generated(&app, json!({ "key_type": key_type, "key_size": key_size })).await;
            assert_eq!(csr["key_type"], key_type.as_str().unwrap_or("rsa"), "{case}");
            assert_eq!((&csr["key_size"], &csr["key_strength_bits"]), (&json!(size), &json!(strength)), "{case}: {csr}");
            judge.write("r", text(&csr["csr_pem"]));
            let said = judge.run("req -in r -noout -verify -text");
            assert!(said.contains("verify OK") && said.contains(described), "{case}: {said}");
        }
    }

    async fn a_subject_is_an_object_or_a_text(app: TestApp) {
        let object = json!({
            "common_name": "Ann \"x\" + Co", "organization": ["Example, Inc.", "Second"], "organizational_unit": "Ops; West",
            "country": "NL", "locality": "'s-Hertogenbosch", "province": "Noord-Brabant", "email": "ann@example.internal",
        });
        let by_object = generated(&app, json!({ "subject": object })).await;
        let text_form = text(&by_object["subject_text"]).to_owned();
        assert!(text_form.contains("CN=Ann \\\"x\\\" \\+ Co") && text_form.contains("O=Example\\, Inc."), "{text_form}");
        // What the service writes it reads.
        let by_text = generated(&app, json!({ "subject": text_form })).await;
        assert_eq!((&by_text["subject"], &by_text["subject_text"]), (&by_object["subject"], &by_object["subject_text"]));
        assert_eq!(by_object["subject"]["email"], "ann@example.internal");
        let judge = Judge::new();
        for csr in [&by_object, &by_text] {
            judge.write("r", text(&csr["csr_pem"]));
            let said = judge.run("req -in r -noout -subject -nameopt sep_multiline,utf8,lname");
            for part in [
                "commonName=Ann \"x\" + Co", "organizationName=Example, Inc.", "organizationName=Second",
                "organizationalUnitName=Ops; West", "countryName=NL", "localityName='s-Hertogenbosch",
                "stateOrProvinceName=Noord-Brabant", "emailAddress=ann@example.internal",
            ] {
                assert!(said.contains(part), "{part} is missing: {said}");
            }
        }
        for (given, expected) in [
            ("CN=web.example.com,O=Example", "CN=web.example.com,O=Example"),
            ("cn = web.example.com , o = Example\\2C Inc., c=NL", "CN=web.example.com,O=Example\\, Inc.,C=NL"),
            ("CN=Zoë\\, the first", "CN=Zoë\\, the first"),
        ] {
            assert_eq!(generated(&app, json!({ "subject": given })).await["subject_text"], expected, "{given}");
        }
        // Names alone are enough.
        let nameless = generated(&app, json!({ "subject": {}, "san_dns": ["b.example.internal"] })).await;
        assert_eq!((&nameless["subject"]["common_name"], &nameless["subject_text"]), (&Value::Null, &json!("")));
    }

    async fn an_imported_csr_is_shown_as_it_came(app: TestApp) {
        let pem = request("-subj /O=Theirs/CN=a.example.internal -addext subjectAltName=DNS:b.example.internal,IP:10.0.0.7");
        let answer = app.post("/v1/pki/csr/import", json!({ "csr_pem": pem })).await;
        let csr = with_fields(&answer, StatusCode::CREATED, &detail_fields());
        assert_eq!(answer.header("location"), path(&csr, ""));
        assert_eq!((&csr["status"], &csr["source"]), (&json!("pending"), &json!("imported")));
        assert_eq!((&csr["csr_pem"], &csr["has_private_key"]), (&json!(pem), &json!(false)));
        let expected = changed(no_names(), &json!({ "dns": ["b.example.internal"], "ip": ["10.0.0.7"] }));
        assert_eq!(csr["sans"], expected);
        assert_eq!(csr["subject_text"], "CN=a.example.internal,O=Theirs");
        assert_eq!(app.get(&path(&csr, "")).await.json_with(StatusCode::OK), csr);
        let judge = Judge::new();
        judge.write("r", &pem);
        let described = judge.run("req -in r -noout -text");
        for (case, sent) in [
            ("the old label", pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")),
            ("CRLF", pem.replace('\n', "\r\n")),
            ("no newline at the end", pem.trim_end().to_owned()),
            ("text before", format!("{described}\n{pem}")),
        ] {
            let again = app.post("/v1/pki/csr/import", json!({ "csr_pem": sent })).await;
            assert_eq!(again.status, StatusCode::CREATED, "{case}: {}", again.text());
            assert_eq!((&again.json()["csr_pem"], &again.json()["spki_sha256"]), (&csr["csr_pem"], &csr["spki_sha256"]), "{case}");
        }
    }

    async fn the_list_has_states_and_pages(app: TestApp) {
        let mut made = Vec::new();
        let pem = request("-subj /CN=a.example.internal");
        for _ in 0..7 {
            made.insert(0, text(&imported(&app, &pem).await["id"]).to_owned());
        }
        let page = app.get("/v1/pki/csr").await;
        let list = page.json_with(StatusCode::OK);
        assert_eq!((&list["cursor"], &list["has_more"]), (&Value::Null, &json!(false)));
        has_fields(&list["csrs"][0], &page.text(), &FIELDS);
        assert_eq!(ids(&list), made);
        for (at, call) in [(0, "approve"), (1, "approve"), (3, "reject")] {
            let body = if call == "reject" { json!({ "reason": "no" }) } else { json!({}) };
            app.post(&format!("/v1/pki/csr/{}/{call}", made[at]), body).await.json_with(StatusCode::OK);
        }
        for (status, expected) in [
            ("approved", vec![&made[0], &made[1]]), ("rejected", vec![&made[3]]), ("signed", vec![]),
            ("pending", vec![&made[2], &made[4], &made[5], &made[6]]),
        ] {
            let list = app.get(&format!("/v1/pki/csr?status={status}")).await.json_with(StatusCode::OK);
            assert_eq!(ids(&list).iter().collect::<Vec<_>>(), expected, "{status}");
        }
        let first = app.get("/v1/pki/csr?status=pending&limit=3").await.json_with(StatusCode::OK);
        assert_eq!(ids(&first), [&made[2], &made[4], &made[5]].map(Clone::clone));
        assert_eq!(first["has_more"], true);
        // A row that is added meanwhile moves nothing.
        imported(&app, &pem).await;
        let rest = app.get(&format!("/v1/pki/csr?status=pending&limit=3&cursor={}", text(&first["cursor"]))).await;
        let rest = rest.json_with(StatusCode::OK);
        assert_eq!((ids(&rest), &rest["has_more"], &rest["cursor"]), (vec![made[6].clone()], &json!(false), &Value::Null));
        app.get("/v1/pki/csr?status=open").await.error(422, "validation_error");
        app.get("/v1/pki/csr?cursor=!").await.error(400, "invalid_cursor");
        for limit in ["0", "1001", "x"] {
            let answer = app.get(&format!("/v1/pki/csr?limit={limit}")).await;
            assert!([400, 422].contains(&answer.status.as_u16()), "{limit}: {}", answer.text());
        }
    }

    async fn a_deleted_csr_is_gone_with_its_key(app: TestApp) {
        let csr = generated(&app, json!({})).await;
        let sql = Sql::open(app.database_url()).await;
        let rows = "SELECT COUNT(*) FROM csrs WHERE sealed_key IS NOT NULL";
        assert_eq!(sql.number(rows).await, 1);
        let answer = app.delete(&path(&csr, "")).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0), "{}", answer.text());
        assert_eq!(sql.number(rows).await, 0);
        for (method, call) in [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "approve")] {
            app.send(method, &path(&csr, call), Some(&app.admin), &[], None).await.error(404, "csr_not_found");
        }
        let body = json!({ "reason": "no" });
        app.post(&path(&csr, "reject"), body).await.error(404, "csr_not_found");
        app.post(&path(&csr, "sign"), json!({ "ca_id": "ca_01ARZ3NDEKTSV4RRFFQ69G5FAV" })).await.error(404, "csr_not_found");
        assert!(ids(&app.get("/v1/pki/csr").await.json()).is_empty());
        for unknown in ["csr_01ARZ3NDEKTSV4RRFFQ69G5FAV", "csr_x", "ca_01ARZ3NDEKTSV4RRFFQ69G5FAV", "%00", "1"] {
            app.get(&format!("/v1/pki/csr/{unknown}")).await.error(404, "csr_not_found");
        }
    }

    async fn the_stored_key_of_a_csr_is_sealed(app: TestApp) {
        let csr = generated(&app, json!({})).await;
        let sql = Sql::open(app.database_url()).await;
        let sealed = sql.bytes("SELECT sealed_key FROM csrs").await;
        let judge = Judge::new();
        judge.write("sealed.der", &sealed);
        let (opened, said) = judge.try_run("pkey -inform der -in sealed.der -noout");
        assert!(!opened, "openssl reads it: {said}");
        // Neither the algorithm's name (1.2.840.10045.2.1) nor the public key, which PKCS#8 holds beside the private one.
        judge.write("r", text(&csr["csr_pem"]));
        judge.write("r.pub", judge.run("req -in r -noout -pubkey"));
        judge.run("pkey -pubin -in r.pub -outform der -out r.spki");
        let spki = std::fs::read(judge.path().join("r.spki")).unwrap();
        for secret in [&b"\x2a\x86\x48\xce\x3d\x02\x01"[..], &spki[spki.len() - 16..]] {
            assert!(!sealed.windows(secret.len()).any(|window| window == secret), "stored in the clear");
        }
    }

    async fn who_may_ask_may_not_decide(app: TestApp) {
        let ca = app.root_ca("root").await;
        let issuer = app.token(Scope::Issue).await;
        let reader = app.token(Scope::Read).await;
        let body = json!({ "subject": "CN=a.example.internal", "key_type": "ec" });
        app.post_as(&reader, "/v1/pki/csr", body.clone()).await.error(403, "insufficient_scope");
        let csr = app.post_as(&issuer, "/v1/pki/csr", body).await.json_with(StatusCode::CREATED);
        for (call, body) in [
            ("approve", json!({})), ("reject", json!({ "reason": "no" })), ("sign", json!({ "ca_id": ca["id"] })),
        ] {
            app.post_as(&issuer, &path(&csr, call), body).await.error(403, "insufficient_scope");
        }
        let seen = app.send(Method::GET, &path(&csr, ""), Some(&reader), &[], None).await.json_with(StatusCode::OK);
        assert_eq!(seen["status"], "pending");
    }

    async fn a_repeated_creation_with_a_key_makes_one(app: TestApp) {
        let body = json!({ "subject": "CN=a.example.internal", "key_type": "ec" }).to_string().into_bytes();
        let mut answers = Vec::new();
        for _ in 0..2 {
            let body = Some(("application/json", body.clone()));
            let headers = [("idempotency-key", "one")];
            answers.push(app.send(Method::POST, "/v1/pki/csr", Some(&app.admin), &headers, body).await);
        }
        assert_eq!(answers[0].json_with(StatusCode::CREATED), answers[1].json_with(StatusCode::CREATED));
        assert_eq!(ids(&app.get("/v1/pki/csr").await.json()).len(), 1);
    }
}

fn ids(list: &Value) -> Vec<String> {
    list["csrs"].as_array().unwrap().iter().map(|csr| text(&csr["id"]).to_owned()).collect()
}
