//! One delivery: take up the job, do it, record how it ended.

use std::time::Instant;

use certmill_queue::Delivery;
use certmill_service::jobs::{self, Aftermath, Attempt, Lease, Taken};
use certmill_service::{App, ServiceError};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Handles a delivery. What goes wrong is recorded on the job's row; there is nobody to answer to.
pub(crate) async fn handle(app: App, delivery: Delivery, give_back: CancellationToken) {
    let Ok(job_id) = delivery.job_id().parse() else {
        tracing::warn!(delivery = %delivery, "dropped a delivery that names no job");
        return;
    };
    let attempt = Attempt { job_id, number: delivery.attempt() };
    let taken = match jobs::start(&app, &attempt).await {
        Ok(Some(taken)) => taken,
        Ok(None) => return,
        Err(error) => {
            // The row stays claimed until its lease ends, and is delivered again then.
            tracing::warn!(job.id = %job_id, error = &error as &dyn std::error::Error, "a job could not be taken up");
            return;
        }
    };
    let kind = taken.running.job.kind().as_str();
    let span = tracing::info_span!(
        "job",
        job.id = %job_id,
        job.kind = kind,
        job.attempt = attempt.number,
        job.subject = %taken.running.job.subject(),
        request.id = taken.running.request_id.as_deref().unwrap_or_default(),
    );
    let started = Instant::now();
    let outcome = perform(&app, &taken, &give_back).instrument(span).await;
    metrics::counter!("certmill_jobs_total", "kind" => kind, "outcome" => outcome).increment(1);
    metrics::histogram!("certmill_job_seconds", "kind" => kind).record(started.elapsed().as_secs_f64());
    // What was done may have made other work due, this kind's next job included.
    app.queue().hint().await;
}

async fn perform(app: &App, taken: &Taken, give_back: &CancellationToken) -> &'static str {
    let work = tokio::spawn({
        // A task of its own turns a panic into an error that is recorded like any other.
        let (app, running, lease) = (app.clone(), taken.running.clone(), taken.lease.clone());
        async move { jobs::perform(&app, &Taken { running, lease }).await }.in_current_span()
    });
    let abort = work.abort_handle();
    let result = tokio::select! {
        result = work => result,
        () = heartbeat(app, &taken.lease) => {
            abort.abort();
            tracing::warn!("another attempt has taken over this job");
            return "superseded";
        }
        () = give_back.cancelled() => {
            abort.abort();
            tracing::warn!("gave the job back unfinished because the worker stops");
            if let Err(error) = jobs::release(app, &taken.running.attempt).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the job could not be given back");
            }
            return "released";
        }
    };
    let reason = match result {
        Ok(Ok(())) => return "done",
        Ok(Err(ServiceError::LeaseLost)) => {
            tracing::warn!("another attempt has taken over this job");
            return "superseded";
        }
        Ok(Err(error)) => describe(&error),
        Err(error) => format!("the handler panicked: {error}"),
    };
    record_failure(app, taken, &reason).await
}

/// Renews the lease until that fails because the lease is lost.
async fn heartbeat(app: &App, lease: &Lease) {
    loop {
        tokio::time::sleep(jobs::heartbeat(app)).await;
        match lease.renew().await {
            Err(ServiceError::LeaseLost) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a lease could not be renewed");
            }
            Ok(()) => {}
        }
    }
}

async fn record_failure(app: &App, taken: &Taken, reason: &str) -> &'static str {
    match jobs::fail(app, taken, reason).await {
        Ok(Aftermath::Retry) => {
            tracing::warn!(reason, "a job failed and will be tried again");
            "retry"
        }
        Ok(Aftermath::Dead) => {
            tracing::error!(reason, "a job failed for the last time and was given up");
            "dead"
        }
        Ok(Aftermath::Superseded) => "superseded",
        Err(error) => {
            // The lease ends by itself, and the job is tried again then.
            tracing::warn!(
                reason,
                error = &error as &dyn std::error::Error,
                "a job failed, and so did recording it"
            );
            "retry"
        }
    }
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
