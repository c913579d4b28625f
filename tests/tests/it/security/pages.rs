//! Lists of large rows: a page is bounded in octets, whatever its limit of rows.

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_domain::JobId;
use certmill_storage::LISTED_OCTETS;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::authority::Authority;
use tests::{TestApp, both_modes};

use crate::access::acme_rows;
use crate::access::rows::Rows;
use crate::access::world::{World, delivery};
use crate::ca::text;
use crate::csr::{imported, request};
use crate::openapi::operations;

/// Rows of each list, at least.
const ROWS: usize = 5;
/// By so much each of them is enlarged: three of them are more than a page.
const ENLARGED: usize = 1_500_000;

/// Path, what the list is called in the answer, what identifies a row, its table, and a column that may hold anything (or,
/// for JSON, white space after it).
const LISTS: [(&str, &str, &str, &str, &str); 13] = [
    ("/v1/pki/ca", "certificate_authorities", "id", "certificate_authorities", "common_name"),
    ("/v1/pki/roles", "roles", "name", "roles", "settings"),
    ("/v1/pki/certificates", "certificates", "id", "certificates", "description"),
    ("/v1/pki/csr", "csrs", "id", "csrs", "rejection_reason"),
    ("/v1/pki/trust-anchors", "trust_anchors", "id", "trust_anchors", "name"),
    ("/v1/pki/blocked-keys", "blocked_keys", "id", "blocked_keys", "comment"),
    ("/v1/pki/acme/accounts", "accounts", "id", "acme_accounts", "terms_of_service"),
    ("/v1/pki/acme/orders", "orders", "id", "acme_orders", "profile"),
    ("/v1/pki/dns-providers", "dns_providers", "id", "dns_providers", "last_error"),
    ("/v1/tokens", "tokens", "id", "tokens", "name"),
    ("/v1/jobs", "jobs", "id", "jobs", "last_error"),
    ("/v1/webhooks", "webhooks", "id", "webhooks", "last_error"),
    ("/v1/audit/logs", "logs", "id", "audit_logs", "request_id"),
];

/// Lists whose rows have nothing in them that is large; that of events, whose cursor has no end and whose own test is with
/// theirs; and that of one webhook's deliveries, of which `DELIVERIES` is the list.
const ELSEWHERE: [&str; 4] =
    ["/v1/secrets", "/v1/events", "/v1/pki/ca/{id}/crl/shards", "/v1/webhooks/{id}/deliveries"];
/// What is listed of the webhook of this id.
const DELIVERIES: (&str, &str, &str, &str) = ("deliveries", "id", "webhook_deliveries", "last_error");

/// Enough of everything.
async fn fill(app: &TestApp) -> String {
    let world = World::new(app).await;
    let mut rows = Rows::of(app).await;
    for number in 1..ROWS {
        app.root_ca(&format!("root{number}")).await;
        app.role(&format!("web{number}"), &world.ca).await;
        app.issue("web", &format!("a{number}.example.internal")).await;
        imported(app, &request(&format!("-subj /CN=a{number}.example.internal"))).await;
        let anchor = Authority::root(&format!("/CN=Theirs{number}")).certificate;
        let anchor = json!({ "name": format!("theirs{number}"), "certificate_pem": anchor });
        app.post("/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        let key = json!({ "spki_sha256": format!("{number:064x}") });
        app.post("/v1/pki/blocked-keys", key).await.json_with(StatusCode::CREATED);
        let provider = json!({
            "name": format!("theirs{number}"), "type": "manual", "config": {}, "zones": [format!("z{number}.example")]
        });
        app.post("/v1/pki/dns-providers", provider).await.json_with(StatusCode::CREATED);
        let webhook = json!({
            "name": format!("theirs{number}"), "url": "https://127.0.0.1:1/", "events": ["*"], "is_active": false
        });
        app.post("/v1/webhooks", webhook).await.json_with(StatusCode::CREATED);
        delivery(app, &world.webhook, u32::try_from(number).unwrap() + 1).await;
        app.post("/v1/tokens", json!({ "name": format!("t{number}"), "scopes": ["pki:read"] })).await;
        // The next account may have the name again.
        rows.execute(&format!("UPDATE acme_accounts SET name = 'theirs{number}' WHERE name = 'theirs'"))
            .await;
        acme_rows::write(app).await;
        let (id, tenant) = (JobId::generate(app.app.now(), app.app.entropy()), app.tenant.id);
        rows.execute(&format!(
            "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at, finished_at) \
             VALUES ('{id}', '{tenant}', 'rebuild_crl', 'no{number}', 'done', 0, 1, 5, 1, {})",
            app.app.now().unix_micros()
        ))
        .await;
    }
    world.webhook
}

/// The rows of each page of `limit`, by what identifies them, and how many octets each answer had.
async fn pages(app: &TestApp, (path, field, key): (&str, &str, &str), limit: usize) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{path}?limit={limit}{cursor}")).await.json_with(StatusCode::OK);
        let rows = page[field].as_array().unwrap_or_else(|| panic!("{path}: no {field} in {page}"));
        pages.push(rows.iter().map(|row| text(&row[key]).to_owned()).collect::<Vec<_>>());
        assert_eq!(page["has_more"], page["cursor"].is_string(), "{path}");
        match &page["cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return pages,
        }
        assert!(pages.len() < 1_000, "{path} never ends");
    }
}

