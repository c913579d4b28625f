//! A private Redis server.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use crate::{
    free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A running Redis server of its own, without persistence. Dropping it stops the server.
#[derive(Debug)]
pub struct Redis {
    guard: Guard,
    port: u16,
}

impl Redis {
    /// Starts a server on a free port and returns when it answers.
    ///
    /// # Panics
    /// When `redis-server` is missing or does not start; the message says what to install or what it logged.
    pub fn start() -> Self {
        let found = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        assert!(
            found,
            "redis-server was not found: install Redis 7 or newer, for example with `apt-get install redis-server`"
        );
        let folder = tempfile::Builder::new()
            .prefix("certmill-redis-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let port = free_port();
        let guard = Guard::new(folder.path(), "KILL", None, &command_line(folder.path(), port));
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let _ = folder.keep();
        let mut redis = Self { guard, port };
        redis.start_again();
        redis
    }

    /// The connection URL, database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Deletes everything, as an operator's FLUSHALL would.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn flush_all(&self) {
        let answer = self.command("FLUSHALL");
        assert!(matches!(answer.as_deref(), Ok("+OK\r\n")), "Redis answered FLUSHALL with {answer:?}");
    }

    /// Kills the server, as a crash would. Nothing of its data stays.
    ///
    /// # Panics
    /// When the server cannot be stopped.
    pub fn stop(&mut self) {
        self.guard.stop();
    }

    /// Starts the server, empty, on the same port and returns when it answers.
    ///
    /// # Panics
    /// When it does not come up; the message holds the server's log.
    pub fn start_again(&mut self) {
        // The process id tells our server from another one that took the port in the meantime.
        let own = format!("process_id:{}\r\n", self.guard.start());
        let ready = becomes_ready(READY_WITHIN, || {
            self.command("INFO server").is_ok_and(|answer| answer.contains(&own))
        });
        assert!(ready, "Redis did not start:\n{}", self.guard.log());
    }

    /// One inline command (Redis protocol, "Inline commands"); QUIT behind it ends the answer.
    fn command(&self, command: &str) -> io::Result<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        write!(stream, "{command}\r\nQUIT\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        // The last line is the answer to QUIT.
        Ok(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
    }
}

/// One server for all tests of a test binary; each test takes its own key prefix.
///
/// # Panics
/// As [`Redis::start`].
pub fn shared_redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(Redis::start)
}

fn command_line(folder: &Path, port: u16) -> Vec<String> {
    let (port, folder) = (port.to_string(), folder.display().to_string());
    let arguments = [
        "redis-server",
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        &folder,
    ];
    arguments.map(str::to_owned).to_vec()
}
