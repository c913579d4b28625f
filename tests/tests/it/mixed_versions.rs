//! Rows that a newer version has written: their words are shown as they are, decide nothing, and are not overwritten.

mod orders;

use std::collections::BTreeSet;

use certmill_domain::{AuditRecord, Scope};
use certmill_service::audit::{Verdict, verify};
use certmill_storage::{VOCABULARIES, events};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

use crate::access::world::World;
use crate::jobs::sql::Sql;
use crate::revoke::entries;

/// A word that no version has yet.
const WORD: &str = "word_of_the_future";

/// Lets Postgres take any word, as the migration of a newer version would. Table by table, since the service reads several
/// at once and would wait for one while it holds another.
const WITHOUT_CHECKS: &str = "DO $$ DECLARE found RECORD; BEGIN \
     FOR found IN SELECT conrelid::regclass AS of_table, conname FROM pg_constraint \
         WHERE contype = 'c' AND connamespace = current_schema()::regnamespace \
     LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.of_table, found.conname); COMMIT; END LOOP; END $$";

/// The database beside the service's own connections, as a newer version has it.
pub(crate) async fn newer(app: &TestApp) -> Sql {
    let sql = Sql::open(app.database_url()).await;
    sql.run_either("PRAGMA ignore_check_constraints = ON", WITHOUT_CHECKS).await;
    sql
}

