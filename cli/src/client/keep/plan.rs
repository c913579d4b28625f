//! The file that says what is to be kept, and where it goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_domain::Ttl;
use serde::Deserialize;

use super::super::Options;
use super::super::files::{self, Owner};
use super::New;
use super::access::{Access, Auth};
use super::names::{self, Name};
use super::pair::KeyType;

/// Certificates, and the server that they come from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    profile: Option<String>,
    url: Option<String>,
    token_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    auth: Option<Auth>,
    #[serde(default)]
    pub(super) certificate: Vec<Kept>,
}

/// One certificate with its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// Role that it is signed under, with a key made on this host.
    role: Option<String>,
    /// Or: the name of a certificate from an ACME server, which the service renews on its own.
    follow: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    pub(super) ttl: Option<String>,
    key_type: Option<String>,
    /// The certificate and those between it and the root.
    pub(super) certificate_file: PathBuf,
    pub(super) key_file: PathBuf,
    /// The root.
    ca_file: Option<PathBuf>,
    owner: Option<String>,
    /// Of the key; the certificates can be read by everybody.
    mode: Option<String>,
    renew_before: Option<String>,
    run: Option<String>,
}

/// Where a certificate comes from.
pub(super) enum Source {
    Role(String),
    Follow(String),
}

impl Plan {
    /// Reads and checks a file, so that a mistake shows at the start and not when something ends.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let plan: Self =
            toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        if plan.certificate.is_empty() {
            bail!("{} has no [[certificate]]", file.display());
        }
        for kept in &plan.certificate {
            let check = || {
                kept.source()?;
                kept.names()?;
                kept.key_type()?;
                kept.key_mode()?;
                kept.renew_before()?;
                kept.owner().map(drop)
            };
            check().with_context(|| {
                format!("{}: the certificate in {}", file.display(), kept.certificate_file.display())
            })?;
        }
        let twice = plan.twice();
        if let Some(twice) = twice {
            bail!(
                "{}: {} is named twice: each certificate and each key needs a file of its own",
                file.display(),
                twice.display()
            );
        }
        Ok(plan)
    }

    /// A file that one thing would overwrite after the other, at each look anew. Certificates of one CA may share its file.
    fn twice(&self) -> Option<&Path> {
        let own = |kept: &'_ Kept| [place(&kept.certificate_file), place(&kept.key_file)];
        let mut seen: Vec<PathBuf> = Vec::new();
        let roots: Vec<PathBuf> =
            self.certificate.iter().filter_map(|kept| kept.ca_file.as_deref()).map(place).collect();
        for kept in &self.certificate {
            for (file, place) in [&kept.certificate_file, &kept.key_file].into_iter().zip(own(kept)) {
                if seen.contains(&place) || roots.contains(&place) {
                    return Some(file.as_path());
                }
                seen.push(place);
            }
        }
        None
    }

    /// The server: the command line wins over the file.
    pub(super) fn access(&self, options: &Options) -> anyhow::Result<Access> {
        let options = Options {
            url: options.url.clone().or_else(|| self.url.clone()),
            token_file: options.token_file.clone().or_else(|| self.own_token_file()),
            ca_file: options.ca_file.clone().or_else(|| self.ca_file.clone()),
            profile: options.profile.clone().or_else(|| self.profile.clone()),
            json: false,
            template: None,
            quiet: options.quiet,
            yes: true,
        };
        Access::of(options.server()?, self.auth, options.output())
    }
}

impl Plan {
    /// One that was there for the first certificates may be gone when certificates renew themselves.
    fn own_token_file(&self) -> Option<PathBuf> {
        let may_be_gone = self.auth == Some(Auth::Certificate);
        self.token_file.clone().filter(|file| !may_be_gone || file.exists())
    }
}

impl Kept {
    pub(super) fn source(&self) -> anyhow::Result<Source> {
        match (&self.role, &self.follow) {
            (Some(role), None) if !self.names.is_empty() => Ok(Source::Role(role.clone())),
            (Some(_), None) => bail!("names is empty"),
            (None, Some(name)) if self.names.is_empty() => Ok(Source::Follow(name.clone())),
            (None, Some(_)) => {
                bail!("follow takes the names of the certificate that it follows: leave names out")
            }
            _ => bail!("either role, with names, or follow is needed"),
        }
    }

    /// The names, each once and in the form that the server gives it.
    pub(super) fn names(&self) -> anyhow::Result<Vec<Name>> {
        names::canonical(&self.names)
    }

