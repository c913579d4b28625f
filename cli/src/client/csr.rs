//! `certmill csr`: the desk where a person decides about requests.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::issue::{chain, read_text};
use super::output::{self, Column, state, text};
use super::{Session, ca, files};

#[derive(Subcommand)]
pub(crate) enum CsrCommand {
    /// List requests
    Ls {
        /// pending, approved, rejected or signed [default: pending]
        #[arg(long, default_value = "pending")]
        status: String,
        /// Of every status
        #[arg(long, conflicts_with = "status")]
        all: bool,
    },
    /// Show what was asked, beside what a role would issue
    Show {
        /// Id of the request
        id: String,
        /// Role to compare with
        #[arg(long)]
        role: Option<String>,
    },
    /// Hand a request in
    Import {
        /// The certificate signing request (PEM); `-` is standard input
        file: PathBuf,
    },
    /// Approve a request
    Approve {
        /// Id of the request
        id: String,
    },
    /// Reject a request
    Reject {
        /// Id of the request
        id: String,
        /// Why, for whoever asked
        #[arg(long)]
        reason: String,
    },
    /// Sign an approved request
    Sign {
        /// Id of the request
        id: String,
        /// CA that signs it, by name or id
        #[arg(long)]
        ca: String,
        /// How long it is to be valid
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        /// Names that it is to have instead of those asked for; may be repeated
        #[arg(long, value_name = "NAME")]
        san: Vec<String>,
        /// Role whose rules it has to keep
        #[arg(long)]
        role: Option<String>,
        /// File for the certificate and those between it and the root [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Delete a request
    Delete {
        /// Id of the request
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column("id", |csr| text(csr, "id").into()),
    Column("name", |csr| name(csr).into()),
    Column("key", |csr| format!("{} {}", text(csr, "key_type"), text(csr, "key_size")).into()),
    Column("status", |csr| state(csr, "status")),
    Column("asked", |csr| text(csr, "created_at").into()),
];

fn name(csr: &Value) -> String {
    let names = text(&csr["sans"], "dns");
    if names.is_empty() { text(&csr["subject"], "common_name") } else { names }
}

pub(super) async fn run(session: &Session, command: CsrCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        CsrCommand::Ls { status, all } => {
            let query = if all { Vec::new() } else { vec![("status", status)] };
            let listed = api.list(&["v1", "pki", "csr"], &query, "csrs", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        CsrCommand::Show { id, role } => show(session, &id, role).await,
        CsrCommand::Import { file } => {
            let body = json!({"csr_pem": read_text(&file)?});
            let asked = api.post(&["v1", "pki", "csr", "import"], &body).await?;
            out.done(&asked, &format!("{} waits for approval", text(&asked, "id")))
        }
        CsrCommand::Approve { id } => {
            let csr = api.post(&["v1", "pki", "csr", &id, "approve"], &json!({})).await?;
            out.done(&csr, &format!("{id} is approved: `certmill csr sign {id} --ca CA` signs it"))
        }
        CsrCommand::Reject { id, reason } => {
            let csr = api.post(&["v1", "pki", "csr", &id, "reject"], &json!({"reason": reason})).await?;
            out.done(&csr, &format!("{id} is rejected"))
        }
        CsrCommand::Sign { id, ca, days, san, role, out: file } => {
            let mut body = json!({"ca_id": ca::id(session, &ca).await?});
            if let Some(days) = days {
                body["validity_days"] = days.into();
            }
            if let Some(role) = role {
                body["role"] = role.into();
            }
            if !san.is_empty() {
                body["san"] = json!(san);
            }
            let signed = api.post(&["v1", "pki", "csr", &id, "sign"], &body).await?;
            if out.is_for_programs() {
                return out.raw(&signed);
            }
            files::write_public(file.as_deref(), chain(&signed)?.0.as_bytes())?;
            out.note(&format!(
                "{} is valid until {}",
                text(&signed, "certificate_id"),
                text(&signed, "not_after")
            ));
            Ok(())
        }
        CsrCommand::Delete { id } => {
            out.confirm(&format!("Delete {id}?"))?;
            let gone = api.delete(&["v1", "pki", "csr", &id]).await?;
            out.done(&gone, &format!("{id} is deleted"))
        }
    }
}

const BESIDE: &[Column] = &[
    Column("", |row| text(row, "what").into()),
    Column("asked", |row| text(row, "asked").into()),
    Column("would be issued", |row| text(row, "issued").into()),
];

async fn show(session: &Session, id: &str, role: Option<String>) -> anyhow::Result<()> {
    let csr = session.api.get(&["v1", "pki", "csr", id], &[]).await?;
    let Some(role) = role.filter(|_| !session.out.is_for_programs()) else {
        return session.out.object(&csr);
    };
    let body = json!({"csr_pem": csr["csr_pem"]});
    let check = session.api.post(&["v1", "pki", "roles", &role, "check"], &body).await?;
    let would = &check["would_issue"];
    let asked_usages = &csr["requested_extensions"];
    let mut rows = vec![
        json!({"what": "subject", "asked": csr["subject_text"], "issued": would["subject"]}),
        json!({"what": "key", "asked": format!("{} {}", text(&csr, "key_type"), text(&csr, "key_size")), "issued": ""}),
    ];
    for kind in ["dns", "ip", "email", "uri"] {
        rows.push(json!({"what": kind, "asked": csr["sans"][kind], "issued": would["sans"][kind]}));
    }
    for usage in ["key_usage", "ext_key_usage"] {
        rows.push(json!({"what": usage, "asked": asked_usages[usage], "issued": would[usage]}));
    }
    rows.push(json!({"what": "valid until", "asked": "", "issued": would["not_after"]}));
    rows.retain(|row| !text(row, "asked").is_empty() || !text(row, "issued").is_empty());
    session.out.rows(BESIDE, &rows, false)?;
    for rule in check["rules"].as_array().into_iter().flatten().filter(|rule| rule["verdict"] == "refused") {
        output::print(&format!("refused by {role}: {}", text(rule, "reason")))?;
    }
    for warning in csr["warnings"].as_array().into_iter().flatten() {
        output::print(&format!("warning: {}", text(warning, "message")))?;
    }
    Ok(())
}
