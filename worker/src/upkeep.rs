//! What a process does every few seconds beside its work.

use std::time::Duration;

use certmill_service::jobs::{JobKind, Lane};
use certmill_service::{App, ServiceError, endpoints, notices, tokens, webhooks};
use certmill_storage::certificates::text;
use certmill_storage::{jobs, schedules};

const EVERY: Duration = Duration::from_secs(5);

/// Upkeep of a worker: schedules, token uses, figures, for ever.
pub(crate) async fn run(app: &App) {
    loop {
        report(run_schedules(app).await, "the periodic work could not be scheduled");
        report(endpoints::wake(app).await, "the endpoints that are due could not be found");
        report(notices::wake(app).await, "the owners who are to be told something could not be found");
        report(job_figures(app).await, "the figures of the jobs could not be read");
        process_figures(app);
        flush(app, false).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// Looks every second for webhooks that have something to be told, for ever.
pub(crate) async fn tell_webhooks(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        report(webhooks::wake(app).await, "the webhooks that are behind could not be found");
    }
}

/// Indexes every second the names of certificates that were stored since, for ever.
pub(crate) async fn index_names(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let caught_up = text::catch_up(app.database()).await;
        report(
            caught_up.map(drop).map_err(ServiceError::from),
            "the names of new certificates could not be indexed",
        );
    }
}

/// Upkeep of a process that only answers requests: token uses and figures, for ever.
pub async fn api_upkeep(app: &App) {
    loop {
        tokio::time::sleep(EVERY).await;
        report(app.look_at_database_clock().await, "the database could not be asked for its time");
        process_figures(app);
        flush(app, false).await;
    }
}

/// Writes what is only in memory so far: what is due, or `all`.
pub(crate) async fn flush(app: &App, all: bool) {
    report(tokens::flush_uses(app, all).await, "the last uses of tokens could not be written");
}

/// Enqueues the periodic work that is due. Of several processes, one takes each turn.
pub async fn run_schedules(app: &App) -> Result<(), ServiceError> {
    for (job, every) in JobKind::ALL.iter().filter_map(|kind| kind.schedule()) {
        let mut tx = app.database().begin_system().await?;
        if schedules::take(&mut tx, job.kind().as_str(), app.now(), every).await? {
            app.enqueue_system(&mut tx, job).await?;
            tx.commit().await?;
            app.wake_workers();
        }
    }
    Ok(())
}

/// What an alarm looks at: jobs by kind and state, how long the oldest due one of each lane waits, when the schedules
/// were last moved.
async fn job_figures(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let counts = jobs::counts(&mut session).await?;
    for kind in JobKind::ALL.iter().map(|kind| kind.as_str()) {
        for state in ["pending", "running", "dead"] {
            let count =
                counts.iter().find(|(of, is, _)| of == kind && is == state).map_or(0, |found| found.2);
            metrics::gauge!("certmill_jobs", "kind" => kind, "state" => state).set(float(count));
        }
    }
    let unknown = counts.iter().filter(|(kind, state, _)| state != "dead" && JobKind::parse(kind).is_none());
    metrics::gauge!("certmill_jobs_of_unknown_kind").set(float(unknown.map(|found| found.2).sum()));
    for lane in Lane::ALL {
        let mut age = Duration::ZERO;
        for kind in lane.kinds() {
            if let Some(since) = jobs::oldest_due(&mut session, kind.as_str(), now).await? {
                age = age.max(now.since(since));
            }
        }
        metrics::gauge!("certmill_job_oldest_due_seconds", "lane" => lane.as_str()).set(age.as_secs_f64());
    }
    let turns = schedules::list(&mut session).await?;
    for (job, every) in JobKind::ALL.iter().filter_map(|kind| kind.schedule()) {
        let name = job.kind().as_str();
        if let Some((_, next)) = turns.iter().find(|(of, _)| of == name) {
            let since = now.since(next.minus(every));
            metrics::gauge!("certmill_schedule_last_turn_seconds", "kind" => name).set(since.as_secs_f64());
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
pub(crate) fn float(count: i64) -> f64 {
    count as f64
}

fn process_figures(app: &App) {
    metrics::gauge!("certmill_clock_difference_seconds").set(app.clock_difference());
    let pool = app.database().pool_figures();
    metrics::gauge!("certmill_database_connections", "state" => "idle").set(f64::from(pool.idle));
    metrics::gauge!("certmill_database_connections", "state" => "open").set(f64::from(pool.size));
    for (algorithm, count) in app.key_pool().available() {
        let bits = algorithm.key_size().to_string();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("certmill_rsa_key_pool", "bits" => bits).set(f64::from(count));
    }
}

fn report(result: Result<(), ServiceError>, what: &str) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
