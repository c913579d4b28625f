//! `certmill ca`.

use std::path::PathBuf;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::issue::read_text;
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
    /// Give a CA that was made with --external its certificate
    Certificate {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// File with the certificate that came back for its CSR, PEM
        file: PathBuf,
        /// File with the certificates above it, PEM
        #[arg(long, value_name = "FILE")]
        chain: Option<PathBuf>,
    },
    /// Import a CA of another installation with its key
    Import(Import),
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
    /// Give a CA another certificate for the same key
    ///
    /// What it has issued stays good by either certificate. A root's new certificate has to get to those who trust it, before the
    /// former one ends.
    Reissue {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// How long it is valid from now [default: as long as the present one was made for]
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
    },
    /// List the CRLs of a CA's shards, or divide what it issues into more
    Shards {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// Into how many shards what it issues from now on is divided, up to 128; they cannot be taken away again
        #[arg(long, value_name = "NUMBER")]
        grow: Option<u32>,
    },
    /// Write a CA's present CRL
    Crl {
        /// Name or id
        #[arg(add = completion::cas())]
        ca: String,
        /// That of a shard [default: the full one]
        #[arg(long, value_name = "NUMBER")]
        shard: Option<u32>,
        /// The delta CRL to it: what has changed since the list that it names
        #[arg(long, conflicts_with = "rebuild")]
        delta: bool,
        /// Have new ones made first
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
    /// A CA elsewhere signs it: the CSR is written, and `ca certificate` takes what comes back
    #[arg(long, conflicts_with_all = ["parent", "days"])]
    external: bool,
    /// File to write the CSR of --external to [default: standard output]
    #[arg(long, short, value_name = "FILE", requires = "external")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Import {
    /// Name of the CA here
    name: String,
    /// File with its certificate, PEM
    #[arg(long, value_name = "FILE", required_unless_present = "pkcs12")]
    cert: Option<PathBuf>,
    /// File with its private key, PEM
    #[arg(long, value_name = "FILE", required_unless_present = "pkcs12")]
    key: Option<PathBuf>,
    /// File with the certificates above it, PEM
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// PKCS#12 bundle, instead of the three
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "key", "chain"])]
    pkcs12: Option<PathBuf>,
    /// File with its present CRL, PEM or DER
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// Number of its last CRL, if it is higher than that of the file
    #[arg(long, value_name = "NUMBER")]
    crl_number: Option<i64>,
    /// File with the password of the key or the bundle
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
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
        CaCommand::Certificate { ca, file, chain } => {
            let id = id(session, &ca).await?;
            let mut body = json!({"certificate_pem": read_text(&file)?});
            if let Some(chain) = &chain {
                body["chain_pem"] = read_text(chain)?.into();
            }
            let active = api.post(&["v1", "pki", "ca", &id, "certificate"], &body).await?;
            let (name, until) = (text(&active, "name"), text(&active, "valid_until"));
            out.done(&active, &format!("{name} is active, valid until {until}"))
        }
        CaCommand::Import(wish) => import(session, wish).await,
        CaCommand::Cert { ca, root, out: file } => {
            let id = id(session, &ca).await?;
            let found = api.get(&["v1", "pki", "ca", &id, "certificate"], &[]).await?;
            files::write_public(file.as_deref(), certificate_text(&found, root)?.as_bytes())
        }
        CaCommand::Reissue { ca, days } => {
            let id = id(session, &ca).await?;
            let body = days.map_or_else(|| json!({}), |days| json!({"validity_days": days}));
            let reissued = api.post(&["v1", "pki", "ca", &id, "reissue"], &body).await?;
            let (name, until) = (text(&reissued, "name"), text(&reissued, "valid_until"));
            let next = match text(&reissued, "ca_type").as_str() {
                "root" => format!("; `certmill ca cert {name}` writes it for those who trust it"),
                _ => String::new(),
            };
            out.done(&reissued, &format!("{name} has another certificate, valid until {until}{next}"))
        }
        CaCommand::Shards { ca, grow } => shards(session, &ca, grow).await,
        CaCommand::Crl { ca, shard, delta, rebuild, der, out: file } => {
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
            let mut query: Vec<(&str, String)> = Vec::new();
            query.extend(shard.map(|shard| ("shard", shard.to_string())));
            query.extend(delta.then(|| ("delta", "true".to_owned())));
            files::write_public(file.as_deref(), &api.octets(&path, &query, media_type).await?)
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

const SHARD_COLUMNS: &[Column] = &[
    Column("shard", |list| text(list, "shard").into()),
    Column("number", |list| text(list, "number").into()),
    Column("entries", |list| text(list, "entries").into()),
    Column("crl until", |list| renewed_by(list, "next_update")),
    Column("url", |list| text(list, "crl_url").into()),
];

/// The lists of a CA's shards, after it has got more of them where that is wanted.
async fn shards(session: &Session, ca: &str, grow: Option<u32>) -> anyhow::Result<()> {
    let Session { api, out } = session;
    let found = find(session, ca).await?;
    let (id, name) = (text(&found, "id"), text(&found, "name"));
    if let Some(wanted) = grow {
        out.confirm(&format!(
            "Divide what {name} issues into {wanted} shards? It has {}, and shards cannot be taken away again",
            text(&found, "crl_shards")
        ))?;
        let grown = api.patch(&["v1", "pki", "ca", &id], &json!({"crl_shards": wanted})).await?;
        out.note(&format!("{name} has {} shards", text(&grown, "crl_shards")));
    }
    let listed = api.list(&["v1", "pki", "ca", &id, "crl", "shards"], &[], "shards", usize::MAX).await?;
    out.rows(SHARD_COLUMNS, &listed.rows, listed.has_more)
}

async fn make(session: &Session, create: Create) -> anyhow::Result<()> {
    let common_name = create.common_name.unwrap_or_else(|| create.name.clone());
    let mut body = json!({
        "name": create.name, "common_name": common_name, "key_type": create.key_type,
        "ca_type": if create.parent.is_some() || create.external { "intermediate" } else { "root" },
    });
    if create.external {
        body["external"] = true.into();
    }
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
    if create.external {
        if session.out.is_for_programs() {
            return session.out.object(&made);
        }
        let name = text(&made, "name");
        session.out.note(&format!(
            "{name} waits for its certificate: have the CSR signed, then `certmill ca certificate {name} FILE`"
        ));
        return files::write_public(create.out.as_deref(), text(&made, "csr_pem").as_bytes());
    }
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

async fn import(session: &Session, wish: Import) -> anyhow::Result<()> {
    let mut body = json!({"name": wish.name});
    for (field, file) in
        [("certificate_pem", &wish.cert), ("private_key_pem", &wish.key), ("chain_pem", &wish.chain)]
    {
        if let Some(file) = file {
            body[field] = read_text(file)?.into();
        }
    }
    if let Some(bundle) = &wish.pkcs12 {
        body["pkcs12"] = STANDARD.encode(std::fs::read(bundle)?).into();
    }
    if let Some(crl) = &wish.crl {
        let octets = std::fs::read(crl)?;
        body["crl_pem"] =
            String::from_utf8(octets).unwrap_or_else(|der| STANDARD.encode(der.as_bytes())).into();
    }
    if let Some(number) = wish.crl_number {
        body["crl_number"] = number.into();
    }
    if let Some(password) = &wish.password_file {
        body["private_key_password"] = read_text(password)?.trim_end_matches(['\r', '\n']).into();
    }
    let imported = session.api.post(&["v1", "pki", "ca", "import"], &body).await?;
    let (name, entries) = (text(&imported, "name"), text(&imported["crl"], "entries"));
    session.out.done(
        &imported,
        &format!(
            "{name} is here, with {entries} revoked certificates; have its old CRL address lead to {}",
            text(&imported, "crl_url")
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
        return Ok(session.api.get(&["v1", "pki", "ca", ca], &[]).await?);
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
