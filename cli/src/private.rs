//! Files and folders that hold secrets: who else may read them, and the command that mends it.

use std::fs::{Metadata, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use certmill_config::Config;
use rustix::fs::{StatVfsMountFlags, statvfs};

/// What the owner's group and everybody else may do.
const OTHERS: u32 = 0o077;
/// Files of a data folder. SQLite gives `-wal` and `-shm` the mode of the database.
const FILES: [&str; 6] =
    ["certmill.db", "certmill.db-wal", "certmill.db-shm", "certmill.lock", "root.key", "admin.token"];

/// Makes a folder that only its owner can read, or makes sure that it is one.
pub(crate) fn folder(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("the folder {} cannot be made", path.display()))?;
    }
    existing_folder(path)
}

/// Checks that other users cannot read a data folder and the files in it.
pub(crate) fn existing_folder(path: &Path) -> anyhow::Result<()> {
    let folder = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if folder.is_dir() && folder.mode() & OTHERS != 0 {
        let shown = path.display();
        bail!(
            "the data folder {shown} is open to others on this machine (mode {:04o}), and certmill's rows, keys and \
             tokens are in it: run `chmod 700 {shown}`. Where the folder belongs to somebody else, such as a volume of \
             Kubernetes, name a folder inside of it, which certmill makes for itself",
            folder.mode() & 0o7777
        );
    }
    FILES.iter().try_for_each(|name| close(&path.join(name)))
}

/// Checks that other users cannot read the database files of an SQLite URL.
pub(crate) fn database_files(url: &str) -> anyhow::Result<()> {
    let Some(path) = url.strip_prefix("sqlite://") else { return Ok(()) };
    ["", "-wal", "-shm"].iter().try_for_each(|end| close(Path::new(&format!("{path}{end}"))))
}

/// Takes a file from the group and from others: older versions left the mode to the umask.
fn close(path: &Path) -> anyhow::Result<()> {
    let Ok(file) = std::fs::metadata(path) else { return Ok(()) };
    if !file.is_file() || file.mode() & OTHERS == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).with_context(|| {
        let shown = path.display();
        format!(
            "{shown} can be read by others on this machine, and is not this user's to change: run `chmod 600 {shown}` as \
             its owner"
        )
    })
}

/// Refuses root keys in files that others can read.
pub(crate) fn root_key_files(config: &Config) -> anyhow::Result<()> {
    config.root_key_file.iter().chain(&config.previous_root_key_files).try_for_each(|path| secret_file(path))
}

/// Warns of a key for TLS that others can read. It is not refused: many tools make such files, and it is replaced soon.
pub(crate) fn warn_of_open_tls_key(config: &Config) {
    let Some(path) = &config.tls_key else { return };
    if std::fs::metadata(path).is_ok_and(|file| may_be_read_by_others(&file) && !is_handed_in(path, &file)) {
        tracing::warn!(tls_key = %path.display(), "others on this machine can read the key for TLS: chmod it to 0600");
    }
}

/// Refuses a file that others can read. Its group may where the file is root's, which is how administrators and Kubernetes
/// (`fsGroup`) give a service a file that it cannot change. On a read-only mount beside the root file system, which is how
/// Kubernetes, Docker and systemd hand secrets in, the mode is theirs and says nothing about this machine's users.
fn secret_file(path: &Path) -> anyhow::Result<()> {
    // A file whose mode cannot be read is refused later, when it is opened.
    let Ok(file) = std::fs::metadata(path) else { return Ok(()) };
    if !may_be_read_by_others(&file) || is_handed_in(path, &file) {
        return Ok(());
    }
    let shown = path.display();
    bail!(
        "the root key {shown} can be read by others on this machine (mode {:04o}): run `chmod 600 {shown}`, and make a new \
         key if somebody may have read it (`certmill rotate-root-key`)",
        file.mode() & 0o7777
    );
}

fn may_be_read_by_others(file: &Metadata) -> bool {
    let permitted = if file.uid() == 0 { 0o040 } else { 0 };
    file.is_file() && file.mode() & OTHERS & !permitted != 0
}

fn is_handed_in(path: &Path, file: &Metadata) -> bool {
    let is_read_only = statvfs(path).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    // A sandbox may have made all of the machine's own file system read-only for the service.
    let is_beside = std::fs::metadata("/").is_ok_and(|root| root.dev() != file.dev());
    is_read_only && is_beside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused_with_the_command_that_mends_it() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("a/data");
        folder(&data).unwrap();
        assert_eq!(data.metadata().unwrap().mode() & 0o777, 0o700);
        for mode in [0o755, 0o750, 0o701, 0o770, 0o2770] {
            with_mode(&data, mode);
            let refusal = folder(&data).unwrap_err().to_string();
            assert!(refusal.contains(&format!("`chmod 700 {}`", data.display())), "{mode:o}: {refusal}");
        }
        with_mode(&data, 0o700);
        folder(&data).unwrap();
    }

    #[test]
    fn files_that_others_could_read_are_closed() {
        let place = tempfile::tempdir().unwrap();
        with_mode(place.path(), 0o700);
        for name in FILES {
            std::fs::write(place.path().join(name), "x").unwrap();
            with_mode(&place.path().join(name), 0o644);
        }
        existing_folder(place.path()).unwrap();
        let other = place.path().join("other.db");
        std::fs::write(&other, "x").unwrap();
        with_mode(&other, 0o664);
        database_files(&format!("sqlite://{}", other.display())).unwrap();
        for name in FILES.into_iter().chain(["other.db"]) {
            assert_eq!(place.path().join(name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_root_key_that_others_can_read_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let key = place.path().join("root.key");
        std::fs::write(&key, "x").unwrap();
        let is_roots = key.metadata().unwrap().uid() == 0;
        for (mode, taken) in
            [(0o600, true), (0o400, true), (0o440, is_roots), (0o644, false), (0o604, false), (0o660, false)]
        {
            with_mode(&key, mode);
            let said = secret_file(&key).map_err(|error| error.to_string());
            assert_eq!(said.is_ok(), taken, "{mode:o}: {said:?}");
            assert!(taken || said.unwrap_err().contains(&format!("`chmod 600 {}`", key.display())));
        }
    }
}
