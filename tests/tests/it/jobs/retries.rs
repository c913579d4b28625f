//! What fails is tried again, later each time, until it is given up with the reason.

use std::time::Duration;

use certmill_domain::{CaId, Job, JobKind};
use certmill_service::jobs::{self as service, Aftermath};
use certmill_storage::jobs::Enqueued;

use super::{Hand, LATER, by_hand};

by_hand! {
    async fn a_failing_job_is_tried_later_each_time_and_then_given_up(hand: Hand) {
        let ca: CaId = hand.test.root_ca("root").await["id"].as_str().unwrap().parse().unwrap();
        corrupt_keys(&hand).await;
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let last = JobKind::RebuildCrl.max_attempts();
        for number in 1..=last {
            let taken = hand.take(JobKind::RebuildCrl).await;
            assert_eq!(taken.running.attempt.number, number);
            let error = hand.perform(&taken).await.expect_err("a key that cannot be opened signs nothing");
            let before = hand.now().unix_micros();
            let aftermath = service::fail(&hand.test.app, &taken, &error.to_string()).await.unwrap();
            let row = hand.only(JobKind::RebuildCrl).await;
            assert_eq!((row.attempts, row.last_error), (number, Some(error.to_string())));
            if number == last {
                assert_eq!((aftermath, row.state.as_str()), (Aftermath::Dead, "dead"));
                break;
            }
            assert_eq!((aftermath, row.state.as_str()), (Aftermath::Retry, "pending"), "attempt {number}");
            let run_at = hand.sql.number("SELECT run_at FROM jobs").await;
            assert!(waits_as_it_should(number, run_at - before), "attempt {number}: {} us", run_at - before);
        }
        assert_eq!(hand.crl(ca).await, (1, 0));
        assert_eq!(hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER * 48)).await, [], "a dead job stays dead");
        assert_eq!(hand.enqueue(Job::RebuildCrl(ca), hand.now()).await, Enqueued::Waiting);
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["dead", "pending"], "the same work may be asked for anew");
    }

    async fn a_job_whose_workers_all_died_is_given_up(hand: Hand) {
        let ca = CaId::generate(hand.now(), hand.test.app.entropy());
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let app = &hand.test.app;
        for number in 1..=JobKind::RebuildCrl.max_attempts() {
            assert_eq!(service::bury_lost(app).await.unwrap(), 0, "before attempt {number}");
            let taken = hand.take(JobKind::RebuildCrl).await;
            assert_eq!(taken.running.attempt.number, number);
        }
        assert_eq!(service::bury_lost(app).await.unwrap(), 0, "the last attempt still holds its lease");
        hand.sql.run("UPDATE jobs SET lease_until = 1").await;
        assert_eq!(service::claim_due(app).await.unwrap(), [], "no attempt is left");
        assert_eq!(service::bury_lost(app).await.unwrap(), 1);
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!(row.state, "dead");
        assert!(row.last_error.as_deref().is_some_and(|reason| reason.contains("worker")), "{row:?}");
        assert_eq!(service::bury_lost(app).await.unwrap(), 0, "once");
        assert_eq!(hand.enqueue(Job::RebuildCrl(ca), hand.now()).await, Enqueued::Waiting);
    }

    async fn a_failure_of_a_replaced_attempt_is_not_recorded(hand: Hand) {
        let ca = CaId::generate(hand.now(), hand.test.app.entropy());
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let stale = hand.take(JobKind::RebuildCrl).await;
        hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER * 2)).await;
        let aftermath = service::fail(&hand.test.app, &stale, "too late").await.unwrap();
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!(aftermath, Aftermath::Superseded);
        assert_eq!((row.state.as_str(), row.attempts, row.last_error), ("queued", 2, None));
    }

    async fn a_job_that_succeeds_at_last_keeps_no_error(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        let taken = hand.take(JobKind::RebuildCrl).await;
        service::fail(&hand.test.app, &taken, "the weather").await.unwrap();
        let taken = hand.take(JobKind::RebuildCrl).await;
        hand.perform(&taken).await.unwrap();
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!((row.state.as_str(), row.attempts, row.last_error), ("done", 2, None));
        assert_eq!(hand.crl(ca).await, (2, 1));
    }
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
