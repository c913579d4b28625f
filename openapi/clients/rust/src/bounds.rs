//! How long and how much a call may take.

use std::time::Duration;

/// Longer than any call waits for work to be done (30 s). For a stream, the time between two parts of it.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(90);
/// How long a connection may take to come about.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// A CRL of a million entries has some 40 MiB.
pub(crate) const MOST_OCTETS: usize = 256 * 1024 * 1024;
