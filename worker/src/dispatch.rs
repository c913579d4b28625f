//! From the jobs table to the queue.

use std::time::Duration;

use certmill_queue::Delivery;
use certmill_service::{App, ServiceError, jobs};

/// How long a due job can go unnoticed when no hint came.
const TICK: Duration = Duration::from_secs(1);
/// The pause after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Claims due jobs and delivers them, for ever.
pub(crate) async fn run(app: &App) {
    loop {
        let pause = match deliver_due(app).await {
            Ok(()) => TICK,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "jobs could not be dispatched");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = app.queue().hinted() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn deliver_due(app: &App) -> Result<(), ServiceError> {
    for attempt in jobs::claim_due(app).await? {
        let delivery = Delivery::new(attempt.job_id.to_string(), attempt.number);
        if let Err(error) = app.queue().push(delivery).await {
            tracing::warn!(job.id = %attempt.job_id, error = &error as &dyn std::error::Error, "a job could not be delivered");
            jobs::unclaim(app, &attempt).await?;
        }
    }
    Ok(())
}
