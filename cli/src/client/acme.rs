//! `certmill acme`: accounts at ACME servers and orders of certificates.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::failure::Failure;
use super::output::{Column, state, text};

#[derive(Subcommand)]
pub(crate) enum AcmeCommand {
    /// Accounts at ACME servers
    #[command(subcommand)]
    Account(AccountCommand),
    /// Orders of certificates
    #[command(subcommand)]
    Order(OrderCommand),
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// List accounts
    Ls,
    /// Show an account
    Show {
        /// Name or id
        account: String,
    },
    /// Register an account; this agrees to the terms of service of the CA
    Create(NewAccount),
    /// Deactivate an account at the CA
    Deactivate {
        /// Name or id
        account: String,
    },
}

#[derive(Args)]
pub(crate) struct NewAccount {
    /// Name of the account
    name: String,
    /// letsencrypt, zerossl, google, buypass or custom
    #[arg(long, default_value = "letsencrypt")]
    provider: String,
    /// E-mail address for notices of the CA
    #[arg(long)]
    email: Option<String>,
    /// staging or production
    #[arg(long)]
    environment: Option<String>,
    /// Directory of the CA, for custom
    #[arg(long, value_name = "URL")]
    directory_url: Option<String>,
    /// Key id of the external account, where the CA wants one
    #[arg(long, requires = "eab_secret_path")]
    eab_kid: Option<String>,
    /// Secret of this service that holds the HMAC key of the external account: `certmill secret put`
    #[arg(long, value_name = "PATH")]
    eab_secret_path: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum OrderCommand {
    /// List orders
    Ls {
        /// pending, ready, processing, valid or invalid
        #[arg(long)]
        status: Option<String>,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
    },
    /// Show an order with its challenges
    Show {
        /// Id of the order
        id: String,
    },
    /// Order a certificate and wait for it
    #[command(
        after_help = "Example:\n  certmill acme order create --account le --challenge dns-01 --dns cloudflare example.com '*.example.com'"
    )]
    Create(NewOrder),
    /// Cancel an order
    Cancel {
        /// Id of the order
        id: String,
    },
    /// Try again now what waits for later
    Refresh {
        /// Id of the order
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct NewOrder {
    /// Names
    #[arg(required = true)]
    domains: Vec<String>,
    /// Account, by name or id
    #[arg(long)]
    account: String,
    /// http-01, dns-01 or tls-alpn-01
    #[arg(long, value_name = "TYPE")]
    challenge: Option<String>,
    /// DNS provider for dns-01, by name or id
    #[arg(long, value_name = "PROVIDER")]
    dns: Option<String>,
    /// ec or rsa
    #[arg(long)]
    key_type: Option<String>,
    /// Do not renew it on its own
    #[arg(long)]
    no_renewal: bool,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
    /// How long to wait at most, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    wait: u64,
}

pub(super) async fn run(session: &Session, command: AcmeCommand) -> anyhow::Result<()> {
    match command {
        AcmeCommand::Account(command) => account(session, command).await,
        AcmeCommand::Order(command) => order(session, command).await,
    }
}

const ACCOUNTS: [&str; 4] = ["v1", "pki", "acme", "accounts"];

const ACCOUNT_COLUMNS: &[Column] = &[
    Column("name", |account| text(account, "name").into()),
    Column("provider", |account| text(account, "provider").into()),
    Column("environment", |account| text(account, "environment").into()),
    Column("status", |account| state(account, "status")),
    Column("email", |account| text(account, "email").into()),
    Column("id", |account| text(account, "id").into()),
];

async fn account(session: &Session, command: AccountCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        AccountCommand::Ls => {
            let listed = api.list(&ACCOUNTS, &[], "accounts", usize::MAX).await?;
            out.rows(ACCOUNT_COLUMNS, &listed.rows, listed.has_more)
        }
        AccountCommand::Show { account } => {
            let id = named(session, &ACCOUNTS, "accounts", "acct_", &account).await?;
            out.object(&api.get(&["v1", "pki", "acme", "accounts", &id], &[]).await?)
        }
        AccountCommand::Create(new) => {
            let mut body =
                json!({"name": new.name, "provider": new.provider, "terms_of_service_agreed": true});
            for (field, value) in [
                ("email", new.email),
                ("environment", new.environment),
                ("directory_url", new.directory_url),
                ("eab_kid", new.eab_kid),
                ("eab_secret_path", new.eab_secret_path),
            ] {
                if let Some(value) = value {
                    body[field] = value.into();
                }
            }
            let made = api.post(&ACCOUNTS, &body).await?;
            out.done(&made, &format!("account {} is {}", text(&made, "name"), text(&made, "status")))
        }
        AccountCommand::Deactivate { account } => {
            let id = named(session, &ACCOUNTS, "accounts", "acct_", &account).await?;
            out.confirm(&format!("Deactivate {account}? The CA does not take that back."))?;
            let gone = api.delete(&["v1", "pki", "acme", "accounts", &id]).await?;
            out.done(&gone, &format!("account {account} is deactivated"))
        }
    }
}

