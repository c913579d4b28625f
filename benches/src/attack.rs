//! Clients that hold connections, against a service of our own on this machine: what they cost it, and what an honest
//! client notices.
//!
//! Bounded, on loopback addresses only. Each attack meets a fresh process under a limit of open files.

mod clients;
mod honest;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use certmill_domain::{CaId, Crl, CrlId};
use certmill_storage::{Database, crls, tenants};
use clap::{Args, ValueEnum};
use launch::Process;
use serde::Serialize;

use self::honest::Honest;
use crate::latency::Percentiles;
use crate::process::{cpu_millis, peak_resident_kib};

const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct Attacking {
    /// The program to attack
    #[arg(long, default_value = "target/release/certmill")]
    program: PathBuf,
    /// Seconds that each attack lasts
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// Connections of the attacks that need many
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// The limit of open files of the service, but for `files`
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(256..))]
    files: u32,
    /// The CRL that `readers` read, in MiB
    #[arg(long, default_value_t = 38, value_parser = clap::value_parser!(u32).range(1..=200))]
    crl_mib: u32,
    /// Only this attack; may be repeated [default: all]
    #[arg(long, value_enum)]
    only: Vec<Attack>,
}

/// What is done to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attack {
    /// Nothing, for comparison
    None,
    /// Connections that send nothing
    Silent,
    /// Connections that send half a head, and an octet of it now and then
    HalfHeads,
    /// Silent connections to a service with a limit of 512 open files
    Files,
    /// Sixty clients that read a large CRL slowly
    Readers,
    /// Twenty connections of HTTP/2 with 600 requests each, whose bodies do not end
    Streams,
}

/// What the attacks did.
#[derive(Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    attacks: Vec<Suffered>,
}

#[derive(Serialize)]
struct Suffered {
    attack: Attack,
    seconds: u64,
    /// Connections of the attack, opened in all.
    opened: u64,
    /// Of one core.
    cpu_percent: f64,
    resident_before_kib: u64,
    peak_resident_kib: u64,
    /// `/healthz` from another address, each time on a new connection.
    healthz_ms: Percentiles,
    healthz_count: usize,
    healthz_failed: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "attack        opened   cpu %  rss MiB  peak MiB  healthz p50 ms  p99 ms  max ms   n  failed"
        )?;
        for one in &self.attacks {
            let mib = |kib: u64| kib / 1024;
            writeln!(
                f,
                "{:<12} {:>7} {:>7.1} {:>8} {:>9} {:>15.2} {:>7.2} {:>7.1} {:>5} {:>5}",
                format!("{:?}", one.attack),
                one.opened,
                one.cpu_percent,
                mib(one.resident_before_kib),
                mib(one.peak_resident_kib),
                one.healthz_ms.p50,
                one.healthz_ms.p99,
                one.healthz_ms.max,
                one.healthz_count,
                one.healthz_failed
            )?;
        }
        Ok(())
    }
}

/// Runs the attacks one after another.
pub(crate) async fn run(attacking: &Attacking) -> anyhow::Result<Report> {
    // The attackers' ends are files as well.
    let own = certmill_listen::raise_file_limit();
    ensure!(
        own > attacking.connections as usize + 100,
        "this process may have {own} files open: raise its hard limit, or lower --connections"
    );
    let all = Attack::value_variants();
    let chosen = if attacking.only.is_empty() { all } else { &attacking.only };
    let mut attacks = Vec::new();
    for attack in chosen {
        eprintln!("{attack:?} for {} s", attacking.seconds);
        attacks.push(suffer(attacking, *attack).await?);
    }
    Ok(Report { benchmark: "attack", attacks })
}

async fn suffer(attacking: &Attacking, attack: Attack) -> anyhow::Result<Suffered> {
    let files = if attack == Attack::Files { 512 } else { attacking.files };
    let service = Service::start(&attacking.program, files)?;
    let path = match attack {
        Attack::Readers => service.large_crl(attacking.crl_mib).await?,
        _ => String::new(),
    };
    let resident_before_kib = resident_kib(service.process.id())?;
    let honest = Honest::start(service.address);
    let before = cpu_millis(service.process.id())?;
    let lasting = Duration::from_secs(attacking.seconds);
    let opened = clients::attack(attack, service.address, (attacking.connections, &path), lasting).await;
    let cpu = cpu_millis(service.process.id())?.saturating_sub(before);
    let (latencies, healthz_failed) = honest.stop()?;
    let peak_resident_kib = peak_resident_kib(service.process.id())?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let cpu_percent = cpu as f64 / 10.0 / attacking.seconds as f64;
    Ok(Suffered {
        attack,
        seconds: attacking.seconds,
        opened,
        cpu_percent,
        resident_before_kib,
        peak_resident_kib,
        healthz_ms: latencies.percentiles(),
        healthz_count: latencies.len(),
        healthz_failed,
    })
}

fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")
}

/// `certmill dev` in a folder of its own.
struct Service {
    process: Process,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Service {
    fn start(program: &Path, files: u32) -> anyhow::Result<Self> {
        let program = std::path::absolute(program)?;
        ensure!(program.is_file(), "{} is missing: build it first", program.display());
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")])
            .arg(program)
            .args(["dev", "--listen", "127.0.0.1:0", "--data", "data"])
            .current_dir(folder.path())
            .env_clear()
            .envs(["2048", "3072", "4096"].map(|bits| (format!("CERTMILL_KEY_POOL__RSA_{bits}"), "0")));
        let process = Process::start(command);
        ensure!(process.wait_for_log("to paste", PATIENCE), "the service does not start: {}", process.log());
        let log = process.log();
        let url = log.split("Base URL").nth(1).and_then(|rest| rest.split_whitespace().next());
        let address = url.and_then(|url| url.strip_prefix("http://")).context("no address in the log")?;
        Ok(Self { process, folder, address: address.parse()? })
    }

    /// Makes a CA whose CRL has so many MiB; answers the CRL's path. The octets are no CRL, and nobody reads them.
    async fn large_crl(&self, mib: u32) -> anyhow::Result<String> {
        let token = std::fs::read_to_string(self.folder.path().join("data/admin.token"))?;
        let body = serde_json::json!({
            "name": "large", "common_name": "large", "ca_type": "root", "key_type": "ec"
        });
        let made: serde_json::Value = reqwest::Client::new()
            .post(format!("http://{}/v1/pki/ca", self.address))
            .bearer_auth(token.trim())
            .json(&body)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let id = made.get("id").and_then(serde_json::Value::as_str).context("the CA has no id")?;
        let ca: CaId = id.parse().map_err(|_| anyhow::anyhow!("`{id}` is no id"))?;
        let url = format!("sqlite://{}", self.folder.path().join("data/certmill.db").display());
        let database = Database::open(&url, 2).await?;
        let mut session = database.read_system().await?;
        let tenant = tenants::list(&mut session).await?.into_iter().next().context("there is no tenant")?;
        // There is one connection to read with.
        drop(session);
        let mut session = database.read(tenant.id).await?;
        let mut info = crls::info(&mut session, CrlId::full(ca)).await?.context("the CA has no CRL")?;
        drop(session);
        let seen = info.number;
        info.number += 1;
        let mut tx = database.begin(tenant.id).await?;
        let crl = Crl { info, der: vec![0x30; mib as usize * 1024 * 1024] };
        ensure!(
            crls::replace(&mut tx, CrlId::full(ca), seen, &[], crl).await?,
            "the CRL was replaced by others"
        );
        tx.commit().await?;
        database.close().await;
        Ok(format!("/pub/crl/{id}.crl"))
    }
}
