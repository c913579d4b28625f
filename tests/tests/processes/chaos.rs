//! A whole fleet under load while everything around it fails, one fault after the other: what was acknowledged is kept,
//! what was begun is finished, and nothing is done twice.
//!
//! `CHAOS_SECONDS` says how long the faults go on (`tests/chaos` makes it minutes); every fault comes at least once.

mod faults;
pub(crate) mod judge;
pub(crate) mod ledger;
pub(crate) mod load;
mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fake_acme::{FakeAcme, FakeAcmeOptions};
use launch::{Postgres, Process, Redis};
use serde_json::json;

use self::faults::Fault;
use self::ledger::Ledger;
use self::load::{Client, Load};
use self::relay::{Network, Relay};
use crate::api::Api;
use crate::rows::Rows;
use crate::site::{PATIENCE, Site, previous, stop, until};

/// The shortest that can be set.
const LEASE: Duration = Duration::from_secs(3);
/// How long the slow CA thinks about each request: longer than a client waits.
const TARPIT: Duration = Duration::from_mins(1);
/// The orders that wait for it.
const SLOW_ORDERS: usize = 40;
/// Where the order of the faults begins.
const SEED: u64 = 13;

/// A worker, and how it is started.
struct Worker {
    site: Site,
    process: Process,
}

impl Worker {
    fn start(site: Site) -> Self {
        Self { process: site.worker(), site }
    }

    fn start_again(&mut self) {
        self.process = self.site.worker();
    }
}

/// The fleet, and the servers that it needs.
struct Scene {
    site: Site,
    /// The processes reach the database through it.
    relay: Relay,
    postgres: Postgres,
    redis: Redis,
    workers: Vec<Worker>,
    /// How long Redis stays away.
    redis_away: Duration,
}

impl Scene {
    async fn start(
        postgres: Postgres,
        redis: Redis,
        authorities: &str,
        redis_away: Duration,
    ) -> (Self, String) {
        let direct = postgres.create_database();
        let relay = Relay::start(&direct, Network::Good).await;
        let site = Site::fleet(relay.url().to_owned(), redis.url());
        let trusted = site.write("authorities.pem", authorities);
        let site = site
            .with("CERTMILL_EGRESS__ALLOW", "127.0.0.1")
            .with("CERTMILL_EGRESS__CA_FILE", trusted.display().to_string())
            .with("CERTMILL_JOBS__LEASE", format!("{}s", LEASE.as_secs()));
        // One is of the version before, as in the middle of an upgrade.
        let sites = [site.clone(), site.clone(), site.by(previous())];
        let workers = sites.into_iter().map(Worker::start).collect();
        (Self { site, relay, postgres, redis, workers, redis_away }, direct)
    }
}

