//! Revoking everything under a CA: in batches, resumable, counted exactly.

use certmill_service::ServiceError;
use certmill_service::jobs::JobKind;
use certmill_storage::jobs::{self as table, Attempt, Claimed, Failed};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use super::Hand;

both_modes! {
    async fn a_cascade_that_loses_its_lease_halfway_is_finished_by_the_next_attempt(hand: Hand) {
        let (root, sub) = tree(&hand).await;
        revoke(&hand, &root).await;
        let first = hand.take(JobKind::RevokeCaCascade).await;
        // As soon as the first 600 are counted, another worker claims the job: the lease is lost between two batches.
        when_progress_reaches(&hand, 600, Then::ClaimAgain).await;
        let lost = hand.perform(&first).await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
        let halfway = read(&hand, &root).await;
        let revoked = halfway["revocation"]["certificates_revoked"].as_i64().unwrap();
        assert!((600..TOTAL).contains(&revoked), "{halfway}");
        assert_eq!(revoked, 1 + count(&hand, "status = 'revoked'").await, "what is counted is what was revoked");
        let before = hand.sql.texts(REVOKED_AT).await;

        stop_watching(&hand).await;
        let attempt = Attempt { number: 2, ..first.attempt.clone() };
        let second = Claimed { attempt, ..first };
        hand.perform(&second).await.unwrap();
        assert_complete(&hand, &root, &sub).await;
        let after = hand.sql.texts(REVOKED_AT).await;
        assert!(before.iter().all(|row| after.contains(row)), "what the first attempt revoked was revoked once");
    }

    async fn a_cascade_whose_database_fails_halfway_is_retried(hand: Hand) {
        let (root, sub) = tree(&hand).await;
        revoke(&hand, &root).await;
        let first = hand.take(JobKind::RevokeCaCascade).await;
        when_progress_reaches(&hand, 600, Then::Fail).await;
        let error = hand.perform(&first).await.expect_err("the database refuses the second batch");
        let halfway = read(&hand, &root).await["revocation"]["certificates_revoked"].as_i64().unwrap();
        assert_eq!(halfway, 1 + count(&hand, "status = 'revoked'").await, "a refused batch is not counted");
        assert!(halfway < 600, "{halfway}");

        let mut tx = hand.test.app.database().begin_system().await.unwrap();
        table::fail(&mut tx, &first.attempt, Failed::RetryAt(hand.now()), &error.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        stop_watching(&hand).await;
        let second = hand.take(JobKind::RevokeCaCascade).await;
        hand.perform(&second).await.unwrap();
        assert_complete(&hand, &root, &sub).await;
    }

    async fn a_cascade_asked_for_twice_runs_once(hand: Hand) {
        let ca = hand.ca().await;
        hand.test.issue("web", "one.example.internal").await;
        let first = revoke(&hand, &ca.to_string()).await;
        let again = revoke(&hand, &ca.to_string()).await;
        assert_eq!(first["revocation"]["revoked_at"], again["revocation"]["revoked_at"]);
        let taken = hand.take(JobKind::RevokeCaCascade).await;
        hand.perform(&taken).await.unwrap();
        revoke(&hand, &ca.to_string()).await;
        assert_eq!(hand.states(JobKind::RevokeCaCascade).await, ["done"]);
        let taken = hand.take(JobKind::RebuildCrl).await;
        hand.perform(&taken).await.unwrap();
        assert_eq!(hand.crl(ca).await, (2, 1));
    }

    async fn a_cascade_leaves_expired_and_revoked_certificates_as_they_are(hand: Hand) {
        let ca = hand.ca().await;
        let other = hand.test.root_ca("other").await["id"].as_str().unwrap().to_owned();
        hand.test.role("elsewhere", &other).await;
        hand.test.issue("elsewhere", "x.example.internal").await;
        hand.issue_and_revoke("revoked").await;
        hand.test.issue("web", "expired.example.internal").await;
        hand.test.issue("web", "active.example.internal").await;
        hand.sql
            .run("UPDATE certificates SET status = 'expired', not_after = 1 WHERE common_name LIKE 'expired.%'")
            .await;
        hand.sql.run("UPDATE certificates SET revocation_reason = 1 WHERE revoked_at IS NOT NULL").await;
        let accepted = revoke(&hand, &ca.to_string()).await;
        assert_eq!(accepted["revocation"]["certificates_total"], 1, "{accepted}");
        let taken = hand.take(JobKind::RevokeCaCascade).await;
        hand.perform(&taken).await.unwrap();
        let done = read(&hand, &ca.to_string()).await;
        assert_eq!(done["revocation"]["certificates_revoked"], 1, "{done}");
        for (what, condition, expected) in [
            ("revoked before", "status = 'revoked' AND revocation_reason = 1", 1),
            ("revoked by the cascade", "status = 'revoked' AND revocation_reason = 4", 1),
            ("expired", "status = 'expired' AND revoked_at IS NULL", 1),
            ("of another CA", "status = 'active'", 1),
        ] {
            assert_eq!(count(&hand, condition).await, expected, "{what}");
        }
    }
}

/// 700 certificates of the root, 500 of the CA below it, and that CA.
const TOTAL: i64 = 1_201;
const REVOKED_AT: &str = "SELECT id || ' ' || revoked_at FROM certificates WHERE revoked_at IS NOT NULL";

/// A root with a CA below it and certificates under both; their ids.
async fn tree(hand: &Hand) -> (String, String) {
    let root = hand.test.root_ca("root").await["id"].as_str().unwrap().to_owned();
    let sub = hand.test.intermediate_ca("sub", &root).await["id"].as_str().unwrap().to_owned();
    for (role, ca, copies) in [("direct", &root, 699), ("below", &sub, 499)] {
        hand.test.role(role, ca).await;
        hand.test.issue(role, "one.example.internal").await;
        let offset = if role == "direct" { 0 } else { 10_000 };
        hand.sql.run_either(&copy("sqlite", ca, offset, copies), &copy("postgres", ca, offset, copies)).await;
    }
    (root, sub)
}

/// Copies the only certificate of a CA under fresh ids and serial numbers.
fn copy(dialect: &str, ca: &str, offset: i64, copies: i64) -> String {
    let (padded, serial) = match dialect {
        "sqlite" => ("printf('%026d', i)", "unhex(printf('01%030d', i))"),
        _ => ("lpad(i::text, 26, '0')", "decode('01' || lpad(i::text, 30, '0'), 'hex')"),
    };
    let (first, last) = (offset + 1, offset + copies);
    format!(
        "INSERT INTO certificates (tenant_id, id, ca_id, serial_number, common_name, subject, sans, role, source, \
         key_type, key_size, fingerprint_sha256, spki_sha256, not_before, not_after, status, created_at, der) \
         WITH RECURSIVE numbers (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM numbers WHERE i < {last}) \
         SELECT tenant_id, 'cert_' || {padded}, ca_id, {serial}, common_name, subject, sans, role, source, \
         key_type, key_size, fingerprint_sha256, spki_sha256, not_before, not_after, status, created_at, der \
         FROM certificates, numbers WHERE ca_id = '{ca}'"
    )
}

async fn revoke(hand: &Hand, ca: &str) -> Value {
    let body = json!({ "reason": "superseded" });
    hand.test.post(&format!("/v1/pki/ca/{ca}/revoke"), body).await.json_with(StatusCode::ACCEPTED)
}

async fn read(hand: &Hand, ca: &str) -> Value {
    hand.test.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK)
}

