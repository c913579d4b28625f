//! The right of one attempt to work on its job.

use certmill_domain::{TenantId, Timestamp};
use certmill_storage::WithLink;
use certmill_storage::jobs::{self, Attempt, Claimed};

use crate::{App, ServiceError};

/// The right of one attempt to work on its job. Every transaction of a handler confirms or finishes it beside its
/// own writes, so that a worker that stalled and was replaced changes nothing.
#[derive(Clone)]
pub struct Lease {
    app: App,
    attempt: Attempt,
    tenant: Option<TenantId>,
    request_id: Option<String>,
}

impl Lease {
    /// The lease of a claimed job.
    pub fn new(app: &App, claimed: &Claimed) -> Self {
        Self {
            app: app.clone(),
            attempt: claimed.attempt.clone(),
            tenant: claimed.tenant,
            request_id: claimed.request_id.clone(),
        }
    }

    /// The tenant whose job it is.
    pub(crate) fn tenant(&self) -> Result<TenantId, ServiceError> {
        self.tenant.ok_or_else(|| ServiceError::internal("a job about a row names its tenant"))
    }

    /// The request that asked for the work.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Confirms the lease in a handler's transaction and extends it.
    pub(crate) async fn confirm(&self, tx: &mut impl WithLink) -> Result<(), ServiceError> {
        Ok(jobs::confirm(tx, &self.attempt, self.app.now().plus(self.app.settings().job_lease)).await?)
    }

    /// Finishes the job in a handler's last transaction.
    pub(crate) async fn finish(&self, tx: &mut impl WithLink) -> Result<(), ServiceError> {
        Ok(jobs::finish(tx, &self.attempt, self.app.now()).await?)
    }

    /// Ends this attempt in a handler's last transaction; the work goes on at `run_at`, or at once if it was asked for
    /// meanwhile.
    pub(crate) async fn put_off(
        &self,
        tx: &mut impl WithLink,
        run_at: Timestamp,
    ) -> Result<(), ServiceError> {
        Ok(jobs::put_off(tx, &self.attempt, run_at, self.app.now()).await?)
    }

    /// Gives a sign of life, in a transaction of its own.
    pub async fn renew(&self) -> Result<(), ServiceError> {
        let mut tx = self.app.database().begin_system().await?;
        self.confirm(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}
