//! Signing in: a server, its token and the CA that its own certificate is judged by, checked before they are remembered.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use zeroize::Zeroizing;

use super::output::text;
use super::profiles::{self, Profile, Profiles};
use super::{Session, pinned, token_in};
use certmill_client::Api;

pub(super) const EXAMPLE: &str = "\
Examples:
  certmill login https://ca.internal:8443 --fingerprint 9d2f…   # trusts the server's root by its fingerprint
  certmill login https://ca.example.com --token-file ./token    # trusts the system's CAs";

#[derive(Args)]
pub(crate) struct Login {
    /// Base URL of the server
    url: String,
    /// File with the token [default: asked for, or the first line of standard input]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// SHA-256 of the root certificate above the server's own: it is fetched, compared and trusted from then on
    #[arg(long, value_name = "HEX", conflicts_with = "ca_file")]
    fingerprint: Option<String>,
    /// File with the CA certificate (PEM) that the server's own is judged by
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Name under which the server is remembered [default: its host]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

#[derive(Args)]
pub(crate) struct Logout {
    /// Profile to forget [default: the one in use]
    profile: Option<String>,
}

#[derive(Args)]
pub(crate) struct Whoami {}

pub(super) async fn login(login: Login) -> anyhow::Result<()> {
    let url = certmill_client::base(&login.url)?;
    let ca_pem = match (&login.ca_file, &login.fingerprint) {
        (Some(file), _) => Some(
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?,
        ),
        (None, Some(fingerprint)) => Some(pinned::root(&url, fingerprint).await?),
        (None, None) => None,
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        eprintln!("warning: the token travels unencrypted to {url}");
    }
    let token = match &login.token_file {
        Some(file) => token_in(file)?,
        None => asked_token()?,
    };
    if token.is_empty() {
        bail!("the token is empty");
    }
    let api = Api::new(url.as_str(), &token.clone().into(), ca_pem.as_deref())?;
    let me = api.get(&["v1", "auth", "whoami"], &[]).await?;
    let name = login.profile.unwrap_or_else(|| url.host_str().unwrap_or("server").to_owned());
    let mut all = Profiles::load()?;
    // A token in a file stays in that file, so that it can be rotated without signing in again.
    let (token, token_file) = match login.token_file {
        Some(file) => (None, Some(std::path::absolute(file)?)),
        None => (Some(token), None),
    };
    let profile = Profile { url: url.as_str().trim_end_matches('/').to_owned(), token, token_file, ca_pem };
    all.profiles.insert(name.clone(), profile);
    all.current = Some(name.clone());
    all.save()?;
    eprintln!(
        "signed in to {url} as {} of {} ({}); kept as profile {name} in {}",
        text(&me, "token_name"),
        text(&me, "tenant_name"),
        text(&me, "scopes"),
        profiles::path()?.display()
    );
    Ok(())
}

pub(super) fn logout(logout: &Logout) -> anyhow::Result<()> {
    let mut all = Profiles::load()?;
    let Some(name) = logout.profile.clone().or_else(|| all.current.clone()) else {
        bail!("no server is remembered");
    };
    if all.profiles.remove(&name).is_none() {
        bail!("there is no profile `{name}`");
    }
    if all.current.as_ref() == Some(&name) {
        all.current = None;
    }
    all.save()?;
    eprintln!("profile {name} is forgotten; its token is valid until it is revoked");
    Ok(())
}

pub(super) async fn whoami(session: &Session) -> anyhow::Result<()> {
    session.out.object(&session.api.get(&["v1", "auth", "whoami"], &[]).await?)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The token, from a prompt that does not show it, or from the first line of the standard input.
fn asked_token() -> anyhow::Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        return Ok(Zeroizing::new(rpassword::prompt_password("Token: ")?.trim().to_owned()));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("no token on standard input")?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}
