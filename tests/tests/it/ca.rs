//! `/v1/pki/ca`: making, reading and revoking CAs; what stands in their certificates.

mod deltas;
mod distribution;
mod foreign;
mod former;
mod lists;
mod order;
mod pss;
mod reissue;
mod shards;

use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use certmill_domain::Timestamp;

const FIELDS: [&str; 29] = [
    "id",
    "name",
    "common_name",
    "ca_type",
    "parent_ca_id",
    "key_type",
    "key_size",
    "serial_number",
    "valid_from",
    "valid_until",
    "status",
    "is_active",
    "certificates_issued",
    "revocation",
    "crl",
    "crl_url",
    "ca_issuers_url",
    "created_at",
    "renewal_of_desk_certificates",
    "ocsp",
    "ocsp_signer",
    "ocsp_url",
    "crl_validity",
    "crl_overlap",
    "crl_shards",
    "delta_crl_validity",
    "use_pss",
    "owners",
    "csr_pem",
];
const DAY: i64 = 24 * 3_600;

/// The answer's JSON, after checking its status and that its fields are exactly these, in this order.
pub(crate) fn with_fields(answer: &Answer, status: StatusCode, expected: &[&str]) -> Value {
    let value = answer.json_with(status);
    has_fields(&value, &answer.text(), expected);
    value
}

/// Checks that `value`, which `text` spells, has exactly these fields in this order.
pub(crate) fn has_fields(value: &Value, text: &str, expected: &[&str]) {
    let mut present: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = expected.to_vec();
    present.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(present, wanted, "{text}");
    let places: Vec<_> = expected.iter().map(|field| text.find(&format!("\"{field}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "the fields must come in the order {expected:?}: {text}");
}

/// The seconds since 1970 of an answered time, which must be in UTC and of whole seconds.
pub(crate) fn seconds(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("not a time: {time}"));
    assert!(text.len() == 20 && text.ends_with('Z'), "{text} is not in whole seconds with Z");
    Timestamp::parse_rfc3339(text).unwrap().unix_seconds()
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

/// Makes a P-256 root CA that is valid for two days; answers it.
pub(crate) async fn short_root(app: &TestApp, name: &str) -> Value {
    let body = json!({
        "name": name, "common_name": format!("{name} CA"), "ca_type": "root", "key_type": "ec", "validity_days": 2
    });
    app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED)
}

/// Longer than a CA of [`short_root`] is valid.
pub(crate) const PAST_ITS_END: Duration = Duration::from_hours(49);

/// What `openssl x509 -text` says of a CA's certificate.
async fn described(app: &TestApp, judge: &Judge, id: &str) -> String {
    let certificate = app.get(&format!("/v1/pki/ca/{id}/certificate")).await.json_with(StatusCode::OK);
    judge.write("ca.pem", text(&certificate["certificate_pem"]));
    judge.run("x509 -in ca.pem -noout -text")
}

async fn count(app: &TestApp) -> usize {
    let list = app.get("/v1/pki/ca").await.json_with(StatusCode::OK);
    list["certificate_authorities"].as_array().unwrap().len()
}

/// `base` with the fields of `change` over it; null takes a field away.
pub(crate) fn changed(base: Value, change: &Value) -> Value {
    let mut body = base;
    for (field, value) in change.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(field);
        } else {
            body[field] = value.clone();
        }
    }
    body
}

