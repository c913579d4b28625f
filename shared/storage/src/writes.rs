//! Whether the database can be written: what the last write that failed for it said, until one succeeds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::StorageError;

/// The shortest time between two tries: every caller may ask for one, and each costs an fsync.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// What is known of a process's writes.
#[derive(Default)]
pub(crate) struct Writes(Mutex<State>);

#[derive(Default)]
struct State {
    problem: Option<String>,
    tried: Option<Instant>,
}

impl Writes {
    /// Takes note of a failure, if it is of this kind.
    pub(crate) fn note(&self, error: &StorageError) {
        if let StorageError::Unwritable(problem) = error {
            self.state().problem = Some(problem.clone());
        }
    }

    /// Something was written.
    pub(crate) fn succeeded(&self) {
        self.state().problem = None;
    }

    /// Why the database could not be written when it was last tried.
    pub(crate) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Whether it failed and is to be tried again now.
    pub(crate) fn to_be_tried(&self) -> bool {
        let mut state = self.state();
        let due = state.tried.is_none_or(|tried| tried.elapsed() >= TRIED_EVERY);
        let to_be_tried = state.problem.is_some() && due;
        if to_be_tried {
            state.tried = Some(Instant::now());
        }
        to_be_tried
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
