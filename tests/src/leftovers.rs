//! What background work a test leaves behind: jobs that nobody expected to die, and jobs that are due and are not done.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use certmill_domain::{Clock, Timestamp};
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::TestApp;

/// How long jobs may take that are due when a test is over.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long the clock waits for jobs that are due before it is moved.
const BEFORE_MOVING: Duration = Duration::from_secs(10);

impl TestApp {
    /// Lets time pass: moves the clock, and has the workers look at what is due now.
    ///
    /// What another program or a cache measures by the machine's clock stays where it is. Before that the jobs that are due
    /// are waited for, so that their leases do not end in the midst of them.
    pub async fn advance(&self, by: Duration) {
        self.settled().await;
        self.clock.advance(by);
        self.app.wake_workers();
    }

    /// Waits until no job is due or in hand, or ten seconds have passed. Without a worker there is nothing to wait for.
    pub async fn settled(&self) {
        if self.has_worker.load(Ordering::Relaxed) {
            let mut jobs = Jobs::open(&self.database_url).await.unwrap();
            let is_over = |jobs: &[Unfinished]| !jobs.iter().any(|job| job.is_due(self.clock.now()));
            jobs.wait(BEFORE_MOVING, is_over).await.unwrap();
        }
    }

    /// Says that jobs may be dead when this test is over.
    pub fn expect_dead_jobs(&self) {
        self.may_have_dead_jobs.store(true, Ordering::Relaxed);
    }

    /// Says that jobs may be due and not done when this test is over: its worker cannot work any more.
    pub fn expect_due_jobs(&self) {
        self.has_worker.store(false, Ordering::Relaxed);
    }

    /// The jobs that should not be left when the test is over. Blocks until those that are due are done.
    fn jobs_left(&self) -> Vec<String> {
        // On a runtime of one thread no worker can go on while this blocks that thread.
        let has_threads = Handle::try_current()
            .is_ok_and(|runtime| matches!(runtime.runtime_flavor(), RuntimeFlavor::MultiThread));
        let works = self.has_worker.load(Ordering::Relaxed) && has_threads;
        let look = || found(self, works);
        if works { tokio::task::block_in_place(look) } else { look() }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("To have the same randomness again: {}", self.entropy);
            self.stop_worker.cancel();
            return;
        }
        let left = self.jobs_left();
        self.stop_worker.cancel();
        assert!(left.is_empty(), "the test left jobs behind ({}): {left:#?}", self.entropy);
    }
}

/// A job that is not done.
#[derive(Debug)]
struct Unfinished {
    kind: String,
    subject: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    run_at: i64,
}

impl Unfinished {
    fn is_dead(&self) -> bool {
        self.state == "dead"
    }

    fn is_due(&self, now: Timestamp) -> bool {
        // What is out under a lease was due before.
        !self.is_dead() && (self.state != "pending" || self.run_at <= now.unix_micros())
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject, state, attempts, last_error, .. } = self;
        let error = last_error.as_deref().unwrap_or("none");
        write!(f, "{kind} {subject}: {state} after {attempts} attempts, last error: {error}")
    }
}

/// A connection of its own to a test's database.
enum Jobs {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Jobs {
    async fn open(url: &str) -> sqlx::Result<Self> {
        if url.starts_with("sqlite:") {
            SqliteConnection::connect(url).await.map(Self::Sqlite)
        } else {
            PgConnection::connect(url).await.map(Self::Postgres)
        }
    }

    /// Every job that is not done, oldest first.
    async fn unfinished(&mut self) -> sqlx::Result<Vec<Unfinished>> {
        const SQL: &str = "SELECT kind, subject, state, attempts, last_error, run_at FROM jobs \
                           WHERE state <> 'done' ORDER BY id";
        type Row = (String, String, String, i64, Option<String>, i64);
        let rows: Vec<Row> = match self {
            Self::Sqlite(connection) => sqlx::query_as(SQL).fetch_all(connection).await?,
            Self::Postgres(connection) => sqlx::query_as(SQL).fetch_all(connection).await?,
        };
        let named = |(kind, subject, state, attempts, last_error, run_at)| Unfinished {
            kind,
            subject,
            state,
            attempts,
            last_error,
            run_at,
        };
        Ok(rows.into_iter().map(named).collect())
    }

    /// Waits until `over` holds of the jobs that are not done, for so long at most; answers those of the last look.
    async fn wait(
        &mut self,
        patience: Duration,
        over: impl Fn(&[Unfinished]) -> bool,
    ) -> sqlx::Result<Vec<Unfinished>> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            let jobs = self.unfinished().await?;
            if over(&jobs) || tokio::time::Instant::now() >= end {
                return Ok(jobs);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The jobs that a test should not have left behind, in words: dead ones, and where somebody works those that are due.
fn found(test: &TestApp, works: bool) -> Vec<String> {
    // The service's own connections belong to the test's runtime, which this thread may be blocking.
    let look = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(look(test, works));
        found.unwrap_or_else(|error| vec![format!("the jobs cannot be read: {error}")])
    };
    std::thread::scope(|scope| scope.spawn(look).join().unwrap())
}

async fn look(test: &TestApp, works: bool) -> sqlx::Result<Vec<String>> {
    let may_be_dead = test.may_have_dead_jobs.load(Ordering::Relaxed);
    let is_left = |job: &Unfinished| works && job.is_due(test.clock.now());
    let mut jobs = Jobs::open(&test.database_url).await?;
    let jobs = jobs.wait(test.patience, |jobs| !jobs.iter().any(is_left)).await?;
    let faults = jobs.iter().filter(|job| is_left(job) || (job.is_dead() && !may_be_dead));
    Ok(faults.map(ToString::to_string).collect())
}
