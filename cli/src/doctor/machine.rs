//! This machine: its configuration, the files that it names, its disk.

use std::path::{Path, PathBuf};

use certmill_config::Config;
use openssl::asn1::Asn1Time;
use rustix::fs::statvfs;

use super::findings::Findings;
use crate::{compose, message, private, tls};

const MIB: u64 = 1024 * 1024;
/// With less room than this nothing can be stored soon.
const LITTLE: u64 = 100 * MIB;
/// With less room than this somebody should make some.
const SOON_LITTLE: u64 = 1024 * MIB;
/// Days before the end of the API's own certificate at which it should have been replaced.
const TLS_DAYS: u32 = 14;

/// Whether the settings are as they should be; that they can be read is known already.
pub(super) fn configuration(config: &Config, findings: &mut Findings) {
    let problem = compose::trusted_pem(config).map(drop).and_then(|()| private::root_key_files(config)).err();
    match problem {
        Some(error) => {
            findings.failure("configuration", message::of(&error), "mend this setting");
        }
        None => findings.ok("configuration", "it can be used; `certmill check-config` shows it"),
    }
    match &config.public_url {
        Some(url) => findings.ok("public_url", format!("certificates name {url}")),
        None => findings.warning(
            "public_url",
            format!("it is not set: certificates name this machine's own address {}", config.listen),
            "set public_url (CERTMILL_PUBLIC_URL) to where relying parties reach the service, before you issue for others",
        ),
    }
}

/// Whether the files for TLS can be used, and for how long.
pub(super) fn tls(config: &Config, findings: &mut Findings) {
    let Some(cert) = &config.tls_cert else {
        let how = if config.tls_self.is_some() {
            "HTTPS with a certificate from a CA of the service's own, which it renews"
        } else if config.plain_http {
            "plain HTTP, for a proxy that terminates TLS"
        } else {
            "no certificate is set"
        };
        return findings.ok("tls", how);
    };
    match tls::of(config).and_then(|_| days_left(cert)) {
        Err(error) => findings.failure(
            "tls",
            message::of(&error),
            "`certmill serve` does not start with these files: mend them",
        ),
        Ok(days) if days < 0 => findings.failure(
            "tls",
            format!("the certificate in {} ended {} days ago", cert.display(), -days),
            "replace the file; the service reads it anew by itself",
        ),
        Ok(days) if days < i64::from(TLS_DAYS) => findings.warning(
            "tls",
            format!("the certificate in {} ends in {days} days", cert.display()),
            "see why it was not renewed; the service reads a new file by itself",
        ),
        Ok(days) => {
            findings.ok("tls", format!("the certificate in {} is good for {days} days", cert.display()));
        }
    }
}

fn days_left(cert: &Path) -> anyhow::Result<i64> {
    let pem = tls::read("tls_cert", cert)?;
    let chain = tls::certificates("tls_cert", cert, &pem)?;
    let mut days = i64::MAX;
    for certificate in &chain {
        let left = Asn1Time::days_from_now(0)?.diff(certificate.not_after())?;
        // A second before a whole day is a day less.
        days = days.min(i64::from(left.days) - i64::from(left.secs < 0));
    }
    Ok(days)
}

/// Whether there is room where this machine writes.
pub(super) fn disk(config: &Config, findings: &mut Findings) {
    let file = match config.database_url.as_deref().map(|url| url.strip_prefix("sqlite://")) {
        // The disk of Postgres is elsewhere.
        Some(None) => {
            return findings.ok("disk", "the database is on its server, whose disk cannot be seen from here");
        }
        Some(Some(path)) => PathBuf::from(path),
        None => config.embedded_database(),
    };
    let Some(folder) = file.ancestors().skip(1).find(|folder| folder.is_dir()) else { return };
    let size = std::fs::metadata(&file).map_or(0, |file| file.len());
    let shown = folder.display();
    let Ok(room) = statvfs(folder) else {
        return findings.warning(
            "disk",
            format!("the room on the disk of {shown} cannot be told"),
            "look yourself",
        );
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let told = format!(
        "{} MiB are free on the disk of {shown}, and the database has {} MiB",
        free / MIB,
        size / MIB
    );
    if free < LITTLE {
        findings.failure("disk", told, "make room at once: soon nothing can be issued or revoked");
    } else if free < SOON_LITTLE.max(size.saturating_mul(2)) {
        findings.warning(
            "disk",
            told,
            "make room: a backup beside it and `certmill vacuum` take up to twice its size",
        );
    } else {
        findings.ok("disk", told);
    }
}
