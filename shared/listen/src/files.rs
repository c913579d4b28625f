//! How many files a process may have open, which is how many connections it can have.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one (getrlimit(2)); answers the limit that holds now.
///
/// systemd and many shells start programs with a soft limit of 1,024, for the sake of programs that use select(2).
pub fn raise_file_limit() -> usize {
    let before = getrlimit(Resource::Nofile);
    let mut wanted = before;
    wanted.current = wanted.maximum;
    let now = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => wanted.current,
        Err(error) => {
            tracing::warn!(error = %error, "the limit of open files could not be raised");
            before.current
        }
    };
    now.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}
