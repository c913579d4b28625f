//! `certmill dns`: providers that publish TXT records for dns-01.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Session;
use super::acme::named;
use super::failure::Failure;
use super::issue::read_text;
use super::output::{Cell, Column, Mark, text};

const PATH: [&str; 3] = ["v1", "pki", "dns-providers"];

#[derive(Subcommand)]
pub(crate) enum DnsCommand {
    /// List DNS providers
    Ls,
    /// Show a DNS provider; credentials are never shown
    Show {
        /// Name or id
        provider: String,
    },
    /// Add a DNS provider
    Add {
        /// Name of the provider
        name: String,
        /// cloudflare, aws_route53, rfc2136 …
        #[arg(long = "type", value_name = "TYPE")]
        kind: String,
        /// Zone that it is for; may be repeated
        #[arg(long = "zone", value_name = "ZONE")]
        zones: Vec<String>,
        /// File with the configuration as JSON; `-` is standard input. Credentials do not belong on a command line
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Do not try the credentials
        #[arg(long)]
        no_verify: bool,
    },
    /// Publish a TXT record, look for it at the zone's servers and take it away again
    Test {
        /// Name or id
        provider: String,
        /// Zone to test [default: the first]
        #[arg(long)]
        zone: Option<String>,
    },
    /// Delete a DNS provider
    Delete {
        /// Name or id
        provider: String,
    },
}

const COLUMNS: &[Column] = &[
    Column("name", |provider| text(provider, "name").into()),
    Column("type", |provider| text(provider, "type").into()),
    Column("zones", |provider| text(provider, "zones").into()),
    Column("active", |provider| if provider["is_active"] == true { "yes".into() } else { "no".into() }),
    Column("verified", |provider| text(provider, "verified_at").into()),
    Column("last error", |provider| Cell::marked(text(provider, "last_error"), Mark::Bad)),
    Column("id", |provider| text(provider, "id").into()),
];

const STEPS: &[Column] = &[
    Column("step", |step| text(step, "step").into()),
    Column("", mark),
    Column("ms", |step| text(step, "elapsed_ms").into()),
    Column("error", |step| text(step, "error").into()),
];

fn mark(step: &Value) -> Cell {
    if step["succeeded"] == true { Cell::marked("ok", Mark::Good) } else { Cell::marked("failed", Mark::Bad) }
}

pub(super) async fn run(session: &Session, command: DnsCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        DnsCommand::Ls => {
            let listed = api.list(&PATH, &[], "dns_providers", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        DnsCommand::Show { provider } => {
            let id = named(session, &PATH, "dns_providers", "dnsp_", &provider).await?;
            out.object(&api.get(&["v1", "pki", "dns-providers", &id], &[]).await?)
        }
        DnsCommand::Add { name, kind, zones, config, no_verify } => {
            let config: Value = serde_json::from_str(&read_text(&config)?)
                .with_context(|| format!("{} is not JSON", config.display()))?;
            let mut body = json!({"name": name, "type": kind, "config": config, "verify": !no_verify});
            if !zones.is_empty() {
                body["zones"] = json!(zones);
            }
            let added = api.post(&PATH, &body).await?;
            out.done(&added, &format!("DNS provider {name} is added: `certmill dns test {name}` tries it"))
        }
        DnsCommand::Test { provider, zone } => {
            let id = named(session, &PATH, "dns_providers", "dnsp_", &provider).await?;
            let body = zone.map_or_else(|| json!({}), |zone| json!({"zone": zone}));
            let answer = api.post(&["v1", "pki", "dns-providers", &id, "test"], &body).await?;
            if out.is_for_programs() {
                out.raw(&answer)?;
            } else {
                out.rows(STEPS, answer["steps"].as_array().map_or(&[], Vec::as_slice), false)?;
            }
            if answer["succeeded"] == true {
                out.note(&format!("{provider} publishes in {}", text(&answer, "zone")));
                return Ok(());
            }
            Err(Failure::Refused(format!("{provider} does not publish in {}", text(&answer, "zone"))).into())
        }
        DnsCommand::Delete { provider } => {
            let id = named(session, &PATH, "dns_providers", "dnsp_", &provider).await?;
            out.confirm(&format!("Delete DNS provider {provider}?"))?;
            let gone = api.delete(&["v1", "pki", "dns-providers", &id]).await?;
            out.done(&gone, &format!("DNS provider {provider} is deleted"))
        }
    }
}
