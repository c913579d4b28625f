//! One job per work while it is open, one worker per job, and nothing from a worker that was replaced.

use std::time::Duration;

use certmill_domain::{CaId, Job, JobKind};
use certmill_service::ServiceError;
use certmill_service::jobs::{self as service, Attempt};
use certmill_storage::StorageError;
use certmill_storage::jobs::{self as table, Enqueued, NewJob, Setback};

use super::{Hand, LATER, by_hand};

by_hand! {
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
        assert_eq!(second.running.tries, 1, "attempts are counted anew");
        refused_everywhere(&hand, &first.running.attempt, "while its job runs once more").await;
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
        assert_eq!(hand.claim(JobKind::RebuildCrl, now).await, [], "not due yet");
        assert_eq!(hand.claim(JobKind::RebuildCrl, soon).await.len(), 1);
    }

    async fn the_same_work_about_another_ca_is_another_job(hand: Hand) {
        for _ in 0..3 {
            hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        }
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"; 3]);
    }

    async fn a_transaction_that_is_dropped_enqueues_nothing(hand: Hand) {
        let (now, database) = (hand.now(), hand.test.app.database());
        let id = certmill_domain::JobId::generate(now, hand.test.app.entropy());
        let new = NewJob { id, job: Job::RebuildCrl(some_ca(&hand)), run_at: now, request_id: None, now };
        let mut tx = database.begin(hand.test.tenant.id).await.unwrap();
        table::enqueue(&mut tx, &new).await.unwrap();
        drop(tx);
        assert!(hand.rows().await.is_empty());
    }

    async fn a_job_is_claimed_once_per_lease(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let now = hand.now();
        let first = hand.claim(JobKind::RebuildCrl, now).await;
        assert_eq!(first.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1]);
        let within = now.plus(Duration::from_secs(59));
        assert_eq!(hand.claim(JobKind::RebuildCrl, within).await, [], "the lease still runs");
        let second = hand.claim(JobKind::RebuildCrl, now.plus(Duration::from_secs(61))).await;
        assert_eq!(second, [Attempt { number: 2, ..first[0].clone() }], "the lease has ended");
    }

    async fn dispatchers_that_claim_at_once_share_the_jobs(hand: Hand) {
        for _ in 0..8 {
            hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        }
        let claims = (0..6).map(|_| {
            let app = hand.test.app.clone();
            tokio::spawn(async move { service::claim_due(&app).await.unwrap() })
        });
        let mut claimed = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            claimed.extend(claim.await.unwrap());
        }
        claimed.extend(service::claim_due(&hand.test.app).await.unwrap());
        let mut ids: Vec<_> = claimed.iter().map(|attempt| attempt.job_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((claimed.len(), ids.len()), (8, 8), "{claimed:?}");
        assert!(claimed.iter().all(|attempt| attempt.number == 1), "{claimed:?}");
    }

    async fn a_delivery_is_taken_up_once(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let attempt = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        let app = &hand.test.app;
        let future = Attempt { number: attempt.number + 1, ..attempt.clone() };
        assert!(service::start(app, &future).await.unwrap().is_none(), "an attempt that was never claimed");
        assert!(service::start(app, &attempt).await.unwrap().is_some());
        assert!(service::start(app, &attempt).await.unwrap().is_none(), "delivered twice");
    }

    async fn a_replaced_worker_changes_nothing(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        let stale = hand.take(JobKind::RebuildCrl).await;
        let claimed = hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER * 2)).await;
        assert_eq!(claimed.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2]);

        refused_everywhere(&hand, &stale.running.attempt, "while the next attempt waits").await;
        let lost = hand.perform(&stale).await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
        assert_eq!(hand.crl(ca).await, (1, 0), "the CRL that the stale attempt built is not there");

        let fresh = service::start(&hand.test.app, &claimed[0]).await.unwrap().unwrap();
        refused_everywhere(&hand, &stale.running.attempt, "while the next attempt runs").await;
        assert!(matches!(hand.perform(&stale).await, Err(ServiceError::LeaseLost)));
        assert_eq!(hand.crl(ca).await, (1, 0));
        hand.perform(&fresh).await.unwrap();
        assert_eq!(hand.crl(ca).await, (2, 1));

        refused_everywhere(&hand, &stale.running.attempt, "after the job is done").await;
        refused_everywhere(&hand, &fresh.running.attempt, "the attempt that finished it").await;
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["done"]);
    }

    async fn a_sign_of_life_keeps_the_lease(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let attempt = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        let taken = service::start(&hand.test.app, &attempt).await.unwrap().unwrap();
        hand.sql.run(&format!("UPDATE jobs SET lease_until = {}", hand.now().unix_micros() + 1)).await;
        taken.lease.renew().await.unwrap();
        let soon = hand.now().plus(Duration::from_secs(30));
        assert_eq!(hand.claim(JobKind::RebuildCrl, soon).await, []);
        hand.claim(JobKind::RebuildCrl, hand.now().plus(LATER)).await;
        let lost = taken.lease.renew().await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
    }

    async fn a_claim_that_could_not_be_delivered_does_not_count(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let app = &hand.test.app;
        let attempt = service::claim_due(app).await.unwrap().remove(0);
        let stale = Attempt { number: 7, ..attempt.clone() };
        service::unclaim(app, &stale).await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["queued"], "another attempt's claim is not taken back");
        service::unclaim(app, &attempt).await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);

        let again = service::claim_due(app).await.unwrap().remove(0);
        assert_ne!(again, attempt, "a number names one attempt for ever");
        assert!(service::start(app, &attempt).await.unwrap().is_none(), "it was delivered after all, but too late");
        let taken = service::start(app, &again).await.unwrap().unwrap();
        assert_eq!(taken.running.tries, 1, "the claim that was taken back does not count");
        service::unclaim(app, &again).await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["running"], "what runs was delivered");
    }

    async fn a_worker_that_stops_gives_its_job_back_uncounted(hand: Hand) {
        hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        let taken = hand.take(JobKind::RebuildCrl).await;
        service::release(&hand.test.app, &taken.running.attempt).await.unwrap();
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
        let again = service::claim_due(&hand.test.app).await.unwrap();
        assert_eq!(again.len(), 1, "due at once");
        refused_everywhere(&hand, &taken.running.attempt, "of the worker that gave it back").await;
        let next = service::start(&hand.test.app, &again[0]).await.unwrap().unwrap();
        assert_eq!(next.running.tries, 1);
        refused_everywhere(&hand, &taken.running.attempt, "while the next worker is at it").await;
    }

    async fn no_more_of_a_kind_is_out_than_may_run_at_once(hand: Hand) {
        let limit = usize::try_from(JobKind::RebuildCrl.concurrency()).unwrap();
        for _ in 0..limit + 4 {
            hand.enqueue(Job::RebuildCrl(some_ca(&hand)), hand.now()).await;
        }
        hand.enqueue(Job::RevokeCaCascade(some_ca(&hand)), hand.now()).await;
        let app = &hand.test.app;
        let claimed = service::claim_due(app).await.unwrap();
        assert_eq!(claimed.len(), limit + 1, "the limit of one kind, and the other kind's job beside it");
        assert_eq!(service::claim_due(app).await.unwrap(), []);

        // The order of the answer is open: of the two kinds, take up whichever comes and finish two CRL builds.
        let mut finished = 0;
        for attempt in &claimed {
            let taken = service::start(app, attempt).await.unwrap().unwrap();
            if finished < 2 && taken.running.job.kind() == JobKind::RebuildCrl {
                let mut tx = app.database().begin_system().await.unwrap();
                table::finish(&mut tx, attempt, hand.now()).await.unwrap();
                tx.commit().await.unwrap();
                finished += 1;
            }
        }
        assert_eq!(service::claim_due(app).await.unwrap().len(), 2, "as many as were finished");
    }
}

