//! `/v1/pki/roles`: every setting, its default, and how it is changed.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{PAST_ITS_END, changed, seconds, short_root, text, with_fields};

const FIELDS: [&str; 40] = [
    "id",
    "name",
    "ca_id",
    "allowed_domains",
    "allow_subdomains",
    "allow_bare_domains",
    "allow_glob_domains",
    "allow_wildcard_certificates",
    "allow_localhost",
    "allow_any_name",
    "allow_ip_sans",
    "allowed_ip_sans_cidr",
    "allowed_uri_sans",
    "allow_email_sans",
    "ttl",
    "max_ttl",
    "not_before_duration",
    "key_type",
    "key_bits",
    "key_usage",
    "ext_key_usage",
    "server_flag",
    "client_flag",
    "require_cn",
    "organization",
    "organizational_unit",
    "country",
    "locality",
    "province",
    "store_private_keys",
    "allow_partial_wildcards",
    "no_store",
    "allowed_other_sans",
    "policy_identifiers",
    "must_staple",
    "allow_self_renewal",
    "not_after",
    "owners",
    "created_at",
    "updated_at",
];

/// Vault's defaults, with the time that it takes from its mount (768h) and the bits of the key type written out.
fn defaults() -> Value {
    json!({
        "allowed_domains": [], "allow_subdomains": false, "allow_bare_domains": false, "allow_glob_domains": false,
        "allow_wildcard_certificates": true, "allow_localhost": true, "allow_any_name": false, "allow_ip_sans": true,
        "allowed_ip_sans_cidr": [], "allowed_uri_sans": [], "allow_email_sans": false, "ttl": "768h", "max_ttl": "768h",
        "not_before_duration": "30s", "key_type": "rsa", "key_bits": 2048,
        "key_usage": ["DigitalSignature", "KeyAgreement", "KeyEncipherment"], "ext_key_usage": [],
        "server_flag": true, "client_flag": true, "require_cn": true, "organization": [], "organizational_unit": [],
        "country": [], "locality": [], "province": [], "store_private_keys": false, "allow_partial_wildcards": false,
        "no_store": false, "allowed_other_sans": [], "policy_identifiers": [], "must_staple": false, "allow_self_renewal": false,
        "not_after": null, "owners": [],
    })
}

/// A value other than the default for every setting but those that `no_store` excludes.
fn others() -> Value {
    json!({
        "allowed_domains": ["example.internal", "*.svc.cluster.local"], "allow_subdomains": true,
        "allow_bare_domains": true, "allow_glob_domains": true, "allow_wildcard_certificates": false,
        "allow_localhost": false, "allow_any_name": true, "allow_ip_sans": false,
        "allowed_ip_sans_cidr": ["10.0.0.0/8", "2001:db8::/32"], "allowed_uri_sans": ["spiffe://example.internal/*"],
        "allow_email_sans": true, "ttl": "1d12h", "max_ttl": "12w", "not_before_duration": "5m", "key_type": "ec",
        "key_bits": 384, "key_usage": ["DigitalSignature"], "ext_key_usage": ["CodeSigning", "1.3.6.1.4.1.311.20.2.2"],
        "server_flag": false, "client_flag": false, "require_cn": false, "organization": ["Example Ltd"],
        "organizational_unit": ["Keys", "Trust"], "country": ["DE"], "locality": ["Köln"], "province": ["NRW"],
        "store_private_keys": false, "allow_partial_wildcards": true, "no_store": true,
        "allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;UTF8:*@example.internal"], "policy_identifiers": ["1.2.3.4", "2.5.29.32.0"],
        "must_staple": true, "allow_self_renewal": false, "not_after": "2099-01-01T00:00:00Z", "owners": ["ann@example.com"],
    })
}

/// A role with these settings, as it is answered; the rest comes from `answered`.
fn role(name: &str, settings: &Value, answered: &Value) -> Value {
    let identity = json!({
        "id": answered["id"], "name": name, "ca_id": answered["ca_id"],
        "created_at": answered["created_at"], "updated_at": answered["updated_at"],
    });
    changed(settings.clone(), &identity)
}

/// A root whose certificates name its OCSP responder, as `must_staple` needs it.
async fn with_responder(app: &TestApp) -> Value {
    let ca = app.root_ca("root").await;
    let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
    app.patch(&path, json!({ "ocsp": true })).await.json_with(StatusCode::OK)
}

fn names(page: &Value) -> Vec<&str> {
    page["roles"].as_array().unwrap().iter().map(|role| text(&role["name"])).collect()
}

