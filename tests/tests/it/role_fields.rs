//! Settings of roles that put something of their own into certificates: other names, policies, must-staple, a fixed end.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::P256;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use crate::ca::{changed, text};
use crate::jobs::sql::Sql;

const ANN: &str = "1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example";

async fn role(app: &TestApp, settings: Value) -> Value {
    let ca = app.root_ca("root").await;
    let base = json!({ "name": "web", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
    app.post("/v1/pki/roles", changed(base, &settings)).await.json_with(StatusCode::CREATED);
    ca
}

fn ask(more: &Value) -> Value {
    changed(json!({ "common_name": "a.example.internal" }), more)
}

/// The certificate as openssl reads it.
fn described(judge: &Judge, issued: &Value) -> String {
    judge.write("leaf.pem", text(&issued["certificate"]));
    judge.run("x509 -in leaf.pem -noout -text")
}

async fn detail(app: &TestApp, issued: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"])))
        .await
        .json_with(StatusCode::OK)
}

async fn refusal(app: &TestApp, body: Value) -> Value {
    let refused = app.post("/v1/pki/issue/web", body.clone()).await.error(422, "role_violation");
    // The explanation says the same first.
    let checked = app.post("/v1/pki/roles/web/check", body).await.json_with(StatusCode::OK);
    let rules = checked["rules"].as_array().unwrap();
    let first = rules.iter().find(|rule| rule["verdict"] == "refused");
    assert_eq!(first.map(|rule| &rule["rule"]), Some(&refused["details"]["rule"]), "{checked}");
    assert_eq!((&checked["allowed"], &checked["would_issue"]), (&json!(false), &Value::Null));
    refused["details"]["rule"].clone()
}

both_modes! {
    async fn other_names_are_certified_where_a_role_permits_them(app: TestApp) {
        let judge = Judge::new();
        role(&app, json!({ "allowed_other_sans": ["1.3.6.1.4.1.311.20.2.3;UTF8:*@corp.example"] })).await;
        let body = ask(&json!({ "other_sans": [ANN] }));
        let checked = app.post("/v1/pki/roles/web/check", body.clone()).await.json_with(StatusCode::OK);
        assert_eq!(checked["would_issue"]["sans"]["other"], json!([ANN]), "{checked}");
        let issued = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        let shown = described(&judge, &issued);
        assert!(shown.contains("othername: UPN") && shown.contains("ann@corp.example"), "{shown}");
        assert_eq!(detail(&app, &issued).await["sans"]["other"], json!([ANN]));
        let found = app.get(&format!("/v1/pki/certificates?san={}", ANN.replace(';', "%3B").replace('@', "%40"))).await;
        assert_eq!(found.json()["certificates"].as_array().unwrap().len(), 1, "{}", found.text());
        for (name, rule) in [
            ("1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example.org", "allowed_other_sans"),
            ("1.2.3;UTF8:ann@corp.example", "allowed_other_sans"),
        ] {
            assert_eq!(refusal(&app, ask(&json!({ "other_sans": [name] }))).await, rule);
        }
        let wrong = app.post("/v1/pki/issue/web", ask(&json!({ "other_sans": ["ann@corp.example"] }))).await;
        assert!(wrong.error(422, "validation_error")["details"]["fields"]["other_sans"].is_string());
        let path = format!("/v1/pki/certificates/{}/renew", text(&issued["certificate_id"]));
        let renewed = app.post(&path, json!({})).await.json_with(StatusCode::CREATED);
        assert!(described(&judge, &renewed).contains("othername: UPN"));
        // A certificate without them says nothing of them.
        assert!(detail(&app, &app.issue("web", "b.example.internal").await).await["sans"].get("other").is_none());
    }

    async fn other_names_of_a_csr_count_where_the_role_is_about_them(app: TestApp) {
        let judge = Judge::new();
        let names = format!("-addext subjectAltName=DNS:a.example.internal,otherName:{ANN}");
        judge.run(&format!("req -new {P256} -nodes -subj /CN=a.example.internal {names} -keyout l.key -out l.csr"));
        let ca = role(&app, json!({})).await;
        let sign = async |more: Value| app.post("/v1/pki/sign/web", changed(json!({ "csr_pem": judge.read("l.csr") }), &more)).await;
        let signed = sign(json!({})).await.json_with(StatusCode::CREATED);
        assert!(text(&signed["warnings"][0]).contains("left out"), "{signed}");
        assert!(!described(&judge, &signed).contains("othername"));
        // Asked for in so many words, it is refused.
        let named = sign(json!({ "san": { "dns": ["a.example.internal"], "other": [ANN] } })).await;
        assert_eq!(named.error(422, "role_violation")["details"]["rule"], "allowed_other_sans");
        app.patch("/v1/pki/roles/web", json!({ "allowed_other_sans": [ANN] })).await.json_with(StatusCode::OK);
        let signed = sign(json!({})).await.json_with(StatusCode::CREATED);
        assert!(signed.get("warnings").is_none() && described(&judge, &signed).contains("othername: UPN"), "{signed}");
        app.patch("/v1/pki/roles/web", json!({ "allowed_other_sans": ["1.2.3;UTF8:*"] })).await.json_with(StatusCode::OK);
        assert_eq!(sign(json!({})).await.error(422, "role_violation")["details"]["rule"], "allowed_other_sans");
        // At the desk a person sees it and decides.
        let csr = app.post("/v1/pki/csr/import", json!({ "csr_pem": judge.read("l.csr") })).await.json_with(StatusCode::CREATED);
        assert_eq!(csr["sans"]["other"], json!([ANN]), "{csr}");
        let path = format!("/v1/pki/csr/{}", text(&csr["id"]));
        app.post(&format!("{path}/approve"), json!({})).await.json_with(StatusCode::OK);
        let by_role = app.post(&format!("{path}/sign"), json!({ "ca_id": ca["id"], "role": "web" })).await;
        assert_eq!(by_role.error(422, "role_violation")["details"]["rule"], "allowed_other_sans");
        let signed = app.post(&format!("{path}/sign"), json!({ "ca_id": ca["id"] })).await.json_with(StatusCode::CREATED);
        assert!(described(&judge, &signed).contains("othername: UPN"));
    }

    async fn policies_and_must_staple_stand_in_certificates(app: TestApp) {
        let judge = Judge::new();
        let ca = app.root_ca("root").await;
        let path = format!("/v1/pki/ca/{}", text(&ca["id"]));
        let settings = json!({
            "name": "web", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true, "must_staple": true,
            "policy_identifiers": ["1.3.6.1.4.1.99999.1", "2.23.140.1.2.1"],
        });
        let error = app.post("/v1/pki/roles", settings.clone()).await.error(422, "validation_error");
        let said = text(&error["details"]["fields"]["must_staple"]);
        assert!(said.contains("ocsp") && !said.contains("refused to sign"), "{error}");
        app.patch(&path, json!({ "ocsp": true })).await.json_with(StatusCode::OK);
        app.post("/v1/pki/roles", settings).await.json_with(StatusCode::CREATED);
        let checked = app.post("/v1/pki/roles/web/check", ask(&json!({}))).await.json_with(StatusCode::OK);
        let would = &checked["would_issue"];
        assert_eq!((&would["must_staple"], &would["policy_identifiers"][1]), (&json!(true), &json!("2.23.140.1.2.1")));
        let issued = app.issue("web", "a.example.internal").await;
        let shown = described(&judge, &issued);
        for part in ["Policy: 1.3.6.1.4.1.99999.1", "Policy: 2.23.140.1.2.1", "TLS Feature", "status_request"] {
            assert!(shown.contains(part), "no {part} in {shown}");
        }
        // Without a responder in its certificates there is nothing to staple.
        let wished = json!({ "name": "plain", "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
        app.post("/v1/pki/roles", wished).await.json_with(StatusCode::CREATED);
        let error = app.patch(&path, json!({ "ocsp": false })).await.error(409, "in_use");
        assert_eq!(error["details"]["used_by"], "web", "{error}");
        assert!(text(&error["message"]).contains("must_staple"), "{error}");
        assert_eq!(app.get(&path).await.json()["ocsp"], true);
        // A version that does not look at the roles may have switched it off.
        Sql::open(app.database_url()).await.run("UPDATE certificate_authorities SET ocsp = FALSE").await;
        app.patch(&path, json!({ "crl_validity": "8d" })).await.json_with(StatusCode::OK);
        let refused = app.post("/v1/pki/issue/web", ask(&json!({}))).await.error(422, "role_violation");
        assert_eq!((&refused["details"]["field"], &refused["details"]["value"]), (&json!("must_staple"), &json!("true")));
        assert!(text(&refused["message"]).starts_with("must_staple `true` is refused"), "{refused}");
        assert!(!refused.to_string().contains("refused to sign"), "{refused}");
        assert_eq!(refusal(&app, ask(&json!({}))).await, "must_staple");
        // Another CA is looked at too; what has nothing to do with it can be changed.
        let other = app.root_ca("other").await;
        let error = app.patch("/v1/pki/roles/web", json!({ "ca_id": other["id"] })).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["must_staple"].is_string(), "{error}");
        app.patch("/v1/pki/roles/web", json!({ "max_ttl": "30d" })).await.json_with(StatusCode::OK);
        app.patch("/v1/pki/roles/web", json!({ "must_staple": false })).await.json_with(StatusCode::OK);
        assert!(!described(&judge, &app.issue("web", "a.example.internal").await).contains("TLS Feature"));
        // Without such a role there is no need of a responder.
        for ocsp in [true, false] {
            app.patch(&path, json!({ "ocsp": ocsp })).await.json_with(StatusCode::OK);
        }
    }

    async fn certificates_of_a_role_can_have_one_end(app: TestApp) {
        let end = app.app.now().plus(Duration::from_hours(24 * 100)).whole_seconds().to_string();
        role(&app, json!({ "not_after": end })).await;
        let issued = app.issue("web", "a.example.internal").await;
        assert_eq!(issued["not_after"], json!(end));
        let body = ask(&json!({ "ttl": "99d" }));
        let shorter = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        assert!(text(&shorter["not_after"]) < end.as_str(), "{shorter}");
        assert_eq!(refusal(&app, ask(&json!({ "ttl": "101d" }))).await, "not_after");
        app.advance(Duration::from_hours(24 * 50)).await;
        let path = format!("/v1/pki/certificates/{}/renew", text(&issued["certificate_id"]));
        let renewed = app.post(&path, json!({})).await.json_with(StatusCode::CREATED);
        assert_eq!(renewed["not_after"], json!(end));
        app.advance(Duration::from_hours(24 * 50 + 1)).await;
        assert_eq!(refusal(&app, ask(&json!({}))).await, "not_after");
        // What is over already can be kept and changed, but not asked for anew.
        app.patch("/v1/pki/roles/web", json!({ "ttl": "1d" })).await.json_with(StatusCode::OK);
        let past = json!({ "not_after": "2020-01-01T00:00:00Z" });
        let error = app.patch("/v1/pki/roles/web", past).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["not_after"].is_string(), "{error}");
        app.patch("/v1/pki/roles/web", json!({ "not_after": null })).await.json_with(StatusCode::OK);
        app.issue("web", "a.example.internal").await;
    }

    async fn an_end_after_that_of_the_ca_is_told_at_once(app: TestApp) {
        let root = app.root_ca("root").await;
        let ends = text(&root["valid_until"]).to_owned();
        let later = "2090-01-01T00:00:00Z";
        let new = |more: Value| {
            let plain = json!({ "name": "web", "ca_id": root["id"], "key_type": "ec", "allow_any_name": true, "not_after": later });
            changed(plain, &more)
        };
        let said = |error: Value| text(&error["details"]["fields"]["not_after"]).to_owned();
        let problem = said(app.post("/v1/pki/roles", new(json!({}))).await.error(422, "validation_error"));
        assert!(problem.contains(&ends) && problem.contains("the CA `root` ends"), "{problem}");
        // Where a ttl ends certificates before, it is but a bound.
        app.post("/v1/pki/roles", new(json!({ "ttl": "30d" }))).await.json_with(StatusCode::CREATED);
        app.issue("web", "a.example.internal").await;
        let error = app.patch("/v1/pki/roles/web", json!({ "ttl": null })).await.error(422, "validation_error");
        assert_eq!(said(error), problem);
        app.patch("/v1/pki/roles/web", json!({ "ttl": null, "not_after": ends })).await.json_with(StatusCode::OK);
        assert_eq!(app.issue("web", "a.example.internal").await["not_after"], json!(ends));
        // Another CA may end before.
        let body = json!({
            "name": "short", "common_name": "short CA", "ca_type": "root", "key_type": "ec", "validity_days": 30
        });
        let short = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let error = app.patch("/v1/pki/roles/web", json!({ "ca_id": short["id"] })).await.error(422, "validation_error");
        assert!(said(error).contains("the CA `short` ends"));
        // A version that does not look at the CA may have stored it: then the refusal names both.
        let long = format!("UPDATE roles SET settings = REPLACE(CAST(settings AS TEXT), '{ends}', '{later}')");
        Sql::open(app.database_url()).await.run(&long).await;
        app.patch("/v1/pki/roles/web", json!({ "require_cn": false })).await.json_with(StatusCode::OK);
        let refused = app.post("/v1/pki/issue/web", ask(&json!({}))).await.error(422, "role_violation");
        assert_eq!(refused["details"]["rule"], "ca_validity");
        let allowed = text(&refused["details"]["allowed"]);
        assert!(allowed.contains(&ends) && allowed.contains("not_after of 2090-01-01T00:00:00Z"), "{refused}");
    }

    async fn identifiers_have_arcs_of_any_size(app: TestApp) {
        let judge = Judge::new();
        let uuid = "2.25.329800735698586629295641978511506172918";
        let settings = json!({
            "policy_identifiers": ["2.999", uuid], "ext_key_usage": ["2.999.1", uuid],
            "allowed_other_sans": [format!("{uuid};UTF8:*")],
        });
        role(&app, settings).await;
        let name = format!("{uuid};UTF8:ann");
        let issued =
            app.post("/v1/pki/issue/web", ask(&json!({ "other_sans": [name] }))).await.json_with(StatusCode::CREATED);
        let shown = described(&judge, &issued);
        for part in ["Policy: 2.999", &format!("Policy: {uuid}"), &format!("2.999.1, {uuid}")] {
            assert!(shown.contains(part), "no {part} in {shown}");
        }
        assert_eq!(detail(&app, &issued).await["sans"]["other"], json!([name]));
        let renewed = app.post(&format!("/v1/pki/certificates/{}/renew", text(&issued["certificate_id"])), json!({})).await;
        assert!(described(&judge, &renewed.json_with(StatusCode::CREATED)).contains(uuid));
        // The path validator reads them as well.
        let body = json!({
            "certificate_pem": issued["certificate"], "purpose": "2.999.1", "policies": [uuid], "require_explicit_policy": true,
        });
        let verdict = app.post("/v1/pki/certificates/validate", body).await.json_with(StatusCode::OK);
        assert_eq!((&verdict["valid"], &verdict["policies"]), (&json!(true), &json!([uuid])), "{verdict}");
    }

    async fn patterns_of_mailboxes_can_match_some(app: TestApp) {
        role(&app, json!({ "allowed_other_sans": ["1.3.6.1.5.5.7.8.9;UTF8:*@example.com"] })).await;
        let never = "1.3.6.1.5.5.7.8.9;UTF8:ann@*";
        let settings = json!({ "allowed_other_sans": [never] });
        let error = app.patch("/v1/pki/roles/web", settings).await.error(422, "validation_error");
        assert!(text(&error["details"]["fields"]["allowed_other_sans"]).contains("no mailbox matches it"), "{error}");
        // A role that has it from before is read, and permits nothing by it.
        let old = "UPDATE roles SET settings = REPLACE(CAST(settings AS TEXT), '*@example.com', 'ann@*')";
        Sql::open(app.database_url()).await.run(old).await;
        assert_eq!(app.get("/v1/pki/roles/web").await.json()["allowed_other_sans"], json!([never]));
        let name = "1.3.6.1.5.5.7.8.9;UTF8:\u{e4}nn@example.com";
        let refused = app.post("/v1/pki/issue/web", ask(&json!({ "other_sans": [name] }))).await.error(422, "role_violation");
        assert_eq!(refused["details"]["rule"], "allowed_other_sans");
    }

    async fn what_is_written_otherwise_in_certificates_is_refused(app: TestApp) {
        role(&app, json!({ "allowed_other_sans": ["*"] })).await;
        let patch = async |settings: Value| app.patch("/v1/pki/roles/web", settings).await.error(422, "validation_error");
        for (field, text) in [
            ("policy_identifiers", "1.2.03"),
            ("ext_key_usage", "1.2.03"),
            ("allowed_other_sans", "1.2.03;UTF8:*"),
            ("allowed_other_sans", "1.3.6.1.4.1.311.20.2.3;UTF8:\u{202e}*"),
        ] {
            let error = patch(json!({ field: [text] })).await;
            assert!(error["details"]["fields"][field].is_string(), "{text}: {error}");
        }
        for name in ["1.2.03;UTF8:ann", "1.3.6.1.4.1.311.20.2.3;UTF8:\u{202e}nna@corp.example"] {
            let error = app.post("/v1/pki/issue/web", ask(&json!({ "other_sans": [name] }))).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["other_sans"].is_string(), "{error}");
        }
    }

    /// What is issued can be imported elsewhere, and passes TLS.
    async fn a_certificate_has_a_bound(app: TestApp) {
        role(&app, json!({ "allowed_other_sans": ["*"] })).await;
        let names = |count: usize| (0..count).map(|n| format!("1.2.3;UTF8:{n:0>1013}")).collect::<Vec<_>>();
        let issue = async |count: usize| app.post("/v1/pki/issue/web", ask(&json!({ "other_sans": names(count) }))).await;
        let error = issue(33).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["other_sans"].as_str().unwrap().contains("32768 octets"), "{error}");
        issue(32).await.json_with(StatusCode::CREATED);
    }
}
