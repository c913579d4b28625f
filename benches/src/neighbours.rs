//! What one tenant notices of another one's work that goes nowhere.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use fake_acme::{FakeAcme, FakeAcmeOptions};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Value, json};

use crate::site::{Plan, Site};

/// How long the slow ACME server thinks about each request: longer than a client waits.
const TARPIT: Duration = Duration::from_mins(5);
/// How often a state is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long one certificate or list may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// Calls of the other tenant under way at the same time.
const CALLS: usize = 16;
/// What is promised: so many times as long as undisturbed, and so long until a revocation is on the list.
const FACTOR: f64 = 1.5;
const ON_THE_LIST_MS: f64 = 3_000.0;

#[derive(Args)]
pub struct Measuring {
    /// The program to measure
    #[arg(long, default_value = "target/release/certmill")]
    program: PathBuf,
    /// Worker processes of the fleet
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Orders of the other tenant
    #[arg(long, default_value_t = 10_000)]
    orders: usize,
    /// Revocations and orders that are measured, undisturbed and disturbed
    #[arg(long, default_value_t = 25)]
    rounds: usize,
}

/// The results of both modes.
#[derive(Serialize)]
pub struct Report {
    benchmark: &'static str,
    orders: usize,
    rounds: usize,
    modes: Vec<Mode>,
}

#[derive(Serialize)]
struct Mode {
    name: &'static str,
    undisturbed: Measured,
    disturbed: Measured,
    revocation_ratio: f64,
    order_ratio: f64,
}

/// Milliseconds: the middle one, the ninth of ten and the longest.
#[derive(Serialize, Clone, Copy)]
struct Times {
    median: f64,
    p90: f64,
    longest: f64,
}

#[derive(Serialize, Clone, Copy)]
struct Measured {
    /// From the call that revokes to the list with it.
    revocation: Times,
    /// From the call that orders to the certificate.
    order: Times,
}

impl Report {
    /// How many of the promises were not kept.
    pub fn missed(&self) -> u64 {
        self.modes.iter().flat_map(Mode::promises).map(|kept| u64::from(!kept)).sum()
    }
}

