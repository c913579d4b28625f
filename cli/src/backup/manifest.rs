//! What a backup says about itself: `manifest.json`.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use certmill_service::x509::hex;
use certmill_storage::backup::Contents;
use openssl::sha::Sha256;
use serde::{Deserialize, Serialize};

/// The name of the manifest in the folder of a backup.
pub(crate) const NAME: &str = "manifest.json";
/// The copy of an embedded database.
pub(crate) const SQLITE_FILE: &str = "certmill.db";
/// What `pg_dump --format=custom` has written.
pub(crate) const POSTGRES_FILE: &str = "certmill.dump";
/// The root key, where it was asked for.
pub(crate) const ROOT_KEY_FILE: &str = "root.key";
/// The layout that this version writes and reads.
const FORMAT: u32 = 1;
/// A manifest has some hundred octets; more than this is none.
const MOST_OCTETS: u64 = 1024 * 1024;

/// Which database a backup is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// The file that holds the rows.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Sqlite => SQLITE_FILE,
            Self::Postgres => POSTGRES_FILE,
        }
    }

    /// As people read it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "an embedded database",
            Self::Postgres => "a database of Postgres",
        }
    }
}

/// The manifest. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The version of the program that made it.
    pub(crate) certmill: String,
    /// From when the rows are, RFC 3339.
    pub(crate) taken_at: String,
    pub(crate) database: Kind,
    /// The number of the newest migration.
    pub(crate) schema: i64,
    /// How many tenants' keys there are.
    pub(crate) tenant_keys: usize,
    /// The fingerprints of the root keys by which they are wrapped, in their order.
    pub(crate) root_keys: Vec<String>,
    pub(crate) files: Vec<Entry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) octets: u64,
    pub(crate) sha256: String,
}

impl Manifest {
    /// The manifest of a copy with these contents, whose files are in `folder`.
    pub(crate) fn of(
        database: Kind,
        taken_at: String,
        contents: &Contents,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let Some(schema) = contents.schema else {
            bail!("there is nothing to back up: `certmill migrate` has never been run on this database")
        };
        let mut files = Vec::new();
        for name in [database.file(), ROOT_KEY_FILE] {
            if folder.join(name).exists() {
                files.push(Entry::of(folder, name)?);
            }
        }
        Ok(Self {
            format: FORMAT,
            certmill: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at,
            database,
            schema,
            tenant_keys: contents.keys.len(),
            root_keys: root_keys(contents),
            files,
        })
    }

    /// Writes it into a folder, durably; answers its SHA-256.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<String> {
        let path = folder.join(NAME);
        let text = serde_json::to_string_pretty(self)? + "\n";
        let problem = || format!("{} cannot be written", path.display());
        let mut file = private(&path).with_context(problem)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(problem)?;
        Ok(hex(&openssl::sha::sha256(text.as_bytes())))
    }

    /// Reads that of a backup.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let shown = path.display();
        let file = File::open(&path).with_context(|| {
            format!("{} is no backup of certmill: {shown} cannot be read", folder.display())
        })?;
        let mut text = String::new();
        file.take(MOST_OCTETS)
            .read_to_string(&mut text)
            .with_context(|| format!("{shown} cannot be read"))?;
        let manifest: Self = serde_json::from_str(&text)
            .with_context(|| format!("{shown} is not the manifest of a backup"))?;
        if manifest.format != FORMAT {
            bail!(
                "{shown} has the layout {}, and this version reads {FORMAT}: use certmill {} or newer",
                manifest.format,
                manifest.certmill
            );
        }
        let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
        let rows = manifest.database.file();
        if names != [rows] && names != [rows, ROOT_KEY_FILE] {
            bail!("{shown} names other files than {rows} and {ROOT_KEY_FILE}: it was not made by certmill");
        }
        Ok(manifest)
    }

    /// Compares the files with what is said of them.
    pub(crate) fn check_files(&self, folder: &Path) -> anyhow::Result<()> {
        for entry in &self.files {
            let present = Entry::of(folder, &entry.name)?;
            if &present != entry {
                bail!(
                    "{} is not the file that was backed up: it has {} octets and SHA-256 {}, and the manifest says {} and {}. \
                     Take another copy of this backup, or another backup",
                    folder.join(&entry.name).display(),
                    present.octets,
                    present.sha256,
                    entry.octets,
                    entry.sha256
                );
            }
        }
        Ok(())
    }

    /// Compares what the copy holds with what is said of it.
    pub(crate) fn check_contents(&self, contents: &Contents) -> anyhow::Result<()> {
        let held = (contents.schema, contents.keys.len(), root_keys(contents));
        let said = (Some(self.schema), self.tenant_keys, self.root_keys.clone());
        if held != said {
            bail!(
                "the manifest does not fit the copy: it says schema, tenant keys and root keys {said:?}, and the copy holds \
                 {held:?}"
            );
        }
        Ok(())
    }

    /// Whether the root key is in the backup too.
    pub(crate) fn holds_root_key(&self) -> bool {
        self.files.iter().any(|file| file.name == ROOT_KEY_FILE)
    }
}

impl Entry {
    fn of(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let path = folder.join(name);
        let problem = || format!("{} cannot be read", path.display());
        let file = File::open(&path).with_context(problem)?;
        let (octets, sha256) = copy_hashed(file, std::io::sink()).with_context(problem)?;
        Ok(Self { name: name.to_owned(), octets, sha256 })
    }
}

/// Copies to the end; answers how many octets that were, and their SHA-256.
pub(crate) fn copy_hashed(mut from: impl Read, mut to: impl Write) -> std::io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1024 * 1024];
    let mut octets = 0_u64;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok((octets, hex(&hash.finish()))),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let chunk = buffer.get(..read).unwrap_or_default();
        hash.update(chunk);
        to.write_all(chunk)?;
        octets = octets.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// A new file that nobody else can read.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The root keys that wrap tenants' keys, each once.
pub(crate) fn root_keys(contents: &Contents) -> Vec<String> {
    let mut ids: Vec<String> = contents.keys.iter().map(|key| key.root_key_id.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}