/// What a newer version writes into a column, and what is to be shown.
fn written(table: &str, column: &str) -> (String, &'static str) {
    match (table, column) {
        (_, "revocation_reason") => ("42, revoked_at = created_at".to_owned(), "42"),
        ("roles", "settings") => {
            (format!(r#"replace(settings, '"key_type":"ec"', '"key_type":"{WORD}"')"#), WORD)
        }
        ("tokens", "scopes") => (format!("'{WORD} pki:admin'"), WORD),
        _ => (format!("'{WORD}'"), WORD),
    }
}

/// Where a column is shown: the path of the list, the single object in it, and the field of either.
fn shown_at(world: &World, (table, column): (&str, &str)) -> (String, Option<String>, &'static str) {
    if table == "certificate_endpoints" {
        return (format!("/v1/pki/certificates/{}", world.certificate), None, "/state");
    }
    if table == "discovery_targets" {
        return (format!("/v1/pki/discover/{}", world.discovery), None, "/state");
    }
    if table == "webhook_deliveries" {
        return (format!("/v1/webhooks/{}/deliveries", world.webhook), None, "/state");
    }
    let field = match (table, column) {
        ("acme_challenges", "exposure") => "/challenges/0/progress",
        ("acme_challenges", "kind") => "/challenges/0/type",
        ("acme_challenges", "state") => "/challenges/0/status",
        ("certificate_authorities", "kind") => "/ca_type",
        ("certificate_authorities", "revocation_reason") => "/revocation/reason",
        ("certificate_authorities", "renewal_of_desk_certificates") => "/renewal_of_desk_certificates",
        ("certificate_authorities", "ocsp_signer") => "/ocsp_signer",
        ("dns_providers", "kind") => "/type",
        ("tokens", "scopes") => "/scopes/0",
        (_, "format") => "/format",
        (_, "action") => "/action",
        (_, "cause") => "/cause",
        (_, "challenge_type") => "/challenge_type",
        (_, "environment") => "/environment",
        (_, "identity") => "/identity",
        (_, "key_type") | ("roles", "settings") => "/key_type",
        (_, "provider") => "/provider",
        (_, "revocation_reason") => "/revocation_reason",
        (_, "secret_type") => "/secret_type",
        (_, "source") => "/source",
        (_, "state") => "/state",
        (_, "status") => "/status",
        _ => panic!("say in which field {table}.{column} is shown"),
    };
    let (list, object) = match table {
        "acme_accounts" => ("/v1/pki/acme/accounts", Some(&world.account)),
        "acme_orders" | "acme_challenges" => ("/v1/pki/acme/orders", Some(&world.order)),
        "audit_logs" => ("/v1/audit/logs", None),
        "certificate_authorities" => ("/v1/pki/ca", Some(&world.ca)),
        "certificates" => ("/v1/pki/certificates", Some(&world.certificate)),
        "csrs" => ("/v1/pki/csr", Some(&world.csr)),
        "dns_providers" => ("/v1/pki/dns-providers", Some(&world.provider)),
        "roles" => ("/v1/pki/roles", Some(&world.role)),
        "secrets" => ("/v1/secrets", Some(&world.secret)),
        "tokens" => ("/v1/tokens", Some(&world.token)),
        "webhooks" => ("/v1/webhooks", Some(&world.webhook)),
        _ => panic!("say where rows of {table} are shown"),
    };
    (
        if table == "certificates" { format!("{list}?include_revoked=true") } else { list.to_owned() },
        object.map(|id| format!("{list}/{id}")),
        field,
    )
}

/// The objects of a list's answer.
fn items(list: &Value) -> &Vec<Value> {
    list.as_object().unwrap().values().find_map(Value::as_array).unwrap()
}

/// Checks that a call was refused because of a word, which is told.
fn refused(answer: &Answer, word: &str) {
    let error = answer.error(409, "invalid_state");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("written by a newer version of certmill"), "{message}");
    assert!(error["details"]["state"].as_str().unwrap().contains(word), "{error}");
}

async fn is_intact(app: &TestApp) -> bool {
    matches!(verify(&app.app, app.tenant.id, None).await.unwrap(), Verdict::Intact(_))
}

/// Appends a row to the audit log as a newer version would: with words of its own, and the right hash.
async fn append(app: &TestApp, sql: &Sql, (identity, action): (&'static str, &'static str)) {
    let mut session = app.app.database().read(app.tenant.id).await.unwrap();
    let head = certmill_storage::audit::head(&mut session).await.unwrap();
    drop(session);
    let record = AuditRecord {
        sequence: head.sequence + 1,
        previous_hash: head.hash,
        id: "log_01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
        at: app.app.now(),
        identity: identity.to_owned(),
        action: action.into(),
        object: None,
        refusal: None,
        source_address: None,
        request_id: None,
        before_sha256: None,
        after_sha256: None,
    };
    let statements = |prefix: &str, suffix: &str| {
        let octets = |hash: &[u8]| format!("{prefix}{}{suffix}", certmill_x509::hex(hash));
        let (tenant, at) = (app.tenant.id, record.at.unix_micros());
        let (previous, own) = (octets(&record.previous_hash), octets(&record.hash()));
        format!(
            "INSERT INTO audit_logs (tenant_id, sequence, id, at, identity, action, previous_hash) VALUES \
             ('{tenant}', {}, '{}', {at}, '{identity}', '{action}', {previous}); \
             UPDATE audit_heads SET sequence = {}, hash = {own} WHERE tenant_id = '{tenant}'",
            record.sequence, record.id, record.sequence
        )
    };
    sql.run_either(&statements("X'", "'"), &statements(r"'\x", "'")).await;
}

both_modes! {
    async fn every_vocabulary_is_shown_as_it_is(app: TestApp) {
        let world = World::new(&app).await;
        let sql = newer(&app).await;
        append(&app, &sql, (WORD, WORD)).await;
        sql.run(&format!(
            "INSERT INTO certificate_endpoints (tenant_id, certificate_id, endpoint, state, findings, failures, next_check_at) \
             VALUES ('{}', '{}', 'gopher:a.example:70', 'unchecked', '[]', 0, 4000000000000000)",
            app.tenant.id, world.certificate
        ))
        .await;
        for &(table, column) in VOCABULARIES {
            if (table, column) == ("events", "kind") {
                continue;
            }
            let (value, shown) = written(table, column);
            if table != "audit_logs" {
                sql.run(&format!("UPDATE {table} SET {column} = {value}")).await;
            }
            let (list, object, field) = shown_at(&world, (table, column));
            let listed = app.get(&list).await.json_with(StatusCode::OK);
            let words: BTreeSet<&str> =
                items(&listed).iter().filter_map(|item| item.pointer(field)?.as_str()).collect();
            assert!(words.contains(shown), "{table}.{column} in {list}: {words:?}");
            if let Some(object) = object {
                let single = app.get(&object).await.json_with(StatusCode::OK);
                assert_eq!(single.pointer(field), Some(&json!(shown)), "{table}.{column} at {object}");
            }
        }
        assert!(is_intact(&app).await, "the audit log is judged by its hashes");
        // What follows is in the same chain.
        app.put("/v1/secrets/later", json!({ "data": {} })).await.json_with(StatusCode::CREATED);
        assert!(is_intact(&app).await);
        sql.run(&format!("UPDATE audit_logs SET action = 'another' WHERE action = '{WORD}'")).await;
        assert!(!is_intact(&app).await, "and so is a changed one");
    }

    async fn events_of_an_unknown_kind_are_read(app: TestApp) {
        let world = World::new(&app).await;
        app.post(&format!("/v1/pki/ca/{}/crl", world.ca), json!({})).await;
        app.eventually(&format!("/v1/events?object={}", world.ca), |told| {
            told["events"].as_array().unwrap().iter().any(|event| event["event_type"] == "crl.published")
        })
        .await;
        newer(&app).await.run(&format!("UPDATE events SET kind = '{WORD}'")).await;
        let mut session = app.app.database().read(app.tenant.id).await.unwrap();
        let found = events::of_subject(&mut session, &world.ca).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|event| event.kind.as_str() == WORD));
        drop(session);
        let told = app.get(&format!("/v1/events?object={}", world.ca)).await.json_with(StatusCode::OK);
        assert!(told["events"].as_array().unwrap().iter().any(|event| event["event_type"] == WORD), "{told}");
    }

    async fn nothing_is_issued_under_a_role_that_is_not_understood(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        app.issue("web", "a.example.internal").await;
        let sql = newer(&app).await;
        let wish = json!({ "common_name": "b.example.internal" });
        for (old, new, answer) in [
            (r#""key_type":"ec""#, r#""key_type":"word_of_the_future""#, 409),
            (r#""key_type":"ec""#, r#""key_type":"ec","word_of_the_future":3"#, 409),
            // Whoever changes a role may put this right, so the field is named.
            (r#""ext_key_usage":[]"#, r#""ext_key_usage":["word_of_the_future"]"#, 422),
        ] {
            let change = |old: &str, new: &str| {
                format!("UPDATE roles SET version = version + 1, settings = replace(settings, '{old}', '{new}')")
            };
            let before = sql.texts("SELECT settings FROM roles").await;
            sql.run(&change(old, new)).await;
            refused(&app.post("/v1/pki/issue/web", wish.clone()).await, WORD);
            refused(&app.post("/v1/pki/roles/web/check", wish.clone()).await, WORD);
            let patched = app.patch("/v1/pki/roles/web", json!({ "max_ttl": "30d" })).await;
            assert_eq!(patched.status.as_u16(), answer, "{}", patched.text());
            app.get("/v1/pki/roles/web").await.json_with(StatusCode::OK);
            assert_eq!(sql.texts("SELECT settings FROM roles").await, [before[0].replace(old, new)]);
            sql.run(&change(new, old)).await;
            app.issue("web", "c.example.internal").await;
        }
    }

    async fn a_scope_that_is_not_known_permits_nothing(app: TestApp) {
        let token = app.token(Scope::Read).await;
        let sql = newer(&app).await;
        let calls = async || {
            let read = app.send(Method::GET, "/v1/pki/roles", Some(&token), &[], None).await.status;
            (read, app.post_as(&token, "/v1/pki/ca", json!({})).await.status)
        };
        // A process trusts what it knows of a token for a second, so its first call comes after the change.
        sql.run(&format!("UPDATE tokens SET scopes = '{WORD}' WHERE name = 'pki:read'")).await;
        assert_eq!(calls().await, (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
        let other = app.token(Scope::Read).await;
        sql.run(&format!("UPDATE tokens SET scopes = 'pki:read {WORD}' WHERE scopes = 'pki:read'")).await;
        let read = app.send(Method::GET, "/v1/pki/roles", Some(&other), &[], None).await;
        read.json_with(StatusCode::OK);
        app.post_as(&other, "/v1/pki/ca", json!({})).await.error(403, "insufficient_scope");
    }

    async fn a_certificate_revoked_for_an_unknown_reason_is_on_the_crl(app: TestApp) {
        let world = World::new(&app).await;
        let sql = newer(&app).await;
        let row = format!("WHERE id = '{}'", world.certificate);
        sql.run(&format!("UPDATE certificates SET revoked_at = 1000000, revocation_reason = 42, status = 'revoked' {row}"))
            .await;
        let ca = format!("/v1/pki/ca/{}", world.ca);
        app.post(&format!("{ca}/crl"), json!({})).await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        let listed = entries(&app, &ca).await;
        assert_eq!(listed.into_iter().collect::<Vec<_>>(), [(world.serial.replace(':', ""), String::new())]);
        // Whether another reason can follow an unknown one, nobody can say; revoking it again answers the first revocation.
        let other = json!({ "serial_number": world.serial, "reason": "superseded" });
        app.post("/v1/pki/revoke", other).await.error(409, "invalid_state");
        let again = json!({ "serial_number": world.serial });
        let again = app.post("/v1/pki/revoke", again).await.json_with(StatusCode::OK);
        assert_eq!(again["reason"], "42");
        assert_eq!(sql.number(&format!("SELECT revocation_reason FROM certificates {row}")).await, 42);
    }

    async fn what_depends_on_an_unknown_word_is_refused(app: TestApp) {
        let world = World::new(&app).await;
        let sql = newer(&app).await;
        let certificate = format!("/v1/pki/certificates/{}", world.certificate);
        let provider = format!("/v1/pki/dns-providers/{}", world.provider);
        let csr = format!("/v1/pki/csr/{}", world.csr);
        let ordered = json!({ "account_id": world.account, "domains": ["b.example.org"] });
        let signed = json!({ "ca_id": world.ca });
        let calls: [(&str, &str, Method, String, Value); 10] = [
            ("acme_accounts", "status", Method::POST, "/v1/pki/acme/issue".to_owned(), ordered),
            ("acme_accounts", "status", Method::DELETE, format!("/v1/pki/acme/accounts/{}", world.account), Value::Null),
            ("acme_orders", "state", Method::POST, format!("/v1/pki/acme/orders/{}/refresh", world.order), json!({})),
            (
                "acme_challenges",
                "state",
                Method::POST,
                format!("/v1/pki/acme/challenges/{}/complete", world.challenge),
                json!({}),
            ),
            ("certificates", "source", Method::POST, format!("{certificate}/renew"), json!({})),
            ("csrs", "status", Method::POST, format!("{csr}/approve"), json!({})),
            ("csrs", "status", Method::POST, format!("{csr}/reject"), json!({ "reason": "no" })),
            ("csrs", "status", Method::POST, format!("{csr}/sign"), signed),
            ("dns_providers", "kind", Method::PATCH, provider.clone(), json!({ "config": { "a": "b" } })),
            ("dns_providers", "kind", Method::POST, format!("{provider}/test"), json!({ "zone": "example.org" })),
        ];
        for (table, column, method, path, body) in calls {
            let before = sql.texts(&format!("SELECT {column} FROM {table}")).await;
            sql.run(&format!("UPDATE {table} SET {column} = '{WORD}'")).await;
            let sent = Some(("application/json", body.to_string().into_bytes())).filter(|_| !body.is_null());
            let answer = app.send(method.clone(), &path, Some(&app.admin), &[], sent).await;
            assert_eq!(answer.status, StatusCode::CONFLICT, "{method} {path}: {}", answer.text());
            refused(&answer, WORD);
            let after = sql.texts(&format!("SELECT {column} FROM {table}")).await;
            assert!(after.iter().all(|word| word == WORD), "{method} {path}: {after:?}");
            sql.run(&format!("UPDATE {table} SET {column} = '{}'", before[0])).await;
        }
        // What does not depend on the word goes on.
        sql.run(&format!("UPDATE dns_providers SET kind = '{WORD}'; UPDATE certificates SET source = '{WORD}'")).await;
        app.patch(&provider, json!({ "name": "renamed" })).await.json_with(StatusCode::OK);
        app.post("/v1/pki/revoke", json!({ "serial_number": world.serial })).await.json_with(StatusCode::OK);
    }

    async fn a_ca_with_an_unknown_kind_of_key_issues_nothing_and_is_shown(app: TestApp) {
        let world = World::new(&app).await;
        // One whose key no process has opened yet.
        let other = app.root_ca("other").await["id"].as_str().unwrap().to_owned();
        app.role("other", &other).await;
        let sql = newer(&app).await;
        sql.run(&format!("UPDATE certificate_authorities SET key_type = '{WORD}' WHERE id = '{other}'")).await;
        sql.run(&format!("UPDATE certificates SET ca_id = '{other}'")).await;
        let wish = json!({ "common_name": "a.example.internal" });
        refused(&app.post("/v1/pki/issue/other", wish).await, WORD);
        let path = format!("/v1/pki/certificates/{}", world.certificate);
        let shown = app.get(&path).await.json_with(StatusCode::OK);
        assert!(shown["chain_pem"].as_str().unwrap().contains("BEGIN CERTIFICATE"), "{shown}");
        app.issue("web", "b.example.internal").await;
    }
}
