//! Our own programs as child processes.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::guard::becomes_ready;

/// Kills the child when the test process is gone; `$1` is the child's process id.
const WATCH: &str = "read -r _; kill -s KILL \"$1\"";

/// A child process whose output goes to one log file. Dropping it kills the child and removes the log.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watch: Child,
    folder: TempDir,
}

impl Process {
    /// Starts the command with an empty standard input and both outputs in one log file.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(mut command: Command) -> Self {
        let program = command.get_program().display().to_string();
        let folder = tempfile::Builder::new()
            .prefix("certmill-process-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let start = || -> io::Result<(Child, Child)> {
            let log = File::create(folder.path().join("log"))?;
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let child = command.spawn()?;
            let mut watch = Command::new("/bin/sh");
            watch.args(["-c", WATCH, "watch", &child.id().to_string()]);
            Ok((child, watch.stdin(Stdio::piped()).spawn()?))
        };
        let (child, watch) = { start }().unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        Self { child, watch, folder }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where the output goes.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything the program has written so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until the log contains the text; `false` when the time is over before that.
    pub fn wait_for_log(&self, text: &str, within: Duration) -> bool {
        becomes_ready(within, || self.log().contains(text))
    }

    /// Kills the process without warning (SIGKILL) and waits for its end.
    pub fn kill9(&mut self) {
        self.forget_watch();
        // Both fail only when the process has already been waited for, and then it is gone as wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to stop (SIGTERM); does nothing when it has already ended.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn terminate(&mut self) {
        if self.wait_timeout(Duration::ZERO).is_some() {
            return;
        }
        // Not yet waited for, so the process id cannot belong to anyone else.
        let sent = Command::new("/bin/sh")
            .args(["-c", "kill -s TERM \"$1\"", "kill", &self.id().to_string()])
            .status();
        assert!(sent.as_ref().is_ok_and(ExitStatus::success), "SIGTERM could not be sent: {sent:?}");
    }

    /// Waits for the end of the process; `None` when it still runs after this time.
    pub fn wait_timeout(&mut self, within: Duration) -> Option<ExitStatus> {
        let mut status = None;
        becomes_ready(within, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        if status.is_some() {
            self.forget_watch();
        }
        status
    }

    /// Must come before or right after the child has been waited for: later the process id may be another's.
    fn forget_watch(&mut self) {
        // Fails only when the watch is already gone.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}
