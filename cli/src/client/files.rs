//! Writing files that others may be reading: all of a new content or none of it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::failure::Failure;

/// User and group of a file, as numbers.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) user: Option<u32>,
    pub(super) group: Option<u32>,
}

/// Writes what everybody may read: to a file, or to the standard output.
pub(super) fn write_public(file: Option<&Path>, content: &[u8]) -> anyhow::Result<()> {
    match file {
        Some(path) if path != Path::new("-") => replace(path, content, 0o644, None),
        _ => {
            let mut out = std::io::stdout().lock();
            match out.write_all(content).and_then(|()| out.flush()) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                other => Ok(other?),
            }
        }
    }
}

/// Refuses to touch a file that is there, unless `force`.
pub(super) fn must_be_new(paths: &[&Path], force: bool) -> anyhow::Result<()> {
    match paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) if !force => {
            Err(Failure::usage(format!("{} is there already: --force replaces it", path.display())))
        }
        _ => Ok(()),
    }
}

/// Puts `content` in the place of a file. A reader sees the old or the new content, and after a crash one of
/// both is there. Mode and owner are set before the content is written.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> anyhow::Result<()> {
    let staged = stage(path, content, mode, owner)?;
    staged.put()
}

/// Proves that a file can be written, by writing beside it what is taken away again.
pub(super) fn must_be_writable(path: &Path, mode: u32, owner: Option<Owner>) -> anyhow::Result<()> {
    stage(path, b"", mode, owner).map(drop)
}

/// A content that is written and synced beside the file whose place it is to take.
pub(super) struct Staged {
    partial: PathBuf,
    path: PathBuf,
    is_put: bool,
}

/// Writes `content` beside `path`.
pub(super) fn stage(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> anyhow::Result<Staged> {
    let problem = || format!("{} cannot be written", path.display());
    let Some(name) = path.file_name() else {
        bail!("{} is not the name of a file", path.display());
    };
    // A link is followed, so that the file that it names is replaced and not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut partial_name = std::ffi::OsString::from(".");
    partial_name.push(path.file_name().unwrap_or(name));
    partial_name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(partial_name);
    let _ = fs::remove_file(&partial);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode & 0o700)
        .open(&partial)
        .with_context(problem)?;
    let staged = Staged { partial, path: path.clone(), is_put: false };
    if let Some(Owner { user, group }) = owner {
        std::os::unix::fs::fchown(&file, user, group)
            .with_context(|| format!("the owner of {} cannot be set", path.display()))?;
    }
    // Not what the umask would make of it.
    file.set_permissions(fs::Permissions::from_mode(mode)).with_context(problem)?;
    file.write_all(content).with_context(problem)?;
    file.sync_all().with_context(problem)?;
    Ok(staged)
}

impl Staged {
    /// Takes the place of the file.
    pub(super) fn put(mut self) -> anyhow::Result<()> {
        let problem = || format!("{} cannot be written", self.path.display());
        fs::rename(&self.partial, &self.path).with_context(problem)?;
        if let Some(folder) = self.path.parent().and_then(|folder| File::open(folder).ok()) {
            // Some file systems cannot sync folders.
            let _ = folder.sync_all();
        }
        self.is_put = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_put {
            let _ = fs::remove_file(&self.partial);
        }
    }
}
