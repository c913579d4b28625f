//! Orders at an ACME server: a Pebble of our own, a service of our own around it, and what both take.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use launch::{ChallTestSrv, Pebble, PebbleOptions};
use serde::Serialize;
use serde_json::{Value, json};

use crate::process::{cpu_millis, peak_resident_kib};
use crate::site::{Plan, Site};

/// How long everything may take at most.
const PATIENCE: Duration = Duration::from_mins(20);
const LOOK: Duration = Duration::from_millis(250);
/// A page of orders.
const PAGE: usize = 1_000;

#[derive(Args)]
pub struct Ordering {
    /// The program to measure
    #[arg(long, default_value = "target/release/certmill")]
    program: PathBuf,
    /// Worker processes beside one API process, on Postgres and Redis; 0 is one process with everything, on SQLite
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// Orders
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// Calls under way at the same time
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Jobs that are done at the same time, by all workers together. Pebble's store locks itself up when too many requests
    /// arrive at once
    #[arg(long, default_value_t = 12)]
    jobs: usize,
    /// Place orders that wait for DNS records which nobody publishes, and measure what the waiting costs for so many seconds
    #[arg(long)]
    waiting: Option<u64>,
}

/// The result of one run.
#[derive(Serialize)]
pub struct OrdersReport {
    command: &'static str,
    workers: usize,
    count: usize,
    /// Until the last call was answered.
    placed_seconds: f64,
    /// The middle and the ninety-ninth of a hundred calls.
    call_p50_ms: f64,
    call_p99_ms: f64,
    /// Until the last certificate was there, from the first call on; or until all waited.
    seconds: f64,
    /// Certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_minute: Option<f64>,
    /// While all were waiting: of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_cpu_percent: Option<f64>,
    /// Of each process from its start.
    cpu_ms: BTreeMap<u32, u64>,
    peak_resident_kib: BTreeMap<u32, u64>,
}

impl fmt::Display for OrdersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} with {} workers", self.command, self.count, self.workers)?;
        writeln!(
            f,
            "calls      p50 {:.1} ms, p99 {:.1} ms, all after {:.1} s",
            self.call_p50_ms, self.call_p99_ms, self.placed_seconds
        )?;
        if let Some(rate) = self.per_minute {
            writeln!(f, "issued     all after {:.1} s: {rate:.0} a minute", self.seconds)?;
        }
        if let Some(cpu) = self.waiting_cpu_percent {
            writeln!(f, "waiting    all after {:.1} s; then {cpu:.1} % of a core", self.seconds)?;
        }
        writeln!(f, "processes  CPU {:?} ms, peak {:?} KiB", self.cpu_ms, self.peak_resident_kib)
    }
}

/// How many orders there are in one of these states.
async fn count(site: &Site, states: &[&str]) -> anyhow::Result<usize> {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = site.get(&format!("/v1/pki/acme/orders?limit={PAGE}{cursor}")).await?;
        let orders = page["orders"].as_array().context("no page of orders")?;
        if let Some(failed) = orders.iter().find(|order| order["status"] == "invalid") {
            anyhow::bail!("an order has failed: {}", failed["error"]);
        }
        let state = |order: &Value| order["state"].as_str().is_some_and(|state| states.contains(&state));
        count += orders.iter().filter(|order| state(order)).count();
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(count),
        }
    }
}

fn cpu(site: &Site) -> anyhow::Result<BTreeMap<u32, u64>> {
    site.processes.iter().map(|process| Ok((process.id(), cpu_millis(process.id())?))).collect()
}

/// Places the orders and waits for their ends.
pub async fn run(orders: &Ordering) -> anyhow::Result<OrdersReport> {
    ensure!(orders.count > 0 && orders.concurrency > 0, "--count and --concurrency must be at least 1");
    let names = ChallTestSrv::start();
    let pebble = Pebble::start(PebbleOptions { dns_server: Some(names.dns()), ..PebbleOptions::default() });
    let plan = Plan {
        program: &orders.program,
        workers: orders.workers,
        jobs: Some(orders.jobs),
        authorities: pebble.ca_pem(),
        http_port: Some(pebble.http_port()),
    };
    let site = Site::start(&plan).await?;
    let account = json!({ "name": "bench", "provider": "custom", "directory_url": pebble.directory_url() });
    let account = site.post("/v1/pki/acme/accounts", account).await?["id"].clone();
    if orders.waiting.is_some() {
        let propagation = json!({ "nameservers": [names.dns().to_string()] });
        let body = json!({
            "name": "by hand", "type": "manual", "zones": ["bench.test"], "config": { "propagation": propagation }
        });
        site.post("/v1/pki/dns-providers", body).await?;
    }
    let started = Instant::now();
    let mut latencies = place(orders, &site, &account).await?;
    let placed = started.elapsed();
    let wanted: &[&str] = if orders.waiting.is_some() { &["challenging"] } else { &["issued"] };
    while count(&site, wanted).await? < orders.count {
        ensure!(started.elapsed() < PATIENCE, "not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(LOOK).await;
    }
    let elapsed = started.elapsed();
    let waiting_cpu_percent = match orders.waiting {
        Some(seconds) => Some(idle(&site, seconds).await?),
        None => None,
    };
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let at = (latencies.len() * percent / 100).min(latencies.len() - 1);
        latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
    };
    let count = u32::try_from(orders.count).map(f64::from)?;
    let peak = site.processes.iter().map(|process| Ok((process.id(), peak_resident_kib(process.id())?)));
    Ok(OrdersReport {
        command: if orders.waiting.is_some() { "waiting orders" } else { "orders" },
        workers: orders.workers,
        count: orders.count,
        placed_seconds: placed.as_secs_f64(),
        call_p50_ms: percentile(50),
        call_p99_ms: percentile(99),
        seconds: elapsed.as_secs_f64(),
        per_minute: orders.waiting.is_none().then(|| count / elapsed.as_secs_f64() * 60.0),
        waiting_cpu_percent,
        cpu_ms: cpu(&site)?,
        peak_resident_kib: peak.collect::<anyhow::Result<_>>()?,
    })
}

async fn place(orders: &Ordering, site: &Site, account: &Value) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(orders.count);
    let numbers: Vec<usize> = (0..orders.count).collect();
    for batch in numbers.chunks(orders.concurrency) {
        let calls = batch.iter().map(|number| async move {
            let domain = match orders.waiting {
                Some(_) => format!("*.host{number}.bench.test"),
                None => format!("host{number}.example.org"),
            };
            let started = Instant::now();
            site.post("/v1/pki/acme/issue?wait=0s", json!({ "account_id": account, "domains": [domain] }))
                .await?;
            anyhow::Ok(started.elapsed())
        });
        for answered in futures_util::future::join_all(calls).await {
            latencies.push(answered?);
        }
    }
    Ok(latencies)
}

/// What the processes use of one core while nothing arrives.
async fn idle(site: &Site, seconds: u64) -> anyhow::Result<f64> {
    // The first looks for the records come close after each other.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let total = |cpu: &BTreeMap<u32, u64>| cpu.values().sum::<u64>();
    let before = total(&cpu(site)?);
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let spent = Duration::from_millis(total(&cpu(site)?) - before);
    Ok(spent.as_secs_f64() / started.elapsed().as_secs_f64() * 100.0)
}
