//! Periodic work: of all processes, one takes each turn.

use std::time::Duration;

use certmill_domain::JobKind;
use certmill_service::jobs as service;
use certmill_storage::schedules;

use super::by_hand;

by_hand! {
    async fn a_turn_is_taken_by_one_of_many(hand: Hand) {
        let now = hand.now();
        let next = now.plus(Duration::from_secs(30));
        let takers = (0..6).map(|_| {
            let database = hand.test.app.database().clone();
            tokio::spawn(async move {
                let mut tx = database.begin_system().await.unwrap();
                let taken = schedules::take(&mut tx, "test", now, next).await.unwrap();
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
            let taken = schedules::take(&mut tx, "test", at, at.plus(Duration::from_secs(30))).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(taken, expected, "{seconds} s later");
        }
    }

    async fn several_processes_enqueue_each_periodic_job_once(hand: Hand) {
        let turns = (0..4).map(|_| {
            let app = hand.test.app.clone();
            tokio::spawn(async move { service::run_schedules(&app).await.unwrap() })
        });
        for turn in turns.collect::<Vec<_>>() {
            turn.await.unwrap();
        }
        let mut kinds: Vec<_> = hand.rows().await.iter().map(|row| row.job.kind().as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["expire_certificates", "prune_jobs", "renew_certificates", "sweep"]);

        for kind in [JobKind::Sweep, JobKind::ExpireCertificates, JobKind::RenewCertificates, JobKind::PruneJobs] {
            let taken = hand.take(kind).await;
            hand.perform(&taken).await.unwrap();
        }
        service::run_schedules(&hand.test.app).await.unwrap();
        assert_eq!(hand.states(JobKind::Sweep).await, ["done"], "the next turn is not due yet");
        hand.sql.run("UPDATE schedules SET next_run_at = 1 WHERE name = 'sweep'").await;
        service::run_schedules(&hand.test.app).await.unwrap();
        assert_eq!(hand.states(JobKind::Sweep).await, ["done", "pending"]);
        assert_eq!(hand.states(JobKind::ExpireCertificates).await, ["done"]);
    }
}