async fn count(hand: &Hand, condition: &str) -> i64 {
    hand.sql.number(&format!("SELECT count(*) FROM certificates WHERE {condition}")).await
}

/// What happens to a cascade at a chosen point of its progress.
enum Then {
    /// Its job is claimed by another worker.
    ClaimAgain,
    /// The database refuses the write.
    Fail,
}

/// A trigger is the one way to meet a handler at an exact point between two of its transactions.
async fn when_progress_reaches(hand: &Hand, number: i64, then: Then) {
    let (sqlite, postgres) = match then {
        Then::ClaimAgain => (CLAIM_AGAIN, CLAIM_AGAIN),
        Then::Fail => ("SELECT RAISE(ABORT, 'the disk is full');", "RAISE EXCEPTION 'the disk is full';"),
    };
    let reached = format!("NEW.certificates_revoked >= {number} AND OLD.certificates_revoked < {number}");
    hand.sql
        .run_either(
            &format!(
                "CREATE TRIGGER watch AFTER UPDATE ON certificate_authorities WHEN {reached} BEGIN {sqlite} END"
            ),
            &format!(
                "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN IF {reached} THEN {postgres} END IF; RETURN NEW; END $$; \
                 CREATE TRIGGER watch AFTER UPDATE ON certificate_authorities FOR EACH ROW EXECUTE FUNCTION watch()"
            ),
        )
        .await;
}

const CLAIM_AGAIN: &str = "UPDATE jobs SET attempts = attempts + 1 \
     WHERE kind = 'revoke_ca_cascade' AND state = 'running';";

async fn stop_watching(hand: &Hand) {
    hand.sql.run_either("DROP TRIGGER watch", "DROP TRIGGER watch ON certificate_authorities").await;
}

async fn assert_complete(hand: &Hand, root: &str, sub: &str) {
    let (root, sub) = (read(hand, root).await, read(hand, sub).await);
    let revocation = &root["revocation"];
    assert_eq!(
        (&revocation["certificates_revoked"], &revocation["certificates_total"]),
        (&json!(TOTAL), &json!(TOTAL)),
        "{root}"
    );
    assert_eq!(sub["revocation"]["certificates_revoked"], 500, "{sub}");
    for ca in [&root, &sub] {
        assert!(ca["revocation"]["completed_at"].is_string(), "{ca}");
    }
    assert_eq!(count(hand, "status = 'revoked' AND revocation_reason = 4").await, TOTAL - 1);
    assert_eq!(hand.states(JobKind::RevokeCaCascade).await, ["done"]);
    assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"; 2], "one CRL for each CA");
}
