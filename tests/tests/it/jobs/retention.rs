//! Forgetting what is over: what goes, what goes along, what stays, and that nothing is lost or counted twice on the way.

use std::time::Duration;

use certmill_domain::{CaId, EventId, Retention};
use certmill_service::ServiceError;
use certmill_service::audit::{self, Verdict};
use certmill_service::jobs::{Job, JobKind};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use super::handlers::periodic;
use super::sql::Sql;
use super::{Hand, LATER};
use crate::ca::text;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Certificates that a worker dies over: several batches.
const COUNT: i64 = 120;

/// A service without a worker that keeps keys for a day, certificates for ten, and the rest for some days more.
struct Keeper(Hand);

impl Keeper {
    async fn start(mode: Mode) -> Self {
        let retention = Retention {
            certificates: Some(10 * DAY),
            private_keys: Some(DAY),
            csrs: Some(20 * DAY),
            acme_orders: Some(30 * DAY),
            events: Some(40 * DAY),
            ..Retention::default()
        };
        let options = TestOptions { retention, ..TestOptions::default() };
        let test = TestApp::without_worker_with(mode, options).await;
        let sql = Sql::open(test.database_url()).await;
        Self(Hand { test, sql })
    }

    /// Issues a certificate that lives for an hour; answers it.
    async fn brief(&self, name: &str) -> Value {
        let body = json!({ "common_name": format!("{name}.example.internal"), "ttl": "1h" });
        self.0.test.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED)
    }

    async fn forget(&self) {
        periodic(&self.0, Job::Forget).await;
    }

    async fn build_crl(&self, ca: CaId) -> i64 {
        self.0.enqueue(Job::RebuildCrl(ca), self.0.now()).await;
        let taken = self.0.take(JobKind::RebuildCrl).await;
        self.0.perform(&taken).await.unwrap();
        self.0.crl(ca).await.1
    }

    async fn status(&self, issued: &Value) -> StatusCode {
        self.0.test.get(&format!("/v1/pki/certificates/{}", text(&issued["certificate_id"]))).await.status
    }

    /// What a search finds.
    async fn found(&self, filter: &str) -> usize {
        let path = format!("/v1/pki/certificates?{filter}");
        self.0.test.get(&path).await.json_with(StatusCode::OK)["certificates"].as_array().unwrap().len()
    }

    /// The rows that have an id in any of these tables.
    async fn traces(&self, id: &str) -> i64 {
        let mut traces = 0;
        for (table, column) in [
            ("certificates", "id"),
            ("certificates", "renewed_from"),
            ("certificate_names", "certificate_id"),
            ("certificate_tags", "certificate_id"),
            ("certificate_text", "certificate_id"),
            ("certificate_text_waiting", "certificate_id"),
            ("scheduled_revocations", "certificate_id"),
            ("acme_renewals", "certificate_id"),
            ("acme_orders", "id"),
            ("acme_orders", "fallback_of"),
            ("acme_challenges", "order_id"),
        ] {
            traces +=
                self.0.sql.number(&format!("SELECT count(*) FROM {table} WHERE {column} = '{id}'")).await;
        }
        traces
    }

    /// What the audit log tells of an action: how many in each batch.
    async fn told(&self, action: &str) -> Vec<i64> {
        let logs =
            self.0.test.get(&format!("/v1/audit/logs?action={action}")).await.json_with(StatusCode::OK);
        let rows = logs["logs"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| {
                assert_eq!(
                    (row["identity"].as_str(), row["success"].as_bool()),
                    (Some("service"), Some(true))
                );
                assert!(row["before_sha256"].is_string(), "{row}");
                text(&row["object"]).split(' ').next().unwrap().parse().unwrap()
            })
            .collect()
    }

    async fn assert_chain(&self) {
        let verdict = audit::verify(&self.0.test.app, self.0.test.tenant.id, None).await.unwrap();
        assert!(matches!(verdict, Verdict::Intact(_)), "{verdict:?}");
    }
}

