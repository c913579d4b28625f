//! Files in a folder.

use std::fs::{self, File as Handle, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certmill_domain::CrlId;
use certmill_x509::revocation::ParsedCrl;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::{Failed, File, LARGEST_LIST, Place, Wanted, confirm};
use crate::App;
use crate::app::off_thread;
use crate::jobs::Lease;

/// Whoever holds the lock of this file in the folder may write there: several machines may share the folder.
const LOCK: &str = ".certmill.lock";
/// What a file is called while it is written, behind a dot and its name.
const UNFINISHED: &str = "part";
/// How long others are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A web server that runs under another account reads these.
const MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// A folder from which a web server answers.
pub(super) struct Folder {
    path: PathBuf,
    name: String,
    /// Of this process one writes at a time. A folder that does not answer, as over a network, then holds one thread.
    writing: Arc<Mutex<()>>,
}

/// The right to write.
struct Right {
    _process: OwnedMutexGuard<()>,
    _machines: Option<Handle>,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), path, writing: Arc::default() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of a list that is there.
    pub(super) async fn number(&self, list: CrlId) -> Result<Option<i64>, String> {
        let path = self.path.join(File::Crl(list).to_string());
        let shown = path.display().to_string();
        let read = off_thread(move || Ok(read(&path))).await.map_err(|error| error.to_string())?;
        let there = read.map_err(|error| format!("{shown}: {error}"))?;
        let parsed = there.and_then(|there| ParsedCrl::from_der(there).ok());
        Ok(parsed.and_then(|crl| crl.number().and_then(certmill_x509::revocation::CrlNumber::to_i64)))
    }

    /// The lock among machines. A file system that has no locks is written without.
    async fn locked(&self, lock: Handle) -> Result<Option<Handle>, Failed> {
        let attempts = async {
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(true),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
                    Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                        return Ok(false);
                    }
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        };
        match timeout(PATIENCE, attempts).await {
            Ok(Ok(is_locked)) => Ok(is_locked.then_some(lock)),
            Ok(Err(error)) => Err(Failed::Place(self.said(&error))),
            Err(_) => Err(Failed::Place(format!("somebody else holds {}/{LOCK}", self.name))),
        }
    }

    fn said(&self, error: &io::Error) -> String {
        match error.kind() {
            ErrorKind::NotFound => {
                format!(
                    "{} is not there: make the folder, or mount it (certmill makes only what is below it)",
                    self.name
                )
            }
            _ => format!("{} cannot be written: {error}", self.name),
        }
    }
}

impl Place for Folder {
    async fn bring(&self, app: &App, lease: &Lease, file: File, wanted: &Arc<Wanted>) -> Result<i64, Failed> {
        let place = |error: io::Error| Failed::Place(self.said(&error));
        let process = timeout(PATIENCE, Arc::clone(&self.writing).lock_owned());
        let process = process.await.map_err(|_| Failed::Place(format!("{} does not answer", self.name)))?;
        let root = self.path.clone();
        let (process, lock) = off_thread(move || Ok((process, lock_file(&root)))).await?;
        let right = Right { _process: process, _machines: self.locked(lock.map_err(place)?).await? };
        confirm(app, lease).await?;
        let (path, wanted) = (self.path.join(file.to_string()), Arc::clone(wanted));
        let number = wanted.crl.info.number;
        let written = off_thread(move || {
            let _right = right;
            Ok(write_unless(&path, wanted.octets(file), |there| wanted.keeps(file, there)))
        });
        Ok(written.await?.map_err(place)?.unwrap_or(number))
    }
}

/// The file whose lock is taken. The folder itself is not made: where something was to be mounted, files would get onto another disk.
fn lock_file(root: &Path) -> io::Result<Handle> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(LOCK))?;
    for folder in ["pub", "pub/ca", "pub/crl"] {
        let folder = root.join(folder);
        match fs::create_dir(&folder) {
            // Whatever the umask of the service is.
            Ok(()) => fs::set_permissions(&folder, Permissions::from_mode(FOLDER_MODE))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(lock)
}

/// What a file holds; nothing when there is none, or it is too large for a list.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if usize::try_from(size).map_or(true, |size| size > LARGEST_LIST) {
        return Ok(None);
    }
    fs::read(path).map(Some)
}

/// Writes a file beside its place and moves it there, so that readers find the former one or this one, whole, after a power failure
/// too.
fn write_unless<T>(
    path: &Path,
    octets: &[u8],
    keeps: impl FnOnce(Vec<u8>) -> Option<T>,
) -> io::Result<Option<T>> {
    if let Some(kept) = read(path)?.and_then(keeps) {
        return Ok(Some(kept));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidFilename.into());
    };
    // One name for each file: what a process left that died meanwhile is written over.
    let unfinished = folder.join(format!(".{}.{UNFINISHED}", name.to_string_lossy()));
    let written = || {
        let mut file = Handle::create(&unfinished)?;
        file.write_all(octets)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    if let Err(error) = written() {
        // A full disk gets its room back; what was wrong is told in any case.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    Handle::open(folder)?.sync_all()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, octets: &[u8]) -> io::Result<Option<()>> {
        write_unless(&folder.join("a.crl"), octets, |there| (there == octets).then_some(()))
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(written(folder, b"one").unwrap(), None);
        assert_eq!(written(folder, b"one").unwrap(), Some(()), "it is left alone");
        assert_eq!(written(folder, b"two").unwrap(), None);
        assert_eq!(fs::read(folder.join("a.crl")).unwrap(), b"two");
        assert_eq!(fs::metadata(folder.join("a.crl")).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing is left beside it");
        // What a process left that died.
        fs::write(folder.join(".a.crl.part"), b"thr").unwrap();
        assert_eq!(written(folder, b"three").unwrap(), None);
        assert_eq!(fs::read(folder.join("a.crl")).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
        // It cannot be moved there: a folder is in the way.
        fs::remove_file(folder.join("a.crl")).unwrap();
        fs::create_dir(folder.join("a.crl")).unwrap();
        fs::write(folder.join("a.crl/x"), b"").unwrap();
        assert!(written(folder, b"four").is_err());
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "what was not finished is taken away");
    }

    #[test]
    fn only_what_is_below_the_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        lock_file(folder.path()).unwrap();
        assert!(folder.path().join("pub/crl").is_dir() && folder.path().join("pub/ca").is_dir());
        let missing = folder.path().join("missing");
        assert_eq!(lock_file(&missing).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!missing.exists());
    }
}
