//! A shell between the test process and a server, so that the server cannot outlive the tests.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it answers; generous, because a recovery on a busy machine is slow.
pub(crate) const READY_WITHIN: Duration = Duration::from_mins(1);

/// `$1` is the folder, `$2` the signal that stops the server like a crash, the rest the server's command line.
/// The end of the standard input means that the test process is gone, by whatever cause.
const SCRIPT: &str = r#"
folder=$1 signal=$2
shift 2
pid=
start() { "$@" </dev/null >>"$folder/log" 2>&1 & pid=$!; echo "$pid"; }
stop() { if [ -n "$pid" ]; then kill -s "$signal" "$pid"; wait "$pid"; pid=; fi 2>/dev/null; }
while read -r order; do
  case $order in
    start) start "$@" ;;
    stop) stop; echo stopped ;;
  esac
done
stop
cd / && rm -rf "$folder"
"#;

/// The user a server runs as when the tests run as root and the server refuses that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Owns the guarding shell, and through it the server and its folder. Dropping it removes both.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Guard {
    /// Starts the shell, not yet the server. From here on the folder belongs to the shell, which removes it at the end.
    pub(crate) fn new(folder: &Path, signal: &str, user: Option<User>, server: &[String]) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "guard"]).arg(folder).arg(signal);
        command.args(server).current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // An interrupt from the terminal goes to the whole process group; the shell has to live on to clean up.
        command.process_group(0);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let mut shell = command.spawn().unwrap_or_else(|error| panic!("cannot start /bin/sh: {error}"));
        let (Some(orders), Some(answers)) = (shell.stdin.take(), shell.stdout.take()) else {
            panic!("the guarding shell has no pipes");
        };
        Self { shell, orders: Some(orders), answers: BufReader::new(answers), folder: folder.to_owned() }
    }

    /// Starts the server and returns its process id.
    pub(crate) fn start(&mut self) -> u32 {
        let answer = self.order("start");
        answer
            .parse()
            .unwrap_or_else(|_| panic!("the guarding shell answered {answer:?} instead of a process id"))
    }

    /// Kills the server as a crash would and returns when it is gone.
    pub(crate) fn stop(&mut self) {
        let answer = self.order("stop");
        assert_eq!(answer, "stopped", "the guarding shell did not stop the server");
    }

    /// What the server has logged, for the message of a failed start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn order(&mut self, order: &str) -> String {
        let mut answer = String::new();
        let result = match self.orders.as_mut() {
            Some(orders) => writeln!(orders, "{order}").and_then(|()| self.answers.read_line(&mut answer)),
            None => Ok(0),
        };
        if let Err(error) = result {
            panic!("the guarding shell is gone: {error}");
        }
        answer.trim().to_owned()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.orders = None;
        // The shell may have been killed by hand; there is nothing left to do about it then.
        let _ = self.shell.wait();
    }
}

/// Asks again until `ready` says yes or the time is over.
pub(crate) fn becomes_ready(within: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
