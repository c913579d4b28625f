//! Files in a folder.

use std::fs::{self, File as Handle, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certmill_domain::CrlId;
use certmill_x509::revocation::ParsedCrl;
use rustix::fs::OFlags;
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
        let read =
            off_thread(move || Ok(read(&path, LARGEST_LIST))).await.map_err(|error| error.to_string())?;
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
            ErrorKind::NotFound => format!("{error} (certmill makes only what is below {})", self.name),
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
            let most = wanted.largest(file);
            Ok(write_unless(&path, (wanted.octets(file), most), |there| wanted.keeps(file, there)))
        });
        Ok(written.await?.map_err(place)?.unwrap_or(number))
    }
}

/// The file whose lock is taken. The folder itself is not made: where something was to be mounted, files would get onto another disk.
fn lock_file(root: &Path) -> io::Result<Handle> {
    let path = root.join(LOCK);
    let lock =
        opened(OpenOptions::new().create(true).truncate(false).write(true), &path).map_err(|error| {
            match error.kind() {
                ErrorKind::NotFound => io::Error::new(
                    error.kind(),
                    format!("{} is not there: make the folder, or mount it", root.display()),
                ),
                _ => error,
            }
        })?;
    for name in ["pub", "pub/ca", "pub/crl"] {
        let folder = root.join(name);
        make_folder(&folder).map_err(|error| named(&folder, &error))?;
    }
    Ok(lock)
}

/// Makes a folder if it is not there. A link in its place is not followed: whoever may write here could lead it anywhere.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => {
            // Whatever the umask of the service is.
            fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))?;
            folder.parent().map_or(Ok(()), |above| Handle::open(above)?.sync_all())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(folder)?.is_dir() {
                return Ok(());
            }
            Err(io::Error::other("it is no folder: take it away"))
        }
        Err(error) => Err(error),
    }
}

/// Opens a file that is one: no link is followed, and nothing is waited for that could block, such as a pipe.
fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<Handle> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = options.custom_flags(flags).open(path).map_err(|error| named(path, &error))?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(named(path, &io::Error::other("it is no file: take it away")))
}

/// An error with the path that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What a file holds; nothing when there is none, when it is a link, or when it has more octets than `most`.
fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let file = opened(OpenOptions::new().read(true), path)?;
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    if file.metadata()?.len() > most {
        return Ok(None);
    }
    let mut octets = Vec::new();
    file.take(most).read_to_end(&mut octets)?;
    Ok(Some(octets))
}

/// Writes a file beside its place and moves it there, so that readers find the former one or this one, whole, after a power failure
/// too. A file there with more octets than `most` is not looked at.
fn write_unless<T>(
    path: &Path,
    (octets, most): (&[u8], usize),
    keeps: impl FnOnce(Vec<u8>) -> Option<T>,
) -> io::Result<Option<T>> {
    if let Some(kept) = read(path, most)?.and_then(keeps) {
        return Ok(Some(kept));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidFilename.into());
    };
    // One name for each file: what a process left that died meanwhile is written over.
    let unfinished = folder.join(format!(".{}.{UNFINISHED}", name.to_string_lossy()));
    let written = || {
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Made anew, so that nothing that somebody else has put there is written through.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&unfinished)?;
        file.write_all(octets)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    if let Err(error) = written() {
        // A full disk gets its room back; what was wrong is told in any case.
        let _ = fs::remove_file(&unfinished);
        return Err(named(path, &error));
    }
    Handle::open(folder)?.sync_all()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, octets: &[u8]) -> io::Result<Option<()>> {
        write_unless(&folder.join("a.crl"), (octets, 100), |there| (there == octets).then_some(()))
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
        fs::write(folder.join(".a.crl.part"), b"unfinished").unwrap();
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
    fn no_link_is_followed_and_nothing_that_blocks_is_waited_for() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = elsewhere.path().join("root.key");
        fs::write(&victim, b"precious").unwrap();
        let link = |name: &str, to: &Path| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link(".a.crl.part", &victim);
        link("a.crl", &victim);
        assert_eq!(written(folder.path(), b"one").unwrap(), None);
        assert_eq!(fs::read(folder.path().join("a.crl")).unwrap(), b"one");
        assert!(!folder.path().join("a.crl").is_symlink() && fs::read(&victim).unwrap() == b"precious");
        link("pub", elsewhere.path());
        let error = lock_file(folder.path()).unwrap_err().to_string();
        assert!(error.contains("/pub: it is no folder"), "{error}");
        fs::remove_file(folder.path().join(LOCK)).unwrap();
        link(LOCK, &victim);
        lock_file(folder.path()).unwrap_err();
        fs::remove_file(folder.path().join(LOCK)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(LOCK)).status().unwrap();
        assert!(made.success());
        lock_file(folder.path()).unwrap_err();
    }

    #[test]
    fn what_is_too_large_for_a_list_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = Handle::create(folder.path().join("a.crl")).unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(written(folder.path(), b"one").unwrap(), None);
        assert_eq!(fs::read(folder.path().join("a.crl")).unwrap(), b"one");
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
