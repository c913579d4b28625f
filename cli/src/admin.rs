//! Commands that do one thing and end.

use anyhow::{Context, bail};
use certmill_config::{Config, Sources};
use certmill_domain::{Network, RoleName, Scope, Stored, Tenant, TenantName, TokenLimits, Ttl};
use certmill_queue::Queue;
use certmill_service::acme::grants;
use certmill_service::tenants::Handover;
use certmill_service::tokens::NewToken;
use certmill_service::{App, Caller, PageRequest, ServiceError, tenants, tokens};
use clap::Subcommand;

use crate::{compose, tls};

const DEFAULT_TENANT: &str = "default";

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print its secret, once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// `pki:read`, `pki:issue` or `pki:admin`; may be repeated
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
        /// How long it is accepted, such as `90d`; for ever when absent
        #[arg(long)]
        ttl: Option<Ttl>,
        /// A network or address that it may be used from, such as `10.0.0.0/8`; may be repeated; everywhere when absent
        #[arg(long = "network")]
        networks: Vec<Network>,
        /// A role that `pki:issue` is limited to; may be repeated; every role when absent
        #[arg(long = "role")]
        roles: Vec<RoleName>,
        /// The tenant
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List tokens
    List {
        /// The tenant
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Revoke a token
    Revoke {
        /// `tok_…`
        id: String,
        /// The tenant
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant
    Create {
        /// 1 to 64 of a-z, 0-9, - and _
        name: String,
    },
    /// List tenants
    List,
}

#[derive(Subcommand)]
pub(crate) enum DomainCommand {
    /// Let a tenant prove control of a domain, and of everything below it, through what tenants share
    Grant {
        /// A DNS name or an IP address
        domain: String,
        /// The tenant
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// Take that back
    Revoke {
        /// The domain
        domain: String,
        /// The tenant
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
    /// List what is granted to whom
    List,
}

/// `certmill domain …`.
pub(crate) async fn domain(config: &Config, command: DomainCommand) -> anyhow::Result<()> {
    let app = app(config).await?;
    match command {
        DomainCommand::Grant { domain, tenant } => {
            let tenant = find_tenant(&app, &tenant).await?;
            let domain = grants::grant(&app, &Caller::operator(&app, tenant.id), &domain).await?;
            println!("granted {domain} to {}", tenant.name.as_str());
        }
        DomainCommand::Revoke { domain, tenant } => {
            let tenant = find_tenant(&app, &tenant).await?;
            grants::revoke(&app, &Caller::operator(&app, tenant.id), &domain).await?;
            println!("{domain} is granted to nobody any more");
        }
        DomainCommand::List => {
            let tenants = tenants::list(&app).await?;
            for (domain, holder) in grants::list(&app).await? {
                let name =
                    tenants.iter().find(|tenant| tenant.id == holder).map(|tenant| tenant.name.as_str());
                println!("{domain}  {}", name.unwrap_or("?"));
            }
        }
    }
    Ok(())
}

/// `certmill migrate`.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let database = compose::database_or_new(config).await?;
    let shown = config.database_shown();
    database.migrate().await.with_context(|| format!("{shown} cannot be migrated"))?;
    println!("the schema of {shown} is up to date");
    Ok(())
}

/// `certmill token …`.
pub(crate) async fn token(config: &Config, command: TokenCommand) -> anyhow::Result<()> {
    let app = app(config).await?;
    match command {
        TokenCommand::Create { name, scopes, ttl, networks, roles, tenant } => {
            let tenant = find_tenant(&app, &tenant).await?;
            let expires_at = ttl.map(|ttl| app.now().plus(ttl.duration()));
            let operator = Caller::operator(&app, tenant.id);
            let limits = TokenLimits { networks: unless_empty(networks), roles: unless_empty(roles) };
            let issued =
                tokens::create(&app, &operator, NewToken { name, scopes, expires_at, limits }).await?;
            eprintln!("made {}; its secret is shown this once:", issued.token.id);
            println!("{}", issued.secret.expose());
        }
        TokenCommand::List { tenant } => {
            let tenant = find_tenant(&app, &tenant).await?;
            list_tokens(&app, &tenant).await?;
        }
        TokenCommand::Revoke { id, tenant } => {
            let tenant = find_tenant(&app, &tenant).await?;
            let Ok(id) = id.parse() else {
                bail!("`{id}` is not the id of a token, which looks like `tok_01J9Z3NDEKTSV4RRFFQ69G5FAV`");
            };
            tokens::revoke(&app, &Caller::operator(&app, tenant.id), id).await?;
            println!("revoked {id}");
        }
    }
    Ok(())
}

fn unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The limits of a token in a line of the list.
fn limits(limits: &TokenLimits) -> String {
    fn part<T: ToString>(word: &str, list: Option<&Vec<T>>) -> String {
        let items = |list: &Vec<T>| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        list.map(|list| format!("  {word} {}", items(list))).unwrap_or_default()
    }
    part("from", limits.networks.as_ref()) + &part("under", limits.roles.as_ref())
}

async fn list_tokens(app: &App, tenant: &Tenant) -> anyhow::Result<()> {
    let mut page = PageRequest::default();
    loop {
        let found = tokens::list(app, tenant.id, &page).await?;
        for token in found.items {
            let scopes: Vec<&str> = token.scopes.iter().map(Stored::as_str).collect();
            let state = match (token.revoked_at, token.expires_at) {
                (Some(at), _) => format!("revoked {at}"),
                (None, Some(at)) => format!("until {at}"),
                (None, None) => "unlimited".to_owned(),
            };
            println!("{}  {}  {state}{}  {}", token.id, scopes.join(","), limits(&token.limits), token.name);
        }
        match found.cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(()),
        }
    }
}

/// `certmill tenant …`.
pub(crate) async fn tenant(config: &Config, command: TenantCommand) -> anyhow::Result<()> {
    let app = app(config).await?;
    match command {
        TenantCommand::Create { name } => {
            let name: TenantName = name.parse().map_err(anyhow::Error::msg)?;
            let created = match tenants::create(&app, name).await {
                Err(error @ (ServiceError::Internal(_) | ServiceError::NewerVersion(_))) => {
                    return Err(error).context(
                        "no tenant was made: with a second one, names that the first has proven through shared responders \
                         take a grant, and which these are cannot be said",
                    );
                }
                other => other?,
            };
            println!("{}", created.tenant.id);
            if let Some(handover) = &created.shares {
                eprint!("{}", told(handover, &created.tenant));
            }
        }
        TenantCommand::List => {
            for tenant in tenants::list(&app).await? {
                println!("{}  {}  {}", tenant.id, tenant.created_at, tenant.name.as_str());
            }
        }
    }
    Ok(())
}

/// `certmill rotate-root-key`.
pub(crate) async fn rotate_root_key(config: &Config) -> anyhow::Result<()> {
    let app = app(config).await?;
    let rotated = tenants::rotate_root_key(&app).await.context(
        "not every tenant's key could be unwrapped: name the old root key as a previous one (previous_root_key_files)",
    )?;
    println!("{rotated} tenant keys are wrapped with the new root key; the previous one is needed no longer");
    Ok(())
}

/// `certmill check-config`.
pub(crate) fn check_config(config: &Config, sources: &Sources) -> anyhow::Result<()> {
    let has_root_key = config.root_key_text()?.is_some();
    if has_root_key {
        compose::root_keys(config)?;
    }
    tls::of(config)?;
    compose::trusted_pem(config)?;
    print!("{}", config.to_toml(sources));
    let but = if has_root_key { "" } else { ", but no root key is set: `serve` and `worker` need one" };
    eprintln!("the configuration is valid{but}");
    Ok(())
}

/// The tenant of a first start, which is made when there is none at all.
pub(crate) async fn default_tenant(app: &App) -> anyhow::Result<Tenant> {
    if let Some(tenant) = tenants::find_by_name(app, DEFAULT_TENANT).await? {
        return Ok(tenant);
    }
    let name: TenantName = DEFAULT_TENANT.parse().map_err(anyhow::Error::msg)?;
    Ok(tenants::create(app, name).await?.tenant)
}

/// Tells the operator who makes a second tenant what that changes for the first one.
fn told(handover: &Handover, second: &Tenant) -> String {
    use std::fmt::Write;
    let (first, second) = (handover.tenant.name.as_str(), second.name.as_str());
    let mut text = match handover.granted.len() {
        0 => format!("`{first}` has no certificate or order whose names take a grant\n"),
        1 => format!("granted to `{first}`, because its certificates and orders rest on it:\n"),
        count => {
            format!(
                "granted to `{first}`, because its certificates and orders rest on them, {count} names:\n"
            )
        }
    };
    for name in &handover.granted {
        // Invariant: writing to a String cannot fail.
        let _ = writeln!(text, "  {name}");
    }
    let _ = writeln!(
        text,
        "every other name of `{first}` and `{second}` now takes a grant before it is proven by http-01, tls-alpn-01, or \
         dns-01 through an alias: certmill domain grant NAME --tenant {second}"
    );
    text
}

pub(crate) async fn find_tenant(app: &App, name: &str) -> anyhow::Result<Tenant> {
    match tenants::find_by_name(app, name).await? {
        Some(tenant) => Ok(tenant),
        None if name == DEFAULT_TENANT && tenants::list(app).await?.is_empty() => default_tenant(app).await,
        None => bail!("there is no tenant `{name}`: make it with `certmill tenant create {name}`"),
    }
}

/// The service for a command: rows and keys, no queue.
pub(crate) async fn app(config: &Config) -> anyhow::Result<App> {
    let database = compose::database(config).await?;
    compose::require_schema(config, &database).await?;
    let root_keys = match config.root_key_text()? {
        None if config.data_dir.join("root.key").exists() => {
            let file = config.data_dir.join("root.key");
            let config = Config { root_key_file: Some(file), ..config.clone() };
            compose::root_keys(&config)?
        }
        _ => compose::root_keys(config)?,
    };
    compose::app(config, database, Queue::in_process(), root_keys, compose::NO_POOL)
}
