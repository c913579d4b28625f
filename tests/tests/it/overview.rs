//! What there is and what needs a person, in numbers: it agrees with what the lists say.

use std::time::Duration;

use certmill_domain::{JobId, Scope};
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Mode, TestApp, both_modes};

use crate::access::acme_rows;
use crate::access::rows::Rows;
use crate::ca::text;

const DAY: Duration = Duration::from_hours(24);

async fn overview(app: &TestApp) -> Value {
    // Where counting takes a while, what was counted before is answered for some time.
    let now = app.app.now().to_string();
    app.eventually("/v1/pki/overview", |found| text(&found["as_of"]) >= now.as_str()).await
}

/// Issues a certificate that ends after `ttl`; answers its id.
async fn issue(app: &TestApp, name: &str, ttl: &str) -> String {
    let body = json!({ "common_name": format!("{name}.example.internal"), "ttl": ttl });
    let issued = app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
    text(&issued["certificate_id"]).to_owned()
}

/// How many certificates a list has, without those that were renewed if so wanted.
async fn listed(app: &TestApp, query: &str, unrenewed: bool) -> usize {
    let page = app.get(&format!("/v1/pki/certificates?limit=1000&{query}")).await.json_with(StatusCode::OK);
    assert_eq!(page["has_more"], false);
    page["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| !unrenewed || row["renewed_by"].is_null())
        .count()
}

/// A tenant with certificates in every state, as it is after two days.
async fn filled(mode: Mode) -> (TestApp, String) {
    let app = TestApp::without_worker(mode).await;
    let (root, other) = (app.root_ca("root").await, app.root_ca("other").await);
    app.role("web", text(&root["id"])).await;
    app.role("rest", text(&other["id"])).await;
    issue(&app, "ended", "1d").await;
    let renewed = issue(&app, "renewed", "6d").await;
    let path = format!("/v1/pki/certificates/{renewed}/renew");
    app.post(&path, json!({ "ttl": "60d" })).await.json_with(StatusCode::CREATED);
    let revoked = issue(&app, "revoked", "5d").await;
    let serial = app.get(&format!("/v1/pki/certificates/{revoked}")).await.json()["serial_number"].clone();
    app.post("/v1/pki/revoke", json!({ "serial_number": serial })).await.json_with(StatusCode::OK);
    for (name, ttl) in [("a", "60h"), ("b", "8d"), ("c", "31d"), ("d", "33d"), ("e", "90d")] {
        issue(&app, name, ttl).await;
    }
    app.issue("rest", "f.example.internal").await;
    app.advance(2 * DAY).await;
    (app, text(&root["id"]).to_owned())
}

both_modes! {
    async fn certificates_are_counted_as_the_lists_have_them(mode: Mode) {
        let (app, root) = filled(mode).await;
        let found = overview(&app).await["certificates"].clone();
        let number = |of: &Value| usize::try_from(of.as_i64().unwrap()).unwrap();
        for status in ["active", "expired", "revoked"] {
            let query = format!("status={status}");
            assert_eq!(number(&found["by_status"][status]), listed(&app, &query, false).await, "{query}: {found}");
            for of in found["by_source"].as_array().unwrap() {
                let query = format!("status={status}&source={}", text(&of["source"]));
                assert_eq!(number(&of[status]), listed(&app, &query, false).await, "{query}: {found}");
            }
            for of in found["by_ca"].as_array().unwrap() {
                let query = format!("status={status}&ca_id={}", text(&of["ca_id"]));
                assert_eq!(number(&of[status]), listed(&app, &query, false).await, "{query}: {found}");
            }
        }
        assert_eq!(found["total"], 10);
        assert_eq!(found["by_status"], json!({ "active": 8, "expired": 1, "revoked": 1 }));
        assert_eq!(found["by_ca"][0], json!({ "ca_id": root, "active": 7, "expired": 1, "revoked": 1 }), "most first");
        for within in ["1d", "7d", "30d"] {
            let query = format!("expiring_within={within}");
            let counted = number(&found["unrenewed"][format!("expiring_{within}")]);
            assert_eq!(counted, listed(&app, &query, true).await, "{query}: {found}");
        }
        let unrenewed = json!({ "expired_30d": 1, "expiring_1d": 1, "expiring_7d": 2, "expiring_30d": 4 });
        assert_eq!(found["unrenewed"], unrenewed, "neither the revoked one nor the renewed one is in question");

        let spans = found["expiring"].as_array().unwrap();
        assert_eq!(spans.len(), 90 + 24 + 1);
        assert!(spans.windows(2).all(|pair| pair[0]["to"] == pair[1]["from"] && pair[0]["to"].is_string()), "{spans:?}");
        assert_eq!(spans[114]["to"], Value::Null);
        let sum = |field: &str| spans.iter().map(|span| number(&span[field])).sum::<usize>();
        assert_eq!((sum("count"), sum("renewed")), (8, 1));
        let ends = app.get("/v1/pki/certificates?status=active").await.json();
        for certificate in ends["certificates"].as_array().unwrap() {
            let end = text(&certificate["not_after"]);
            let within = |span: &&Value| text(&span["from"]) <= end && span["to"].as_str().is_none_or(|to| end < to);
            let at = spans.iter().filter(within).collect::<Vec<_>>();
            assert!(at.len() == 1 && number(&at[0]["count"]) > 0, "{end}: {at:?}");
        }
    }

    async fn what_waits_and_what_has_failed_is_counted_until_it_is_settled(mode: Mode) {
        let app = TestApp::without_worker(mode).await;
        let ca = app.root_ca("root").await;
        let zero = overview(&app).await;
        assert_eq!(zero["csrs"], json!({ "pending": 0, "approved": 0 }));
        assert_eq!(zero["renewals"], json!({ "failing": 0, "overdue": 0 }));
        assert_eq!(zero["orders"], json!({ "open": 0, "failed_30d": 0 }));
        assert_eq!(zero["jobs"], json!({ "dead": 0 }));
        assert_eq!(zero["certificates"]["total"], 0);

        app.role("web", text(&ca["id"])).await;
        let certificate = issue(&app, "www", "9d").await;
        let csr = json!({ "subject": "CN=own.test", "key_type": "ec" });
        let csr = app.post("/v1/pki/csr", csr).await.json_with(StatusCode::CREATED);
        let (account, order, _) = acme_rows::write(&app).await;
        let (job, tenant, now) = (JobId::generate(app.app.now(), app.app.entropy()), app.tenant.id, app.app.now().unix_micros());
        let mut rows = Rows::of(&app).await;
        rows.execute(&format!(
            "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at, finished_at) \
             VALUES ('{job}', '{tenant}', 'rebuild_crl', 'no', 'dead', 0, 1, 5, 1, {now})"
        ))
        .await;
        rows.execute(&format!(
            "INSERT INTO acme_renewals (tenant_id, certificate_id, account_id, order_id, auto_renew, not_before, not_after, \
               base_renew_at, renew_at, emergency_at, next_attempt_at, failures, created_at, updated_at) \
             VALUES ('{tenant}', '{certificate}', '{account}', '{order}', TRUE, 1, 2, 1, 1, 2, {now}, 3, 1, 1)"
        ))
        .await;
        let found = overview(&app).await;
        assert_eq!(found["csrs"], json!({ "pending": 1, "approved": 0 }));
        assert_eq!(found["renewals"], json!({ "failing": 1, "overdue": 1 }));
        assert_eq!(found["orders"], json!({ "open": 0, "failed_30d": 1 }));
        assert_eq!(found["jobs"], json!({ "dead": 1 }));

        let path = format!("/v1/pki/csr/{}/approve", text(&csr["id"]));
        app.post(&path, json!({})).await.json_with(StatusCode::OK);
        rows.execute("UPDATE acme_renewals SET is_over = TRUE").await;
        app.post(&format!("/v1/jobs/{job}/retry"), json!({})).await.json_with(StatusCode::OK);
        app.advance(31 * DAY).await;
        let found = overview(&app).await;
        assert_eq!(found["csrs"], json!({ "pending": 0, "approved": 1 }));
        assert_eq!(found["renewals"], json!({ "failing": 0, "overdue": 0 }));
        assert_eq!(found["orders"], json!({ "open": 0, "failed_30d": 0 }), "an old failure is no news");
        assert_eq!(found["jobs"], json!({ "dead": 0 }));
    }

    async fn cas_and_crls_near_their_end_are_named(mode: Mode) {
        let app = TestApp::without_worker(mode).await;
        let (long, gone) = (app.root_ca("long").await, app.root_ca("gone").await);
        let short = json!({ "name": "short", "common_name": "Short", "ca_type": "root", "key_type": "ec", "validity_days": 60 });
        let short = app.post("/v1/pki/ca", short).await.json_with(StatusCode::CREATED);
        app.post(&format!("/v1/pki/ca/{}/revoke", text(&gone["id"])), json!({})).await.json_with(StatusCode::ACCEPTED);
        let near = |ca: &Value, is_ending: bool, has_late_crl: bool| json!({
            "id": ca["id"], "name": ca["name"], "valid_until": ca["valid_until"], "next_update": ca["crl"]["next_update"],
            "is_ending": is_ending, "has_late_crl": has_late_crl
        });
        let found = overview(&app).await["cas"].clone();
        assert_eq!(found, json!({
            "active": 2, "expired": 0, "revoked": 1, "ending_90d": 1, "late_crls": 0, "near_end": [near(&short, true, false)]
        }));
        // A CRL is good for three days, and made anew a day before its end: in the last hour something is wrong.
        app.advance(2 * DAY + Duration::from_mins(23 * 60 + 1)).await;
        let found = overview(&app).await["cas"].clone();
        assert_eq!(found["near_end"], json!([near(&short, true, true), near(&long, false, true)]));
        assert_eq!((&found["ending_90d"], &found["late_crls"]), (&json!(1), &json!(2)));
        app.advance(60 * DAY).await;
        let found = overview(&app).await["cas"].clone();
        assert_eq!((&found["active"], &found["expired"]), (&json!(1), &json!(1)));
        assert_eq!(found["near_end"], json!([near(&long, false, true)]), "what is over needs nobody any more");
    }

    async fn another_tenant_counts_nothing_of_ours(mode: Mode) {
        let (app, _) = filled(mode).await;
        let (_, stranger) = app.another_tenant("second").await;
        let theirs = app.send(Method::GET, "/v1/pki/overview", Some(&stranger), &[], None).await;
        let theirs = theirs.json_with(StatusCode::OK);
        assert_eq!((&theirs["certificates"]["total"], &theirs["cas"]["active"]), (&json!(0), &json!(0)));
        assert_eq!(theirs["certificates"]["by_ca"], json!([]));
        let reader = app.token(Scope::Read).await;
        let ours = app.send(Method::GET, "/v1/pki/overview", Some(&reader), &[], None).await;
        assert_eq!(ours.json_with(StatusCode::OK)["certificates"]["total"], 10);
    }
}
