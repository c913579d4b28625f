//! Benchmarks of certmill: a load generator for a running service, and the engine by itself.
//!
//! `cargo run --release -p benches -- engine`
//!
//! `cargo run --release -p benches -- issue --url http://127.0.0.1:8080 --token cmt_… --concurrency 32 --count 20000`

mod attack;
mod claims;
mod client;
mod engine;
mod exercises;
mod latency;
mod load;
mod neighbours;
mod ocsp;
mod orders;
mod process;
mod report;
mod search;
mod setup;
mod site;

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::{
    client::{Connection, Target},
    exercises::{Get, Issue, Revoke},
    load::{Exercise, Plan},
    report::{Meter, Report},
    setup::{Api, KeyType},
};

/// Certificates that `get` makes when the service has none.
const CERTIFICATES_TO_READ: usize = 100;

/// Certificates that `ocsp` asks about in turn.
const CERTIFICATES_TO_ASK_ABOUT: usize = 100;

/// Measures certmill.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Issues certificates
    Issue(Issuing),
    /// Issues certificates, then measures their revocation
    Revoke(Issuing),
    /// Reads certificates, or pages of their list
    Get {
        #[command(flatten)]
        load: Load,
        /// Read pages of the list instead of single certificates
        #[arg(long)]
        list: bool,
        /// Certificates on a page
        #[arg(long, default_value_t = 100, requires = "list")]
        limit: usize,
    },
    /// Asks by OCSP about certificates of a new P-256 CA: the same questions again and again, whose answers are signed once
    Ocsp {
        #[command(flatten)]
        load: Load,
        /// Give each question a nonce, so that each answer is signed
        #[arg(long)]
        signed: bool,
        /// Have a delegated responder sign, not the CA; needs a worker
        #[arg(long)]
        delegated: bool,
    },
    /// Orders certificates from a Pebble of its own, or has orders wait; starts the service itself
    Orders {
        #[command(flatten)]
        orders: orders::Ordering,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Measures how long a worker takes to claim a job while one tenant has very many waiting; starts its own Postgres
    Claims {
        /// Jobs of the one tenant
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        rows: u64,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Measures what one tenant's revocations and orders take, undisturbed and beside another tenant's orders at an ACME
    /// server that does not answer; starts the service itself, once in one process and once as a fleet
    Neighbours {
        #[command(flatten)]
        measuring: neighbours::Measuring,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Stores very many certificates of 200 tenants, then searches those of the greatest with every filter and every pair of
    /// filters; 1,000,000 take about 3 GB of disk and some minutes
    Search {
        /// How many
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        certificates: u64,
        /// In a Postgres of its own, not in SQLite
        #[arg(long)]
        postgres: bool,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Measures keys, certificates and CRLs in this process, without a service
    Engine {
        /// Entries of the greatest CRL
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10..))]
        entries: u32,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
    /// Holds connections in every way that clients can, and measures what it costs; starts the service itself
    Attack {
        #[command(flatten)]
        attacking: attack::Attacking,
        /// Write the JSON report to this file instead of the last line of the output
        #[arg(long)]
        json: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Issuing {
    #[command(flatten)]
    load: Load,
    /// An existing role that allows names below bench.internal [default: a new root CA and role]
    #[arg(long)]
    role: Option<String>,
    /// The key type of the new role
    #[arg(long, value_enum, default_value_t, conflicts_with = "role")]
    key_type: KeyType,
}

#[derive(Args)]
struct Load {
    /// The service's base URL, plain http
    #[arg(long)]
    url: String,
    /// A token with pki:admin; pki:issue is enough for `issue --role`, pki:read for `get`
    #[arg(long, env = "CERTMILL_TOKEN", hide_env_values = true)]
    token: String,
    /// Requests in all
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Seconds that one response may take
    #[arg(long, default_value_t = 30)]
    timeout: u64,
    /// A process of the service whose CPU time and memory to report; may be repeated
    #[arg(long)]
    pid: Vec<u32>,
    /// Write the JSON report to this file instead of the last line of the output
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The status is 1 when a request failed and 2 when there is nothing to report.
fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Measures, prints the report and answers how many requests failed.
fn run(command: Command) -> anyhow::Result<u64> {
    // One thread: the generator shares the machine with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (report, json) = match command {
        Command::Engine { entries, json } => {
            let report = engine::run(&engine::Plan::thorough(entries), &runtime)?;
            print_report(&report, json.as_deref())?;
            return Ok(0);
        }
        Command::Claims { rows, json } => {
            print_report(&runtime.block_on(claims::run(rows))?, json.as_deref())?;
            return Ok(0);
        }
        Command::Search { certificates, postgres, json } => {
            print_report(&runtime.block_on(search::run(certificates, postgres))?, json.as_deref())?;
            return Ok(0);
        }
        Command::Attack { attacking, json } => {
            print_report(&runtime.block_on(attack::run(&attacking))?, json.as_deref())?;
            return Ok(0);
        }
        Command::Orders { orders, json } => {
            print_report(&runtime.block_on(orders::run(&orders))?, json.as_deref())?;
            return Ok(0);
        }
        Command::Neighbours { measuring, json } => {
            let report = runtime.block_on(neighbours::run(&measuring))?;
            print_report(&report, json.as_deref())?;
            return Ok(report.missed());
        }
        Command::Issue(issuing) => (runtime.block_on(issue(&issuing))?, issuing.load.json),
        Command::Revoke(issuing) => (runtime.block_on(revoke(&issuing))?, issuing.load.json),
        Command::Ocsp { load, signed, delegated } => {
            (runtime.block_on(ask(&load, signed, delegated))?, load.json)
        }
        Command::Get { load, list, limit } => {
            (runtime.block_on(get(&load, list.then_some(limit)))?, load.json)
        }
    };
    print_report(&report, json.as_deref())?;
    Ok(report.failed())
}

fn print_report(report: &(impl Display + Serialize), json: Option<&Path>) -> anyhow::Result<()> {
    print!("{report}");
    let line = serde_json::to_string(report)?;
    match json {
        Some(file) => {
            fs::write(file, line + "\n").with_context(|| format!("cannot write {}", file.display()))?;
        }
        None => println!("{line}"),
    }
    Ok(())
}

async fn issue(issuing: &Issuing) -> anyhow::Result<Report> {
    let session = Session::new(&issuing.load)?;
    let role = session.role(issuing).await?;
    let exercise = Issue::new(&session.target, &role, None);
    session.run("issue", exercise).await
}

async fn revoke(issuing: &Issuing) -> anyhow::Result<Report> {
    let session = Session::new(&issuing.load)?;
    let role = session.role(issuing).await?;
    let serial_numbers = session.issue_and_keep(&role, session.plan.count, "serial_number").await?;
    let exercise = Revoke::new(&session.target, serial_numbers);
    session.run("revoke", exercise).await
}

async fn get(load: &Load, page: Option<usize>) -> anyhow::Result<Report> {
    let session = Session::new(load)?;
    if let Some(limit) = page {
        let exercise = Get::list(Rc::clone(&session.target), limit);
        return session.run("list", exercise).await;
    }
    let mut ids = session.api().certificate_ids().await?;
    if ids.is_empty() {
        let role = session.api().create_role(KeyType::Ec).await?;
        ids = session.issue_and_keep(&role, CERTIFICATES_TO_READ, "certificate_id").await?;
    }
    let exercise = Get::certificates(Rc::clone(&session.target), &ids);
    session.run("get", exercise).await
}

async fn ask(load: &Load, signed: bool, delegated: bool) -> anyhow::Result<Report> {
    let session = Session::new(load)?;
    let signer = if delegated { "delegated" } else { "ca" };
    let (ca_id, ca_pem, role) = session.api().create_responder(signer).await?;
    let ids = session.issue_and_keep(&role, CERTIFICATES_TO_ASK_ABOUT, "certificate_id").await?;
    let leaves = session.api().certificates(&ids).await?;
    let exercise = ocsp::Ask::new(&session.target, (&ca_id, &ca_pem), &leaves, signed)?;
    let mut connection = Connection::new(Rc::clone(&session.target), session.plan.patience);
    exercise.check(&mut connection, delegated).await?;
    session.run(if signed { "ocsp, signed" } else { "ocsp" }, exercise).await
}

/// One run against one service.
struct Session {
    target: Rc<Target>,
    plan: Plan,
    pids: Vec<u32>,
}

impl Session {
    fn new(load: &Load) -> anyhow::Result<Self> {
        ensure!(
            load.count > 0 && load.concurrency > 0 && load.timeout > 0,
            "--count, --concurrency and --timeout must be at least 1"
        );
        Ok(Self {
            target: Rc::new(Target::parse(&load.url, &load.token)?),
            plan: Plan {
                count: load.count,
                concurrency: load.concurrency,
                patience: Duration::from_secs(load.timeout),
            },
            pids: load.pid.clone(),
        })
    }

    fn api(&self) -> Api {
        Api::new(Rc::clone(&self.target), self.plan.patience)
    }

    async fn role(&self, issuing: &Issuing) -> anyhow::Result<String> {
        match &issuing.role {
            Some(role) => Ok(role.clone()),
            None => self.api().create_role(issuing.key_type).await,
        }
    }

    /// Issues certificates without measuring and answers one field of each.
    async fn issue_and_keep(
        &self,
        role: &str,
        count: usize,
        field: &'static str,
    ) -> anyhow::Result<Vec<String>> {
        let exercise = Rc::new(Issue::new(&self.target, role, Some(field)));
        let plan = Plan { count, ..self.plan.clone() };
        let outcome = load::run(&self.target, &plan, Rc::clone(&exercise)).await?;
        ensure!(
            outcome.errors.is_empty(),
            "issuing the certificates beforehand failed: {:?}",
            outcome.errors
        );
        Ok(exercise.take_kept())
    }

    async fn run<E: Exercise + 'static>(&self, name: &'static str, exercise: E) -> anyhow::Result<Report> {
        let meter = Meter::start(&self.pids)?;
        let outcome = load::run(&self.target, &self.plan, Rc::new(exercise)).await?;
        Report::new(name, &self.plan, outcome, &meter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
