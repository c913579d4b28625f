//! One job per work while it is open, one worker per job, and nothing from a worker that was replaced.

use std::time::Duration;

use certmill_domain::CaId;
use certmill_service::ServiceError;
use certmill_service::jobs::{Job, JobKind, LONGEST_LEASE, Lane, Lease};
use certmill_storage::StorageError;
use certmill_storage::jobs::{self as table, Attempt, Claimed, Enqueued, Failed};
use certmill_worker::Places;
use tests::both_modes;

use super::{Hand, LATER};

both_modes! {
    async fn ten_revocations_make_one_job_and_one_crl(hand: Hand) {
        let ca = hand.ca().await;
        for number in 0..10 {
            hand.issue_and_revoke(&format!("n{number}")).await;
        }
        assert_eq!(hand.only(JobKind::RebuildCrl).await.state, "pending");
        let taken = hand.take(JobKind::RebuildCrl).await;
        hand.perform(&taken).await.unwrap();
        assert_eq!(hand.crl(ca).await, (2, 10));
        let row = hand.only(JobKind::RebuildCrl).await;
        assert_eq!((row.state.as_str(), row.attempts, row.last_error), ("done", 1, None));
    }

    async fn work_asked_for_while_it_runs_is_done_once_more(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("early").await;
        let first = hand.take(JobKind::RebuildCrl).await;
        hand.issue_and_revoke("late").await;
        assert_eq!(hand.enqueue(Job::RebuildCrl(ca), hand.now()).await, Enqueued::BehindRunning);
        hand.perform(&first).await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"], "the same row waits again");

        let second = hand.take(JobKind::RebuildCrl).await;
        assert_eq!(second.tries, 1, "attempts are counted anew");
        refused_everywhere(&hand, &first.attempt, "while its job runs once more").await;
        hand.perform(&second).await.unwrap();
        assert_eq!(hand.crl(ca).await, (3, 2));
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["done"]);
    }

    async fn open_work_is_brought_forward_but_never_put_off(hand: Hand) {
        let job = Job::RebuildCrl(some_ca(&hand));
        let (now, soon) = (hand.now(), hand.now().plus(Duration::from_secs(5)));
        assert_eq!(hand.enqueue(job, now.plus(LATER)).await, Enqueued::Waiting);
        assert_eq!(hand.enqueue(job, soon).await, Enqueued::Waiting);
        assert_eq!(hand.enqueue(job, now.plus(LATER)).await, Enqueued::Waiting);
        assert_eq!(hand.only(JobKind::RebuildCrl).await.state, "pending");
        assert!(hand.claim(JobKind::RebuildCrl, now).await.is_empty(), "not due yet");
        assert_eq!(hand.claim(JobKind::RebuildCrl, soon).await.len(), 1);
    }

    async fn the_same_work_about_another_ca_is_another_job(hand: Hand) {
        for _ in 0..3 {
            hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        }
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"; 3]);
    }

    async fn a_transaction_that_is_dropped_enqueues_nothing(hand: Hand) {
        let mut tx = hand.test.app.database().begin(hand.test.tenant.id).await.unwrap();
        table::enqueue(&mut tx, &hand.new_job(Job::RebuildCrl(some_ca(&hand)), hand.now())).await.unwrap();
        drop(tx);
        assert!(hand.rows().await.is_empty());
    }

    async fn a_job_is_claimed_once_per_lease(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let now = hand.now();
        let first = hand.claim(JobKind::RebuildCrl, now).await;
        assert_eq!(numbers(&first), [1]);
        let within = now.plus(Duration::from_secs(59));
        assert!(hand.claim(JobKind::RebuildCrl, within).await.is_empty(), "the lease still runs");
        let second = hand.claim(JobKind::RebuildCrl, now.plus(Duration::from_secs(61))).await;
        assert_eq!(second[0].attempt, Attempt { number: 2, ..first[0].attempt.clone() }, "the lease has ended");
    }

    async fn workers_that_claim_at_once_share_the_jobs(hand: Hand) {
        for _ in 0..8 {
            hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        }
        let claims = (0..6).map(|_| {
            let app = hand.test.app.clone();
            tokio::spawn(async move { Places::new(Lane::Revocation, 16).claim(&app).await.unwrap() })
        });
        let mut claimed = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            claimed.extend(claim.await.unwrap());
        }
        claimed.extend(Places::new(Lane::Revocation, 16).claim(&hand.test.app).await.unwrap());
        let mut ids: Vec<_> = claimed.iter().map(|job| job.attempt.job_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((claimed.len(), ids.len()), (8, 8), "{claimed:?}");
        assert_eq!(numbers(&claimed), [1; 8]);
    }

    async fn a_replaced_worker_changes_nothing(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        let stale = hand.take(JobKind::RebuildCrl).await;
        let fresh = hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER * 2)).await.remove(0);
        assert_eq!(fresh.attempt.number, 2);

        refused_everywhere(&hand, &stale.attempt, "while the next attempt runs").await;
        let lost = hand.perform(&stale).await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
        assert_eq!(hand.crl(ca).await, (1, 0), "the CRL that the stale attempt built is not there");
        hand.perform(&fresh).await.unwrap();
        assert_eq!(hand.crl(ca).await, (2, 1));

        refused_everywhere(&hand, &stale.attempt, "after the job is done").await;
        refused_everywhere(&hand, &fresh.attempt, "the attempt that finished it").await;
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["done"]);
    }

    async fn a_sign_of_life_keeps_the_lease(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let claimed = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        let lease = Lease::new(&hand.test.app, &claimed);
        hand.sql.run(&format!("UPDATE jobs SET lease_until = {}", hand.now().unix_micros() + 1)).await;
        lease.renew().await.unwrap();
        let soon = hand.now().plus(Duration::from_secs(30));
        assert!(hand.claim(JobKind::RebuildCrl, soon).await.is_empty());
        hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER)).await;
        let lost = lease.renew().await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
    }

    async fn a_worker_that_stops_gives_its_job_back_uncounted(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let stopped = hand.take(JobKind::RebuildCrl).await;
        let mut tx = hand.test.app.database().begin_system().await.unwrap();
        table::fail(&mut tx, &stopped.attempt, Failed::Released, "the worker stopped").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
        let next = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        assert_eq!((next.tries, next.attempt.number), (1, 2), "due at once");
        refused_everywhere(&hand, &stopped.attempt, "while the next worker is at it").await;
    }

    async fn a_lease_that_a_wrong_clock_wrote_ends(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        hand.claim(JobKind::RebuildCrl, hand.now()).await;
        let ahead = hand.now().plus(LATER * 48).unix_micros();
        hand.sql.run(&format!("UPDATE jobs SET lease_until = {ahead}")).await;
        let mut tx = hand.test.app.database().begin_system().await.unwrap();
        let ended = table::end_leases(&mut tx, hand.now(), LONGEST_LEASE).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((ended.returned, ended.dead.len()), (1, 0));
        assert_eq!(hand.claim(JobKind::RebuildCrl, hand.now()).await.len(), 1);
    }
}

