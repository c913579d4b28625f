//! Orders at a real ACME server while everything around them dies: workers at named points and at any moment, Redis's memory,
//! Postgres. Each order must end with exactly one certificate and its key, and no TXT value may be left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use launch::{Bind, BindOptions, Pebble, PebbleOptions, Postgres, Process, Redis, TsigKey, ZoneSpec};
use serde_json::{Value, json};

use crate::api::Api;
use crate::site::{Site, stop};

const ZONE: &str = "example.test";
const SECRET: &str = "c2VjcmV0LW9mLXRoZS16b25lLWtleS1mb3ItdGVzdHMhIQ==";
/// The chance of a worker to die at each of its failpoints, of which an order passes about ten.
const CRASHES: &str = "*=0.02";
/// Each order of so many also proves control of the zone itself. Pebble asks by UDP without EDNS and never by TCP, so it
/// finds no value of a name that has more than eight: 512 octets hold no more (RFC 1035 section 4.2.1). On a busy machine
/// the values of all orders may be there at the same time, and there are five of them.
const SHARED_EVERY: usize = 40;
/// So many workers die. Those that follow live: on a slow machine a step would otherwise take longer than any worker lives.
const DEATHS: usize = 60;
/// How long all orders may take on a busy machine.
const ALL_DONE_WITHIN: Duration = Duration::from_mins(8);

/// The servers around the service.
struct World {
    pebble: Pebble,
    bind: Bind,
    zone_before: Vec<String>,
}

impl World {
    fn start() -> Self {
        let key = TsigKey {
            name: "certmill".to_owned(),
            algorithm: "hmac-sha256".to_owned(),
            secret_base64: SECRET.to_owned(),
        };
        let zone =
            ZoneSpec { name: ZONE.to_owned(), update_keys: vec![key.name.clone()], ..ZoneSpec::default() };
        let bind = Bind::start(BindOptions { zones: vec![zone], keys: vec![key] });
        let pebble = Pebble::start(PebbleOptions {
            dns_server: Some(bind.address()),
            nonce_reject: 20,
            authz_reuse: 50,
            ..PebbleOptions::default()
        });
        let zone_before = bind.zone_lines(ZONE);
        Self { pebble, bind, zone_before }
    }

    /// The settings that let a service reach these servers, and be reached by them.
    fn around(&self, site: Site) -> Site {
        let ca = site.write("pebble.pem", self.pebble.ca_pem());
        site.with("CERTMILL_EGRESS__ALLOW", "127.0.0.1")
            .with("CERTMILL_EGRESS__CA_FILE", ca.display().to_string())
            .with("CERTMILL_DNS__RESOLVERS", self.bind.address().to_string())
            .with("CERTMILL_JOBS__LEASE", "5s")
    }

    fn with_responders(&self, site: Site) -> Site {
        site.with("CERTMILL_ACME__HTTP_LISTEN", format!("127.0.0.1:{}", self.pebble.http_port()))
            .with("CERTMILL_ACME__TLS_ALPN_LISTEN", format!("127.0.0.1:{}", self.pebble.tls_port()))
    }

    /// Registers an account and adds the name server; answers the account's id.
    async fn introduce(&self, api: &Api) -> String {
        let provider = json!({
            "name": "bind", "type": "rfc2136", "zones": [ZONE],
            "config": {
                "nameserver": self.bind.address().to_string(), "tsig_key": "certmill", "tsig_secret": SECRET,
                "propagation": { "nameservers": [self.bind.address().to_string()], "settle_seconds": 0 }
            }
        });
        api.post("/v1/pki/dns-providers", provider, 201).await;
        let account = json!({
            "name": "pebble", "provider": "custom", "directory_url": self.pebble.directory_url()
        });
        let account = api.post("/v1/pki/acme/accounts", account, 201).await;
        account["id"].as_str().unwrap().to_owned()
    }