/// Every way in which a worker writes to its job refuses this attempt.
async fn refused_everywhere(hand: &Hand, stale: &Attempt, when: &str) {
    let (app, now) = (&hand.test.app, hand.now());
    let database = app.database();
    let mut tx = database.begin_system().await.unwrap();
    let setback = Setback::RetryAt(now);
    for (call, result) in [
        ("confirm", table::confirm(&mut tx, stale, now.plus(LATER)).await),
        ("finish", table::finish(&mut tx, stale, now).await),
        ("retry", table::set_back(&mut tx, stale, &setback, "late").await),
        ("bury", table::set_back(&mut tx, stale, &Setback::Dead(now), "late").await),
        ("release", table::set_back(&mut tx, stale, &Setback::Released, "late").await),
    ] {
        assert!(matches!(result, Err(StorageError::LeaseLost)), "{call} {when}: {result:?}");
    }
    // Committed all the same: a refused call has written nothing.
    tx.commit().await.unwrap();
    service::release(app, stale).await.unwrap();
    assert!(service::start(app, stale).await.unwrap().is_none(), "start {when}");
}

/// An id of no CA: enough for a job that nobody performs.
fn some_ca(hand: &Hand) -> CaId {
    CaId::generate(hand.now(), hand.test.app.entropy())
}
