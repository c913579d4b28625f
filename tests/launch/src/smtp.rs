//! aiosmtpd: a mail server that is not ours, which keeps what it takes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    ServerIdentity, free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
};

/// Where `tests/run` puts it.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/aiosmtpd/bin/python");
/// What it is run by.
const SCRIPT: &str = include_str!("smtp.py");

/// What a mail server wants.
#[derive(Debug, Clone, Copy, Default)]
pub struct SmtpOptions {
    /// `none`, `starttls` or `tls`; `none` when empty.
    pub security: &'static str,
    /// User and password; nobody has to log in when absent.
    pub login: Option<(&'static str, &'static str)>,
}

/// A running server. Dropping it stops it.
pub struct SmtpServer {
    guard: Guard,
    folder: PathBuf,
    port: u16,
    ca_pem: String,
}

impl std::fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmtpServer at port {}", self.port)
    }
}

impl SmtpServer {
    /// Starts a server on a free port of 127.0.0.1 and returns when it listens.
    ///
    /// # Panics
    /// When aiosmtpd is missing or does not start; the message says what to do or what it logged.
    pub fn start(options: SmtpOptions) -> Self {
        assert!(Path::new(PYTHON).is_file(), "aiosmtpd was not found: `tests/run --prepare` provides it");
        let port = free_port();
        let folder = tempfile::Builder::new()
            .prefix("certmill-smtp-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let identity = ServerIdentity::new();
        write(
            &folder.path().join("server.pem"),
            &format!("{}{}", identity.certificate_pem, identity.key_pem),
        );
        write(&folder.path().join("smtp.py"), SCRIPT);
        let (user, password) = options.login.unwrap_or_default();
        let security = if options.security.is_empty() { "none" } else { options.security };
        let line = [
            PYTHON.to_owned(),
            folder.path().join("smtp.py").display().to_string(),
            folder.path().display().to_string(),
            port.to_string(),
            security.to_owned(),
            user.to_owned(),
            password.to_owned(),
        ];
        let guard = Guard::new(folder.path(), "KILL", None, &line);
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let folder = folder.keep();
        let mut server = Self { guard, folder, port, ca_pem: identity.ca_pem };
        server.start_again();
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority of its certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Says how it answers from now on: `mail` and `data` are answers to these commands, `rcpt` those to single addresses; with
    /// `leave` it ends the connection once it has a mail. Everything else is taken.
    ///
    /// # Panics
    /// When the file that the server reads cannot be written.
    pub fn behave(&self, behaviour: &Value) {
        let new = self.folder.join("behaviour.new");
        write(&new, &behaviour.to_string());
        fs::rename(&new, self.folder.join("behaviour.json"))
            .unwrap_or_else(|error| panic!("the server cannot be told: {error}"));
    }

    /// The mails that it has taken, oldest first: `from`, `to`, `text`, `tls` and `user`.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("mails.jsonl")).unwrap_or_default();
        // The last line may be under way.
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        whole.lines().map(read).collect()
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        self.guard.stop();
    }

    /// Starts the server on the same port and returns when it listens.
    ///
    /// # Panics
    /// When it does not come up; the message holds its log.
    pub fn start_again(&mut self) {
        let own = self.guard.start().to_string();
        let marker = self.folder.join("ready");
        let ready =
            becomes_ready(READY_WITHIN, || fs::read_to_string(&marker).is_ok_and(|written| written == own));
        assert!(ready, "the mail server did not start:\n{}", self.guard.log());
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
}
