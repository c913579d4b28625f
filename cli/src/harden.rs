//! What a process does for its secrets before it reads any.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask};

/// Files that the process makes are for its user only, and its memory is in no core dump and closed to the user's other
/// processes (`ptrace`, `/proc/PID/mem`).
pub(crate) fn harden() {
    umask(Mode::RWXG | Mode::RWXO);
    // The hard limit too, so that nothing that is started later raises it again. Where a sandbox refuses the call, the
    // one below keeps dumps from being written all the same.
    let no_dumps = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let closed = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if no_dumps.is_err()
        && let Err(error) = closed
    {
        eprintln!("certmill: the system refuses to keep this process's memory out of core dumps: {error}");
    }
}
