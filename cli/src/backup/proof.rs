//! Whether a backup can be restored: its files are those that were made, its rows can be read, and its keys can be opened.

use std::path::Path;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_service::recovery::{self, Opened};
use certmill_storage::Database;
use certmill_storage::backup::Contents;

use super::manifest::{Kind, Manifest, ROOT_KEY_FILE};
use super::postgres::Programs;
use crate::compose;

/// A backup that was proven.
pub(crate) struct Proven {
    pub(crate) manifest: Manifest,
    pub(crate) opened: Opened,
    pub(crate) keys: Keys,
}

/// Where the root keys are found.
pub(crate) struct Keys {
    /// The configuration that names them.
    pub(crate) config: Config,
    /// As people read it.
    pub(crate) place: String,
    /// Whether the only root key is the one in the backup.
    pub(crate) are_inside: bool,
}

/// Proves a backup without changing anything.
pub(crate) async fn prove(config: &Config, source: &Path, programs: &Programs) -> anyhow::Result<Proven> {
    let manifest = Manifest::read(source)?;
    manifest.check_files(source)?;
    let file = source.join(manifest.database.file());
    let contents = match manifest.database {
        Kind::Sqlite => sqlite_contents(&file).await?,
        Kind::Postgres => programs
            .read(&file)
            .await
            .with_context(|| format!("the dump {} cannot be read", file.display()))?,
    };
    manifest.check_contents(&contents)?;
    let keys = root_keys(config, source, &manifest)?;
    let opened = recovery::open_keys(&compose::root_keys(&keys.config)?, &contents).with_context(|| {
        format!(
            "the root key of {} does not fit this backup, whose keys are wrapped by {}",
            keys.place,
            manifest.root_keys.join(", ")
        )
    })?;
    Ok(Proven { manifest, opened, keys })
}

async fn sqlite_contents(file: &Path) -> anyhow::Result<Contents> {
    let shown = file.display();
    let copy = Database::open_copy(file).await?;
    let problems = copy.file_problems().await.with_context(|| format!("{shown} cannot be read"))?;
    if !problems.is_empty() {
        bail!("{shown} is damaged: {}", problems.join("; "));
    }
    let contents = copy.contents().await.with_context(|| format!("{shown} cannot be read"))?;
    copy.close().await;
    Ok(contents)
}

/// The root keys to open it with: those of the configuration, that of the data folder, or the one in the backup.
fn root_keys(config: &Config, source: &Path, manifest: &Manifest) -> anyhow::Result<Keys> {
    if config.root_key_text()?.is_some() {
        let place = "the configuration".to_owned();
        return Ok(Keys { config: config.clone(), place, are_inside: false });
    }
    let in_folder = config.data_dir.join(ROOT_KEY_FILE);
    let are_inside = !in_folder.exists();
    if are_inside && !manifest.holds_root_key() {
        bail!(
            "no root key is set, and the backup holds none: set CERTMILL_ROOT_KEY_FILE to the file of the root key {}",
            manifest.root_keys.join(", ")
        );
    }
    let file = if are_inside { source.join(ROOT_KEY_FILE) } else { in_folder };
    let place = file.display().to_string();
    Ok(Keys { config: Config { root_key_file: Some(file), ..config.clone() }, place, are_inside })
}
