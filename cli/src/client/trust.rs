//! `certmill trust`: a CA in the trust stores of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use openssl::hash::MessageDigest;
use openssl::x509::X509;

use super::{Session, ca, completion, files};

#[derive(Subcommand)]
pub(crate) enum TrustCommand {
    /// Let programs of this machine trust the root above a CA
    Install(Stores),
    /// Take it out again
    Uninstall(Stores),
}

#[derive(Args)]
pub(crate) struct Stores {
    /// Name or id of the CA; its root is what is trusted
    #[arg(add = completion::cas())]
    ca: String,
    /// Not the system's store
    #[arg(long)]
    no_system: bool,
    /// The store of Chromium and, where it uses this one, Firefox (~/.pki/nssdb; needs `certutil`)
    #[arg(long)]
    nss: bool,
    /// The store of the Java in use (needs `keytool`)
    #[arg(long)]
    java: bool,
}

/// Folders for additional CAs, and the command that makes a store of them.
const SYSTEM_STORES: [(&str, &[&str]); 3] = [
    ("/usr/local/share/ca-certificates", &["update-ca-certificates"]),
    ("/etc/pki/ca-trust/source/anchors", &["update-ca-trust", "extract"]),
    ("/etc/ca-certificates/trust-source/anchors", &["trust", "extract-compat"]),
];

pub(super) async fn run(session: &Session, command: TrustCommand) -> anyhow::Result<()> {
    let (stores, install) = match command {
        TrustCommand::Install(stores) => (stores, true),
        TrustCommand::Uninstall(stores) => (stores, false),
    };
    let id = ca::id(session, &stores.ca).await?;
    let found = session.api.get(&["v1", "pki", "ca", &id, "certificate"], &[]).await?;
    let pem = ca::certificate_text(&found, true)?;
    let certificate = X509::from_pem(pem.as_bytes())?;
    let fingerprint = certmill_x509::hex(&certificate.digest(MessageDigest::sha256())?);
    // The name stays the same, so that nothing is installed twice and everything is found again.
    let name = format!("certmill-{}", &fingerprint[..16]);
    if install {
        session.out.confirm(&format!(
            "Let this machine trust everything that {} issues (SHA-256 {fingerprint})?",
            stores.ca
        ))?;
    }
    let mut done = Vec::new();
    if !stores.no_system {
        done.push(system(&name, &pem, install)?);
    }
    if stores.nss {
        done.push(nss(&name, &pem, install)?);
    }
    if stores.java {
        done.push(java(&name, &pem, install)?);
    }
    let verb = if install { "trusted by" } else { "taken out of" };
    session.out.note(&format!("{} is {verb} {}", stores.ca, done.join(", ")));
    Ok(())
}

fn system(name: &str, pem: &str, install: bool) -> anyhow::Result<String> {
    let Some((folder, update)) = SYSTEM_STORES.iter().find(|(folder, _)| Path::new(folder).is_dir()) else {
        bail!(
            "this system keeps its trusted CAs in no place that is known here: see its manual, or --no-system"
        );
    };
    let file = Path::new(folder).join(format!("{name}.crt"));
    if install {
        files::replace(&file, pem.as_bytes(), 0o644, None)
            .with_context(|| format!("{folder} is the administrator's: run this as root"))?;
    } else if let Err(error) = std::fs::remove_file(&file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{} cannot be removed", file.display()));
    }
    call(update, "")?;
    Ok("the system".to_owned())
}

fn nss(name: &str, pem: &str, install: bool) -> anyhow::Result<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
    let folder = home.join(".pki/nssdb");
    let database = format!("sql:{}", folder.display());
    if install {
        if !folder.is_dir() {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
            call(&["certutil", "-N", "-d", &database, "--empty-password"], "")?;
        }
        call(&["certutil", "-A", "-d", &database, "-n", name, "-t", "C,,", "-a"], pem)?;
    } else {
        call(&["certutil", "-D", "-d", &database, "-n", name], "")?;
    }
    Ok(database)
}

/// The password that every Java store of CAs has.
const JAVA_PASSWORD: &str = "changeit";

fn java(name: &str, pem: &str, install: bool) -> anyhow::Result<String> {
    let store = ["-cacerts", "-storepass", JAVA_PASSWORD, "-alias", name];
    if install {
        let import = ["keytool", "-importcert", "-noprompt", "-trustcacerts"];
        call(&[&import[..], &store].concat(), pem)?;
    } else {
        call(&[&["keytool", "-delete"][..], &store].concat(), "")?;
    }
    Ok("Java".to_owned())
}

/// Runs a program; what it says is told when it fails.
fn call(command: &[&str], input: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let Some((program, arguments)) = command.split_first() else {
        bail!("no program was named");
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{program}` cannot be run"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input says in its status what it thinks.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("`{program}` failed: {}", String::from_utf8_lossy(&said).trim())
}