#[test]
fn every_list_is_here() {
    let lists: BTreeSet<String> = operations()
        .into_iter()
        .filter(|operation| operation.parameters("query").contains("cursor"))
        .map(|operation| operation.path)
        .collect();
    let here = LISTS.iter().map(|list| list.0).chain(ELSEWHERE).map(ToOwned::to_owned);
    assert_eq!(lists, here.collect());
}

both_modes! {
    /// A tenant stores rows as large as it may, and asks for a thousand of them, several times at once: a page ends at four
    /// megabytes, the next one goes on where it ended, and nothing is left out or comes twice.
    async fn a_page_ends_where_its_octets_do(app: TestApp) {
        let webhook = fill(&app).await;
        let patient = tokio::time::timeout(Duration::from_mins(2), async {
            let of_webhook = format!("/v1/webhooks/{webhook}/deliveries");
            let (field, key, table, column) = DELIVERIES;
            let deliveries = (of_webhook.as_str(), field, key, table, column);
            for (path, field, key, table, column) in LISTS.into_iter().chain([deliveries]) {
                let list = (path, field, key);
                let small = pages(&app, list, 1_000).await;
                assert!(small.len() == 1 && small[0].len() >= ROWS, "{path}: {small:?}");
                // Audit rows are written all the time, so what is compared are those that were there before.
                let known: BTreeSet<String> = small[0].iter().cloned().collect();
                let padding = if app.database_url().starts_with("sqlite:") {
                    format!("replace(hex(zeroblob({})), '0', ' ')", ENLARGED / 2)
                } else {
                    format!("repeat(' ', {ENLARGED})")
                };
                let enlarge = format!("UPDATE {table} SET {column} = COALESCE({column}, '') || {padding}");
                Rows::of(&app).await.execute(&enlarge).await;
                let large = pages(&app, list, 1_000).await;
                let most = LISTED_OCTETS / ENLARGED + 1;
                assert!(large.len() > 1, "{path}: {} rows of {ENLARGED} octets in one page", small[0].len());
                let lengths: Vec<usize> = large.iter().map(Vec::len).collect();
                assert!(lengths.iter().all(|length| (1..=most).contains(length)), "{path}: {lengths:?}");
                assert!(lengths[..lengths.len() - 1].iter().all(|length| *length == most), "{path}: {lengths:?}");
                let listed: Vec<String> =
                    large.into_iter().flatten().filter(|id| known.contains(id)).collect();
                assert_eq!(listed, small[0], "{path}: left out, twice, or in another order");
                // A page of one row is one row, however large.
                let single = pages(&app, list, 1).await;
                let listed: Vec<String> =
                    single.iter().flatten().filter(|id| known.contains(*id)).cloned().collect();
                assert!(single.iter().all(|page| page.len() == 1) && listed == small[0], "{path}: {single:?}");
                let restore = format!("UPDATE {table} SET {column} = rtrim({column})");
                Rows::of(&app).await.execute(&restore).await;
            }
        });
        patient.await.expect("lists of large rows take minutes");
        app.expect_dead_jobs();
    }

    /// A CA is listed with its certificate, and that is small whatever its creator named.
    async fn the_certificate_of_a_ca_has_a_size(app: TestApp) {
        let domains = |count: usize| -> Vec<String> {
            (0..count).map(|number| format!("d{number}.{0}.{0}.{0}.example.com", "x".repeat(63))).collect()
        };
        let mut body = json!({
            "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "excluded_dns_domains": domains(101)
        });
        let error = app.post("/v1/pki/ca", body.clone()).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["excluded_dns_domains"].is_string(), "{error}");
        body["excluded_dns_domains"] = json!(domains(100));
        body["permitted_dns_domains"] = json!(domains(100));
        let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        let path = format!("/pub/ca/{}.crt", text(&ca["id"]));
        let certificate = app.get(&path).await;
        assert!((10_000..65_536).contains(&certificate.body.len()), "{} octets", certificate.body.len());
    }

    /// Orders are answered with their challenges, which an ACME server fills: these count, too.
    async fn what_is_listed_with_a_row_counts(app: TestApp) {
        let mut rows = Rows::of(&app).await;
        for number in 0..4 {
            rows.execute(&format!("UPDATE acme_accounts SET name = 'theirs{number}' WHERE name = 'theirs'")).await;
            acme_rows::write(&app).await;
        }
        let long = format!("UPDATE acme_challenges SET url = '{}'", "x".repeat(3_000_000));
        rows.execute(&long).await;
        let pages = pages(&app, ("/v1/pki/acme/orders", "orders", "id"), 100).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
}
