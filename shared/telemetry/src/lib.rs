//! What a process tells about itself: the log, and metrics in the text format of Prometheus.

mod escape;
mod logging;
mod metrics;

pub use crate::logging::{Format, init_logging};
pub use crate::metrics::{MetricsHandle, install_metrics};

/// Why the log or the metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of the log is not one: the operator must mend it.
    #[error(
        "`{filter}` is not a filter of the log ({problem}): write a level of error, warn, info, debug or trace, and \
         others for single parts after commas, such as `info,certmill_queue=debug`"
    )]
    InvalidFilter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },

    /// This process has a log or metrics already: a mistake in the program.
    #[error("the {0} of this process were set up before")]
    AlreadyInstalled(&'static str),

    /// The exporter refuses what it is told: a mistake in the program.
    #[error("the metrics cannot be set up: {0}")]
    Exporter(#[from] metrics_exporter_prometheus::BuildError),
}
