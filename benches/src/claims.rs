//! What a claim costs while one tenant has very many jobs waiting.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context;
use certmill_domain::{Clock, JobId, SystemClock, SystemEntropy, Tenant, TenantId, Timestamp};
use certmill_storage::jobs::{self, Claim, NewJob};
use certmill_storage::{Database, tenants};
use serde::Serialize;

/// Jobs stored in one transaction.
const BATCH: u64 = 5_000;
/// Tenants with one job each beside the one with very many.
const OTHERS: u64 = 50;
const ROUNDS: usize = 200;
const KIND: &str = "advance_order";

/// How long claims took, for each database and number of rows.
#[derive(Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    measured: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    database: &'static str,
    rows: u64,
    median_us: u128,
    p99_us: u128,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "finding who waits and claiming one job, {ROUNDS} rounds")?;
        for one in &self.measured {
            let Measured { database, rows, median_us, p99_us } = one;
            writeln!(
                f,
                "{database:>9}  {rows:>9} rows of one tenant  median {median_us:>6} us  p99 {p99_us:>6} us"
            )?;
        }
        Ok(())
    }
}

/// Measures SQLite and a private Postgres, with a thousandth of the rows and with all of them.
pub(crate) async fn run(rows: u64) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let sqlite = format!("sqlite://{}", folder.path().join("claims.db").display());
    let postgres = launch::shared_postgres().create_database();
    let mut measured = Vec::new();
    for (name, url) in [("sqlite", sqlite), ("postgres", postgres)] {
        let database = Database::open(&url, 4).await?;
        database.migrate().await?;
        let many = tenant(&database, "many").await?;
        for number in 0..OTHERS {
            let other = tenant(&database, &format!("other-{number}")).await?;
            fill(&database, other, 1).await?;
        }
        let mut present = 0;
        for rows in [rows / 1_000, rows] {
            fill(&database, many, rows - present).await?;
            present = rows;
            measured.push(measure(&database, name, rows).await?);
        }
        database.close().await;
    }
    Ok(Report { benchmark: "claims", measured })
}

async fn tenant(database: &Database, name: &str) -> anyhow::Result<TenantId> {
    let now = SystemClock.now();
    let name = name.parse().map_err(anyhow::Error::msg)?;
    let tenant = Tenant { id: TenantId::generate(now, &SystemEntropy), name, created_at: now };
    let mut tx = database.begin_system().await?;
    tenants::insert(&mut tx, &tenant).await?;
    tx.commit().await?;
    Ok(tenant.id)
}

async fn fill(database: &Database, tenant: TenantId, count: u64) -> anyhow::Result<()> {
    let mut left = count;
    while left > 0 {
        let mut tx = database.begin(tenant).await?;
        for _ in 0..left.min(BATCH) {
            let now = SystemClock.now();
            let id = JobId::generate(now, &SystemEntropy);
            let subject = id.to_string();
            let new =
                NewJob { id, kind: KIND, subject, max_attempts: 20, run_at: now, request_id: None, now };
            jobs::enqueue(&mut tx, &new).await?;
        }
        tx.commit().await?;
        left -= left.min(BATCH);
    }
    Ok(())
}

async fn measure(database: &Database, name: &'static str, rows: u64) -> anyhow::Result<Measured> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let now = SystemClock.now();
        let started = Instant::now();
        let mut tx = database.begin_system().await?;
        let waiting = jobs::waiting_tenants(&mut tx, KIND, None, now, 64).await?;
        let tenant = waiting.first().context("somebody waits")?;
        let lease_until: Timestamp = now.plus(Duration::from_mins(1));
        jobs::claim(&mut tx, &Claim { kind: KIND, tenant, limit: 1, now, lease_until }).await?;
        took.push(started.elapsed().as_micros());
        // Taken back, so that each round meets the same rows.
        drop(tx);
    }
    took.sort_unstable();
    let at = |part: usize| took.get(ROUNDS * part / 100).copied().unwrap_or_default();
    Ok(Measured { database: name, rows, median_us: at(50), p99_us: at(99) })
}