both_modes! {
    async fn a_role_has_vault_s_defaults(app: TestApp) {
        let ca = app.root_ca("root").await;
        let answer = app.post("/v1/pki/roles", json!({ "name": "plain", "ca_id": ca["id"] })).await;
        let created = with_fields(&answer, StatusCode::CREATED, &FIELDS);
        assert_eq!(created, role("plain", &defaults(), &created));
        assert_eq!((&created["ca_id"], &created["created_at"]), (&ca["id"], &created["updated_at"]));
        assert!(text(&created["id"]).starts_with("role_") && seconds(&created["created_at"]) > 0, "{created}");
        assert_eq!(answer.header("location"), "/v1/pki/roles/plain");
        let read = with_fields(&app.get("/v1/pki/roles/plain").await, StatusCode::OK, &FIELDS);
        assert_eq!(read, created);
        // Null means the default, as in PATCH.
        let mut nulls: Value = FIELDS[3..30].iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
        (nulls["name"], nulls["ca_id"]) = (json!("nulls"), ca["id"].clone());
        let created = app.post("/v1/pki/roles", nulls).await.json_with(StatusCode::CREATED);
        assert_eq!(created, role("nulls", &defaults(), &created));
        let ec = json!({ "name": "ec", "ca_id": ca["id"], "key_type": "ec" });
        assert_eq!(app.post("/v1/pki/roles", ec).await.json_with(StatusCode::CREATED)["key_bits"], 256);
    }

    async fn every_setting_comes_back_as_it_was_sent(app: TestApp) {
        let ca = with_responder(&app).await;
        let body = changed(others(), &json!({ "name": "all", "ca_id": ca["id"] }));
        let created = app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
        assert_eq!(created, role("all", &others(), &created));
        assert_eq!(app.get("/v1/pki/roles/all").await.json_with(StatusCode::OK), created);
        for (name, sent, shown) in [
            ("seconds", json!("3600"), "3600"),
            ("number", json!(3600), "3600"),
            ("minutes", json!("90m"), "90m"),
            ("mixed", json!("1w2d3h4m5s"), "1w2d3h4m5s"),
            ("year", json!("1y"), "1y"),
        ] {
            let body = json!({ "name": name, "ca_id": ca["id"], "max_ttl": sent, "not_before_duration": sent });
            let created = app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
            assert_eq!((&created["max_ttl"], &created["not_before_duration"]), (&json!(shown), &json!(shown)), "{name}");
        }
        let body = json!({
            "name": "commas", "ca_id": ca["id"], "allowed_domains": "a.internal, b.internal",
            "allowed_ip_sans_cidr": "10.0.0.0/8,192.168.0.0/16", "key_usage": "DigitalSignature", "country": "DE",
        });
        let created = app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
        assert_eq!(created["allowed_domains"], json!(["a.internal", "b.internal"]));
        assert_eq!(created["allowed_ip_sans_cidr"], json!(["10.0.0.0/8", "192.168.0.0/16"]));
        assert_eq!((&created["key_usage"], &created["country"]), (&json!(["DigitalSignature"]), &json!(["DE"])));
    }

    async fn a_change_leaves_the_rest_and_null_brings_the_default(app: TestApp) {
        let ca = with_responder(&app).await;
        app.post("/v1/pki/roles", json!({ "name": "r", "ca_id": ca["id"] })).await.json_with(StatusCode::CREATED);
        let mut settings = defaults();
        let mut fields: Vec<_> = others().as_object().unwrap().keys().cloned().collect();
        // The shorter time must not exceed the longer one, nor the bits be those of another type, at any step.
        fields.sort_by_key(|field| (field == "ttl", field == "key_bits"));
        for field in &fields {
            let change = json!({ field: others()[field] });
            settings = changed(settings, &change);
            if field == "key_type" {
                settings["key_bits"] = json!(256);
            }
            let answer = app.patch("/v1/pki/roles/r", change).await;
            let patched = with_fields(&answer, StatusCode::OK, &FIELDS);
            let shown = if settings["ttl"] == "768h" { patched["ttl"].clone() } else { settings["ttl"].clone() };
            assert_eq!(patched, role("r", &changed(settings.clone(), &json!({ "ttl": shown })), &patched), "{field}");
            assert_eq!(app.get("/v1/pki/roles/r").await.json_with(StatusCode::OK), patched, "{field}");
        }
        assert_eq!(settings, others());
        for field in fields.iter().rev() {
            let patched = app.patch("/v1/pki/roles/r", json!({ field: null })).await.json_with(StatusCode::OK);
            let default = match field.as_str() {
                "key_bits" => json!(256),
                // While there is a fixed end, the longest validity is the usual one.
                "ttl" => others()["max_ttl"].clone(),
                _ => defaults()[field].clone(),
            };
            assert_eq!(patched[field], default, "{field}: {patched}");
        }
        let back = app.get("/v1/pki/roles/r").await.json_with(StatusCode::OK);
        assert_eq!(back, role("r", &defaults(), &back));
        assert_eq!(app.patch("/v1/pki/roles/r", json!({})).await.json_with(StatusCode::OK)["name"], "r");
    }

    async fn another_ca_may_take_over_a_role(app: TestApp) {
        let (first, second) = (app.root_ca("one").await, app.root_ca("two").await);
        let created = app.role("web", text(&first["id"])).await;
        let patched = app.patch("/v1/pki/roles/web", json!({ "ca_id": second["id"] })).await.json_with(StatusCode::OK);
        assert_eq!(patched, changed(created, &json!({ "ca_id": second["id"], "updated_at": patched["updated_at"] })));
        let judge = Judge::new();
        judge.write("leaf.pem", text(&app.issue("web", "a.example.internal").await["certificate"]));
        assert!(judge.run("x509 -in leaf.pem -noout -issuer").contains("two CA"));
        for (ca_id, status, code) in [("ca_x", 404, "ca_not_found"), (text(&app.tenant.id.to_string().into()), 404, "ca_not_found")] {
            app.patch("/v1/pki/roles/web", json!({ "ca_id": ca_id })).await.error(status, code);
        }
        assert_eq!(app.get("/v1/pki/roles/web").await.json()["ca_id"], second["id"]);
    }

    async fn a_change_counts_for_the_next_request(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", text(&ca["id"])).await;
        app.issue("web", "a.example.internal").await;
        app.patch("/v1/pki/roles/web", json!({ "allowed_domains": ["other.internal"] })).await.json_with(StatusCode::OK);
        let body = json!({ "common_name": "a.example.internal" });
        app.post("/v1/pki/issue/web", body).await.error(422, "role_violation");
        app.issue("web", "a.other.internal").await;
    }

    async fn what_no_role_can_be_is_refused_by_field(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("taken", text(&ca["id"])).await;
        let before = app.get("/v1/pki/roles/taken").await.json();
        for (field, value) in [
            ("name", json!("")), ("name", json!("with space")), ("name", json!("a/b")), ("name", json!("n".repeat(129))),
            ("name", json!("grün")), ("name", json!("a\0")), ("name", Value::Null), ("ca_id", Value::Null),
            ("allowed_domains", json!(["exa mple"])), ("allowed_domains", json!(["a\0b"])),
            ("allowed_ip_sans_cidr", json!(["10.0.0.0/33"])), ("allowed_ip_sans_cidr", json!(["ten"])),
            ("key_type", json!("dsa")), ("key_bits", json!(1024)), ("key_bits", json!(256)),
            ("key_usage", json!(["Flying"])), ("key_usage", json!(["CertSign"])), ("ext_key_usage", json!(["Flying"])),
            ("ext_key_usage", json!(["TimeStamping"])), ("allowed_uri_sans", json!(["spiffe://example.com/ns/../*"])),
            ("allowed_other_sans", json!(["ann@corp.example"])), ("allowed_other_sans", json!(["1.3.6.1.5.5.7.8.7;UTF8:*"])),
            ("policy_identifiers", json!(["policy"])), ("policy_identifiers", json!(["1.2.3", "1.2.3"])),
            ("policy_identifiers", json!(vec!["1.2.3"; 33])), ("must_staple", json!(true)), ("must_staple", json!("yes")),
            ("not_after", json!("2020-01-01T00:00:00Z")), ("not_after", json!("soon")),
            ("country", json!(["DEU"])), ("organization", json!(["o".repeat(65)])), ("max_ttl", json!("0s")),
            ("allow_subdomains", json!("yes")), ("colour", json!("red")),
        ] {
            let base = json!({ "name": "new", "ca_id": ca["id"] });
            let answer = app.post("/v1/pki/roles", changed(base, &json!({ field: value }))).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {value}: {}", answer.text());
            let error = answer.error(422, "validation_error");
            assert_eq!(error["details"]["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{value}: {error}");
            if !["name", "ca_id"].contains(&field) {
                let value = if field == "key_bits" { json!(1000) } else { value };
                let error = app.patch("/v1/pki/roles/taken", json!({ field: value })).await.error(422, "validation_error");
                assert!(error["details"]["fields"][field].is_string(), "{value}: {error}");
            }
        }
        // What the role could never issue.
        for (key_type, usage) in [("ec", json!(["DigitalSignature", "EncipherOnly"])), ("any", json!(["KeyAgreement", "EncipherOnly", "DecipherOnly"]))] {
            let body = json!({ "name": "new", "ca_id": ca["id"], "key_type": key_type, "key_usage": usage });
            let error = app.post("/v1/pki/roles", body).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["key_usage"].is_string(), "{error}");
        }
        for field in ["ttl", "max_ttl", "not_before_duration"] {
            for wrong in [json!("soon"), json!("-1h"), json!("1.5h"), json!("1h "), json!(""), json!(-1), json!("10")] {
                let body = json!({ "name": "new", "ca_id": ca["id"], field: wrong });
                if wrong != "10" {
                    app.post("/v1/pki/roles", body).await.error(400, "invalid_duration");
                }
            }
        }
        let body = json!({ "name": "new", "ca_id": ca["id"], "ttl": "2h", "max_ttl": "1h" });
        let error = app.post("/v1/pki/roles", body).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["ttl"].is_string(), "{error}");
        let error = app.post("/v1/pki/roles", json!({ "name": "taken", "ca_id": ca["id"] })).await.error(409, "already_exists");
        assert!(text(&error["message"]).contains("taken"), "{error}");
        assert_eq!(names(&app.get("/v1/pki/roles").await.json()), ["taken"]);
        assert_eq!(app.get("/v1/pki/roles/taken").await.json(), before);
    }

    async fn a_role_needs_an_active_ca_of_the_tenant(app: TestApp) {
        let (revoked, ended, alive) = (app.root_ca("revoked").await, short_root(&app, "ended").await, app.root_ca("alive").await);
        for (name, ca) in [("old", &revoked), ("late", &ended), ("web", &alive)] {
            app.role(name, text(&ca["id"])).await;
        }
        let path = format!("/v1/pki/ca/{}/revoke", text(&revoked["id"]));
        app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        app.advance(PAST_ITS_END).await;
        for (role, ca, state) in [("old", &revoked, "revoked"), ("late", &ended, "expired")] {
            let new = app.post("/v1/pki/roles", json!({ "name": "new", "ca_id": ca["id"] })).await;
            let moved = app.patch("/v1/pki/roles/web", json!({ "ca_id": ca["id"] })).await;
            let issued = app.post(&format!("/v1/pki/issue/{role}"), json!({ "common_name": "a.example.internal" })).await;
            for answer in [new, moved, issued] {
                let error = answer.error(409, "invalid_state");
                assert_eq!((&error["details"]["state"], &error["details"]["possible_from"]), (&json!(state), &json!(["active"])));
            }
            assert_eq!(app.get(&format!("/v1/pki/roles/{role}")).await.json()["ca_id"], ca["id"], "it can still be read");
            app.patch(&format!("/v1/pki/roles/{role}"), json!({ "ca_id": alive["id"] })).await.json_with(StatusCode::OK);
            app.issue(role, "a.example.internal").await;
        }
        let (_, stranger) = app.another_tenant("second").await;
        let body = json!({ "name": "theirs", "ca_id": alive["id"] }).to_string().into_bytes();
        let answer = app
            .send(poem::http::Method::POST, "/v1/pki/roles", Some(&stranger), &[], Some(("application/json", body)))
            .await;
        answer.error(404, "ca_not_found");
        app.post("/v1/pki/roles", json!({ "name": "new", "ca_id": "ca_x" })).await.error(404, "ca_not_found");
    }

    async fn a_deleted_role_leaves_its_certificates(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", text(&ca["id"])).await;
        let issued = app.issue("web", "a.example.internal").await;
        let deleted = app.delete("/v1/pki/roles/web").await;
        assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
        app.get("/v1/pki/roles/web").await.error(404, "role_not_found");
        app.delete("/v1/pki/roles/web").await.error(404, "role_not_found");
        app.patch("/v1/pki/roles/web", json!({})).await.error(404, "role_not_found");
        app.post("/v1/pki/issue/web", json!({ "common_name": "a.example.internal" })).await.error(404, "role_not_found");
        let path = format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]));
        let kept = app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!((&kept["role"], &kept["status"]), (&json!("web"), &json!("active")));
        app.role("web", text(&ca["id"])).await;
        app.issue("web", "b.example.internal").await;
    }

    async fn roles_are_listed_in_pages_newest_first(app: TestApp) {
        let ca = app.root_ca("root").await;
        for name in ["a", "b", "c", "d"] {
            app.role(name, text(&ca["id"])).await;
        }
        let answer = app.get("/v1/pki/roles?limit=3").await;
        let first = with_fields(&answer, StatusCode::OK, &["roles", "cursor", "has_more"]);
        assert_eq!((names(&first), &first["has_more"]), (vec!["d", "c", "b"], &json!(true)));
        assert_eq!(first["roles"][0], app.get("/v1/pki/roles/d").await.json());
        app.role("e", text(&ca["id"])).await;
        let rest = app.get(&format!("/v1/pki/roles?limit=3&cursor={}", text(&first["cursor"]))).await.json_with(StatusCode::OK);
        assert_eq!((names(&rest), &rest["has_more"], &rest["cursor"]), (vec!["a"], &json!(false), &Value::Null));
        app.get("/v1/pki/roles?cursor=nonsense").await.error(400, "invalid_cursor");
        for limit in ["0", "1001", "-1"] {
            let error = app.get(&format!("/v1/pki/roles?limit={limit}")).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["limit"].is_string(), "{limit}: {error}");
        }
    }
}
