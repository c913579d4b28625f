//! `certmill backup`: a copy of the database, made while the service runs, with a manifest that says what it is.

pub(crate) mod manifest;
pub(crate) mod postgres;
pub(crate) mod proof;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::{Clock, SystemClock, Timestamp};
use certmill_keys::RootKey;
use certmill_storage::Database;
use certmill_storage::backup::{Contents, contents};
use clap::Args;
use zeroize::Zeroizing;

use crate::compose;
use manifest::{Kind, Manifest, ROOT_KEY_FILE};
use postgres::Programs;

#[derive(Args)]
pub(crate) struct BackupArgs {
    /// A folder that does not exist yet; it will hold the copy and manifest.json
    destination: PathBuf,
    /// Put the root key into the backup too. Whoever gets hold of it then has every private key
    #[arg(long)]
    with_root_key: bool,
    /// Folder of pg_dump [default: the search path]
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
}

/// Makes the folder of a backup. It has its name only when it is complete and on the disk.
pub(crate) async fn backup(config: &Config, arguments: BackupArgs) -> anyhow::Result<()> {
    let destination = &arguments.destination;
    if destination.symlink_metadata().is_ok() {
        bail!(
            "{} exists already: name a folder that does not, since nothing is overwritten",
            destination.display()
        );
    }
    let database = compose::database(config).await?;
    if database.is_empty().await? {
        bail!("there is nothing to back up: {} holds no tables of certmill", config.database_shown());
    }
    let root_key = if arguments.with_root_key { Some(root_key_text(config)?) } else { None };
    let partial = Partial::make(destination)?;
    let (kind, taken_at, contents) = copy(config, &database, &arguments, &partial.0).await?;
    if let Some(text) = &root_key {
        write_root_key(&partial.0, text, &contents)?;
    }
    let manifest = Manifest::of(kind, taken_at.to_string(), &contents, &partial.0)?;
    let sha256 = manifest.write(&partial.0)?;
    partial.finish(destination)?;
    report(config, destination, &manifest, &sha256);
    Ok(())
}

/// Copies the rows into `folder`; answers from when they are and what they hold.
async fn copy(
    config: &Config,
    database: &Database,
    arguments: &BackupArgs,
    folder: &Path,
) -> anyhow::Result<(Kind, Timestamp, Contents)> {
    let shown = config.database_shown();
    // Before the copy: what is not in it has happened since.
    let taken_at = database.server_time().await?.unwrap_or_else(|| SystemClock.now());
    if let Some((mut tx, snapshot)) = database.begin_snapshot().await? {
        let contents = contents(&mut tx).await.with_context(|| format!("{shown} cannot be read"))?;
        let file = folder.join(Kind::Postgres.file());
        manifest::private(&file).with_context(|| format!("{} cannot be made", file.display()))?;
        let url = config.database_url.as_deref().unwrap_or_default();
        let programs = Programs::in_folder(arguments.pg_bin.clone());
        programs.dump(url, &snapshot, &file).await.with_context(|| format!("{shown} was not copied"))?;
        sync(&file)?;
        return Ok((Kind::Postgres, taken_at, contents));
    }
    let file = folder.join(Kind::Sqlite.file());
    // SQLite takes an empty file as it is, and one that it makes would have the mode of the umask.
    manifest::private(&file).with_context(|| format!("{} cannot be made", file.display()))?;
    database.copy_into(&file).await.with_context(|| format!("{shown} was not copied"))?;
    sync(&file)?;
    let copied = Database::open_copy(&file).await?;
    let contents = copied.contents().await.with_context(|| format!("the copy of {shown} cannot be read"))?;
    copied.close().await;
    Ok((Kind::Sqlite, taken_at, contents))
}

/// The root key of the configuration, or that of the data folder.
pub(crate) fn root_key_text(config: &Config) -> anyhow::Result<Zeroizing<String>> {
    if let Some(text) = config.root_key_text()? {
        return Ok(text);
    }
    let path = config.data_dir.join("root.key");
    std::fs::read_to_string(&path).map(Zeroizing::new).with_context(|| {
        format!("no root key is set (CERTMILL_ROOT_KEY_FILE), and {} cannot be read", path.display())
    })
}

fn write_root_key(folder: &Path, text: &str, contents: &Contents) -> anyhow::Result<()> {
    let key = RootKey::from_text(text).context("the root key cannot be used")?;
    let wrapping = manifest::root_keys(contents);
    if wrapping.iter().any(|id| id != key.id().as_str()) {
        bail!(
            "the root key {} that is set does not open all of this database, whose tenants' keys are wrapped by {}",
            key.id(),
            wrapping.join(", ")
        );
    }
    let path = folder.join(ROOT_KEY_FILE);
    let problem = || format!("{} cannot be written", path.display());
    let mut file = manifest::private(&path).with_context(problem)?;
    let text = Zeroizing::new(format!("{}\n", text.trim()));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(problem)
}

/// Has what was written to a file or a folder survive a loss of power.
pub(crate) fn sync(path: &Path) -> anyhow::Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("{} cannot be made durable", path.display()))
}

fn report(config: &Config, destination: &Path, manifest: &Manifest, sha256: &str) {
    let octets: u64 = manifest.files.iter().map(|file| file.octets).sum();
    println!("{}: {octets} octets, of {}", destination.display(), manifest.taken_at);
    println!("manifest.json has the SHA-256 {sha256}");
    let keys = manifest.root_keys.join(", ");
    if manifest.holds_root_key() {
        println!("it holds the root key {keys}: whoever reads this folder has every private key and secret");
    } else if !manifest.root_keys.is_empty() {
        println!(
            "it does not hold the root key {keys}, without which its keys cannot be opened: keep that one in another place"
        );
        let set = root_key_text(config).ok().and_then(|text| RootKey::from_text(&text).ok());
        if set.is_some_and(|key| manifest.root_keys.iter().any(|id| id != key.id().as_str())) {
            println!("the root key that is set is not the one, or not the only one, that is needed");
        }
    }
    println!("prove it with `certmill restore --check {}`", destination.display());
}

/// The folder of a backup while it is being made; removed when that does not come to its end.
struct Partial(PathBuf);

impl Partial {
    fn make(destination: &Path) -> anyhow::Result<Self> {
        let mut name = destination.file_name().context("the destination has no name")?.to_owned();
        name.push(".partial");
        let path = destination.with_file_name(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| {
            format!(
                "the folder {} cannot be made (a backup that was killed may have left it: remove it then)",
                path.display()
            )
        })?;
        Ok(Self(path))
    }

    /// Gives the folder its name, durably.
    fn finish(self, destination: &Path) -> anyhow::Result<()> {
        let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let problem = || format!("{} cannot be made", destination.display());
        sync(&self.0)?;
        std::fs::rename(&self.0, destination).with_context(problem)?;
        sync(parent)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It has another name when it is complete.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