    pub(super) fn key_type(&self) -> anyhow::Result<KeyType> {
        match self.key_type.as_deref() {
            None | Some("ec") => Ok(KeyType::P256),
            Some("rsa") => Ok(KeyType::Rsa2048),
            Some(other) => bail!("key_type `{other}`: write ec or rsa"),
        }
    }

    fn key_mode(&self) -> anyhow::Result<u32> {
        let Some(text) = &self.mode else {
            return Ok(0o600);
        };
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode & !0o770 == 0 && mode & 0o400 != 0 => Ok(mode),
            _ => bail!("mode `{text}`: write an octal mode that keeps the key from others, such as 0640"),
        }
    }

    /// How long before its end a certificate is renewed; none for the last third of its time.
    pub(super) fn renew_before(&self) -> anyhow::Result<Option<u64>> {
        let text = self.renew_before.as_deref();
        text.map(|text| Ok(text.parse::<Ttl>().context("renew_before")?.seconds())).transpose()
    }

    fn owner(&self) -> anyhow::Result<Option<Owner>> {
        let Some(text) = &self.owner else {
            return Ok(None);
        };
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let number = |kind: &str, name: &str| -> anyhow::Result<Option<u32>> {
            match name {
                "" => Ok(None),
                name => Ok(Some(number_of(kind, name)?)),
            }
        };
        Ok(Some(Owner { user: number("passwd", user)?, group: number("group", group)? }))
    }

    /// Proves that the files can be written, so that nothing is issued which could not be kept.
    pub(super) fn check_places(&self) -> anyhow::Result<()> {
        let owner = self.owner()?;
        files::must_be_writable(&self.key_file, self.key_mode()?, owner)?;
        let mut others = std::iter::once(&self.certificate_file).chain(&self.ca_file);
        others.try_for_each(|file| files::must_be_writable(file, 0o644, owner))
    }

    /// Replaces the files. The mark for the command is set before and outlives a crash.
    pub(super) fn write(&self, new: &New) -> anyhow::Result<()> {
        let owner = self.owner()?;
        // Everything is written before anything is replaced: a full disk leaves the old files.
        let key = files::stage(&self.key_file, new.key.as_bytes(), self.key_mode()?, owner)?;
        let certificate = files::stage(&self.certificate_file, new.chain.as_bytes(), 0o644, owner)?;
        let root = match &self.ca_file {
            Some(file) => Some(files::stage(file, new.root.as_bytes(), 0o644, owner)?),
            None => None,
        };
        if self.run.is_some() {
            files::replace(&self.mark(), b"", 0o600, None)?;
        }
        key.put()?;
        certificate.put()?;
        root.map_or(Ok(()), files::Staged::put)
    }

    /// A file beside the certificate that is there while the command has still to be run.
    fn mark(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.certificate_file.file_name().unwrap_or_default());
        name.push(".run");
        self.certificate_file.with_file_name(name)
    }

    pub(super) fn is_run_due(&self) -> bool {
        self.run.is_some() && self.mark().exists()
    }

    /// Runs the command of this certificate. It is run again after a failure.
    pub(super) async fn run_command(&self, limit: Duration) -> anyhow::Result<()> {
        let Some(command) = &self.run else {
            return Ok(());
        };
        let mut shell = tokio::process::Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .env("CERTMILL_CERTIFICATE_FILE", &self.certificate_file)
            .env("CERTMILL_KEY_FILE", &self.key_file)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let status = tokio::time::timeout(limit, shell.status())
            .await
            .with_context(|| format!("`{command}` ran for more than {} s", limit.as_secs()))?
            .with_context(|| format!("`{command}` cannot be run"))?;
        if !status.success() {
            bail!("`{command}` failed: {status}");
        }
        fs::remove_file(self.mark()).with_context(|| format!("{} cannot be removed", self.mark().display()))
    }
}

/// Where a file is, whatever links and relative paths lead there.
fn place(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = || Some(folder.canonicalize().ok()?.join(file.file_name()?));
    file.canonicalize().ok().or_else(named).unwrap_or_else(|| file.to_owned())
}

/// The number of a user or group, from the system's databases.
fn number_of(database: &str, name: &str) -> anyhow::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let output = std::process::Command::new("getent")
        .args([database, name])
        .output()
        .context("`getent` cannot be run")?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = line.split(':').nth(2).and_then(|number| number.parse().ok());
    number.with_context(|| format!("there is no `{name}` in the system's {database}"))
}
