//! What happens to the fleet.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use launch::{Process, free_port};
use serde_json::Value;
use tokio::task::block_in_place;

use super::relay::{Network, Relay};
use super::{LEASE, Scene};
use crate::api::client;
use crate::site::{PATIENCE, Site, stop, until};

/// What a worker logs whose clock is wrong.
pub(super) const COMPLAINT: &str = "this machine's clock differs from the database's";
/// What its metrics say: two days, more or less.
const TWO_DAYS: &str = "certmill_clock_difference_seconds 172";
/// How long a worker behind a bad network works.
const BEHIND_BAD_NETWORK: Duration = Duration::from_secs(20);
/// How long a worker with a wrong clock is watched.
const WATCHED: Duration = Duration::from_secs(20);

/// One thing that goes wrong, and is mended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    WorkerKilled,
    WorkerStalled,
    RedisFlushed,
    RedisAway,
    PostgresRestarted,
    ConnectionsCut,
    ClockAhead,
    BadNetwork,
}

impl Fault {
    pub(super) const ALL: [Self; 8] = [
        Self::WorkerKilled,
        Self::WorkerStalled,
        Self::RedisFlushed,
        Self::RedisAway,
        Self::PostgresRestarted,
        Self::ConnectionsCut,
        Self::ClockAhead,
        Self::BadNetwork,
    ];

    /// Lets it happen and mends it.
    pub(super) async fn happen(self, scene: &mut Scene) {
        // The worker that it meets is each time the one that has worked longest.
        scene.workers.rotate_left(1);
        match self {
            Self::WorkerKilled => {
                scene.workers[0].process.kill9();
                block_in_place(|| scene.workers[0].start_again());
            }
            Self::WorkerStalled => {
                signal(&scene.workers[0].process, "STOP");
                // Others take over what it holds; then it goes on as if it held it still.
                tokio::time::sleep(LEASE * 2).await;
                signal(&scene.workers[0].process, "CONT");
            }
            Self::RedisFlushed => scene.redis.flush_all(),
            Self::RedisAway => {
                block_in_place(|| scene.redis.stop());
                tokio::time::sleep(scene.redis_away).await;
                block_in_place(|| scene.redis.start_again());
            }
            Self::PostgresRestarted => block_in_place(|| {
                scene.postgres.stop();
                scene.postgres.start_again();
            }),
            Self::ConnectionsCut => assert!(scene.relay.cut() > 0, "there was nothing to cut"),
            Self::ClockAhead => {
                let mut wrong = worker_of_tomorrow(&scene.site).await;
                assert_idle(&wrong, WATCHED).await;
                stop(&mut wrong.process);
            }
            Self::BadNetwork => work_behind_bad_network(scene).await,
        }
    }
}

/// One more worker, which finds database and Redis far away and loses connections to them. It takes jobs, does some and
/// loses others, and goes.
async fn work_behind_bad_network(scene: &Scene) {
    let database = Relay::start(scene.relay.url(), Network::Bad).await;
    let redis = Relay::start(&scene.redis.url(), Network::Bad).await;
    let site = scene.site.clone().with("DATABASE_URL", database.url()).with("REDIS_URL", redis.url());
    // The lease of the others would end before it has begun with a job.
    let site = site.with("CERTMILL_JOBS__LEASE", "15s");
    // A start needs every connection; afterwards none.
    let mut worker = block_in_place(|| site.worker());
    database.lose_some();
    redis.lose_some();
    let began = std::time::Instant::now();
    until("connections to the database were lost", PATIENCE, async || {
        (database.lost() > 0 && began.elapsed() >= BEHIND_BAD_NETWORK).then_some(())
    })
    .await;
    println!("        lost {} connections to the database, {} to Redis", database.lost(), redis.lost());
    block_in_place(|| stop(&mut worker));
    assert!(!worker.log().contains("panicked"), "{}", worker.log());
}

/// Puts the faults into another order (Fisher and Yates, with xorshift for chance).
pub(super) fn shuffle(faults: &mut [Fault], random: &mut u64) {
    for last in (1..faults.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let other = usize::try_from(*random % (last as u64 + 1)).unwrap();
        faults.swap(last, other);
    }
}

fn signal(process: &Process, name: &str) {
    let sent = Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {}", process.id())]).status();
    assert!(sent.unwrap().success(), "SIG{name} could not be sent");
}

/// A worker whose clock is two days ahead, and where it can be asked how it is.
pub(super) struct WrongWorker {
    pub(super) process: Process,
    url: String,
}

/// Starts one and waits until it has noticed.
pub(super) async fn worker_of_tomorrow(site: &Site) -> WrongWorker {
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = site.command(&["worker"]);
    // Not by the command `faketime`, which stays between the test and the worker as a process of its own.
    command.env("LD_PRELOAD", faketime()).env("FAKETIME", "+2d");
    // Time that is only measured runs on as it does when somebody sets a clock.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("CERTMILL_METRICS_LISTEN", &address);
    let process = Process::start(command);
    let url = format!("http://{address}");
    until("it says that its clock is wrong, and by how much", PATIENCE, async || {
        let metrics = client().get(format!("{url}/metrics")).send().await.ok()?.text().await.ok()?;
        let says = process.log().contains(COMPLAINT) && metrics.contains(TWO_DAYS);
        says.then_some(())
    })
    .await;
    WrongWorker { process, url }
}

/// The library that gives a process another time.
fn faketime() -> PathBuf {
    std::fs::read_dir("/usr/lib")
        .unwrap()
        .map(|folder| folder.unwrap().path().join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
        .expect("libfaketime was not found: install it, for example with `apt-get install faketime`")
}

/// Neither ready nor at work, for this long.
pub(super) async fn assert_idle(worker: &WrongWorker, lasting: Duration) {
    let began = std::time::Instant::now();
    loop {
        let answer = client().get(format!("{}/readyz", worker.url)).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let ready: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(ready["checks"]["clock"], "failed", "{ready}");
        let metrics =
            client().get(format!("{}/metrics", worker.url)).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains(TWO_DAYS), "{metrics}");
        assert!(!metrics.contains("certmill_jobs_total"), "it has done a job: {metrics}");
        if began.elapsed() >= lasting {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
