//! `certmill cert`.

mod discover;
mod endpoints;
mod search;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::issue::{chain, read_text};
use super::output::{Cell, Column, Mark, text};
use super::{Session, files};
use search::{Filters, find, list, name};

const PATH: [&str; 3] = ["v1", "pki", "certificates"];

#[derive(Subcommand)]
pub(crate) enum CertCommand {
    /// Find certificates, newest first
    #[command(after_help = "Example:\n  certmill cert ls --expiring 30d --san '*.example.internal'")]
    Ls(Box<Filters>),
    /// Show a certificate
    Show {
        /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
        certificate: String,
    },
    /// Write a certificate and those above it as PEM
    Export {
        /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
        certificate: String,
        /// Only the certificate itself
        #[arg(long)]
        alone: bool,
        /// File to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Renew a certificate: the same names, a fresh key made by the server
    Renew(Renew),
    /// Revoke a certificate
    Revoke {
        /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
        certificate: String,
        /// As RFC 5280 names it: keyCompromise, superseded, cessationOfOperation …
        #[arg(long)]
        reason: Option<String>,
        /// When, if not at once, such as 2026-12-31T23:00:00Z
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Take back what --at has scheduled
        #[arg(long, conflicts_with_all = ["reason", "at"])]
        cancel: bool,
    },
    /// Take a certificate of somebody else into the inventory
    Import {
        /// The certificate, with its chain if it is there (PEM), or a PKCS#12 file (.p12, .pfx)
        file: PathBuf,
        /// Its private key (PEM)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// File with the password of the key or the PKCS#12 file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Say whether a certificate is to be trusted, and why not
    Validate {
        /// The certificate, with its chain if it is there (PEM)
        file: PathBuf,
        /// Host name that it has to be for
        #[arg(long)]
        hostname: Option<String>,
        /// serverAuth, clientAuth …
        #[arg(long)]
        purpose: Option<String>,
        /// Look at CRLs and OCSP too
        #[arg(long)]
        revocation: bool,
    },
    /// Look for certificates on servers, and take what is found into the inventory
    #[command(after_help = discover::EXAMPLE)]
    Discover(discover::Discover),
    /// Name the endpoints where a certificate is meant to be served, and show what is served there
    #[command(after_help = endpoints::EXAMPLE)]
    Endpoints(endpoints::Endpoints),
    /// Label a certificate: tags and a description
    Label {
        /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
        certificate: String,
        /// KEY=VALUE; an empty value takes the tag away; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE")]
        tags: Vec<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Renew {
    /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
    certificate: String,
    /// Validity of the new one [default: that of the old one]
    #[arg(long)]
    ttl: Option<String>,
    /// Sign this request instead of making a key (PEM)
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// File for the new certificate and those between it and the root
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// File for the new key
    #[arg(long, value_name = "FILE")]
    key_out: Option<PathBuf>,
}

pub(super) async fn run(session: &Session, command: CertCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        CertCommand::Ls(filters) => list(session, *filters).await,
        CertCommand::Show { certificate } => out.object(&find(session, &certificate).await?),
        CertCommand::Export { certificate, alone, out: file } => {
            let found = find(session, &certificate).await?;
            let mut pem = text(&found, "certificate_pem");
            if !alone {
                pem.push_str(&text(&found, "chain_pem"));
            }
            files::write_public(file.as_deref(), super::pem::certificates(&pem).concat().as_bytes())
        }
        CertCommand::Renew(command) => renew(session, command).await,
        CertCommand::Revoke { certificate, reason, at, cancel } => {
            let found = find(session, &certificate).await?;
            let shown = format!("{} ({})", name(&found), text(&found, "serial_number"));
            if !cancel {
                out.confirm(&format!("Revoke {shown}?"))?;
            }
            let mut body = json!({"serial_number": found["serial_number"], "ca_id": found["ca_id"]});
            if let Some(reason) = reason {
                body["reason"] = reason.into();
            }
            if cancel {
                body["cancel_scheduled"] = true.into();
            }
            if let Some(at) = at {
                body["revoke_at"] = at.into();
            }
            let revoked = api.post(&["v1", "pki", "revoke"], &body).await?;
            if cancel {
                return out.done(&revoked, &format!("{shown} is not to be revoked any more"));
            }
            if revoked["revoke_at"].is_string() {
                return out.done(&revoked, &format!("{shown} is revoked at {}", text(&revoked, "revoke_at")));
            }
            let who = match revoked["crl_update"].as_str() {
                Some("by_ca") => "its CA publishes that",
                _ => "its CRL is being rebuilt",
            };
            out.done(&revoked, &format!("{shown} is revoked; {who}"))
        }
        CertCommand::Import { file, key, password_file } => import(session, file, key, password_file).await,
        CertCommand::Validate { file, hostname, purpose, revocation } => {
            let mut body = json!({"check_revocation": revocation});
            let blocks = super::pem::certificates(&read_text(&file)?);
            let Some((own, above)) = blocks.split_first() else {
                return Err(Failure::usage(format!("{} has no certificate in PEM", file.display())));
            };
            body["certificate_pem"] = own.as_str().into();
            if !above.is_empty() {
                body["chain_pem"] = above.concat().into();
            }
            for (field, value) in [("hostname", hostname), ("purpose", purpose)] {
                if let Some(value) = value {
                    body[field] = value.into();
                }
            }
            validate(session, &body).await
        }
        CertCommand::Discover(command) => discover::run(session, command).await,
        CertCommand::Endpoints(command) => endpoints::run(session, command).await,
        CertCommand::Label { certificate, tags, description } => {
            label(session, &certificate, &tags, description).await
        }
    }
}

async fn renew(session: &Session, command: Renew) -> anyhow::Result<()> {
    let found = find(session, &command.certificate).await?;
    let mut body = json!({});
    if let Some(ttl) = &command.ttl {
        body["ttl"] = ttl.as_str().into();
    }
    if let Some(csr) = &command.csr {
        body["csr_pem"] = read_text(csr)?.into();
    }
    let path = ["v1", "pki", "certificates", &text(&found, "id"), "renew"];
    let (status, mut renewed) = session.api.post_with(&path, &[], &body).await?;
    if status == reqwest::StatusCode::ACCEPTED {
        return session.out.done(&renewed, "the renewal is under way: `certmill acme order ls` shows it");
    }
    if let Some(file) = &command.key_out
        && let Some(key) = renewed["private_key"].as_str()
    {
        files::replace(file, key.as_bytes(), 0o600, None)?;
        renewed.as_object_mut().and_then(|fields| fields.remove("private_key"));
    }
    if let Some(file) = &command.out {
        files::replace(file, chain(&renewed)?.0.as_bytes(), 0o644, None)?;
    }
    let sentence = format!(
        "renewed as {}, valid until {}",
        text(&renewed, "certificate_id"),
        text(&renewed, "not_after")
    );
    session.out.done(&renewed, &sentence)
}

async fn import(
    session: &Session,
    file: PathBuf,
    key: Option<PathBuf>,
    password_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let is_bundle = file.extension().is_some_and(|ending| ending == "p12" || ending == "pfx");
    let mut body = if is_bundle {
        json!({"pkcs12": STANDARD.encode(std::fs::read(&file)?)})
    } else {
        json!({"certificate_pem": read_text(&file)?})
    };
    if let Some(key) = key {
        body["private_key_pem"] = read_text(&key)?.into();
    }
    if let Some(password) = password_file {
        body["private_key_password"] = read_text(&password)?.trim_end_matches(['\r', '\n']).into();
    }
    let imported = session.api.post(&["v1", "pki", "certificates", "import"], &body).await?;
    session.out.done(&imported, &format!("imported as {}", text(&imported, "id")))
}

const PROBLEMS: &[Column] = &[
    Column("", |problem| {
        let mark = if problem["severity"] == "error" { Mark::Bad } else { Mark::Warning };
        Cell::marked(text(problem, "severity"), mark)
    }),
    Column("code", |problem| text(problem, "code").into()),
    Column("what", |problem| text(problem, "message").into()),
];

async fn validate(session: &Session, body: &Value) -> anyhow::Result<()> {
    let answer = session.api.post(&["v1", "pki", "certificates", "validate"], body).await?;
    let is_valid = answer["valid"] == true;
    if session.out.is_for_programs() {
        session.out.raw(&answer)?;
    } else {
        let mut problems = Vec::new();
        for (list, severity) in [("errors", "error"), ("warnings", "warning")] {
            for problem in answer[list].as_array().into_iter().flatten() {
                let mut problem = problem.clone();
                problem["severity"] = severity.into();
                problems.push(problem);
            }
        }
        if !problems.is_empty() {
            session.out.rows(PROBLEMS, &problems, false)?;
        }
        if is_valid {
            session.out.note(&format!("valid, by {}", text(&answer["trusted_anchor"], "subject")));
        }
    }
    if is_valid { Ok(()) } else { Err(Failure::Refused("the certificate is not valid".to_owned()).into()) }
}

async fn label(
    session: &Session,
    certificate: &str,
    tags: &[String],
    description: Option<String>,
) -> anyhow::Result<()> {
    let found = find(session, certificate).await?;
    let mut body = json!({});
    if !tags.is_empty() {
        // The API replaces all tags at once.
        let mut all = found["tags"].clone();
        for tag in tags {
            let Some((key, value)) = tag.split_once('=') else {
                return Err(Failure::usage(format!("`{tag}` is not KEY=VALUE")));
            };
            match (value, all.as_object_mut()) {
                ("", Some(all)) => {
                    all.remove(key);
                }
                (value, _) => all[key] = value.into(),
            }
        }
        body["tags"] = all;
    }
    if let Some(description) = description {
        body["description"] = description.into();
    }
    let labelled = session.api.patch(&["v1", "pki", "certificates", &text(&found, "id")], &body).await?;
    session.out.done(&labelled, &format!("{} is labelled", text(&labelled, "id")))
}
