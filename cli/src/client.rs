//! The commands that speak to a running service over its API.

mod access;
mod acme;
mod ca;
mod certificates;
mod completion;
mod csr;
mod dns;
mod events;
mod failure;
mod files;
mod inspect;
mod issue;
mod jobs;
mod keep;
mod lint;
mod login;
mod output;
mod overview;
mod pem;
mod pinned;
mod profiles;
mod roles;
mod secrets;
mod trust;
mod trust_anchors;
mod webhooks;

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use certmill_client::Api;
use failure::Failure;
use output::Output;
use profiles::Profiles;

pub(crate) use failure::{advice, exit_code};
pub(crate) use profiles::note_dev;

/// Which server, and how to print.
#[derive(Args)]
#[command(next_help_heading = "Server and output")]
struct Options {
    /// Base URL of the server [default: that of the profile]
    #[arg(long, env = "CERTMILL_URL", global = true, value_name = "URL")]
    url: Option<String>,
    /// File with the token; CERTMILL_TOKEN may hold the token itself [default: that of the profile]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with the CA certificate (PEM) that the server's own is judged by [default: that of the profile, or the system's]
    #[arg(long, env = "CERTMILL_CA_FILE", global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Profile that `certmill login` wrote [default: the one signed in to last]
    #[arg(long, env = "CERTMILL_PROFILE", global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Print the API's own objects as JSON
    #[arg(long, global = true, conflicts_with = "template")]
    json: bool,
    /// Print a line per object, with `{field}` and `{outer.inner}` filled in
    #[arg(long, global = true, value_name = "TEXT")]
    template: Option<String>,
    /// Say nothing but what was asked for
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Do not ask before what cannot be undone
    #[arg(short, long, global = true)]
    yes: bool,
}

/// A group of commands, and the options that all of them take.
#[derive(Args)]
pub(crate) struct Group<T: Subcommand> {
    #[command(subcommand)]
    command: T,
    #[command(flatten)]
    options: Options,
}

/// One command, and the options that all of them take.
#[derive(Args)]
pub(crate) struct Single<T: Args> {
    #[command(flatten)]
    arguments: T,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Sign in to a server and remember it
    #[command(after_help = login::EXAMPLE)]
    Login(login::Login),
    /// Forget a server
    Logout(login::Logout),
    /// Who one is at the server: token, tenant, scopes
    Whoami(Single<login::Whoami>),
    /// What there is and what needs a person, in numbers
    Overview(Single<overview::Overview>),
    /// Issue a certificate under a role, into files
    #[command(after_help = issue::EXAMPLE)]
    Issue(Single<issue::Issue>),
    /// Sign a certificate signing request under a role
    Sign(Single<issue::Sign>),
    /// Keep certificates on this host fresh: renew in time, write the files, run a command
    #[command(after_help = keep::EXAMPLE)]
    Keep(Single<keep::Keep>),
    /// Certificates: find, show, renew, revoke, import, validate
    Cert(Group<certificates::CertCommand>),
    /// The CSR desk: what waits for approval
    Csr(Group<csr::CsrCommand>),
    /// Certificate authorities
    Ca(Group<ca::CaCommand>),
    /// Roles: what may be issued
    Role(Group<roles::RoleCommand>),
    /// ACME accounts and orders
    Acme(Group<acme::AcmeCommand>),
    /// DNS providers for dns-01
    Dns(Group<dns::DnsCommand>),
    /// Trust anchors for validation
    Anchor(Group<trust_anchors::AnchorCommand>),
    /// Secrets, such as the credentials of ACME accounts
    Secret(Group<secrets::SecretCommand>),
    /// Tokens of the service
    Access(Group<access::AccessCommand>),
    /// What happened: a list, or as it happens
    Event(Group<events::EventCommand>),
    /// Webhooks: where events are sent
    Webhook(Group<webhooks::WebhookCommand>),
    /// Background jobs
    Job(Group<jobs::JobCommand>),
    /// Put a CA into the trust stores of this machine, or take it out
    Trust(Group<trust::TrustCommand>),
    /// Show what is in a file or what a server presents (offline: needs no certmill server)
    #[command(after_help = inspect::EXAMPLE)]
    Inspect(inspect::Inspect),
    /// Judge a chain in a file, or what a server presents, by RFC 5280 (offline)
    #[command(after_help = lint::EXAMPLE)]
    Lint(lint::Lint),
    /// Print what a shell needs to complete commands and names
    #[command(after_help = completion::EXAMPLE)]
    Completion(completion::Completion),
}

/// A server, who one is there, and how to print.
struct Session {
    api: Api,
    out: Output,
}

/// A server, and what is there to reach it.
struct Server {
    url: String,
    token: Option<Zeroizing<String>>,
    ca_pem: Option<String>,
}

impl Server {
    fn no_token(url: &str) -> anyhow::Error {
        Failure::NotSignedIn(format!(
            "no token for {url}: sign in with `certmill login {url}`, or give --token-file or CERTMILL_TOKEN"
        ))
        .into()
    }
}

