//! Wake-ups of a service that runs as one process.

use tokio::sync::Notify;

use crate::{Carrier, QueueError};

/// Remembers whether there was a wake-up since the last look.
#[derive(Default)]
pub(crate) struct InProcess(Notify);

impl Carrier for InProcess {
    fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }

    async fn check(&self) -> Result<(), QueueError> {
        Ok(())
    }

    async fn close(&self) {}
}