both_modes! {
    async fn an_ended_certificate_goes_with_all_that_refers_to_it(keeper: Keeper) {
        let (test, sql) = (&keeper.0.test, &keeper.0.sql);
        keeper.0.ca().await;
        let old = keeper.brief("old").await;
        let id = text(&old["certificate_id"]).to_owned();
        let path = format!("/v1/pki/certificates/{id}");
        test.patch(&path, json!({ "tags": { "team": "blue" } })).await.json_with(StatusCode::OK);
        let renewed = test.post(&format!("{path}/renew"), json!({ "ttl": "90d" })).await.json_with(StatusCode::CREATED);
        let later = test.app.now().plus(HOUR / 2).to_string();
        let body = json!({ "serial_number": old["serial_number"], "revoke_at": later });
        assert!(test.post("/v1/pki/revoke", body).await.status.is_success());
        let filters = [
            format!("serial_number={}", text(&old["serial_number"])), "common_name=old.exam".to_owned(),
            "san=old.example.internal".to_owned(), "san=*.example.internal".to_owned(), "tag=team:blue".to_owned(),
            "role=web".to_owned(), "status=expired".to_owned(),
        ];
        test.clock.advance(10 * DAY);
        periodic(&keeper.0, Job::ExpireCertificates).await;
        keeper.forget().await;
        assert_eq!(keeper.status(&old).await, StatusCode::OK, "it is kept for ten days");
        let mut before = Vec::new();
        for filter in &filters {
            before.push(keeper.found(filter).await);
        }
        assert_eq!(before, [1, 2, 2, 2, 2, 2, 1], "the renewal has names and labels of it");

        test.clock.advance(2 * HOUR);
        keeper.forget().await;
        assert_eq!(keeper.status(&old).await, StatusCode::NOT_FOUND);
        assert_eq!(keeper.traces(&id).await, 0);
        let mut after = Vec::new();
        for filter in &filters {
            after.push(keeper.found(filter).await);
        }
        assert_eq!(after, [0, 1, 1, 1, 1, 1, 0]);
        let shown = test.get(&format!("/v1/pki/certificates/{}", text(&renewed["certificate_id"]))).await.json_with(StatusCode::OK);
        assert!(shown["renewed_from"].is_null() && shown["tags"]["team"] == "blue", "{shown}");
        assert_eq!(keeper.told("certificate.forget").await, [1]);
        keeper.forget().await;
        assert_eq!(keeper.told("certificate.forget").await, [1], "nothing was left");
        assert_eq!(sql.number("SELECT count(*) FROM certificate_text").await, 1);
        keeper.assert_chain().await;
    }

    async fn nothing_goes_unless_the_operator_wishes_it(hand: Hand) {
        hand.ca().await;
        let body = json!({ "common_name": "old.example.internal", "ttl": "1h" });
        let old = hand.test.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        hand.test.clock.advance(3_650 * DAY);
        periodic(&hand, Job::Forget).await;
        let path = format!("/v1/pki/certificates/{}", text(&old["certificate_id"]));
        hand.test.get(&path).await.json_with(StatusCode::OK);
    }

    async fn a_revoked_certificate_is_listed_until_after_its_end(keeper: Keeper) {
        let test = &keeper.0.test;
        let ca = keeper.0.ca().await;
        let (revoked, released) = (keeper.brief("revoked").await, keeper.brief("released").await);
        for (issued, reason) in [(&revoked, "superseded"), (&released, "certificateHold"), (&released, "removeFromCRL")] {
            let body = json!({ "serial_number": issued["serial_number"], "reason": reason });
            test.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        }
        assert_eq!(keeper.build_crl(ca).await, 1);
        // The list is from before the end, however long ago that is.
        test.clock.advance(20 * DAY);
        keeper.forget().await;
        assert_eq!((keeper.status(&revoked).await, keeper.status(&released).await), (StatusCode::OK, StatusCode::OK));
        assert_eq!(keeper.build_crl(ca).await, 1, "it is on one list from after its end");
        keeper.forget().await;
        assert_eq!(keeper.status(&revoked).await, StatusCode::OK, "it is on the present list");
        test.clock.advance(HOUR);
        assert_eq!(keeper.build_crl(ca).await, 0);
        keeper.forget().await;
        let gone = (keeper.status(&revoked).await, keeper.status(&released).await);
        assert_eq!(gone, (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
        test.clock.advance(HOUR);
        assert_eq!(keeper.build_crl(ca).await, 0, "lists are built as before");
        let body = json!({ "serial_number": revoked["serial_number"] });
        test.post("/v1/pki/revoke", body).await.error(404, "certificate_not_found");
    }

    async fn what_a_ca_that_has_ended_had_revoked_goes_too(keeper: Keeper) {
        let ca = keeper.0.ca().await;
        let revoked = keeper.brief("revoked").await;
        let body = json!({ "serial_number": revoked["serial_number"] });
        keeper.0.test.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        assert_eq!(keeper.build_crl(ca).await, 1);
        keeper.0.test.clock.advance(20 * DAY);
        let past = keeper.0.now().minus(HOUR).unix_micros();
        keeper.0.sql.run(&format!("UPDATE certificate_authorities SET not_after = {past}")).await;
        keeper.forget().await;
        assert_eq!(keeper.status(&revoked).await, StatusCode::NOT_FOUND);
        assert_eq!(keeper.build_crl(ca).await, 0, "a list of it can still be asked for");
        assert_eq!(keeper.0.sql.number("SELECT count(*) FROM certificate_authorities").await, 1, "CAs stay");
    }

    async fn keys_can_go_before_their_certificates(keeper: Keeper) {
        let (test, sql) = (&keeper.0.test, &keeper.0.sql);
        let ca = test.root_ca("root").await;
        let role = json!({
            "name": "web", "ca_id": ca["id"], "allowed_domains": ["example.internal"], "allow_subdomains": true,
            "key_type": "ec", "store_private_keys": true,
        });
        test.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let old = keeper.brief("old").await;
        test.issue("web", "young.example.internal").await;
        test.clock.advance(DAY);
        keeper.forget().await;
        assert_eq!(sql.number("SELECT count(*) FROM certificates WHERE sealed_key IS NOT NULL").await, 2);
        test.clock.advance(2 * HOUR);
        keeper.forget().await;
        let left = "SELECT common_name FROM certificates WHERE sealed_key IS NOT NULL";
        assert_eq!(sql.texts(left).await, ["young.example.internal"]);
        let path = format!("/v1/pki/certificates/{}", text(&old["certificate_id"]));
        assert_eq!(test.get(&path).await.json_with(StatusCode::OK)["has_private_key"], false);
        test.post(&format!("{path}/private-key"), json!({})).await.error(409, "invalid_state");
        assert_eq!(keeper.told("certificate.forget_key").await, [1]);
    }

    async fn only_what_is_decided_or_has_failed_goes(keeper: Keeper) {
        let (test, sql) = (&keeper.0.test, &keeper.0.sql);
        let ca = keeper.0.ca().await;
        for status in ["pending", "approved", "rejected", "signed"] {
            let body = json!({ "subject": { "common_name": format!("{status}.example.internal") }, "key_type": "ec" });
            let csr = test.post("/v1/pki/csr", body).await.json_with(StatusCode::CREATED);
            let id = text(&csr["id"]);
            let decided = if status == "pending" { "NULL".to_owned() } else { keeper.0.now().unix_micros().to_string() };
            sql.run(&format!("UPDATE csrs SET status = '{status}', decided_at = {decided} WHERE id = '{id}'")).await;
        }
        let order = an_order(&keeper, "failed", "01JZ0000000000000000000001", None).await;
        let open = an_order(&keeper, "new", "01JZ0000000000000000000002", None).await;
        // A CRL is told of by an event that no call has caused.
        keeper.build_crl(ca).await;
        for (days, csrs, orders, events) in [(15, 4, 2, 1), (6, 2, 2, 1), (10, 2, 1, 1), (10, 2, 1, 0)] {
            test.clock.advance(days * DAY);
            keeper.forget().await;
            let rows = async |table: &str| sql.number(&format!("SELECT count(*) FROM {table}")).await;
            assert_eq!((rows("csrs").await, rows("acme_orders").await, rows("events").await), (csrs, orders, events));
        }
        assert_eq!((keeper.traces(&order).await, keeper.traces(&open).await > 0), (0, true));
        for (action, count) in [("csr.forget", 2), ("acme_order.forget", 1), ("event.forget", 1)] {
            assert_eq!(keeper.told(action).await, [count], "{action}");
        }
        let feed = test.get("/v1/events?type=crl.published").await.json_with(StatusCode::OK);
        assert_eq!(feed["events"], json!([]));
        let raised = test.get("/v1/audit/logs?action=event.raise").await.json_with(StatusCode::OK);
        assert!(!raised["logs"].as_array().unwrap().is_empty(), "the row in the log stays");
        keeper.assert_chain().await;
    }

    async fn the_order_goes_with_its_certificate_and_a_renewal_in_hand_keeps_both(keeper: Keeper) {
        let (test, sql) = (&keeper.0.test, &keeper.0.sql);
        keeper.0.ca().await;
        let issued = keeper.brief("acme").await;
        let id = text(&issued["certificate_id"]).to_owned();
        let order = an_order(&keeper, "issued", "01JZ0000000000000000000001", Some(&id)).await;
        test.clock.advance(20 * DAY);
        keeper.forget().await;
        assert_eq!(keeper.status(&issued).await, StatusCode::OK, "it is still to be renewed");
        sql.run("UPDATE acme_renewals SET auto_renew = FALSE").await;
        test.clock.advance(HOUR);
        keeper.forget().await;
        assert_eq!((keeper.traces(&id).await, keeper.traces(&order).await), (0, 0));
    }

    async fn tenants_lose_only_what_is_over(keeper: Keeper) {
        let (test, sql) = (&keeper.0.test, &keeper.0.sql);
        keeper.0.ca().await;
        for number in 0..30 {
            keeper.brief(&format!("n{number}")).await;
        }
        let (other, token) = test.another_tenant("second").await;
        let ca = json!({ "name": "root", "common_name": "Second", "ca_type": "root", "key_type": "ec" });
        let ca = test.post_as(&token, "/v1/pki/ca", ca).await.json_with(StatusCode::CREATED);
        let role = json!({ "name": "web", "ca_id": ca["id"], "allow_any_name": true, "key_type": "ec", "max_ttl": "90d" });
        test.post_as(&token, "/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        for (name, ttl) in [("long.example.internal", "90d"), ("n1.example.internal", "1h")] {
            let body = json!({ "common_name": name, "ttl": ttl });
            test.post_as(&token, "/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        }
        let rows = format!("SELECT common_name FROM certificates WHERE tenant_id = '{}' ORDER BY 1", other.id);
        let names = format!("SELECT certificate_id FROM certificate_names WHERE tenant_id = '{}'", other.id);
        assert_eq!((sql.texts(&rows).await.len(), sql.texts(&names).await.len()), (2, 2));
        test.clock.advance(11 * DAY);
        keeper.forget().await;
        assert_eq!(sql.texts(&rows).await, ["long.example.internal"]);
        assert_eq!(sql.texts(&names).await.len(), 1);
        assert_eq!(sql.number("SELECT count(*) FROM certificates").await, 1);
        assert_eq!(keeper.told("certificate.forget").await.iter().sum::<i64>(), 30);
        let verdict = audit::verify(&test.app, other.id, None).await.unwrap();
        assert!(matches!(verdict, Verdict::Intact(_)), "{verdict:?}");
    }

    async fn an_embedded_database_gives_its_room_back(keeper: Keeper) {
        let hand = &keeper.0;
        hand.ca().await;
        let lasting = hand.test.issue("web", "lasting.example.internal").await;
        for number in 0..200 {
            keeper.brief(&format!("n{number}")).await;
        }
        hand.test.clock.advance(11 * DAY);
        keeper.forget().await;
        let vacuumed = hand.test.app.database().vacuum().await.unwrap();
        match &hand.sql {
            Sql::Sqlite(_) => assert!(vacuumed.is_some_and(|size| size.after < size.before), "{vacuumed:?}"),
            Sql::Postgres(_) => assert_eq!(vacuumed, None, "it looks after itself"),
        }
        assert_eq!(keeper.status(&lasting).await, StatusCode::OK);
        assert_eq!((keeper.found("common_name=lasting").await, keeper.found("role=web").await), (1, 1));
        hand.test.issue("web", "next.example.internal").await;
    }

    async fn whoever_was_replaced_forgets_nothing_more(keeper: Keeper) {
        let hand = &keeper.0;
        hand.ca().await;
        keeper.brief("old").await;
        hand.test.clock.advance(11 * DAY);
        let mut tx = hand.test.app.database().begin_system().await.unwrap();
        hand.test.app.enqueue_system(&mut tx, Job::Forget).await.unwrap();
        tx.commit().await.unwrap();
        let stalled = hand.take(JobKind::Forget).await;
        let next = hand.claim(JobKind::Forget, hand.now().plus(2 * LATER)).await.remove(0);
        assert!(matches!(hand.perform(&stalled).await, Err(ServiceError::LeaseLost)));
        assert_eq!(hand.sql.number("SELECT count(*) FROM certificates").await, 1);
        hand.perform(&next).await.unwrap();
        assert_eq!(hand.sql.number("SELECT count(*) FROM certificates").await, 0);
        assert_eq!(keeper.told("certificate.forget").await, [1]);
    }

    async fn what_a_dead_worker_left_is_forgotten_by_the_next(keeper: Keeper) {
        let hand = &keeper.0;
        hand.ca().await;
        for number in 0..COUNT {
            keeper.brief(&format!("n{number}")).await;
        }
        hand.test.clock.advance(11 * DAY);
        let mut tx = hand.test.app.database().begin_system().await.unwrap();
        hand.test.app.enqueue_system(&mut tx, Job::Forget).await.unwrap();
        tx.commit().await.unwrap();
        let dying = hand.take(JobKind::Forget).await;
        let rows = "SELECT count(*) FROM certificates";
        // It dies between two batches, or in one.
        tokio::select! {
            done = hand.perform(&dying) => done.unwrap(),
            () = async { while hand.sql.number(rows).await == COUNT {} } => {}
        }
        let left = hand.sql.number(rows).await;
        assert_eq!(keeper.told("certificate.forget").await.iter().sum::<i64>(), COUNT - left, "each batch is told");
        if left > 0 {
            let next = hand.claim(JobKind::Forget, hand.now().plus(2 * LATER)).await.remove(0);
            hand.perform(&next).await.unwrap();
        }
        for table in ["certificates", "certificate_names", "certificate_text"] {
            assert_eq!(hand.sql.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
        assert_eq!(keeper.told("certificate.forget").await.iter().sum::<i64>(), COUNT);
        keeper.assert_chain().await;
    }
}

/// An order of an account that no server knows, with a challenge; and the certificate that it came to, which is to be renewed.
async fn an_order(keeper: &Keeper, state: &str, ulid: &str, certificate: Option<&str>) -> String {
    let (sql, tenant, now) = (&keeper.0.sql, keeper.0.test.tenant.id, keeper.0.now().unix_micros());
    let (account, order) = ("acct_01JZ0000000000000000000000", format!("ord_{ulid}"));
    let key = if matches!(sql, Sql::Sqlite(_)) { "x'00'" } else { "'\\x00'" };
    sql.run(&format!(
        "INSERT INTO acme_accounts (tenant_id, id, name, provider, environment, directory_url, email, status, sealed_key, \
         created_at, updated_at) VALUES ('{tenant}', '{account}', 'a', 'custom', 'production', 'https://acme.test/', \
         'a@example.com', 'deactivated', {key}, {now}, {now}) ON CONFLICT DO NOTHING; \
         INSERT INTO acme_orders (tenant_id, id, account_id, state, cause, identifiers, identifiers_key, challenge_type, \
         auto_renew, key_type, key_size, deadline_at, created_at, updated_at, certificate_id) VALUES ('{tenant}', '{order}', \
         '{account}', '{state}', 'api', '[]', '{ulid}', 'http-01', TRUE, 'ec', 256, {now}, {now}, {now}, {}); \
         INSERT INTO acme_challenges (tenant_id, id, order_id, authorization_url, url, identifier, wildcard, kind, token, \
         key_authorization, state, exposure, deadline_at, created_at, updated_at) VALUES ('{tenant}', 'chal_{ulid}', '{order}', \
         'u', 'u', 'a.test', FALSE, 'http-01', 't', 'k', 'valid', 'none', {now}, {now}, {now})",
        certificate.map_or_else(|| "NULL".to_owned(), |id| format!("'{id}'")),
    ))
    .await;
    if let Some(certificate) = certificate {
        sql.run(&format!(
            "UPDATE certificates SET acme_order_id = '{order}' WHERE id = '{certificate}'; \
             INSERT INTO acme_renewals (tenant_id, certificate_id, account_id, order_id, auto_renew, not_before, not_after, \
             base_renew_at, renew_at, emergency_at, next_attempt_at, created_at, updated_at) VALUES ('{tenant}', \
             '{certificate}', '{account}', '{order}', TRUE, {now}, {now}, {now}, {now}, {now}, {now}, {now}, {now})",
        ))
        .await;
    }
    order
}

#[test]
fn the_first_id_of_a_time_is_before_all_others_of_it() {
    let at = certmill_domain::Timestamp::from_unix_seconds(1_800_000_000);
    let first = EventId::first_at(at).to_string();
    let random = |at| EventId::generate(at, &certmill_domain::SystemEntropy).to_string();
    assert!(first <= random(at) && random(at.minus(Duration::from_millis(1))) < first);
}
