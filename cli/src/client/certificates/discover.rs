//! `certmill cert discover`: looking for certificates on servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::super::Session;
use super::super::failure::Failure;
use super::super::issue::read_text;
use super::super::output::{Cell, Column, Mark, text};

pub(super) const EXAMPLE: &str = "Examples:
  certmill cert discover www.example.internal:443 smtp:mail.example.internal:25
  certmill cert discover --file hosts.txt";

#[derive(Args)]
pub(crate) struct Discover {
    /// HOST:PORT, or smtp:, imap:, pop3:, ftp:, ldap: or postgres:HOST:PORT
    #[arg(value_name = "TARGET", required_unless_present = "file")]
    targets: Vec<String>,
    /// File with a target in each line
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not wait for what is found
    #[arg(long)]
    no_wait: bool,
}

const COLUMNS: &[Column] = &[
    Column("endpoint", |target| text(target, "endpoint").into()),
    Column("state", |target| {
        let state = text(target, "state");
        let mark = match state.as_str() {
            "imported" | "known" => Mark::Good,
            "waiting" => Mark::Plain,
            _ => Mark::Bad,
        };
        Cell::marked(state, mark)
    }),
    Column("reason", |target| text(target, "reason").into()),
    Column("id", |target| text(target, "certificate_id").into()),
];

pub(super) async fn run(session: &Session, command: Discover) -> anyhow::Result<()> {
    let mut targets = command.targets;
    if let Some(file) = &command.file {
        let written = read_text(file)?;
        targets.extend(written.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned));
    }
    if targets.is_empty() {
        return Err(Failure::usage("there is no target in the file".to_owned()));
    }
    let mut found = session.api.post(&["v1", "pki", "discover"], &json!({ "targets": targets })).await?;
    let id = text(&found, "id");
    while !command.no_wait && found["is_done"] != true {
        tokio::time::sleep(Duration::from_secs(1)).await;
        found = session.api.get(&["v1", "pki", "discover", &id], &[]).await?;
    }
    if session.out.is_for_programs() {
        return session.out.raw(&found);
    }
    let rows: Vec<Value> = found["targets"].as_array().cloned().unwrap_or_default();
    session.out.rows(COLUMNS, &rows, false)
}