fn numbers(claimed: &[Claimed]) -> Vec<i64> {
    claimed.iter().map(|job| job.attempt.number).collect()
}

/// Every way in which a worker writes to its job refuses this attempt.
async fn refused_everywhere(hand: &Hand, stale: &Attempt, when: &str) {
    let now = hand.now();
    let mut tx = hand.test.app.database().begin_system().await.unwrap();
    for (call, result) in [
        ("confirm", table::confirm(&mut tx, stale, now.plus(LATER)).await),
        ("finish", table::finish(&mut tx, stale, now).await),
        ("put off", table::put_off(&mut tx, stale, now, now).await),
        ("retry", table::fail(&mut tx, stale, Failed::RetryAt(now), "late").await),
        ("give up", table::fail(&mut tx, stale, Failed::Dead(now), "late").await),
        ("release", table::fail(&mut tx, stale, Failed::Released, "late").await),
    ] {
        assert!(matches!(result, Err(StorageError::LeaseLost)), "{call} {when}: {result:?}");
    }
    // Committed all the same: a refused call has written nothing.
    tx.commit().await.unwrap();
}

/// An id of no CA: enough for a job that nobody performs.
fn some_ca(hand: &Hand) -> CaId {
    CaId::generate(hand.now(), hand.test.app.entropy())
}