    /// What must be true in the end, whatever happened on the way.
    async fn judge(&self, api: &Api, ordered: usize) {
        let orders = all(api, "orders", "/v1/pki/acme/orders?status=valid").await;
        assert_eq!(orders.len(), ordered, "every order has its certificate");
        let of_orders: BTreeSet<&str> =
            orders.iter().map(|order| order["certificate_id"].as_str().unwrap()).collect();
        assert_eq!(of_orders.len(), ordered);
        let certificates = all(api, "certificates", "/v1/pki/certificates?source=acme").await;
        assert_eq!(certificates.len(), ordered, "and there are no others");
        for certificate in &certificates {
            let id = certificate["id"].as_str().unwrap();
            assert!(of_orders.contains(id), "{certificate}");
            let key = api.post(&format!("/v1/pki/certificates/{id}/private-key"), json!({}), 200).await;
            let key =
                openssl::pkey::PKey::private_key_from_pem(key["private_key"].as_str().unwrap().as_bytes());
            let spki = openssl::sha::sha256(&key.unwrap().public_key_to_der().unwrap());
            assert_eq!(
                certificate["spki_sha256"],
                certmill_x509::hex(&spki),
                "the key that is kept is the certificate's"
            );
        }
        let mut issued: BTreeMap<String, usize> = BTreeMap::new();
        for line in self.pebble.log().lines() {
            if let Some((_, rest)) = line.split_once("Issued certificate serial ") {
                let order = rest.rsplit(' ').next().unwrap_or_default().to_owned();
                *issued.entry(order).or_default() += 1;
            }
        }
        assert!(issued.values().all(|times| *times == 1), "an order was finalized twice: {issued:?}");
        assert_eq!(issued.len(), ordered, "the CA has issued as many certificates as there are orders");
        assert_eq!(self.bind.zone_lines(ZONE), self.zone_before, "no TXT value is left");
    }
}

