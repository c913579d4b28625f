//! `certmill access`: the tokens of a service, over its API.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Session;
use super::acme::named;
use super::output::{self, Cell, Column, Mark, end, text};

const PATH: [&str; 2] = ["v1", "tokens"];

#[derive(Subcommand)]
pub(crate) enum AccessCommand {
    /// List tokens with their last use
    Ls,
    /// Make a token; it is printed once
    #[command(
        after_help = "Example:\n  certmill access create web-1 --scope pki:issue --role web --ttl 1y > token"
    )]
    Create(Create),
    /// Revoke a token
    Revoke {
        /// Name or id
        token: String,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    /// Name of the token
    name: String,
    /// pki:read, pki:issue or pki:admin; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// How long it counts: 90d, 1y … [default: until it is revoked]
    #[arg(long)]
    ttl: Option<String>,
    /// Only under this role; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Only from this network, such as 10.0.0.0/8; may be repeated
    #[arg(long = "network", value_name = "CIDR")]
    networks: Vec<String>,
}

const COLUMNS: &[Column] = &[
    Column("name", |token| text(token, "name").into()),
    Column("scopes", |token| text(token, "scopes").into()),
    Column("roles", |token| text(token, "roles").into()),
    Column("until", |token| {
        if token["revoked_at"].is_null() {
            end(token, "expires_at")
        } else {
            Cell::marked("revoked", Mark::Bad)
        }
    }),
    Column("last used", |token| text(token, "last_used_at").into()),
    Column("id", |token| text(token, "id").into()),
];

pub(super) async fn run(session: &Session, command: AccessCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        AccessCommand::Ls => {
            let listed = api.list(&PATH, &[], "tokens", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        AccessCommand::Create(create) => {
            let mut body = json!({"name": create.name, "scopes": create.scopes});
            if let Some(ttl) = create.ttl {
                body["ttl"] = ttl.into();
            }
            for (field, list) in [("roles", create.roles), ("networks", create.networks)] {
                if !list.is_empty() {
                    body[field] = json!(list);
                }
            }
            let made = api.post(&PATH, &body).await?;
            if out.is_for_programs() {
                return out.raw(&made);
            }
            out.note(&format!("{} is made; this is the only time that it is shown:", text(&made, "id")));
            output::print(&text(&made, "token"))
        }
        AccessCommand::Revoke { token } => {
            let id = named(session, &PATH, "tokens", "tok_", &token).await?;
            out.confirm(&format!("Revoke token {token}?"))?;
            let gone = api.delete(&["v1", "tokens", &id]).await?;
            out.done(&gone, &format!("token {token} is revoked"))
        }
    }
}
