//! `certmill ca`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{Column, end, renewed_by, state, text};
use super::{Session, completion, files};

const PATH: [&str; 3] = ["v1", "pki", "ca"];

#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// List CAs
    Ls,
    /// Show CAs as the tree that they are
    Tree,
    /// Show a CA
    Show {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
    },
    /// Make a CA
    Create(Create),
    /// Write a CA's certificate and those above it
    Cert {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// Only the certificate at the top
        #[arg(long)]
        root: bool,
        /// File to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write a CA's present CRL
    Crl {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// Have a new one made first
        #[arg(long)]
        rebuild: bool,
        /// As DER instead of PEM
        #[arg(long)]
        der: bool,
        /// File to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Revoke a CA and everything below it
    Revoke {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// As RFC 5280 names it: keyCompromise, cACompromise, cessationOfOperation …
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    /// Name of the CA
    name: String,
    /// Common name of its subject [default: the name]
    #[arg(long, value_name = "TEXT")]
    common_name: Option<String>,
    /// CA above it, by name or id; without it a root is made
    #[arg(long, value_name = "CA", add = completion::cas())]
    parent: Option<String>,
    /// ec, rsa or ed25519
    #[arg(long, default_value = "ec")]
    key_type: String,
    /// 256, 384 or 521 for ec; 2048, 3072 or 4096 for rsa
    #[arg(long, value_name = "BITS")]
    key_size: Option<u32>,
    /// How long it is valid [default: the server's]
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Organization of its subject
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,
    /// How many CAs may stand below each other under it
    #[arg(long, value_name = "NUMBER")]
    max_path_length: Option<u32>,
    /// Domains below which it may issue (name constraints); may be repeated
    #[arg(long, value_name = "DOMAIN")]
    permit: Vec<String>,
}

pub(super) async fn run(session: &Session, command: CaCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        CaCommand::Ls => {
            let listed = api.list(&PATH, &[], "certificate_authorities", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        CaCommand::Tree => tree(session).await,
        CaCommand::Show { ca } => out.object(&find(session, &ca).await?),
        CaCommand::Create(create) => make(session, create).await,
        CaCommand::Cert { ca, root, out: file } => {
            let id = id(session, &ca).await?;
            let found = api.get(&["v1", "pki", "ca", &id, "certificate"], &[]).await?;
            files::write_public(file.as_deref(), certificate_text(&found, root)?.as_bytes())
        }
        CaCommand::Crl { ca, rebuild, der, out: file } => {
            let id = id(session, &ca).await?;
            let path = ["v1", "pki", "ca", &id, "crl"];
            if rebuild {
                let built = api.post(&path, &json!({})).await?;
                out.note(&format!(
                    "CRL {} with {} entries",
                    text(&built, "crl_number"),
                    text(&built, "entries")
                ));
            }
            let media_type = if der { "application/pkix-crl" } else { "application/x-pem-file" };
            files::write_public(file.as_deref(), &api.octets(&path, media_type).await?)
        }
        CaCommand::Revoke { ca, reason } => {
            let found = find(session, &ca).await?;
            let name = text(&found, "name");
            out.confirm(&format!(
                "Revoke {name} with the {} certificates that it issued, and every CA below it?",
                text(&found, "certificates_issued")
            ))?;
            let body = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
            let revoked = api.post(&["v1", "pki", "ca", &text(&found, "id"), "revoke"], &body).await?;
            out.done(
                &revoked,
                &format!("{name} is revoked; `certmill ca show {name}` tells how far its certificates are"),
            )
        }
    }
}

const COLUMNS: &[Column] = &[
    Column("name", |ca| text(ca, "name").into()),
    Column("type", |ca| text(ca, "ca_type").into()),
    Column("key", |ca| format!("{} {}", text(ca, "key_type"), text(ca, "key_size")).into()),
    Column("status", |ca| state(ca, "status")),
    Column("until", |ca| end(ca, "valid_until")),
    Column("issued", |ca| text(ca, "certificates_issued").into()),
    Column("crl until", |ca| renewed_by(&ca["crl"], "next_update")),
    Column("id", |ca| text(ca, "id").into()),
];

async fn make(session: &Session, create: Create) -> anyhow::Result<()> {
    let common_name = create.common_name.unwrap_or_else(|| create.name.clone());
    let mut body = json!({
        "name": create.name, "common_name": common_name, "key_type": create.key_type,
        "ca_type": if create.parent.is_some() { "intermediate" } else { "root" },
    });
    if let Some(parent) = &create.parent {
        body["parent_ca_id"] = id(session, parent).await?.into();
    }
    for (field, value) in [
        ("key_size", create.key_size),
        ("validity_days", create.days),
        ("max_path_length", create.max_path_length),
    ] {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
    if let Some(organization) = create.organization {
        body["organization"] = json!([organization]);
    }
    if !create.permit.is_empty() {
        body["permitted_dns_domains"] = json!(create.permit);
    }
    let made = session.api.post(&PATH, &body).await?;
    session.out.done(
        &made,
        &format!(
            "{} {} is made, valid until {}",
            text(&made, "ca_type"),
            text(&made, "name"),
            text(&made, "valid_until")
        ),
    )
}

async fn tree(session: &Session) -> anyhow::Result<()> {
    let listed = session.api.list(&PATH, &[], "certificate_authorities", usize::MAX).await?;
    if session.out.is_for_programs() {
        return session.out.rows(COLUMNS, &listed.rows, listed.has_more);
    }
    // Indentation stands in the name, so that the columns stay in line.
    let mut rows = Vec::new();
    let known: std::collections::BTreeSet<_> = listed.rows.iter().map(|ca| text(ca, "id")).collect();
    for ca in &listed.rows {
        if !known.contains(&text(ca, "parent_ca_id")) {
            branch(&listed.rows, ca, 0, &mut rows);
        }
    }
    session.out.rows(COLUMNS, &rows, listed.has_more)
}

/// As deep as the service lets CAs stand below each other.
const DEEPEST: usize = 16;

fn branch(all: &[Value], ca: &Value, depth: usize, rows: &mut Vec<Value>) {
    let mut row = ca.clone();
    row["name"] = format!("{}{}", "  ".repeat(depth), text(ca, "name")).into();
    rows.push(row);
    if depth < DEEPEST {
        for child in all.iter().filter(|child| child["parent_ca_id"] == ca["id"]) {
            branch(all, child, depth + 1, rows);
        }
    }
}

/// The CA with this name or id.
pub(super) async fn find(session: &Session, ca: &str) -> anyhow::Result<Value> {
    if ca.starts_with("ca_") {
        return session.api.get(&["v1", "pki", "ca", ca], &[]).await;
    }
    let listed = session.api.list(&PATH, &[], "certificate_authorities", usize::MAX).await?;
    listed
        .rows
        .into_iter()
        .find(|found| found["name"] == ca)
        .ok_or_else(|| Failure::not_found(format!("there is no CA `{ca}`: `certmill ca ls` lists them")))
}

/// The id of the CA with this name or id.
pub(super) async fn id(session: &Session, ca: &str) -> anyhow::Result<String> {
    if ca.starts_with("ca_") { Ok(ca.to_owned()) } else { Ok(text(&find(session, ca).await?, "id")) }
}

/// The chain of a CA from itself up, or its root alone.
pub(super) fn certificate_text(found: &Value, root: bool) -> anyhow::Result<String> {
    let (own, above) = (text(found, "certificate_pem"), text(found, "chain_pem"));
    let all = super::pem::certificates(&format!("{own}\n{above}"));
    let mut distinct: Vec<String> = Vec::new();
    for certificate in all {
        if !distinct.contains(&certificate) {
            distinct.push(certificate);
        }
    }
    if root {
        return distinct.pop().context("the server answered without a certificate");
    }
    Ok(distinct.concat())
}