impl Mode {
    fn promises(&self) -> [bool; 3] {
        [
            self.revocation_ratio <= FACTOR,
            self.order_ratio <= FACTOR,
            self.disturbed.revocation.longest <= ON_THE_LIST_MS,
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} rounds, beside {} orders of another tenant", self.rounds, self.orders)?;
        for mode in &self.modes {
            let Mode { undisturbed, disturbed, .. } = mode;
            let rows = [
                ("revocation to CRL", undisturbed.revocation, disturbed.revocation, mode.revocation_ratio),
                ("order", undisturbed.order, disturbed.order, mode.order_ratio),
            ];
            for (what, before, beside, ratio) in rows {
                writeln!(
                    f,
                    "{:>8}  {what:<17}  {before} undisturbed, {beside} disturbed: {ratio:.2} times",
                    mode.name
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median {:.0} p90 {:.0} longest {:.0} ms", self.median, self.p90, self.longest)
    }
}

impl Times {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |percent: usize| {
            let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
            took.get(place).map_or(0.0, |one| one.as_secs_f64() * 1_000.0)
        };
        Self { median: at(50), p90: at(90), longest: at(100) }
    }
}

/// Measures both modes.
pub async fn run(plan: &Measuring) -> anyhow::Result<Report> {
    ensure!(plan.rounds > 0 && plan.orders > 0, "--rounds and --orders must be at least 1");
    ensure!(plan.workers > 0, "--workers must be at least 1");
    let mut modes = Vec::new();
    for (mode, workers) in [("embedded", 0), ("fleet", plan.workers)] {
        modes.push(measure(plan, mode, workers).await?);
    }
    Ok(Report { benchmark: "neighbours", orders: plan.orders, rounds: plan.rounds, modes })
}

async fn measure(plan: &Measuring, mode: &'static str, workers: usize) -> anyhow::Result<Mode> {
    let good = FakeAcme::start(FakeAcmeOptions::default()).await;
    let slow = FakeAcme::start(FakeAcmeOptions::default()).await;
    let authorities = [good.ca_pem(), slow.ca_pem()].concat();
    let site = Site::start(&Plan {
        program: &plan.program,
        workers,
        jobs: None,
        authorities: &authorities,
        http_port: None,
    })
    .await?;
    let other = other_tenant(&site)?;
    let mut tenant = Tenant::new(&site, &good).await?;
    let account = account(&site, &other, &slow).await?;

    // What is done for the first time takes longer.
    tenant.round().await?;
    let undisturbed = tenant.measure(plan.rounds).await?;
    slow.knobs().set(|behaviour| behaviour.delay = TARPIT);
    let orders = futures_util::stream::iter(0..plan.orders).map(|number| {
        let body = json!({ "account_id": account, "domains": [format!("n{number}.slow.example")] });
        site.post_by(&other, "/v1/pki/acme/issue?wait=0s", body)
    });
    let mut answers = orders.buffer_unordered(CALLS);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    drop(answers);
    let disturbed = tenant.measure(plan.rounds).await?;
    Ok(Mode {
        name: mode,
        undisturbed,
        disturbed,
        revocation_ratio: disturbed.revocation.median / undisturbed.revocation.median,
        order_ratio: disturbed.order.median / undisturbed.order.median,
    })
}

/// The token of a tenant of its own.
fn other_tenant(site: &Site) -> anyhow::Result<String> {
    site.run(&["tenant", "create", "other"])?;
    site.run(&["domain", "grant", "good.example"])?;
    site.run(&["domain", "grant", "slow.example", "--tenant", "other"])?;
    site.run(&["token", "create", "--name", "bench", "--scope", "pki:admin", "--tenant", "other"])
}

async fn account(site: &Site, token: &str, ca: &FakeAcme) -> anyhow::Result<Value> {
    let body = json!({ "name": "ca", "provider": "custom", "directory_url": ca.directory_url() });
    Ok(site.post_by(token, "/v1/pki/acme/accounts", body).await?["id"].clone())
}

/// The one whose times are measured.
struct Tenant<'a> {
    site: &'a Site,
    ca: String,
    account: Value,
    rounds: usize,
}

impl<'a> Tenant<'a> {
    async fn new(site: &'a Site, acme: &FakeAcme) -> anyhow::Result<Self> {
        let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec" });
        let ca = site.post("/v1/pki/ca", body).await?["id"].as_str().context("the CA has no id")?.to_owned();
        let role = json!({
            "name": "web", "ca_id": ca, "allowed_domains": ["example.internal"], "allow_subdomains": true, "key_type": "ec"
        });
        site.post("/v1/pki/roles", role).await?;
        Ok(Self { site, ca, account: account(site, &site.token, acme).await?, rounds: 0 })
    }

    async fn measure(&mut self, rounds: usize) -> anyhow::Result<Measured> {
        let (mut revocations, mut orders) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (revocation, order) = self.round().await?;
            revocations.push(revocation);
            orders.push(order);
        }
        Ok(Measured { revocation: Times::of(revocations), order: Times::of(orders) })
    }

    /// Revokes a certificate and orders one; how long it took until each was done.
    async fn round(&mut self) -> anyhow::Result<(Duration, Duration)> {
        self.rounds += 1;
        let name = format!("n{}.example.internal", self.rounds);
        let issued = self.site.post("/v1/pki/issue/web", json!({ "common_name": name })).await?;
        let started = Instant::now();
        let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
        self.site.post("/v1/pki/revoke", body).await?;
        let listed = self.rounds;
        self.until(&format!("/v1/pki/ca/{}", self.ca), |ca| ca["crl"]["entries"] == listed).await?;
        let revocation = started.elapsed();
        let started = Instant::now();
        let body =
            json!({ "account_id": self.account, "domains": [format!("n{}.good.example", self.rounds)] });
        let order = self.site.post("/v1/pki/acme/issue?wait=0s", body).await?;
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().context("the order has no id")?);
        self.until(&path, |order| order["status"] == "valid").await?;
        Ok((revocation, started.elapsed()))
    }

    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.site.get(path).await?;
            if wanted(&found) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{path} is not as wanted: {found}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
