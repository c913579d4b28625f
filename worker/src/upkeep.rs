//! What a process does every few seconds beside its work.

use std::time::Duration;

use certmill_service::{App, ServiceError, jobs, tokens};

const EVERY: Duration = Duration::from_secs(5);

/// Upkeep of a worker: schedules, token uses, figures, for ever.
pub(crate) async fn run(app: &App) {
    loop {
        report(jobs::run_schedules(app).await, "the periodic work could not be scheduled");
        report(job_figures(app).await, "the figures of the jobs could not be read");
        process_figures(app);
        flush(app).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// Upkeep of a process that only answers requests: token uses and figures, for ever.
pub async fn api_upkeep(app: &App) {
    loop {
        tokio::time::sleep(EVERY).await;
        process_figures(app);
        flush(app).await;
    }
}

/// Writes what is only in memory so far.
pub(crate) async fn flush(app: &App) {
    report(tokens::flush_uses(app).await, "the last uses of tokens could not be written");
}

async fn job_figures(app: &App) -> Result<(), ServiceError> {
    let figures = jobs::figures(app).await?;
    for kind in jobs::kinds() {
        for state in ["pending", "queued", "running", "dead"] {
            let count = figures
                .iter()
                .find(|(of, is, _)| of == kind.as_str() && is == state)
                .map_or(0, |(_, _, count)| *count);
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
            metrics::gauge!("certmill_jobs", "kind" => kind.as_str(), "state" => state).set(count as f64);
        }
    }
    Ok(())
}

fn process_figures(app: &App) {
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