/// Runs a client command.
pub(crate) async fn run(command: ClientCommand) -> anyhow::Result<()> {
    match command {
        ClientCommand::Login(login) => login::login(login).await,
        ClientCommand::Logout(logout) => login::logout(&logout),
        ClientCommand::Whoami(Single { options, .. }) => login::whoami(&options.session()?).await,
        ClientCommand::Ca(group) => ca::run(&group.options.session()?, group.command).await,
        ClientCommand::Role(group) => roles::run(&group.options.session()?, group.command).await,
        ClientCommand::Issue(single) => issue::issue(&single.options.session()?, single.arguments).await,
        ClientCommand::Sign(single) => issue::sign(&single.options.session()?, single.arguments).await,
        ClientCommand::Cert(group) => certificates::run(&group.options.session()?, group.command).await,
        ClientCommand::Csr(group) => csr::run(&group.options.session()?, group.command).await,
        ClientCommand::Acme(group) => acme::run(&group.options.session()?, group.command).await,
        ClientCommand::Dns(group) => dns::run(&group.options.session()?, group.command).await,
        ClientCommand::Anchor(group) => trust_anchors::run(&group.options.session()?, group.command).await,
        ClientCommand::Secret(group) => secrets::run(&group.options.session()?, group.command).await,
        ClientCommand::Access(group) => access::run(&group.options.session()?, group.command).await,
        ClientCommand::Event(group) => events::run(&group.options.session()?, group.command).await,
        ClientCommand::Overview(single) => overview::overview(&single.options.session()?).await,
        ClientCommand::Webhook(group) => webhooks::run(&group.options.session()?, group.command).await,
        ClientCommand::Job(group) => jobs::run(&group.options.session()?, group.command).await,
        ClientCommand::Keep(single) => keep::run(&single.options, single.arguments).await,
        ClientCommand::Trust(group) => trust::run(&group.options.session()?, group.command).await,
        ClientCommand::Inspect(inspect) => inspect::inspect(inspect),
        ClientCommand::Lint(lint) => lint::lint(lint),
        ClientCommand::Completion(completion) => completion::print(&completion),
    }
}

impl Options {
    /// The profile in use and nothing else, for completions.
    fn of_profile() -> Self {
        Self {
            url: std::env::var("CERTMILL_URL").ok(),
            token_file: None,
            ca_file: std::env::var_os("CERTMILL_CA_FILE").map(PathBuf::from),
            profile: std::env::var("CERTMILL_PROFILE").ok(),
            json: false,
            template: None,
            quiet: true,
            yes: false,
        }
    }

    fn output(&self) -> Output {
        Output { json: self.json, quiet: self.quiet, yes: self.yes, template: self.template.clone() }
    }

    /// The server and the token.
    fn session(&self) -> anyhow::Result<Session> {
        let Server { url, token, ca_pem } = self.server()?;
        let Some(token) = token else {
            return Err(Server::no_token(&url));
        };
        Ok(Session { api: Api::new(&url, &token.into(), ca_pem.as_deref())?, out: self.output() })
    }

    /// The server, and the token if there is one: from the command line, then the environment, then the profile.
    fn server(&self) -> anyhow::Result<Server> {
        let profile = self.profile_in_use()?;
        let (url, profile_token, profile_file, profile_ca) = match profile {
            Some(profile) => (Some(profile.url), profile.token, profile.token_file, profile.ca_pem),
            None => (None, None, None, None),
        };
        // A token of a profile is for the server of that profile only.
        let elsewhere = self.url.as_ref().is_some_and(|given| Some(given) != url.as_ref());
        let Some(url) = self.url.clone().or(url) else {
            return Err(Failure::NotSignedIn(
                "no server is known: sign in with `certmill login URL`, or give --url and CERTMILL_TOKEN"
                    .to_owned(),
            )
            .into());
        };
        let token = match (&self.token_file, std::env::var("CERTMILL_TOKEN")) {
            (Some(file), _) => Some(token_in(file)?),
            (None, Ok(token)) if !token.is_empty() => Some(Zeroizing::new(token)),
            _ if elsewhere => None,
            _ => match (profile_token, profile_file) {
                (Some(token), _) => Some(token),
                (None, Some(file)) => Some(token_in(&file)?),
                (None, None) => None,
            },
        };
        let ca_pem = match &self.ca_file {
            Some(file) => {
                Some(fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?)
            }
            None if elsewhere => None,
            None => profile_ca,
        };
        Ok(Server { url, token, ca_pem })
    }

    /// The profile that is named, or the one in use. None is needed when everything is given otherwise.
    fn profile_in_use(&self) -> anyhow::Result<Option<profiles::Profile>> {
        let mut all = match Profiles::load() {
            Ok(all) => all,
            Err(_) if self.url.is_some() && self.profile.is_none() => Profiles::default(),
            Err(error) => return Err(error),
        };
        match &self.profile {
            Some(name) => {
                if let Some(profile) = all.profiles.remove(name) {
                    return Ok(Some(profile));
                }
                let known: Vec<_> = all.profiles.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(Failure::NotSignedIn(format!("there is no profile `{name}`; there is: {known}")).into())
            }
            None => Ok(all.current.and_then(|name| all.profiles.remove(&name))),
        }
    }
}

fn token_in(file: &std::path::Path) -> anyhow::Result<Zeroizing<String>> {
    let text = fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        Failure::NotSignedIn(format!("the token in {} cannot be read: {error}", file.display()))
    })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}
