//! One attempt at a job: its handler under deadline and lease, and what became of it.

use std::time::{Duration, Instant};

use certmill_service::domain::UnknownWord;
use certmill_service::jobs::{Job, JobKind, Lease};
use certmill_service::{App, ServiceError, events};
use certmill_storage::StorageError;
use certmill_storage::jobs::{self, Claimed, Dead, Failed};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// When a job is offered again that only a newer version can do.
const OFFERED_AGAIN: Duration = Duration::from_mins(1);
/// Signs of life that a running job gives during its lease.
const HEARTBEATS: u32 = 3;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The handler finished or put off its job.
    Done,
    /// It failed and will be tried again.
    Retry,
    /// It failed for the last time.
    Dead,
    /// Another attempt has the job.
    LeaseLost,
    /// It is about rows that only a newer version can read, and was left to it.
    Left,
    /// This process stops, so that another one does it.
    Released,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Dead => "dead",
            Self::LeaseLost => "lease_lost",
            Self::Left => "left",
            Self::Released => "released",
        }
    }
}

/// Does a claimed job. What goes wrong is recorded on its row; `give_back` stops it unfinished, without
/// counting the attempt.
pub async fn run(app: &App, claimed: Claimed, give_back: &CancellationToken) -> Outcome {
    let span = tracing::info_span!(
        "job",
        job.id = %claimed.attempt.job_id,
        job.kind = claimed.kind,
        job.attempt = claimed.attempt.number,
        job.subject = claimed.subject,
        request.id = claimed.request_id.as_deref().unwrap_or_default(),
    );
    // Only kinds that are known are claimed.
    let kind = JobKind::parse(&claimed.kind).map_or("unknown", JobKind::as_str);
    let started = Instant::now();
    let outcome = attempt(app, &claimed, give_back).instrument(span).await;
    metrics::counter!("certmill_jobs_total", "kind" => kind, "outcome" => outcome.as_str()).increment(1);
    metrics::histogram!("certmill_job_seconds", "kind" => kind).record(started.elapsed().as_secs_f64());
    outcome
}

async fn attempt(app: &App, claimed: &Claimed, give_back: &CancellationToken) -> Outcome {
    let Some(job) = Job::from_row(&claimed.kind, &claimed.subject) else {
        return record_failure(app, claimed, "this version of certmill cannot read what the job is about")
            .await;
    };
    let lease = Lease::new(app, claimed);
    // A task of its own turns a panic into an error that is recorded like any other.
    let work = tokio::spawn({
        let (app, lease) = (app.clone(), lease.clone());
        async move { job.perform(&app, &lease).await }.in_current_span()
    });
    let abort = work.abort_handle();
    let deadline = job.kind().deadline().min(app.settings().longest_attempt);
    let reason = tokio::select! {
        result = work => match result {
            Ok(Ok(())) => return Outcome::Done,
            Ok(Err(ServiceError::LeaseLost)) => return lease_lost(),
            Ok(Err(ServiceError::NewerVersion(unknown))) => return leave(app, claimed, &unknown).await,
            Ok(Err(error)) => describe(&error),
            Err(error) => format!("the handler panicked: {error}"),
        },
        () = lease_ended(app, &lease) => {
            abort.abort();
            return lease_lost();
        }
        () = tokio::time::sleep(deadline) => {
            abort.abort();
            format!("it took longer than {} s and was stopped", deadline.as_secs())
        }
        () = give_back.cancelled() => {
            abort.abort();
            return release(app, claimed).await;
        }
    };
    record_failure(app, claimed, &reason).await
}

/// Renews the lease until that fails because another attempt has the job.
async fn lease_ended(app: &App, lease: &Lease) {
    loop {
        tokio::time::sleep(app.settings().job_lease / HEARTBEATS).await;
        match lease.renew().await {
            Err(ServiceError::LeaseLost) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a lease could not be renewed");
            }
            Ok(()) => {}
        }
    }
}

fn lease_lost() -> Outcome {
    tracing::warn!("another attempt has taken over this job");
    Outcome::LeaseLost
}

/// Puts a job off that depends on a word which this version does not know. Its attempts are not used up: while versions are
/// mixed, it gets to a process that knows the word.
async fn leave(app: &App, claimed: &Claimed, unknown: &UnknownWord) -> Outcome {
    tracing::warn!(reason = %unknown, "left a job to a newer version");
    let now = app.now();
    let put_off = async {
        let mut tx = app.database().begin_system().await?;
        jobs::put_off(&mut tx, &claimed.attempt, now.plus(OFFERED_AGAIN), now).await?;
        tx.commit().await
    };
    match put_off.await {
        Ok(()) => {}
        Err(StorageError::LeaseLost) => return lease_lost(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the job could not be put off");
        }
    }
    Outcome::Left
}

async fn release(app: &App, claimed: &Claimed) -> Outcome {
    tracing::warn!("gave the job back unfinished because the worker stops");
    if let Err(error) = fail(app, claimed, Failed::Released, "the worker stopped").await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the job could not be given back");
    }
    Outcome::Released
}

/// Puts a job back after a failure: later, or never again when all attempts are used up.
async fn record_failure(app: &App, claimed: &Claimed, reason: &str) -> Outcome {
    let now = app.now();
    let (failed, outcome) = if claimed.tries >= claimed.max_attempts {
        (Failed::Dead(now), Outcome::Dead)
    } else {
        (Failed::RetryAt(now.plus(backoff(app, claimed.tries))), Outcome::Retry)
    };
    match fail(app, claimed, failed, reason).await {
        Ok(()) if outcome == Outcome::Dead => {
            tracing::error!(reason, "a job failed for the last time and was given up");
        }
        Ok(()) => tracing::warn!(reason, "a job failed and will be tried again"),
        Err(ServiceError::LeaseLost) => return lease_lost(),
        Err(error) => {
            // The lease ends by itself, and the job is tried again then.
            let error = &error as &dyn std::error::Error;
            tracing::warn!(reason, error, "a job failed, and so did recording it");
        }
    }
    outcome
}

async fn fail(app: &App, claimed: &Claimed, failed: Failed, reason: &str) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    jobs::fail(&mut tx, &claimed.attempt, failed, reason).await?;
    if let Failed::Dead(_) = failed {
        let dead = Dead {
            id: claimed.attempt.job_id,
            tenant: claimed.tenant,
            kind: claimed.kind.clone(),
            subject: claimed.subject.clone(),
            error: reason.chars().take(1_000).collect(),
        };
        events::tell_dead(app, &mut tx, vec![dead]).await?;
    }
    Ok(tx.commit().await?)
}

/// 2 s, 4 s, 8 s … up to 5 min, and up to half as much again so that failures do not return together.
fn backoff(app: &App, tries: i64) -> Duration {
    let exponent = u32::try_from(tries.clamp(1, 9)).unwrap_or(9);
    let base = Duration::from_secs(2u64.pow(exponent).min(300));
    let mut random = [0; 2];
    app.entropy().fill(&mut random);
    base + base.mul_f64(f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX) / 2.0)
}

/// An error with its causes, for the job's row.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
