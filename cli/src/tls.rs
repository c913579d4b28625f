//! The files for TLS, read and checked before anything is opened.

use std::path::Path;

use anyhow::{Context, bail};
use certmill_config::Config;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use poem::listener::OpensslTlsConfig;

/// The configured certificate and key; nothing when they are not set.
pub(crate) fn of(config: &Config) -> anyhow::Result<Option<OpensslTlsConfig>> {
    let (Some(cert_path), Some(key_path)) = (&config.tls_cert, &config.tls_key) else {
        return Ok(None);
    };
    let (cert, key) = (read("tls_cert", cert_path)?, read("tls_key", key_path)?);
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
    Ok(Some(OpensslTlsConfig::new().cert_from_data(cert).key_from_data(key)))
}

/// The content of a file that a setting names.
pub(crate) fn read(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{setting}, {}, cannot be read", path.display()))
}

/// The certificates of a file, which has at least one.
pub(crate) fn certificates(setting: &str, path: &Path, pem: &[u8]) -> anyhow::Result<Vec<X509>> {
    match X509::stack_from_pem(pem) {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        // What OpenSSL says is about its source.
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