/// The id of what has this name or id in a list.
pub(super) async fn named(
    session: &Session,
    path: &[&str],
    key: &str,
    prefix: &str,
    meant: &str,
) -> anyhow::Result<String> {
    if meant.starts_with(prefix) {
        return Ok(meant.to_owned());
    }
    let listed = session.api.list(path, &[], key, usize::MAX).await?;
    listed
        .rows
        .iter()
        .find(|found| found["name"] == meant)
        .map(|found| text(found, "id"))
        .ok_or_else(|| Failure::not_found(format!("there is nothing named `{meant}` among the {key}")))
}

const ORDER_COLUMNS: &[Column] = &[
    Column("id", |order| text(order, "id").into()),
    Column("names", |order| text(order, "domains").into()),
    Column("status", |order| state(order, "status")),
    Column("challenge", |order| text(order, "challenge_type").into()),
    Column("waits until", |order| text(order, "next_attempt_at").into()),
    Column("error", |order| text(&order["error"], "message").into()),
];

async fn order(session: &Session, command: OrderCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        OrderCommand::Ls { status, limit } => {
            let query: Vec<_> = status.map(|status| ("status", status)).into_iter().collect();
            let listed = api.list(&["v1", "pki", "acme", "orders"], &query, "orders", limit).await?;
            out.rows(ORDER_COLUMNS, &listed.rows, listed.has_more)
        }
        OrderCommand::Show { id } => out.object(&api.get(&["v1", "pki", "acme", "orders", &id], &[]).await?),
        OrderCommand::Create(new) => create(session, new).await,
        OrderCommand::Cancel { id } => {
            let order = api.delete(&["v1", "pki", "acme", "orders", &id]).await?;
            out.done(&order, &format!("{id} is cancelled"))
        }
        OrderCommand::Refresh { id } => {
            let order = api.post(&["v1", "pki", "acme", "orders", &id, "refresh"], &json!({})).await?;
            out.done(&order, &format!("{id} is {}", text(&order, "status")))
        }
    }
}

async fn create(session: &Session, new: NewOrder) -> anyhow::Result<()> {
    let mut body = json!({
        "account_id": named(session, &ACCOUNTS, "accounts", "acct_", &new.account).await?,
        "domains": new.domains, "auto_renew": !new.no_renewal,
    });
    if let Some(provider) = &new.dns {
        let path = ["v1", "pki", "dns-providers"];
        body["dns_provider_id"] = named(session, &path, "dns_providers", "dnsp_", provider).await?.into();
    }
    for (field, value) in [("challenge_type", new.challenge), ("key_type", new.key_type)] {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
    let mut order = session.api.post(&["v1", "pki", "acme", "issue"], &body).await?;
    let id = text(&order, "order_id");
    let end_of_wait = Instant::now() + Duration::from_secs(new.wait.min(86_400));
    let mut progress = Progress::new(session.out.quiet || session.out.is_for_programs());
    while !new.no_wait && is_open(&order) && Instant::now() < end_of_wait {
        progress.show(&order);
        // The server waits with us, so there is a pause without one here.
        let query = [("wait", "30s".to_owned())];
        order = session.api.get(&["v1", "pki", "acme", "orders", &id], &query).await?;
    }
    progress.end();
    match text(&order, "status").as_str() {
        "valid" => {
            let certificate = text(&order, "certificate_id");
            session
                .out
                .done(&order, &format!("{certificate}: `certmill cert export {certificate}` writes it"))
        }
        "invalid" => {
            let error = text(&order["error"], "message");
            if session.out.is_for_programs() {
                session.out.raw(&order)?;
            }
            Err(Failure::Refused(format!("{id} failed: {error}")).into())
        }
        status => {
            session.out.done(&order, &format!("{id} is {status}; `certmill acme order show {id}` says more"))
        }
    }
}

fn is_open(order: &Value) -> bool {
    !matches!(text(order, "status").as_str(), "valid" | "invalid")
}

/// A line that tells how far an order is, written over itself; nothing where there is no terminal.
struct Progress {
    is_shown: bool,
    began: Instant,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        Self { is_shown: !quiet && std::io::stderr().is_terminal(), began: Instant::now() }
    }

    fn show(&mut self, order: &Value) {
        if !self.is_shown {
            return;
        }
        let steps: Vec<String> = order["challenges"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|challenge| format!("{} {}", text(challenge, "identifier"), text(challenge, "progress")))
            .collect();
        let seconds = self.began.elapsed().as_secs();
        let mut line = format!("{seconds} s  {}  {}", text(order, "state"), steps.join(", "));
        line = line.chars().filter(|c| !c.is_control()).take(100).collect();
        eprint!("\r\u{1b}[K{line}");
        let _ = std::io::stderr().flush();
    }

    fn end(&self) {
        if self.is_shown {
            eprint!("\r\u{1b}[K");
        }
    }
}
