//! `/v1/pki/certificates`: reading certificates and changing their labels.

mod list;
mod pages;
mod search;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, has_fields, text, with_fields};

const FIELDS: [&str; 25] = [
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
];

/// A root with a role `web` on it.
async fn web(app: &TestApp) -> Value {
    let root = app.root_ca("root").await;
    app.role("web", text(&root["id"])).await;
    root
}

/// Issues a certificate for `name`; answers its path and itself.
async fn issued(app: &TestApp, name: &str) -> (String, Value) {
    let issued = app.issue("web", name).await;
    let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
    let found = app.get(&path).await.json_with(StatusCode::OK);
    (path, found)
}

both_modes! {
    async fn one_certificate_is_shown_with_everything(app: TestApp) {
        let root = app.root_ca("root").await;
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        app.role("web", text(&sub["id"])).await;
        let issued = app.issue("web", "a.example.internal").await;
        let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
        let answer = app.get(&path).await;
        let fields = [&FIELDS[..], &["chain_pem", "endpoints"]].concat();
        let shown = with_fields(&answer, StatusCode::OK, &fields);
        let judge = Judge::new();
        judge.write("leaf.pem", text(&issued["certificate"]));
        let hex = |said: String| said.rsplit('=').next().unwrap().trim().replace(':', "").to_lowercase();
        let fingerprint = hex(judge.run("x509 -in leaf.pem -noout -fingerprint -sha256"));
        judge.write("leaf.pub", judge.run("x509 -in leaf.pem -noout -pubkey"));
        judge.run("pkey -pubin -in leaf.pub -outform der -out leaf.spki");
        let spki = hex(judge.run("dgst -sha256 leaf.spki"));
        let chain: String = issued["ca_chain"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(shown, json!({
            "id": issued["certificate_id"], "serial_number": issued["serial_number"], "common_name": "a.example.internal",
            "subject": "CN=a.example.internal",
            "sans": { "dns": ["a.example.internal"], "ip": [], "email": [], "uri": [] }, "ca_id": sub["id"], "role": "web",
            "source": "issued", "acme_order_id": null, "key_type": "ec", "key_size": 256, "fingerprint_sha256": fingerprint,
            "spki_sha256": spki, "not_before": issued["not_before"], "not_after": issued["not_after"], "status": "active",
            "revoked_at": null, "revocation_reason": null, "has_private_key": false, "renewed_from": null,
            "renewed_by": null, "tags": {}, "description": "", "created_at": shown["created_at"],
            "certificate_pem": issued["certificate"], "chain_pem": chain, "endpoints": [],
        }));
        has_fields(&shown["sans"], &answer.text(), &["dns", "ip", "email", "uri"]);
        let listed = app.get("/v1/pki/certificates").await.json_with(StatusCode::OK);
        let row = &listed["certificates"][0];
        let left_out = json!({ "certificate_pem": null, "chain_pem": null, "endpoints": null });
        assert_eq!(*row, changed(shown, &left_out), "a list leaves the PEM out");
    }

    async fn the_pem_comes_alone(app: TestApp) {
        web(&app).await;
        let (path, shown) = issued(&app, "a.example.internal").await;
        let reader = app.token(certmill_domain::Scope::Read).await;
        let pem = app.send(Method::GET, &format!("{path}/pem"), Some(&reader), &[], None).await;
        assert_eq!((pem.status, pem.header("content-type")), (StatusCode::OK, "application/x-pem-file".to_owned()));
        assert_eq!(pem.text(), text(&shown["certificate_pem"]));
    }

    async fn an_unknown_id_is_not_found(app: TestApp) {
        web(&app).await;
        let (path, shown) = issued(&app, "a.example.internal").await;
        let (_, stranger) = app.another_tenant("second").await;
        for token in [&app.admin, &stranger] {
            let id = text(&shown["id"]);
            let paths = if *token == stranger { [id, id] } else { ["cert_x", "cert_00000000000000000000000000"] };
            for id in paths {
                let path = format!("/v1/pki/certificates/{id}");
                for path in [path.clone(), format!("{path}/pem")] {
                    app.send(Method::GET, &path, Some(token), &[], None).await.error(404, "certificate_not_found");
                }
                let body = Some(("application/json", json!({ "description": "mine" }).to_string().into_bytes()));
                app.send(Method::PATCH, &path, Some(token), &[], body).await.error(404, "certificate_not_found");
            }
        }
        assert_eq!(app.get(&path).await.json(), shown);
    }

    async fn tags_and_description_are_replaced_one_by_one(app: TestApp) {
        web(&app).await;
        let (path, mut expected) = issued(&app, "a.example.internal").await;
        let (other, untouched) = issued(&app, "b.example.internal").await;
        let prose = "Front door, \"west\"\n2nd line ✓";
        for (change, tags, description) in [
            (json!({ "tags": { "team": "core", "env": "prod" } }), json!({ "team": "core", "env": "prod" }), ""),
            (json!({ "description": prose }), json!({ "team": "core", "env": "prod" }), prose),
            (json!({ "tags": { "team": "edge" } }), json!({ "team": "edge" }), prose),
            (json!({}), json!({ "team": "edge" }), prose),
            (json!({ "tags": null }), json!({}), prose),
            (json!({ "tags": { "a b": "", "ü": "=:," }, "description": null }), json!({ "a b": "", "ü": "=:," }), ""),
            (json!({ "tags": {} }), json!({}), ""),
        ] {
            expected["tags"] = tags;
            expected["description"] = json!(description);
            let patched = app.patch(&path, change.clone()).await.json_with(StatusCode::OK);
            assert_eq!(patched, expected, "{change}");
            assert_eq!(app.get(&path).await.json_with(StatusCode::OK), expected, "{change}");
        }
        assert_eq!(app.get(&other).await.json(), untouched);
    }

    async fn labels_that_cannot_be_are_refused_by_field(app: TestApp) {
        web(&app).await;
        let (path, shown) = issued(&app, "a.example.internal").await;
        let many: Value = (0..10_000).map(|n| (format!("k{n}"), json!("v"))).collect();
        for (change, field) in [
            (json!({ "tags": ["a"] }), "tags"), (json!({ "tags": { "": "v" } }), "tags"), (json!({ "tags": { "k": 7 } }), "tags.k"),
            (json!({ "tags": { "k": "a\0b" } }), "tags"), (json!({ "tags": { "k": "v".repeat(10_000) } }), "tags"),
            (json!({ "tags": many }), "tags"), (json!({ "description": 7 }), "description"),
            (json!({ "description": "a\0b" }), "description"), (json!({ "description": "d".repeat(100_000) }), "description"),
            (json!({ "status": "active" }), "status"), (json!({ "common_name": "x" }), "common_name"),
        ] {
            let error = app.patch(&path, change).await.error(422, "validation_error");
            assert_eq!(error["details"]["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{error}");
        }
        assert_eq!(app.get(&path).await.json(), shown);
    }

    async fn a_certificate_expires_by_itself(app: TestApp) {
        web(&app).await;
        let body = json!({ "common_name": "brief.example.internal", "ttl": "1s" });
        let brief = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        let (lasting, _) = issued(&app, "a.example.internal").await;
        let path = format!("/v1/pki/certificates/{}", text(&brief["certificate_id"]));
        let expired = app.eventually(&path, |shown| shown["status"] == "expired").await;
        assert_eq!((&expired["revoked_at"], &expired["revocation_reason"]), (&Value::Null, &Value::Null));
        assert_eq!(app.get(&lasting).await.json()["status"], "active");
        for (query, expected) in [
            ("status=expired", vec!["brief.example.internal"]), ("status=active", vec!["a.example.internal"]),
            ("", vec!["a.example.internal", "brief.example.internal"]), ("expiring_within=90d", vec!["a.example.internal"]),
        ] {
            let listed = app.get(&format!("/v1/pki/certificates?{query}")).await.json_with(StatusCode::OK);
            let names: Vec<_> = listed["certificates"].as_array().unwrap().iter().map(|row| text(&row["common_name"])).collect();
            assert_eq!(names, expected, "{query}");
        }
    }
}
