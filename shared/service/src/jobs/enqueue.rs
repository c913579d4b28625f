//! Putting work into the table of jobs.

use std::time::Duration;

use certmill_domain::JobId;
use certmill_storage::jobs::{Enqueued, NewJob};
use certmill_storage::{SystemTx, Tx};

use super::Job;
use crate::{App, ServiceError};

impl App {
    /// Enqueues work in the caller's transaction, due now.
    pub(crate) async fn enqueue(
        &self,
        tx: &mut Tx,
        job: Job,
        request_id: Option<&str>,
    ) -> Result<Enqueued, ServiceError> {
        self.enqueue_after(tx, job, request_id, Duration::ZERO).await
    }

    /// Enqueues work in the caller's transaction, due after `delay`.
    pub(crate) async fn enqueue_after(
        &self,
        tx: &mut Tx,
        job: Job,
        request_id: Option<&str>,
        delay: Duration,
    ) -> Result<Enqueued, ServiceError> {
        let new = self.new_job(job, request_id, delay);
        Ok(certmill_storage::jobs::enqueue(tx, &new).await?)
    }

    /// Enqueues work of the service itself, due now.
    pub async fn enqueue_system(&self, tx: &mut SystemTx, job: Job) -> Result<Enqueued, ServiceError> {
        let new = self.new_job(job, None, Duration::ZERO);
        Ok(certmill_storage::jobs::enqueue_system(tx, &new).await?)
    }

    fn new_job(&self, job: Job, request_id: Option<&str>, delay: Duration) -> NewJob {
        let now = self.now();
        NewJob {
            id: JobId::generate(now, self.entropy()),
            kind: job.kind().as_str(),
            subject: job.subject(),
            max_attempts: job.kind().max_attempts(),
            run_at: now.plus(delay),
            request_id: request_id.map(ToOwned::to_owned),
            now,
        }
    }

    /// Whether this work is open already.
    pub(crate) async fn is_open(&self, tx: &mut Tx, job: Job) -> Result<bool, ServiceError> {
        Ok(certmill_storage::jobs::is_open(tx, job.kind().as_str(), job.subject()).await?)
    }

    /// Tells the workers, after a commit, that there is work. A wake-up that is lost costs them one tick.
    pub fn wake_workers(&self) {
        self.queue().wake();
    }
}