/// Every object of a list, page by page.
async fn all(api: &Api, key: &str, path: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{path}&limit=500{cursor}")).await;
        found.extend(page[key].as_array().unwrap().iter().cloned());
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// How many orders are not over, or have left something published.
async fn unfinished(api: &Api) -> usize {
    let answer = api.read("/v1/pki/acme/orders?limit=500").await;
    if answer.status != 200 {
        // The database is away.
        return usize::MAX;
    }
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    let orders = page["orders"].as_array().unwrap();
    let is_open = |order: &&Value| {
        let exposed = order["challenges"].as_array().unwrap().iter().any(|challenge| {
            !challenge["dns_record"].is_null()
                && challenge["progress"] != "cleaned_up"
                && challenge["status"] != "pending"
        });
        !matches!(order["status"].as_str(), Some("valid" | "invalid")) || exposed
    };
    let invalid: Vec<String> =
        orders.iter().filter(|order| order["status"] == "invalid").map(account_of).collect();
    assert!(invalid.is_empty(), "orders have failed:\n{}", invalid.join("\n"));
    orders.iter().filter(is_open).count()
}

/// How many orders and challenges are in which state, with the first open orders: what tells why they are not over.
async fn standing(api: &Api) -> String {
    let orders = all(api, "orders", "/v1/pki/acme/orders?").await;
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for order in &orders {
        *states.entry(format!("order {}", order["status"])).or_default() += 1;
        for challenge in order["challenges"].as_array().unwrap() {
            let state = format!("{} {} {}", challenge["type"], challenge["status"], challenge["progress"]);
            *states.entry(state).or_default() += 1;
        }
    }
    let open: Vec<String> =
        orders.iter().filter(|order| order["status"] != "valid").take(5).map(account_of).collect();
    format!("{states:#?}\n{}", open.join("\n"))
}

/// What an order and its challenges say about themselves.
fn account_of(order: &Value) -> String {
    let challenge = |challenge: &Value| {
        let [kind, status, progress, note, error] =
            ["type", "status", "progress", "note", "error"].map(|field| &challenge[field]);
        format!("\n    {kind} {status} {progress} note {note} error {error} of {}", challenge["identifier"])
    };
    let challenges: String = order["challenges"].as_array().unwrap().iter().map(challenge).collect();
    format!("{} {} error {}{challenges}", order["id"], order["domains"], order["error"])
}

fn order(account: &str, number: usize, kinds: &[&str]) -> Value {
    let name = format!("n{number}.{ZONE}");
    let kind = if number % SHARED_EVERY == SHARED_EVERY - 1 { "shared" } else { kinds[number % kinds.len()] };
    match kind {
        "wildcard" => json!({ "account_id": account, "domains": [name, format!("*.{name}")] }),
        "shared" => {
            json!({ "account_id": account, "domains": [ZONE, name], "challenge_type": "dns-01" })
        }
        kind => json!({ "account_id": account, "domains": [name], "challenge_type": kind }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dying_fleet_gets_one_certificate_for_each_order() {
    const ORDERS: usize = 200;
    let world = World::start();
    let mut postgres = Postgres::start();
    let redis = Redis::start();
    let site = world.around(Site::fleet(postgres.create_database(), redis.url()));
    let token = site.admin_token();
    let site = world.with_responders(site);
    let api = site.serve(&token, &[]).await;
    let account = world.introduce(&api).await;
    let kinds = ["http-01", "wildcard", "tls-alpn-01", "dns-01"];
    for number in 0..ORDERS {
        api.post("/v1/pki/acme/issue?wait=0s", order(&account, number, &kinds), 202).await;
    }
    let dying = site.with("FAILPOINTS", CRASHES);
    let mut workers: Vec<Process> = (0..3).map(|_| Process::start(dying.command(&["worker"]))).collect();
    let (began, mut deaths, mut round) = (Instant::now(), 0, 0);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        round += 1;
        let alive = workers.len();
        // One dies at whatever it is doing; the ones that died at a failpoint are replaced with it.
        if round % 5 == 0 && deaths < DEATHS {
            workers[round / 5 % alive].kill9();
        }
        for worker in &mut workers {
            if worker.wait_timeout(Duration::ZERO).is_some() {
                deaths += 1;
                let mut command = dying.command(&["worker"]);
                if deaths >= DEATHS {
                    command.env_remove("FAILPOINTS");
                }
                *worker = Process::start(command);
            }
        }
        match round {
            8 | 24 => redis.flush_all(),
            16 => {
                postgres.stop();
                postgres.start_again();
            }
            _ => {}
        }
        if round > 24 && unfinished(&api).await == 0 {
            break;
        }
        if began.elapsed() >= ALL_DONE_WITHIN {
            let (standing, log) = (standing(&api).await, workers[0].log());
            panic!("after {deaths} deaths of workers: {standing}\n{log}");
        }
    }
    assert!(deaths >= 5, "workers have died: {deaths}");
    println!("{ORDERS} orders in {:?} with {deaths} deaths of workers", began.elapsed());
    world.judge(&api, ORDERS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dying_process_gets_one_certificate_for_each_order() {
    const ORDERS: usize = 200;
    let world = World::start();
    let site = world.around(Site::embedded());
    site.run(&["migrate"]);
    let token = site.admin_token();
    // While the one process is down nobody answers over HTTP or TLS, and a CA takes that for an answer. So by DNS.
    let kinds = ["wildcard", "dns-01"];
    let mut first = site.serve(&token, &["--with-worker"]).await;
    let account = world.introduce(&first).await;
    for number in 0..ORDERS {
        first.post("/v1/pki/acme/issue?wait=0s", order(&account, number, &kinds), 202).await;
    }
    first.process.kill9();
    let (began, mut restarts) = (Instant::now(), 0);
    let dying = site.with("FAILPOINTS", CRASHES);
    // It dies again and again, a little further each time.
    while restarts < 25 {
        let mut api = dying.serve(&token, &["--with-worker"]).await;
        api.process.wait_timeout(Duration::from_secs(2));
        api.process.kill9();
        restarts += 1;
    }
    let site = dying.without("FAILPOINTS");
    let mut last = site.serve(&token, &["--with-worker"]).await;
    while unfinished(&last).await > 0 {
        assert!(began.elapsed() < ALL_DONE_WITHIN, "{}\n{}", standing(&last).await, last.process.log());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!("{ORDERS} orders in {:?} with {restarts} restarts of the process", began.elapsed());
    world.judge(&last, ORDERS).await;
    stop(&mut last.process);
}

/// The CA's answer to being told is what counts: a process that dies before it could tell leaves nothing to wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_that_was_never_told_to_look_is_told_when_the_process_is_back() {
    /// Less than after which a CA is told again that has answered and not looked.
    const TOLD_WITHIN: Duration = Duration::from_secs(80);
    let world = World::start();
    let site = world.around(Site::embedded());
    site.run(&["migrate"]);
    let token = site.admin_token();
    let dying = site.with("FAILPOINTS", "challenge.submission_stored=1");
    let mut first = dying.serve(&token, &["--with-worker"]).await;
    let account = world.introduce(&first).await;
    first.post("/v1/pki/acme/issue?wait=0s", order(&account, 0, &["dns-01"]), 202).await;
    assert!(first.process.wait_timeout(ALL_DONE_WITHIN).is_some(), "it has died before it told the CA");
    assert!(!world.pebble.log().contains("Pulled a task"), "the CA has heard nothing");
    let site = dying.without("FAILPOINTS");
    let began = Instant::now();
    let mut second = site.serve(&token, &["--with-worker"]).await;
    while unfinished(&second).await > 0 {
        assert!(began.elapsed() < TOLD_WITHIN, "{}\n{}", standing(&second).await, second.process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.judge(&second, 1).await;
    stop(&mut second.process);
}