/// How long the faults go on.
fn duration() -> Duration {
    let seconds = std::env::var("CHAOS_SECONDS").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// Registers an account at a CA; answers its id.
pub(crate) async fn account(api: &Api, token: &str, ca: &FakeAcme) -> String {
    let client = Client::new(&[api], token, &Arc::default());
    let body = json!({ "name": "ca", "provider": "custom", "directory_url": ca.directory_url() });
    let account = client.post("/v1/pki/acme/accounts", &body).await.unwrap();
    account["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fleet_keeps_its_word_whatever_fails_around_it() {
    let (good, slow) = tokio::join!(
        FakeAcme::start(FakeAcmeOptions::default()),
        FakeAcme::start(FakeAcmeOptions::default())
    );
    let authorities = [good.ca_pem(), slow.ca_pem()].concat();
    let servers = tokio::task::spawn_blocking(|| (Postgres::start(), Redis::start())).await.unwrap();
    let lasting = duration();
    let redis_away = Duration::from_secs(if lasting < Duration::from_mins(3) { 10 } else { 60 });
    let (mut scene, direct) = Scene::start(servers.0, servers.1, &authorities, redis_away).await;
    let token = scene.site.admin_token();
    scene.site.run(&["tenant", "create", "slow"]);
    let slow_token =
        scene.site.run(&["token", "create", "--name", "test", "--scope", "pki:admin", "--tenant", "slow"]);
    let slow_token = slow_token.trim();
    scene.site.run(&["domain", "grant", "good.example"]);
    scene.site.run(&["domain", "grant", "slow.example", "--tenant", "slow"]);
    let (mut one, mut two) = tokio::join!(scene.site.serve(&token, &[]), scene.site.serve(&token, &[]));
    let ca = one.root_ca("root").await;
    one.role("web", &ca).await;
    let good_account = account(&one, &token, &good).await;
    let slow_account = account(&two, slow_token, &slow).await;

    let ledger = Arc::<Ledger>::default();
    slow.knobs().set(|behaviour| behaviour.delay = TARPIT);
    let slow_client = Client::new(&[&one, &two], slow_token, &Arc::default());
    for number in 0..SLOW_ORDERS {
        let order = json!({ "account_id": slow_account, "domains": [format!("n{number}.slow.example")] });
        slow_client.post("/v1/pki/acme/issue", &order).await.unwrap();
    }
    let client = Arc::new(Client::new(&[&one, &two], &token, &ledger));
    let load = Load::start(&client, &ca, &good_account);

    let (began, mut rounds, mut order) = (Instant::now(), 0, Fault::ALL);
    let mut random = SEED;
    while rounds == 0 || began.elapsed() < lasting {
        faults::shuffle(&mut order, &mut random);
        for fault in order {
            if rounds > 0 && began.elapsed() >= lasting {
                break;
            }
            println!("{:>5.1} s {fault:?}", began.elapsed().as_secs_f64());
            load.revoke_a_ca().await;
            fault.happen(&mut scene).await;
            recovered(&[&one, &two], &ledger).await;
        }
        rounds += 1;
    }
    load.stop().await;
    println!("{:>5.1} s all faults are over: {}", began.elapsed().as_secs_f64(), ledger.summary());

    slow.knobs().set(|behaviour| behaviour.delay = Duration::ZERO);
    let rows = Rows::open(&direct).await;
    judge::orders(&client, &rows, &ledger, &good_account, &good).await;
    judge::certificates(&rows, &ledger).await;
    judge::revocations(&client, &ledger).await;
    judge::quiet(&rows).await;
    assert!(
        slow.log().finalizations().values().all(|times| times.accepted <= 1),
        "{:?}",
        slow.log().finalizations()
    );
    assert_eq!(ledger.wrong(), Vec::<String>::new(), "answers that no fault excuses");
    println!("{:>5.1} s judged", began.elapsed().as_secs_f64());

    scene.workers.iter_mut().for_each(|worker| stop(&mut worker.process));
    for api in [&mut one, &mut two] {
        stop(&mut api.process);
    }
    let workers = scene.workers.iter().map(|worker| &worker.process);
    let logs = workers.chain([&one.process, &two.process]).map(Process::log);
    for log in logs {
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// Waits until both processes are ready and what clients ask for is done again.
async fn recovered(apis: &[&Api; 2], ledger: &Ledger) {
    for api in apis {
        until("both processes are ready", PATIENCE, async || {
            (api.read("/readyz").await.status == 200).then_some(())
        })
        .await;
    }
    let before = ledger.issued();
    until("certificates are issued again", PATIENCE, async || (ledger.issued() >= before + 10).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_clock_is_ahead_takes_no_jobs() {
    let database = launch::shared_postgres().create_database();
    let site = Site::fleet(database.clone(), launch::shared_redis().url());
    let api = site.serve(&site.admin_token(), &[]).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let leaf = api.issue("web", "leaf").await;
    let rows = Rows::open(&database).await;
    let mut wrong = faults::worker_of_tomorrow(&site).await;
    faults::assert_idle(&wrong, Duration::ZERO).await;

    // There is work to do, it is seen and left alone.
    api.revoke(&leaf).await;
    faults::assert_idle(&wrong, Duration::from_secs(5)).await;
    judge::schedules_in_time(&rows).await;
    assert_eq!(rows.number("SELECT count(*) FROM jobs WHERE state = 'running'").await, 0);
    assert_eq!(
        rows.number("SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND state = 'pending'").await,
        1
    );

    // A worker with a right clock does it beside this one.
    let mut right = site.worker();
    let path = format!("/v1/pki/ca/{ca}");
    api.eventually(&path, PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    faults::assert_idle(&wrong, Duration::ZERO).await;
    let errors = wrong.process.log().lines().filter(|line| line.contains(faults::COMPLAINT)).count();
    assert_eq!(errors, 1, "it says so once: {}", wrong.process.log());
    stop(&mut right);
    stop(&mut wrong.process);
}

/// The id in the answer of a POST, which is there when the call was carried out.
fn id_in(answer: &serde_json::Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}
