//! Profiles: which server, with which token, trusted through which CA. Kept in the configuration folder of the platform.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A server and the credentials for it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Base URL of the server.
    pub(crate) url: String,
    /// The token itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Zeroizing<String>>,
    /// Or the file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// The CA certificate that the server's own is judged by, in PEM; without it the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_pem: Option<String>,
}

/// The file of profiles.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The profile that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads the file; none is no profiles.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let path = path()?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        toml::from_str(&text).map_err(|error| {
            anyhow::anyhow!("{} is not a file of profiles: {}", path.display(), error.message())
        })
    }

    /// Writes the file, for its owner only; all of it or nothing.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let path = path()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let problem = || format!("{} cannot be written", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(problem)?;
        let text = Zeroizing::new(toml::to_string(self)?);
        let partial = folder.join(format!("profiles.{}.partial", std::process::id()));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .with_context(problem)?;
        file.write_all(text.as_bytes()).with_context(problem)?;
        fs::rename(&partial, &path).with_context(problem)
    }
}

/// Where the profiles are: `certmill/profiles.toml` in the configuration folder of the platform (`$XDG_CONFIG_HOME` or
/// `~/.config`, on macOS `~/Library/Application Support`).
pub(crate) fn path() -> anyhow::Result<PathBuf> {
    match dirs::config_dir() {
        Some(folder) => Ok(folder.join("certmill").join("profiles.toml")),
        None => bail!("there is no home folder for profiles: give --url and --token-file"),
    }
}

/// Notes the server that `certmill dev` has started, so that client commands work at once.
pub(crate) fn note_dev(url: &str, token_file: &Path) -> anyhow::Result<()> {
    let mut all = Profiles::load()?;
    let token_file = std::path::absolute(token_file)?;
    let profile = Profile { url: url.to_owned(), token: None, token_file: Some(token_file), ca_pem: None };
    all.profiles.insert(DEV.to_owned(), profile);
    all.current.get_or_insert_with(|| DEV.to_owned());
    all.save()
}

/// The profile of the server that `certmill dev` started last.
pub(crate) const DEV: &str = "dev";
