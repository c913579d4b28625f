//! The periodic jobs: what they find, and what they leave alone.

use certmill_service::jobs::{Job, JobKind};
use poem::http::StatusCode;
use serde_json::json;
use tests::both_modes;

use super::Hand;
use super::sql::Sql;

const HOUR: i64 = 3_600_000_000;

both_modes! {
    async fn ended_certificates_are_marked_as_expired(hand: Hand) {
        hand.ca().await;
        for name in ["ended", "fresh"] {
            hand.test.issue("web", &format!("{name}.example.internal")).await;
        }
        hand.issue_and_revoke("ended-revoked").await;
        let past = hand.now().unix_micros() - 1;
        hand.sql
            .run(&format!("UPDATE certificates SET not_after = {past} WHERE common_name LIKE 'ended%'"))
            .await;
        periodic(&hand, Job::ExpireCertificates).await;
        for (name, status) in [("ended", "expired"), ("fresh", "active"), ("ended-revoked", "revoked")] {
            let query = format!("SELECT status FROM certificates WHERE common_name = '{name}.example.internal'");
            assert_eq!(hand.sql.texts(&query).await, [status], "{name}");
        }
        let listed = hand.test.get("/v1/pki/certificates?status=expired").await.json_with(StatusCode::OK);
        let names: Vec<_> =
            listed["certificates"].as_array().unwrap().iter().map(|row| row["common_name"].clone()).collect();
        assert_eq!(names, ["ended.example.internal"]);
    }

    async fn a_sweep_renews_crls_before_their_end(hand: Hand) {
        let now = hand.now().unix_micros();
        for (name, next_update) in [("near", now + 23 * HOUR), ("over", now - HOUR), ("far", now + 25 * HOUR)] {
            let ca = hand.test.root_ca(name).await;
            let id = ca["id"].as_str().unwrap();
            hand.sql.run(&format!("UPDATE crls SET next_update = {next_update} WHERE ca_id = '{id}'")).await;
        }
        let ended = hand.test.root_ca("ended").await["id"].as_str().unwrap().to_owned();
        hand.sql.run(&format!("UPDATE crls SET next_update = 1 WHERE ca_id = '{ended}'")).await;
        hand.sql
            .run(&format!("UPDATE certificate_authorities SET not_after = {} WHERE id = '{ended}'", now - HOUR))
            .await;
        periodic(&hand, Job::Sweep).await;
        let mut due = hand
            .sql
            .texts("SELECT ca.name FROM jobs JOIN certificate_authorities ca ON ca.id = jobs.subject \
                    WHERE jobs.kind = 'rebuild_crl' AND jobs.state = 'pending'")
            .await;
        due.sort_unstable();
        assert_eq!(due, ["near", "over"]);

        for claimed in hand.claim(JobKind::RebuildCrl, hand.now()).await {
            hand.perform(&claimed).await.unwrap();
        }
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["done"; 2], "what was renewed is not due any more");
        let near = hand.sql.number("SELECT builds FROM crls JOIN certificate_authorities ca ON ca.id = crls.ca_id \
                                    WHERE ca.name = 'near'").await;
        assert_eq!(near, 2);
    }

    async fn a_sweep_takes_up_a_cascade_that_lost_its_job(hand: Hand) {
        let ca = hand.ca().await;
        hand.test.issue("web", "one.example.internal").await;
        let path = format!("/v1/pki/ca/{ca}/revoke");
        hand.test.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        hand.sql.run("DELETE FROM jobs").await;
        periodic(&hand, Job::Sweep).await;
        let taken = hand.take(JobKind::RevokeCaCascade).await;
        hand.perform(&taken).await.unwrap();
        let done = hand.test.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
        assert_eq!(done["revocation"]["certificates_revoked"], 1, "{done}");
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.states(JobKind::RevokeCaCascade).await, ["done"], "a complete one is left alone");
    }

    async fn a_sweep_finds_what_lost_its_job_behind_any_number_that_wait(hand: Hand) {
        let ca = hand.ca().await;
        hand.sql.run("UPDATE certificate_authorities SET revoked_at = 1, revocation_reason = 4, revoked_with = id").await;
        let named = ("ca", ["id", "name", "revoked_with"].as_slice());
        hand.sql.copy(("certificate_authorities", &format!("id = '{ca}'")), named, 600).await;
        let id = Sql::numbered("ca");
        hand.sql
            .run(&format!(
                "{} INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at) \
                 SELECT {id}, tenant_id, 'revoke_ca_cascade', {id}, 'pending', 0, 1, 20, 1 \
                 FROM certificate_authorities, numbers WHERE id = '{ca}'",
                Sql::numbers(600),
            ))
            .await;
        periodic(&hand, Job::Sweep).await;
        let found = format!(
            "SELECT count(*) FROM jobs WHERE kind = 'revoke_ca_cascade' AND subject = '{ca}' AND state = 'pending'"
        );
        assert_eq!(hand.sql.number(&found).await, 1);
    }

    async fn a_sweep_leaves_waiting_retries_where_they_are(hand: Hand) {
        let ca = hand.ca().await;
        hand.sql.run("UPDATE crls SET next_update = 1").await;
        let later = hand.now().unix_micros() + HOUR;
        hand.enqueue(Job::RebuildCrl(ca), certmill_domain::Timestamp::from_unix_micros(later)).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
        assert_eq!(hand.sql.number("SELECT run_at FROM jobs WHERE kind = 'rebuild_crl'").await, later);
    }

    async fn a_sweep_buries_jobs_whose_workers_all_died(hand: Hand) {
        let ca = hand.ca().await;
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        hand.take(JobKind::RebuildCrl).await;
        hand.sql.run("UPDATE jobs SET lease_until = 1, attempts = max_attempts").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.only(JobKind::RebuildCrl).await.state, "dead");
        hand.test.expect_dead_jobs();
    }

    async fn old_jobs_are_deleted_and_young_ones_kept(hand: Hand) {
        let now = hand.now().unix_micros();
        let day = 24 * HOUR;
        // Done jobs are kept for a day and dead ones for thirty.
        for (name, state, finished_at) in [
            ("done-old", "'done'", (now - day - HOUR).to_string()),
            ("done-young", "'done'", (now - day + HOUR).to_string()),
            ("dead-old", "'dead'", (now - 30 * day - HOUR).to_string()),
            ("dead-young", "'dead'", (now - 30 * day + HOUR).to_string()),
            ("pending-old", "'pending'", "NULL".to_owned()),
        ] {
            let statement = format!(
                "INSERT INTO jobs (id, kind, subject, state, priority, run_at, max_attempts, created_at, finished_at) \
                 VALUES ('{name}', 'rebuild_crl', '{name}', {state}, 0, 1, 5, 1, {finished_at})"
            );
            hand.sql.run(&statement).await;
        }
        periodic(&hand, Job::PruneJobs).await;
        let left = hand.sql.texts("SELECT id FROM jobs WHERE kind = 'rebuild_crl' ORDER BY id").await;
        assert_eq!(left, ["dead-young", "done-young", "pending-old"]);
        hand.test.expect_dead_jobs();
    }

    async fn a_job_knows_the_request_that_asked_for_it(hand: Hand) {
        hand.ca().await;
        let issued = hand.test.issue("web", "one.example.internal").await;
        let asked = "req_01J9Z3NDEKTSV4RRFFQ69G5FAV";
        let body = json!({ "serial_number": issued["serial_number"] }).to_string().into_bytes();
        let answer = hand
            .test
            .send(
                poem::http::Method::POST,
                "/v1/pki/revoke",
                Some(&hand.test.admin),
                &[("x-request-id", asked)],
                Some(("application/json", body)),
            )
            .await;
        assert_eq!((answer.status, answer.header("x-request-id").as_str()), (StatusCode::OK, asked));
        assert_eq!(hand.only(JobKind::RebuildCrl).await.request_id.as_deref(), Some(asked));
        let taken = hand.take(JobKind::RebuildCrl).await;
        assert_eq!(taken.request_id.as_deref(), Some(asked), "the worker's log names it");
        hand.perform(&taken).await.unwrap();

        let second = hand.test.root_ca("second").await["id"].as_str().unwrap().to_owned();
        let answer = hand.test.post(&format!("/v1/pki/ca/{second}/revoke"), json!({})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        let request_id = answer.header("x-request-id");
        assert_eq!(hand.only(JobKind::RevokeCaCascade).await.request_id, Some(request_id.clone()));
        let taken = hand.take(JobKind::RevokeCaCascade).await;
        hand.perform(&taken).await.unwrap();
        let follow_up = hand.rows().await.into_iter().find(|row| row.subject == second && row.state == "pending");
        assert_eq!(follow_up.unwrap().request_id, Some(request_id), "the request goes on in the job that follows");
    }
}

/// Does one turn of a periodic job.
pub(in crate::jobs) async fn periodic(hand: &Hand, job: Job) {
    let mut tx = hand.test.app.database().begin_system().await.unwrap();
    hand.test.app.enqueue_system(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    let claimed = hand.take(job.kind()).await;
    hand.perform(&claimed).await.unwrap();
}
