//! Periodic work: of all processes, one takes each turn.

use std::time::Duration;

use certmill_service::jobs::{Job, JobKind};
use certmill_storage::schedules;
use certmill_worker::run_schedules;
use tests::both_modes;

use super::Hand;

both_modes! {
    async fn a_turn_is_taken_by_one_of_many(hand: Hand) {
        let now = hand.now();
        let every = Duration::from_secs(30);
        let takers = (0..6).map(|_| {
            let database = hand.test.app.database().clone();
            tokio::spawn(async move {
                let mut tx = database.begin_system().await.unwrap();
                let taken = schedules::take(&mut tx, "test", now, every).await.unwrap();
                tx.commit().await.unwrap();
                taken
            })
        });
        let mut turns = 0;
        for taker in takers.collect::<Vec<_>>() {
            turns += i32::from(taker.await.unwrap());
        }
        assert_eq!(turns, 1);
        for (seconds, expected) in [(0, false), (29, false), (30, true), (31, false), (61, true)] {
            let at = now.plus(Duration::from_secs(seconds));
            let mut tx = hand.test.app.database().begin_system().await.unwrap();
            let taken = schedules::take(&mut tx, "test", at, every).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(taken, expected, "{seconds} s later");
        }
    }

    async fn a_turn_that_a_wrong_clock_set_is_due(hand: Hand) {
        let every = Duration::from_secs(30);
        for (ahead, expected) in [(Duration::from_hours(48), true), (Duration::from_secs(29), false)] {
            let next = hand.now().plus(ahead).unix_micros();
            hand.sql.run("DELETE FROM schedules").await;
            hand.sql.run(&format!("INSERT INTO schedules (name, next_run_at) VALUES ('test', {next})")).await;
            let mut tx = hand.test.app.database().begin_system().await.unwrap();
            assert_eq!(schedules::take(&mut tx, "test", hand.now(), every).await.unwrap(), expected, "{ahead:?}");
        }
    }

    async fn jobs_that_a_wrong_clock_put_off_are_brought_forward(hand: Hand) {
        let ca = hand.ca().await;
        hand.enqueue(Job::RebuildCrl(ca), hand.now().plus(Duration::from_hours(48))).await;
        crate::jobs::handlers::periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.claim(JobKind::RebuildCrl, hand.now()).await.len(), 1);
    }

    async fn several_processes_enqueue_each_periodic_job_once(hand: Hand) {
        let turns = (0..4).map(|_| {
            let app = hand.test.app.clone();
            tokio::spawn(async move { run_schedules(&app).await.unwrap() })
        });
        for turn in turns.collect::<Vec<_>>() {
            turn.await.unwrap();
        }
        let mut kinds: Vec<_> = hand.rows().await.iter().map(|row| row.kind.clone()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["expire_certificates", "forget", "prune_jobs", "renew_certificates", "sweep", "tell_expiry"]);

        for kind in [JobKind::Sweep, JobKind::ExpireCertificates, JobKind::RenewCertificates, JobKind::PruneJobs] {
            let taken = hand.take(kind).await;
            hand.perform(&taken).await.unwrap();
        }
        run_schedules(&hand.test.app).await.unwrap();
        assert_eq!(hand.states(JobKind::Sweep).await, ["done"], "the next turn is not due yet");
        hand.sql.run("UPDATE schedules SET next_run_at = 1 WHERE name = 'sweep'").await;
        run_schedules(&hand.test.app).await.unwrap();
        assert_eq!(hand.states(JobKind::Sweep).await, ["done", "pending"]);
        assert_eq!(hand.states(JobKind::ExpireCertificates).await, ["done"]);
    }
}
