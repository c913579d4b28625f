//! What can go wrong with the queue.

/// Errors of the queue, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis cannot be reached or refuses to work now. Nothing is lost: workers find jobs in the table.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// The configuration has to be changed.
    #[error("invalid queue settings: {0}")]
    InvalidSettings(String),
}
