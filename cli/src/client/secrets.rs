//! `certmill secret`: small secrets that the service keeps sealed.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Session;
use super::issue::read_text;
use super::output::{Column, text};

#[derive(Subcommand)]
pub(crate) enum SecretCommand {
    /// List the paths of secrets; no contents
    Ls {
        /// How the paths begin
        prefix: Option<String>,
    },
    /// Read a secret, where the service hands it out
    Get {
        /// Path of the secret
        path: String,
    },
    /// Write a secret: a new version of what is there
    Put {
        /// Path of the secret
        path: String,
        /// File with its fields as a JSON object; `-` is standard input. Secrets do not belong on a command line
        file: PathBuf,
        /// What kind of secret it is
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
    },
    /// Delete a secret with all its versions
    Delete {
        /// Path of the secret
        path: String,
    },
}

const COLUMNS: &[Column] = &[
    Column("path", |secret| text(secret, "path").into()),
    Column("type", |secret| text(secret, "secret_type").into()),
    Column("version", |secret| text(secret, "version").into()),
    Column("updated", |secret| text(secret, "updated_at").into()),
];

pub(super) async fn run(session: &Session, command: SecretCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        SecretCommand::Ls { prefix } => {
            let query: Vec<_> = prefix.map(|prefix| ("prefix", prefix)).into_iter().collect();
            let listed = api.list(&["v1", "secrets"], &query, "secrets", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        SecretCommand::Get { path } => out.object(&api.get(&full(&path), &[]).await?),
        SecretCommand::Put { path, file, kind } => {
            let data: Value = serde_json::from_str(&read_text(&file)?)
                .with_context(|| format!("{} is not JSON", file.display()))?;
            let mut body = json!({"data": data});
            if let Some(kind) = kind {
                body["secret_type"] = kind.into();
            }
            let written = api.put(&full(&path), &body).await?;
            out.done(&written, &format!("{path} is version {}", text(&written, "version")))
        }
        SecretCommand::Delete { path } => {
            out.confirm(&format!("Delete {path} with all its versions?"))?;
            let gone = api.delete(&full(&path)).await?;
            out.done(&gone, &format!("{path} is deleted"))
        }
    }
}

/// Paths of secrets have slashes, which stay what they are.
fn full(path: &str) -> Vec<&str> {
    ["v1", "secrets"].into_iter().chain(path.trim_matches('/').split('/')).collect()
}
