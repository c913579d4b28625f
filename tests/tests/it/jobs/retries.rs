//! What fails is tried again, later each time, until it is given up with the reason.

use std::time::Duration;

use certmill_domain::CaId;
use certmill_service::jobs::{Job, JobKind};
use certmill_storage::jobs::{Claimed, Enqueued};
use certmill_worker::{Outcome, attempt};
use serde_json::json;
use tests::both_modes;
use tokio_util::sync::CancellationToken;

use super::{Hand, LATER};

both_modes! {
    async fn a_failing_job_is_tried_later_each_time_and_then_given_up(hand: Hand) {
        hand.test.expect_dead_jobs();
        let ca: CaId = hand.test.root_ca("root").await["id"].as_str().unwrap().parse().unwrap();
        corrupt_keys(&hand).await;
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let last = JobKind::RebuildCrl.max_attempts();
        for number in 1..=last {
            let claimed = hand.take(JobKind::RebuildCrl).await;
            assert_eq!(claimed.attempt.number, number);
            let before = hand.now().unix_micros();
            let outcome = tried(&hand, claimed).await;
            let row = hand.only(JobKind::RebuildCrl).await;
            assert!(row.last_error.as_deref().is_some_and(|error| error.contains("seal")), "{row:?}");
            assert_eq!(row.attempts, number);
            if number == last {
                assert_eq!((outcome, row.state.as_str()), (Outcome::Dead, "dead"));
                break;
            }
            assert_eq!((outcome, row.state.as_str()), (Outcome::Retry, "pending"), "attempt {number}");
            let waits = row.run_at.unix_micros() - before;
            assert!(waits_as_it_should(number, waits), "attempt {number}: {waits} us");
        }
        let told = hand.test.get("/v1/events?type=job.dead").await.json();
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!((&told["events"][0]["object"], &told["events"][0]["data"]["subject"]), (&json!(row.id.to_string()), &json!(ca.to_string())));
        assert_eq!(told["events"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(hand.crl(ca).await, (1, 0));
        let late = hand.now().plus(LATER * 47);
        assert!(hand.claim(JobKind::RebuildCrl, late).await.is_empty(), "a dead job stays dead");
        assert_eq!(hand.enqueue(Job::RebuildCrl(ca), hand.now()).await, Enqueued::Waiting);
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["dead", "pending"], "the same work may be asked for anew");
    }

    async fn a_job_whose_workers_all_died_is_given_up(hand: Hand) {
        hand.test.expect_dead_jobs();
        let ca = CaId::generate(hand.now(), hand.test.app.entropy());
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        for number in 1..=JobKind::RebuildCrl.max_attempts() {
            let later = hand.now().plus(LATER * u32::try_from(number).unwrap());
            let claimed = hand.claim(JobKind::RebuildCrl, later).await.remove(0);
            assert_eq!(claimed.attempt.number, number, "whose worker says nothing of it");
        }
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!(row.state, "running", "the last attempt still holds its lease");
        let late = hand.now().plus(LATER * 21);
        assert!(hand.claim(JobKind::RebuildCrl, late).await.is_empty(), "no attempt is left");
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!(row.state, "dead");
        assert!(row.last_error.as_deref().is_some_and(|reason| reason.contains("worker")), "{row:?}");
        let told = hand.test.get("/v1/events?type=job.dead").await.json();
        assert_eq!(told["events"][0]["object"], row.id.to_string());
        assert_eq!(hand.enqueue(Job::RebuildCrl(ca), hand.now()).await, Enqueued::Waiting);
    }

    async fn a_failure_of_a_replaced_attempt_is_not_recorded(hand: Hand) {
        let ca = CaId::generate(hand.now(), hand.test.app.entropy());
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let stale = hand.take(JobKind::RebuildCrl).await;
        hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER * 2)).await;
        assert_eq!(tried(&hand, stale).await, Outcome::LeaseLost, "there is no such CA, so it fails");
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!((row.state.as_str(), row.attempts, row.last_error), ("running", 2, None));
    }

    async fn a_job_that_succeeds_at_last_keeps_no_error(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        let claimed = hand.take(JobKind::RebuildCrl).await;
        let broken = Claimed { subject: "not an id".to_owned(), ..claimed };
        assert_eq!(tried(&hand, broken).await, Outcome::Retry);
        let row = hand.only(JobKind::RebuildCrl).await;
        assert!(row.last_error.is_some_and(|error| error.contains("cannot read")), "of a newer version, perhaps");
        let claimed = hand.take(JobKind::RebuildCrl).await;
        assert_eq!(tried(&hand, claimed).await, Outcome::Done);
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!((row.state.as_str(), row.attempts, row.last_error), ("done", 2, None));
        assert_eq!(hand.crl(ca).await, (2, 1));
    }
}

/// Does a claimed job as a worker does.
async fn tried(hand: &Hand, claimed: Claimed) -> Outcome {
    attempt(&hand.test.app, claimed, &CancellationToken::new()).await
}

/// Changes the last byte of every CA's sealed key, so that its authentication fails.
async fn corrupt_keys(hand: &Hand) {
    hand.sql
        .run_either(
            "UPDATE certificate_authorities SET sealed_key = \
             CAST(substr(sealed_key, 1, length(sealed_key) - 1) || char(7) AS BLOB)",
            "UPDATE certificate_authorities SET sealed_key = set_byte(sealed_key, length(sealed_key) - 1, \
             255 - get_byte(sealed_key, length(sealed_key) - 1))",
        )
        .await;
}

/// 2 s, 4 s, 8 s … up to 5 min, and up to half as much again.
fn waits_as_it_should(attempt: i64, micros: i64) -> bool {
    let base = Duration::from_secs(2u64.pow(u32::try_from(attempt).unwrap().min(9)).min(300));
    // The clock goes on between the failure and its record.
    let slack = Duration::from_secs(2);
    let waited = Duration::from_micros(u64::try_from(micros).unwrap());
    (base..=base.mul_f64(1.5) + slack).contains(&waited)
}
