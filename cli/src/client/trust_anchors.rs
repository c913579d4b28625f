//! `certmill anchor`: roots of others that validation trusts.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::Session;
use super::acme::named;
use super::issue::read_text;
use super::output::{Column, end, text};

const PATH: [&str; 3] = ["v1", "pki", "trust-anchors"];

#[derive(Subcommand)]
pub(crate) enum AnchorCommand {
    /// List trust anchors
    Ls,
    /// Show a trust anchor
    Show {
        /// Name or id
        anchor: String,
    },
    /// Trust a root when validating
    Add {
        /// Name of the anchor
        name: String,
        /// Its certificate (PEM)
        file: PathBuf,
    },
    /// Trust it no longer
    Delete {
        /// Name or id
        anchor: String,
    },
}

const COLUMNS: &[Column] = &[
    Column("name", |anchor| text(anchor, "name").into()),
    Column("subject", |anchor| text(anchor, "subject").into()),
    Column("until", |anchor| end(anchor, "not_after")),
    Column("id", |anchor| text(anchor, "id").into()),
];

pub(super) async fn run(session: &Session, command: AnchorCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        AnchorCommand::Ls => {
            let listed = api.list(&PATH, &[], "trust_anchors", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        AnchorCommand::Show { anchor } => {
            let id = named(session, &PATH, "trust_anchors", "ta_", &anchor).await?;
            out.object(&api.get(&["v1", "pki", "trust-anchors", &id], &[]).await?)
        }
        AnchorCommand::Add { name, file } => {
            let added = api.post(&PATH, &json!({"name": name, "certificate_pem": read_text(&file)?})).await?;
            out.done(&added, &format!("{} is trusted", text(&added, "subject")))
        }
        AnchorCommand::Delete { anchor } => {
            let id = named(session, &PATH, "trust_anchors", "ta_", &anchor).await?;
            out.confirm(&format!("Trust {anchor} no longer?"))?;
            let gone = api.delete(&["v1", "pki", "trust-anchors", &id]).await?;
            out.done(&gone, &format!("{anchor} is trusted no longer"))
        }
    }
}
