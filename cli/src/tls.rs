//! The files for TLS: read and checked before anything is opened, and again when they change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_listen::{ClientCertificates, Tls};
use openssl::pkey::{PKey, Private};
use openssl::sha::Sha256;
use openssl::x509::X509;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::message;
use crate::tls_self::Own;

/// How often the files are looked at. They are taken when two looks see the same, because whoever renews them writes two
/// files.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The configured certificate and key; nothing when they are not set.
pub(crate) fn of(config: &Config) -> anyhow::Result<Option<Served>> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else {
        return Ok(None);
    };
    let files = Files { cert: cert.clone(), key: key.clone() };
    let pair = files.load()?;
    let tls = Tls::new(&pair.chain, &pair.key, clients(config))
        .context("OpenSSL does not take the certificate of tls_cert")?;
    Ok(Some(Served::Files(FromFiles { tls, files, seen: pair.content })))
}

/// Whether clients are asked for certificates.
pub(crate) fn clients(config: &Config) -> ClientCertificates {
    if config.tls_client_certificates { ClientCertificates::Requested } else { ClientCertificates::Ignored }
}

/// A certificate in use that is replaced in time.
pub(crate) enum Served {
    /// From files.
    Files(FromFiles),
    /// From a CA of our own.
    Own(Box<Own>),
}

impl Served {
    pub(crate) fn tls(&self) -> Tls {
        match self {
            Self::Files(files) => files.tls.clone(),
            Self::Own(own) => own.tls(),
        }
    }

    /// Replaces the certificate when there is a newer one, until `stop`.
    pub(crate) async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        match self {
            Self::Files(files) => files.follow(stop).await,
            Self::Own(own) => own.follow(stop).await,
        }
    }
}

/// A certificate in use, with the files that it came from.
pub(crate) struct FromFiles {
    tls: Tls,
    files: Files,
    /// What the files held when they were last taken or refused.
    seen: Content,
}

#[derive(Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// A digest of both files; none when one cannot be read.
type Content = Option<[u8; 32]>;

struct Pair {
    chain: Vec<X509>,
    key: PKey<Private>,
    content: Content,
}

impl FromFiles {
    /// Reads the files anew when they change or on SIGHUP, until `stop`. A pair that cannot be used is logged, and the one
    /// in use stays.
    async fn follow(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut hangup = signal(SignalKind::hangup()).context("SIGHUP cannot be received")?;
        let mut before = self.seen;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = hangup.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            // Files may lie on a share that is slow.
            let files = self.files.clone();
            let content = tokio::task::spawn_blocking(move || files.content()).await?;
            let settled = content == before;
            before = content;
            if asked || (settled && content != self.seen) {
                self.seen = content;
                self.take();
            }
        }
    }

    fn take(&self) {
        let taken = self
            .files
            .load()
            .and_then(|pair| self.tls.replace(&pair.chain, &pair.key).context("OpenSSL does not take it"));
        match taken {
            Ok(()) => {
                tracing::info!(path = %self.files.cert.display(), "the certificate for TLS was read anew");
            }
            Err(error) => tracing::error!(
                error = message::of(&error),
                "the certificate for TLS was read anew and cannot be used: the one before stays in use"
            ),
        }
    }
}

impl Files {
    fn load(&self) -> anyhow::Result<Pair> {
        let (cert_path, key_path) = (&self.cert, &self.key);
        let (cert, key) = (read("tls_cert", cert_path)?, Zeroizing::new(read("tls_key", key_path)?));
        let chain = certificates("tls_cert", cert_path, &cert)?;
        let private = private_key(key_path, &key)?;
        let leaf = chain.first().and_then(|leaf| leaf.public_key().ok());
        if !leaf.is_some_and(|public| public.public_eq(&private)) {
            let further =
                chain.iter().skip(1).any(|other| other.public_key().is_ok_and(|key| key.public_eq(&private)));
            let hint = if further { ": put the certificate of the key before those of its CAs" } else { "" };
            bail!(
                "tls_key, {}, is not the key of the first certificate in tls_cert, {}{hint}",
                key_path.display(),
                cert_path.display()
            );
        }
        Ok(Pair { chain, key: private, content: Some(digest(&cert, &key)) })
    }

    fn content(&self) -> Content {
        let (cert, key) =
            (std::fs::read(&self.cert).ok()?, std::fs::read(&self.key).ok().map(Zeroizing::new)?);
        Some(digest(&cert, &key))
    }
}

fn digest(cert: &[u8], key: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(&(cert.len() as u64).to_be_bytes());
    digest.update(cert);
    digest.update(key);
    digest.finish()
}

/// The content of a file that a setting names.
pub(crate) fn read(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{setting}, {}, cannot be read", path.display()))
}

/// The certificates of a file, which has at least one.
pub(crate) fn certificates(setting: &str, path: &Path, pem: &[u8]) -> anyhow::Result<Vec<X509>> {
    match X509::stack_from_pem(pem) {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        // OpenSSL's message is about its own source code, so it is not shown.
        Ok(_) | Err(_) => bail!(
            "{setting}, {}, does not hold certificates in PEM, which begin with -----BEGIN CERTIFICATE-----",
            path.display()
        ),
    }
}

fn private_key(path: &Path, pem: &[u8]) -> anyhow::Result<PKey<Private>> {
    // Without this callback OpenSSL would ask the terminal for the password.
    let mut encrypted = false;
    let key = PKey::private_key_from_pem_callback(pem, |_| {
        encrypted = true;
        Ok(0)
    });
    match key {
        Ok(key) => Ok(key),
        Err(_) if encrypted => bail!(
            "tls_key, {}, is encrypted: write it without a password, for example with `openssl pkey -in … -out …`, and \
             protect it by its permissions",
            path.display()
        ),
        Err(_) => bail!(
            "tls_key, {}, does not hold a private key in PEM, which begins with -----BEGIN PRIVATE KEY-----",
            path.display()
        ),
    }
}
