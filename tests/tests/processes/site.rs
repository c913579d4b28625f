//! An installation: settings, and the processes that are started with them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use launch::{Process, free_port};

use crate::api::Api;

/// How long a process may take until it answers or ends, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The settings of one installation and a folder for its files.
#[derive(Clone)]
pub(crate) struct Site {
    program: PathBuf,
    folder: Arc<tempfile::TempDir>,
    settings: Vec<(&'static str, String)>,
}

impl Site {
    /// One that keeps its rows in a data folder. Its root key is in `root.key`.
    pub(crate) fn embedded() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let data = folder.path().join("data");
        let settings = vec![("CERTMILL_DATA_DIR", data.display().to_string())];
        let site = Self { program: program(), folder, settings };
        site.with_root_key("root.key", &"0b".repeat(32)).lean()
    }

    /// One on a fresh database of Postgres, and on Redis under a prefix of its own. Its schema is up to date.
    pub(crate) fn fleet(database_url: String, redis_url: String) -> Self {
        Self::fleet_of(program(), database_url, redis_url)
    }

    /// The same with the schema of another program's version.
    pub(crate) fn fleet_of(program: PathBuf, database_url: String, redis_url: String) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("p{}-{number}", std::process::id());
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let site = Self { program, folder, settings: Vec::new() }
            .with("DATABASE_URL", database_url)
            .with("REDIS_URL", redis_url)
            .with("CERTMILL_REDIS_NAMESPACE", namespace)
            .with_root_key("root.key", &"0c".repeat(32))
            .lean();
        site.run(&["migrate"]);
        site
    }

    /// A fleet on the servers that the tests share.
    pub(crate) fn shared_fleet() -> Self {
        Self::fleet(launch::shared_postgres().create_database(), launch::shared_redis().url())
    }

    /// Without RSA keys made in advance: they would take the processor from the tests.
    fn lean(self) -> Self {
        ["2048", "3072", "4096"].iter().fold(self, |site, bits| {
            let name: &'static str = match *bits {
                "2048" => "CERTMILL_KEY_POOL__RSA_2048",
                "3072" => "CERTMILL_KEY_POOL__RSA_3072",
                _ => "CERTMILL_KEY_POOL__RSA_4096",
            };
            site.with(name, "0")
        })
    }

    /// The same with another setting, in the place of one of this name.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.retain(|(present, _)| *present != name);
        self.settings.push((name, value.into()));
        self
    }

    /// The same without a setting.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.settings.retain(|(present, _)| *present != name);
        self
    }

    /// The same installation, worked on by another version.
    pub(crate) fn by(&self, program: PathBuf) -> Self {
        Self { program, ..self.clone() }
    }

    /// The same with this root key, in a file of this name.
    pub(crate) fn with_root_key(self, file: &str, hex: &str) -> Self {
        let path = self.write(file, hex);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        self.with("CERTMILL_ROOT_KEY_FILE", path.display().to_string())
    }

    /// The folder for files of the test; the data folder is `data` in it.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// `certmill …` with the settings in its environment, and no others.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if let Some(name) = name.to_str().filter(|name| is_setting(name)) {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.path());
        // Where `dev` and client commands keep profiles: not in the home of whoever runs the tests.
        command.env("XDG_CONFIG_HOME", self.path().join("config"));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that must succeed; answers what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must refuse to work; answers what it said.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let mut process = Process::start(self.command(arguments));
        let status = process.wait_timeout(PATIENCE);
        let said = process.log();
        assert!(status.is_some_and(|status| !status.success()), "{arguments:?} went on: {status:?} {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        said
    }

    /// Runs a command to its end.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    /// The secret of a new token with `pki:admin`.
    pub(crate) fn admin_token(&self) -> String {
        self.run(&["token", "create", "--name", "test", "--scope", "pki:admin"]).trim().to_owned()
    }

    /// Starts `certmill serve --plain-http …` and waits until it answers.
    pub(crate) async fn serve(&self, token: &str, more: &[&str]) -> Api {
        // Another process may take the free port first; then there is another one.
        for _ in 0..5 {
            let address = format!("127.0.0.1:{}", free_port());
            let arguments = [&["serve", "--plain-http", "--listen", &address], more].concat();
            let process = Process::start(self.command(&arguments));
            let mut api = Api::new(process, format!("http://{address}"), token);
            if api.answers_within(PATIENCE).await {
                return api;
            }
            assert!(api.process.log().contains("cannot be listened on"), "{}", api.process.log());
        }
        panic!("every free port was taken by others");
    }

    /// Starts `certmill dev` on a port of its choice and waits until it answers.
    pub(crate) async fn dev(&self) -> Api {
        self.dev_on("127.0.0.1:0").await
    }

    /// The same on an address of the caller's choice.
    pub(crate) async fn dev_on(&self, listen: &str) -> Api {
        self.dev_by(self.command(&["dev", "--listen", listen])).await
    }

    /// The same by a command that ends up as `certmill dev`.
    pub(crate) async fn dev_by(&self, command: Command) -> Api {
        let process = Process::start(command);
        assert!(process.wait_for_log("to paste", PATIENCE), "{}", process.log());
        let url = after(&process.log(), "Base URL");
        let token = std::fs::read_to_string(self.path().join("data/admin.token")).unwrap();
        let mut api = Api::new(process, url, token.trim());
        assert!(api.answers_within(PATIENCE).await, "{}", api.process.log());
        api
    }

    /// Starts `certmill worker`.
    pub(crate) fn worker(&self) -> Process {
        let process = Process::start(self.command(&["worker"]));
        assert!(process.wait_for_log("working", PATIENCE), "{}", process.log());
        process
    }
}

/// The word behind `label` in a text.
pub(crate) fn after(text: &str, label: &str) -> String {
    let rest = text.split_once(label).unwrap_or_else(|| panic!("no `{label}` in: {text}")).1;
    rest.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Both outputs of a command.
pub(crate) fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

/// Stops a process with SIGTERM; it must end well.
pub(crate) fn stop(process: &mut Process) {
    process.terminate();
    ended_well(process);
}

/// Waits for the end of a process, which must be a good one.
pub(crate) fn ended_well(process: &mut Process) {
    let status = process.wait_timeout(PATIENCE);
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{status:?}: {}", process.log());
}

/// Asks until the answer is there; fails the test with `what` when it takes longer than `within`.
pub(crate) async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", within.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_setting(name: &str) -> bool {
    name.starts_with("CERTMILL_") || name == "DATABASE_URL" || name == "REDIS_URL"
}

/// The program of the version before this one, which `tests/previous` builds.
pub(crate) fn previous() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/previous/certmill");
    assert!(program.is_file(), "{} is missing: run tests/previous first", program.display());
    program
}

/// The program, beside the folder of the test programs.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("certmill");
    assert!(program.is_file(), "{} is missing: run `cargo build -p certmill` first", program.display());
    program
}
