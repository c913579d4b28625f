//! One process that stays per data folder: two would take each other's jobs for those of a dead one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// The claim of a process on a data folder. The system gives it up when the process ends, however it ends.
pub(crate) struct DataFolder(
    #[expect(dead_code, reason = "the lock is held as long as the file is open")] File,
);

impl DataFolder {
    /// Claims a folder for this process.
    pub(crate) fn hold(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("certmill.lock");
        let problem = || format!("{} cannot be locked", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(problem)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).with_context(problem)?;
                bail!(
                    "the data folder {} is in use by another certmill process (process id {}): stop that one first, or \
                     take another folder with --data",
                    folder.display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(problem),
        }
        file.set_len(0).with_context(problem)?;
        file.rewind().with_context(problem)?;
        writeln!(file, "{}", std::process::id()).with_context(problem)?;
        Ok(Self(file))
    }

    /// Claims a folder that is there; there is nothing to claim while it is not.
    pub(crate) fn hold_existing(folder: &Path) -> anyhow::Result<Option<Self>> {
        if folder.is_dir() { Self::hold(folder).map(Some) } else { Ok(None) }
    }
}
