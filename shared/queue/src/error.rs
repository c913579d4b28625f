//! What can go wrong with the queue.

/// Errors of the queue, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis cannot be reached or refuses to work now: try again later. The jobs table makes sure that nothing is lost.
    #[error("the queue is not available: {message}")]
    Unavailable {
        /// What was tried.
        message: &'static str,
        /// What came of it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The configuration has to be changed.
    #[error("invalid queue settings: {0}")]
    InvalidSettings(String),
    /// A text is not a delivery: drop it.
    #[error("not a delivery of the form v1:<job id>:<attempt>")]
    MalformedDelivery,
}

impl QueueError {
    pub(crate) fn unavailable(
        message: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { message, source: source.into() }
    }
}
