//! A service of our own, in one process or several, for measurements that need more than one address to call.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launch::{Process, free_port, shared_postgres, shared_redis};
use serde_json::Value;

/// How long a start may take.
const START: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(250);

/// What is measured, and around which servers.
pub(crate) struct Plan<'a> {
    /// The program to measure.
    pub(crate) program: &'a Path,
    /// Worker processes beside one API process, on Postgres and Redis; 0 is one process with everything, on SQLite.
    pub(crate) workers: usize,
    /// Jobs that all workers together do at the same time; as many as they do of themselves without.
    pub(crate) jobs: Option<usize>,
    /// The authorities of the ACME servers, PEM.
    pub(crate) authorities: &'a str,
    /// Where http-01 is answered.
    pub(crate) http_port: Option<u16>,
}

/// The processes and how they are spoken to.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
    program: PathBuf,
    pub(crate) processes: Vec<Process>,
    pub(crate) client: reqwest::Client,
    pub(crate) url: String,
    /// That of the first tenant, with `pki:admin`.
    pub(crate) token: String,
}

impl Site {
    /// Starts everything and waits until it answers.
    pub(crate) async fn start(plan: &Plan<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(path.display().to_string())
        };
        let mut settings = vec![
            ("CERTMILL_EGRESS__ALLOW", "127.0.0.1".to_owned()),
            ("CERTMILL_EGRESS__CA_FILE", write("authorities.pem", plan.authorities)?),
            ("CERTMILL_ROOT_KEY_FILE", write("root.key", &"0b".repeat(32))?),
            ("CERTMILL_KEY_POOL__RSA_2048", "0".to_owned()),
            ("CERTMILL_KEY_POOL__RSA_3072", "0".to_owned()),
            ("CERTMILL_KEY_POOL__RSA_4096", "0".to_owned()),
            ("CERTMILL_LOG__FILTER", "warn".to_owned()),
        ];
        if let Some(jobs) = plan.jobs {
            let each = (jobs / plan.workers.max(1)).max(1);
            settings.push(("CERTMILL_WORKER__CONCURRENCY", each.to_string()));
        }
        if plan.workers == 0 {
            settings.push(("CERTMILL_DATA_DIR", folder.path().join("data").display().to_string()));
        } else {
            settings.push(("DATABASE_URL", shared_postgres().create_database()));
            settings.push(("REDIS_URL", shared_redis().url()));
        }
        let program = plan.program.canonicalize().with_context(|| {
            format!("{} is missing: cargo build --release --bin certmill", plan.program.display())
        })?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}", free_port());
        let mut site =
            Self { folder, settings, program, processes: Vec::new(), client, url, token: String::new() };
        site.run(&["migrate"])?;
        site.token = site.run(&["token", "create", "--name", "bench", "--scope", "pki:admin"])?;
        let listen = site.url.trim_start_matches("http://").to_owned();
        let mut serve = site.command(&["serve", "--plain-http", "--listen", &listen]);
        if plan.workers == 0 {
            serve.arg("--with-worker");
        }
        if let Some(port) = plan.http_port {
            serve.env("CERTMILL_ACME__HTTP_LISTEN", format!("127.0.0.1:{port}"));
        }
        site.processes.push(Process::start(serve));
        for _ in 0..plan.workers {
            let worker = Process::start(site.command(&["worker"]));
            site.processes.push(worker);
        }
        let deadline = Instant::now() + START;
        while site.client.get(format!("{}/healthz", site.url)).send().await.is_err() {
            let log = || site.processes.iter().map(Process::log).collect::<Vec<_>>().concat();
            ensure!(Instant::now() < deadline, "the service does not answer:\n{}", log());
            tokio::time::sleep(LOOK).await;
        }
        Ok(site)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the program; answers what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// `POST` in the first tenant's name.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.post_by(&self.token, path, body).await
    }

    /// `POST` by a token.
    pub(crate) async fn post_by(&self, token: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(token).json(&body);
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status.is_success(), "{path} is answered {status}: {body}");
        Ok(body)
    }

    /// `GET` in the first tenant's name.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
