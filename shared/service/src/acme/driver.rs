//! How the jobs of orders and of challenges go on: one step after the other until one has to wait, and each step is written in a
//! transaction that says when the job goes on, if the lease still holds.

use certmill_domain::{TenantId, Timestamp};
use certmill_storage::Tx;

use crate::jobs::Lease;
use crate::{App, ServiceError};

/// What follows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next step, at once.
    GoOn,
    /// The job again, at this time.
    At(Timestamp),
    /// Nothing is left to do.
    Over,
}

/// An order or a challenge in hand.
pub(super) trait InHand {
    /// The service.
    fn app(&self) -> &App;

    /// What says that nobody else has it in hand.
    fn lease(&self) -> &Lease;

    /// Whose it is.
    fn tenant(&self) -> TenantId;

    /// Does what can be done now, and writes it.
    async fn step(&mut self) -> Result<Next, ServiceError>;

    /// The latest time to go on, whatever a step waits for.
    fn latest(&self) -> Option<Timestamp>;

    /// Writes its row.
    async fn store(
        &mut self,
        tx: &mut Tx,
        now: Timestamp,
        next_attempt_at: Option<Timestamp>,
    ) -> Result<(), ServiceError>;

    async fn begin(&self) -> Result<Tx, ServiceError> {
        Ok(self.app().database().begin(self.tenant()).await?)
    }

    /// Writes its row, and nothing else.
    async fn save(&mut self, next: Next) -> Result<Next, ServiceError> {
        let tx = self.begin().await?;
        self.commit(tx, next).await
    }

    /// Writes its row and what is in the transaction already.
    async fn commit(&mut self, mut tx: Tx, next: Next) -> Result<Next, ServiceError> {
        self.write(&mut tx, next).await?;
        tx.commit().await?;
        Ok(next)
    }

    /// The same, and leaves the commit to the caller.
    async fn write(&mut self, tx: &mut Tx, next: Next) -> Result<(), ServiceError> {
        let now = self.app().now();
        let next = match (next, self.latest()) {
            (Next::At(at), Some(latest)) => Next::At(at.min(latest)),
            (other, _) => other,
        };
        let next_attempt_at = match next {
            Next::GoOn => Some(now),
            Next::At(at) => Some(at),
            Next::Over => None,
        };
        self.store(tx, now, next_attempt_at).await?;
        match next {
            Next::GoOn => self.lease().confirm(tx).await,
            Next::At(at) => self.lease().put_off(tx, at).await,
            Next::Over => self.lease().finish(tx).await,
        }
    }
}

/// Goes on until there is something to wait for, or nothing is left to do.
pub(super) async fn drive(mut work: impl InHand) -> Result<(), ServiceError> {
    while work.step().await? == Next::GoOn {}
    Ok(())
}

/// Ends a job that has nothing to work on.
pub(super) async fn over(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(lease.tenant()?).await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}
