//! A private PostgreSQL cluster.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    free_port,
    guard::{Guard, READY_WITHIN, User, becomes_ready},
};

const INSTALL: &str = "install PostgreSQL's server and client, for example with `apt-get install postgresql`";
const SUPERUSER: &str = "certmill";

/// A running PostgreSQL cluster of its own. Dropping it stops the server and removes the data.
#[derive(Debug)]
pub struct Postgres {
    guard: Guard,
    binaries: PathBuf,
    data: PathBuf,
    port: u16,
    databases: AtomicU64,
}

impl Postgres {
    /// Makes a cluster and starts it on a free port; returns when it accepts connections.
    ///
    /// Durability is on as by default, so that a crash test proves something. As root, which PostgreSQL refuses, the
    /// server runs as the user `postgres` or `nobody`.
    ///
    /// # Panics
    /// When the binaries are missing or the server does not start; the message says what to install or what it logged.
    pub fn start() -> Self {
        let binaries = find_binaries();
        let user = unprivileged_user();
        let folder = tempfile::Builder::new()
            .prefix("certmill-postgres-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .unwrap_or_else(|error| panic!("cannot give {} away: {error}", folder.path().display()));
        }
        let data = folder.path().join("data");
        initialise(&binaries, &data, user);

        let port = free_port();
        let server = command_line(&binaries, folder.path(), port);
        let guard = Guard::new(folder.path(), "QUIT", user, &server);
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let _ = folder.keep();
        let mut postgres = Self { guard, binaries, data, port, databases: AtomicU64::new(0) };
        postgres.start_again();
        postgres
    }

    /// The connection URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database with a name of its own and returns its URL.
    ///
    /// # Panics
    /// When `psql` is missing or the server refuses.
    pub fn create_database(&self) -> String {
        self.create("template1")
    }

    /// Creates a copy of a database, to which nobody may be connected, with a name of its own and returns its URL.
    ///
    /// # Panics
    /// As [`Self::create_database`], and when the URL is not that of a database here.
    pub fn copy_database(&self, url: &str) -> String {
        let name = url.strip_prefix(&self.url(""));
        self.create(name.unwrap_or_else(|| panic!("{url} is no database of this cluster")))
    }

    fn create(&self, template: &str) -> String {
        let name = format!("certmill_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--host=127.0.0.1", "--port", &port]);
        psql.args(["--username", SUPERUSER, "--dbname=postgres"]);
        psql.args(["--command", &format!("CREATE DATABASE {name} TEMPLATE {template}")]);
        run(&mut psql);
        self.url(&name)
    }

    /// Stops the server at once and without a checkpoint, as a crash would. The data stays.
    ///
    /// # Panics
    /// When the server cannot be stopped.
    pub fn stop(&mut self) {
        self.guard.stop();
    }

    /// Starts the server on the same port and data and returns when it accepts connections.
    ///
    /// # Panics
    /// When it does not come up; the message holds the server's log.
    pub fn start_again(&mut self) {
        let pid = self.guard.start().to_string();
        let status = self.data.join("postmaster.pid");
        // The server writes its process id in line 1 and its state in line 8 of this file (PostgreSQL, "Database File
        // Layout"); unlike a connection, that cannot be answered by another server on the same port.
        let ready = becomes_ready(READY_WITHIN, || {
            let lines = fs::read_to_string(&status).unwrap_or_default();
            let mut lines = lines.lines().map(str::trim);
            lines.next() == Some(&pid) && lines.nth(6) == Some("ready")
        });
        assert!(ready, "PostgreSQL did not start:\n{}", self.guard.log());
    }
}

/// One cluster for all tests of a test binary; each test takes its own database.
///
/// # Panics
/// As [`Postgres::start`].
pub fn shared_postgres() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// The newest packaged version, else the one on the search path.
fn find_binaries() -> PathBuf {
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = packaged
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, binaries)| is_complete(binaries))
        .max();
    if let Some((_, binaries)) = newest {
        return binaries;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| is_complete(folder))
        .unwrap_or_else(|| panic!("initdb, postgres and psql were not found: {INSTALL}"))
}

fn is_complete(binaries: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|name| binaries.join(name).is_file())
}

/// `None` when this process is not root and the server can run as the same user.
fn unprivileged_user() -> Option<User> {
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? }));
    assert!(
        user.is_some(),
        "PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`: {INSTALL}"
    );
    user
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn initialise(binaries: &Path, data: &Path, user: Option<User>) {
    let mut initdb = Command::new(binaries.join("initdb"));
    // Nothing is worth keeping yet, so only the cluster's creation goes without syncing.
    initdb.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
    initdb.args(["--username", SUPERUSER, "--pgdata"]).arg(data);
    if let Some(parent) = data.parent() {
        initdb.current_dir(parent);
    }
    if let Some(user) = user {
        use std::os::unix::process::CommandExt;
        initdb.uid(user.uid).gid(user.gid);
    }
    run(&mut initdb);
    let made = fs::metadata(data).is_ok_and(|folder| folder.is_dir() && folder.mode().trailing_zeros() >= 6);
    assert!(made, "initdb did not make a private data folder");
}

fn command_line(binaries: &Path, folder: &Path, port: u16) -> Vec<String> {
    let folder = folder.display();
    let mut line =
        vec![binaries.join("postgres").display().to_string(), "-D".to_owned(), format!("{folder}/data")];
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={folder}"),
        "fsync=on".to_owned(),
        "max_connections=200".to_owned(),
    ];
    for setting in settings {
        line.extend(["-c".to_owned(), setting]);
    }
    line
}

fn run(command: &mut Command) -> Output {
    let program = command.get_program().display().to_string();
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {program} ({error}): {INSTALL}"));
    assert!(
        output.status.success(),
        "{program} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