both_modes! {
    async fn every_type_and_size_of_key_makes_a_root(app: TestApp) {
        let judge = Judge::new();
        for (case, request, key_type, key_size, days, described_key) in [
            ("default", json!({}), "rsa", 2048, 3650, "Public-Key: (2048 bit)"),
            ("ec", json!({ "key_type": "ec" }), "ec", 256, 3650, "NIST CURVE: P-256"),
            ("ec 384", json!({ "key_type": "ec", "key_size": 384, "validity_days": 1 }), "ec", 384, 1, "NIST CURVE: P-384"),
            ("ec 521", json!({ "key_type": "ec", "key_size": 521, "validity_days": 9000 }), "ec", 521, 9000, "NIST CURVE: P-521"),
            ("ed25519", json!({ "key_type": "ed25519" }), "ed25519", 256, 3650, "ED25519 Public-Key"),
        ] {
            let body = changed(json!({ "name": case, "common_name": case, "ca_type": "root" }), &request);
            let answer = app.post("/v1/pki/ca", body).await;
            let ca = with_fields(&answer, StatusCode::CREATED, &FIELDS);
            let id = text(&ca["id"]);
            assert!(id.starts_with("ca_"), "{id}");
            assert_eq!(answer.header("location"), format!("/v1/pki/ca/{id}"));
            let shown = json!({
                "id": id, "name": case, "common_name": case, "ca_type": "root", "parent_ca_id": null,
                "key_type": key_type, "key_size": key_size, "serial_number": ca["serial_number"],
                "valid_from": ca["valid_from"], "valid_until": ca["valid_until"], "status": "active", "is_active": true,
                "certificates_issued": 0, "revocation": null, "crl": ca["crl"],
                "crl_url": format!("http://pki.test/pub/crl/{id}.crl"),
                "ca_issuers_url": format!("http://pki.test/pub/ca/{id}.crt"), "created_at": ca["created_at"],
                "renewal_of_desk_certificates": "admin", "ocsp": false, "ocsp_signer": "ca",
                "ocsp_url": format!("http://pki.test/pub/ocsp/{id}"), "crl_validity": null, "crl_overlap": null, "crl_shards": 1, "delta_crl_validity": null,
                "use_pss": false, "owners": [], "csr_pem": null,
            });
            assert_eq!(ca, shown, "{case}");
            assert_eq!(seconds(&ca["valid_until"]), seconds(&ca["valid_from"]) + days * DAY, "{case}");
            has_fields(&ca["crl"], &answer.text(), &["number", "this_update", "next_update", "entries"]);
            let read = app.get(&format!("/v1/pki/ca/{id}")).await;
            assert_eq!(with_fields(&read, StatusCode::OK, &FIELDS), ca, "{case}");

            let described = described(&app, &judge, id).await;
            judge.run("verify -x509_strict -check_ss_sig -CAfile ca.pem ca.pem");
            assert!(described.contains(described_key), "{case}: {described}");
            let serial = judge.run("x509 -in ca.pem -noout -serial").trim().replace("serial=", "").to_lowercase();
            assert_eq!(text(&ca["serial_number"]).replace(':', "").trim_start_matches('0'), serial.trim_start_matches('0'));
            for part in ["Basic Constraints: critical\n                CA:TRUE\n", "Certificate Sign, CRL Sign", "Subject Key Identifier"] {
                assert!(described.contains(part), "{case}: no {part} in {described}");
            }
        }
    }

    async fn intermediates_chain_up_to_their_root(app: TestApp) {
        let root = app.root_ca("root").await;
        let middle = app.intermediate_ca("middle", text(&root["id"])).await;
        let bottom = json!({
            "name": "bottom", "common_name": "Bottom", "ca_type": "intermediate", "key_type": "ec", "validity_days": 1000,
            "parent_ca_id": middle["id"],
        });
        let bottom = app.post("/v1/pki/ca", bottom).await.json_with(StatusCode::CREATED);
        assert_eq!((&bottom["parent_ca_id"], &bottom["ca_type"]), (&middle["id"], &json!("intermediate")));
        assert_eq!(seconds(&middle["valid_until"]), seconds(&middle["valid_from"]) + 1825 * DAY);
        let path = format!("/v1/pki/ca/{}/certificate", text(&bottom["id"]));
        let found = with_fields(&app.get(&path).await, StatusCode::OK, &["certificate_pem", "chain_pem", "former"]);
        let judge = Judge::new();
        judge.write("bottom.pem", text(&found["certificate_pem"]));
        judge.write("chain.pem", text(&found["chain_pem"]));
        assert_eq!(text(&found["chain_pem"]).matches("BEGIN CERTIFICATE").count(), 2, "{found}");
        let described = described(&app, &judge, text(&root["id"])).await;
        assert!(!described.contains("CA Issuers") && !described.contains("CRL Distribution"), "a root needs neither: {described}");
        judge.run("verify -x509_strict -CAfile ca.pem -untrusted chain.pem bottom.pem");
        let below = judge.run("x509 -in bottom.pem -noout -text");
        for key in ["ca_issuers_url", "crl_url"] {
            assert!(below.contains(&format!("URI:{}\n", text(&middle[key]))), "{key}: {below}");
        }
        let listed = app.get("/v1/pki/ca").await;
        let listed = with_fields(&listed, StatusCode::OK, &["certificate_authorities", "cursor", "has_more"]);
        assert_eq!(listed, json!({ "certificate_authorities": [
            bottom, middle, root ], "cursor": null, "has_more": false }));
    }

    async fn the_certificate_comes_in_three_forms(app: TestApp) {
        let root = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}/certificate", text(&root["id"]));
        let pem = app.get(&path).await.json_with(StatusCode::OK)["certificate_pem"].clone();
        assert_eq!(app.get(&path).await.json()["chain_pem"], "", "a root has nothing above it");
        let judge = Judge::new();
        judge.write("ca.pem", text(&pem));
        judge.run("x509 -in ca.pem -outform der -out ca.der");
        let der = std::fs::read(judge.path().join("ca.der")).unwrap();
        for (accept, media_type, body) in [
            ("application/x-pem-file", "application/x-pem-file", text(&pem).as_bytes()),
            ("text/plain", "text/plain", text(&pem).as_bytes()),
            ("application/pkix-cert", "application/pkix-cert", der.as_slice()),
            ("image/png;q=0.9, application/pkix-cert;q=0.5, text/plain;q=0.1", "application/pkix-cert", der.as_slice()),
        ] {
            let answer = app.send(Method::GET, &path, Some(&app.admin), &[("accept", accept)], None).await;
            assert_eq!(answer.status, StatusCode::OK, "{accept}");
            assert!(answer.header("content-type").starts_with(media_type), "{accept}: {}", answer.header("content-type"));
            assert_eq!(answer.body, body, "{accept}");
        }
        let any = app.send(Method::GET, &path, Some(&app.admin), &[("accept", "*/*")], None).await;
        assert_eq!(any.json()["certificate_pem"], pem);
    }

    async fn the_subject_has_what_was_asked(app: TestApp) {
        let body = json!({
            "name": "full", "common_name": "Full CA", "ca_type": "root", "key_type": "ec",
            "organization": ["Example Ltd"], "organizational_unit": "Trust,Keys", "country": "DE",
            "locality": ["Köln"], "province": ["NRW"],
        });
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let judge = Judge::new();
        described(&app, &judge, text(&ca["id"])).await;
        let subject = judge.run("x509 -in ca.pem -noout -subject -nameopt RFC2253,utf8,-esc_msb");
        for part in ["CN=Full CA", "OU=Trust", "OU=Keys", "O=Example Ltd", "C=DE", "L=Köln", "ST=NRW"] {
            assert!(subject.contains(part), "no {part} in {subject}");
        }
    }

    async fn what_cannot_be_made_is_refused_by_field(app: TestApp) {
        let root = app.root_ca("taken").await;
        let base = json!({ "name": "new", "common_name": "New CA", "ca_type": "root", "key_type": "ec" });
        for (case, change, field) in [
            ("no name", json!({ "name": null }), "name"),
            ("an empty name", json!({ "name": "" }), "name"),
            ("no common name", json!({ "common_name": null }), "common_name"),
            ("an empty common name", json!({ "common_name": "" }), "common_name"),
            ("a common name of 65", json!({ "common_name": "c".repeat(65) }), "common_name"),
            ("a NUL", json!({ "common_name": "a\0b" }), "common_name"),
            ("no type", json!({ "ca_type": null }), "ca_type"),
            ("an unknown type", json!({ "ca_type": "leaf" }), "ca_type"),
            ("a root with a parent", json!({ "parent_ca_id": root["id"] }), "parent_ca_id"),
            ("an intermediate without", json!({ "ca_type": "intermediate" }), "parent_ca_id"),
            ("dsa", json!({ "key_type": "dsa" }), "key_type"),
            ("rsa 1024", json!({ "key_type": "rsa", "key_size": 1024 }), "key_size"),
            ("ec 224", json!({ "key_size": 224 }), "key_size"),
            ("ed25519 of 512", json!({ "key_type": "ed25519", "key_size": 512 }), "key_size"),
            ("no days", json!({ "validity_days": 0 }), "validity_days"),
            ("negative days", json!({ "validity_days": -1 }), "validity_days"),
            ("days beyond the calendar", json!({ "validity_days": 4_000_000 }), "validity_days"),
            ("a country of three letters", json!({ "country": ["DEU"] }), "country"),
            ("an organization of 65", json!({ "organization": ["o".repeat(65)] }), "organization"),
            ("a negative path length", json!({ "max_path_length": -1 }), "max_path_length"),
            ("a domain with a space", json!({ "permitted_dns_domains": ["exam ple"] }), "permitted_dns_domains"),
            ("a domain with a leading dot", json!({ "permitted_dns_domains": [".example.com"] }), "permitted_dns_domains"),
            ("an excluded domain with NUL", json!({ "excluded_dns_domains": ["a\0b"] }), "excluded_dns_domains"),
            ("an unknown field", json!({ "colour": "red" }), "colour"),
        ] {
            let answer = app.post("/v1/pki/ca", changed(base.clone(), &change)).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{case}: {}", answer.text());
            let error = answer.error(422, "validation_error");
            let fields = error["details"]["fields"].as_object().unwrap();
            assert_eq!(fields.keys().collect::<Vec<_>>(), [field], "{case}: {error}");
        }
        let again = changed(base, &json!({ "name": "taken" }));
        assert!(text(&app.post("/v1/pki/ca", again).await.error(409, "already_exists")["message"]).contains("taken"));
        assert_eq!(count(&app).await, 1, "nothing was written");
    }

    async fn an_intermediate_does_not_outlive_its_parent(app: TestApp) {
        let body = json!({ "name": "short", "common_name": "Short", "ca_type": "root", "key_type": "ec", "validity_days": 10 });
        let root = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let below = |days: Value| {
            let base = json!({
                "name": "below", "common_name": "Below", "ca_type": "intermediate", "key_type": "ec", "parent_ca_id": root["id"]
            });
            changed(base, &json!({ "validity_days": days }))
        };
        for days in [json!(11), Value::Null] {
            let error = app.post("/v1/pki/ca", below(days)).await.error(422, "validation_error");
            let problem = text(&error["details"]["fields"]["validity_days"]);
            assert!(problem.contains(text(&root["valid_until"])), "{problem}");
        }
        app.post("/v1/pki/ca", below(json!(9))).await.json_with(StatusCode::CREATED);
    }

    async fn the_path_length_goes_down_by_one(app: TestApp) {
        let judge = Judge::new();
        let body = json!({ "name": "two", "common_name": "Two", "ca_type": "root", "key_type": "ec", "max_path_length": 2 });
        let root = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        assert!(described(&app, &judge, text(&root["id"])).await.contains("CA:TRUE, pathlen:2"));
        let below = |name: &str, parent: &Value, length: Value| {
            let base = json!({ "name": name, "common_name": name, "ca_type": "intermediate", "key_type": "ec" });
            // Each generation lives for less, so that none outlives its parent.
            let days = seconds(&parent["valid_until"]) - seconds(&parent["valid_from"]);
            let days = days / DAY - 1;
            changed(base, &json!({ "parent_ca_id": parent["id"], "validity_days": days, "max_path_length": length }))
        };
        let one = app.post("/v1/pki/ca", below("one", &root, Value::Null)).await.json_with(StatusCode::CREATED);
        assert!(described(&app, &judge, text(&one["id"])).await.contains("CA:TRUE, pathlen:1"));
        let refused = app.post("/v1/pki/ca", below("more", &root, json!(2))).await.error(422, "validation_error");
        assert!(text(&refused["details"]["fields"]["max_path_length"]).contains('1'), "{refused}");
        let least = app.post("/v1/pki/ca", below("least", &root, json!(0))).await.json_with(StatusCode::CREATED);
        let zero = app.post("/v1/pki/ca", below("zero", &one, Value::Null)).await.json_with(StatusCode::CREATED);
        for last in [&least, &zero] {
            assert!(described(&app, &judge, text(&last["id"])).await.contains("CA:TRUE, pathlen:0"));
            let refused = app.post("/v1/pki/ca", below("none", last, Value::Null)).await.error(422, "validation_error");
            assert!(refused["details"]["fields"]["parent_ca_id"].is_string(), "{refused}");
        }
        app.role("web", text(&zero["id"])).await;
        app.issue("web", "a.example.internal").await;
    }

    async fn name_constraints_bind_what_is_below(app: TestApp) {
        let body = json!({
            "name": "bound", "common_name": "Bound", "ca_type": "root", "key_type": "ec",
            "permitted_dns_domains": ["example.internal"], "excluded_dns_domains": "secret.example.internal",
        });
        let root = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let judge = Judge::new();
        let described = described(&app, &judge, text(&root["id"])).await;
        for part in [
            "Name Constraints: critical",
            "Permitted:\n                  DNS:example.internal",
            "Excluded:\n                  DNS:secret.example.internal",
        ] {
            assert!(described.contains(part), "no {part} in {described}");
        }
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        for (role, ca) in [("direct", &root), ("below", &sub)] {
            let body = json!({ "name": role, "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
            app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
            let issued = app.issue(role, "www.example.internal").await;
            judge.write("leaf.pem", text(&issued["certificate"]));
            judge.write("chain.pem", issued["ca_chain"].as_array().unwrap().iter().map(text).collect::<String>());
            judge.run("verify -x509_strict -CAfile ca.pem -untrusted chain.pem leaf.pem");
            for name in ["www.other.internal", "www.secret.example.internal", "*.secret.example.internal"] {
                // What every verifier would refuse is not issued in the first place.
                let body = json!({ "common_name": name });
                let error = app.post(&format!("/v1/pki/issue/{role}"), body).await.error(422, "role_violation");
                assert_eq!(error["details"]["value"], name, "{error}");
            }
        }
    }

    async fn a_parent_must_be_active_and_ours(app: TestApp) {
        let (_, stranger) = app.another_tenant("second").await;
        let (revoked, ended) = (app.root_ca("revoked").await, short_root(&app, "ended").await);
        let path = format!("/v1/pki/ca/{}/revoke", text(&revoked["id"]));
        app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        app.advance(PAST_ITS_END).await;
        let read = app.get(&format!("/v1/pki/ca/{}", text(&ended["id"]))).await.json();
        assert_eq!((&read["status"], &read["is_active"]), (&json!("expired"), &json!(false)));
        for (token, parent, status, code, state) in [
            (&app.admin, &revoked, 409, "invalid_state", json!("revoked")),
            (&app.admin, &ended, 409, "invalid_state", json!("expired")),
            (&stranger, &revoked, 404, "ca_not_found", Value::Null),
        ] {
            let body = json!({
                "name": "below", "common_name": "Below", "ca_type": "intermediate", "key_type": "ec", "validity_days": 1,
                "parent_ca_id": parent["id"],
            });
            let body = Some(("application/json", body.to_string().into_bytes()));
            let error = app.send(Method::POST, "/v1/pki/ca", Some(token), &[], body).await.error(status, code);
            assert_eq!(error["details"]["state"], state, "{error}");
        }
        assert_eq!(count(&app).await, 2);
    }

    async fn cas_are_listed_in_pages_newest_first(app: TestApp) {
        for name in ["a", "b", "c"] {
            app.root_ca(name).await;
        }
        let first = app.get("/v1/pki/ca?limit=2").await.json_with(StatusCode::OK);
        let names = |page: &Value| {
            let rows = page["certificate_authorities"].as_array().unwrap().iter();
            rows.map(|ca| text(&ca["name"]).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((names(&first), &first["has_more"]), (vec!["c".to_owned(), "b".to_owned()], &json!(true)));
        app.root_ca("d").await;
        let rest = app.get(&format!("/v1/pki/ca?limit=2&cursor={}", text(&first["cursor"]))).await.json_with(StatusCode::OK);
        assert_eq!((names(&rest), &rest["has_more"], &rest["cursor"]), (vec!["a".to_owned()], &json!(false), &Value::Null));
        app.get("/v1/pki/ca?cursor=nonsense").await.error(400, "invalid_cursor");
    }
}
