//! HTTPS with a certificate from a CA of our own: made at the start, renewed while it is served, kept in memory only.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use certmill_config::{Config, TlsSelfConfig};
use certmill_domain::{Ca, Sans, Timestamp, Ttl};
use certmill_listen::Tls;
use certmill_service::ca::NewCa;
use certmill_service::certificates::Issued;
use certmill_service::x509::{DistinguishedName, hex, sha256};
use certmill_service::{App, Caller, PageRequest, ServiceError, ca, certificates};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use tokio_util::sync::CancellationToken;

use crate::tls::clients;
use crate::{admin, message};

/// Between two looks at the clock, and two attempts to renew.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A certificate of our own in use.
pub(crate) struct Own {
    tls: Tls,
    app: App,
    wish: TlsSelfConfig,
    caller: Caller,
    issuer: Ca,
    renew_at: Timestamp,
}

/// Gets the certificate that is configured, and makes its CA if the tenant has none of that name.
pub(crate) async fn of(config: &Config, app: &App) -> anyhow::Result<Option<Own>> {
    let Some(wish) = config.tls_self.clone() else { return Ok(None) };
    let tenant = admin::find_tenant(app, &wish.tenant).await?;
    let caller = Caller::operator(app, tenant.id);
    let problem = || format!("tls_self: the CA `{}` gives no certificate", wish.ca);
    let issuer = issuer(app, &caller, &wish.ca).await.with_context(problem)?;
    let issued = issue(app, &caller, &issuer, &wish).await.with_context(problem)?;
    let (chain, key) = usable(&issued)?;
    let tls = Tls::new(&chain, &key, clients(config))
        .context("OpenSSL does not take the certificate of tls_self")?;
    let root = root(app, &caller, issuer.clone()).await?;
    println!(
        "HTTPS with a certificate of the CA `{}`.\n  Root certificate   /pub/ca/{}.crt\n  SHA-256            {}",
        wish.ca,
        root.id,
        fingerprint(&root.certificate_der)
    );
    let renew_at = renew_at(app, &issued);
    Ok(Some(Own { tls, app: app.clone(), wish, caller, issuer, renew_at }))
}

impl Own {
    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Renews the certificate until `stop`. While that fails, the one in use stays.
    pub(crate) async fn follow(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let left = self.renew_at.since(self.app.now());
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
            }
            if self.app.now() < self.renew_at {
                continue;
            }
            match self.renew().await {
                Ok(()) => tracing::info!("the certificate for HTTPS was renewed"),
                Err(error) => {
                    tracing::error!(
                        error = message::of(&error),
                        "the certificate for HTTPS could not be renewed: the one before stays in use"
                    );
                    self.renew_at = self.app.now().plus(LOOK_EVERY);
                }
            }
        }
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let issued = issue(&self.app, &self.caller, &self.issuer, &self.wish).await?;
        let (chain, key) = usable(&issued)?;
        self.tls.replace(&chain, &key)?;
        self.renew_at = renew_at(&self.app, &issued);
        Ok(())
    }
}

/// The CA of this name; of two processes that start at the same time, one makes it.
async fn issuer(app: &App, caller: &Caller, name: &str) -> anyhow::Result<Ca> {
    if let Some(found) = find(app, caller, name).await? {
        return Ok(found);
    }
    let new = NewCa {
        name: name.to_owned(),
        subject: DistinguishedName { common_name: Some(name.to_owned()), ..DistinguishedName::default() },
        ca_type: "root".to_owned(),
        key_type: Some("ec".to_owned()),
        ..NewCa::default()
    };
    match ca::create(app, caller, new).await {
        Ok(made) => Ok(made.ca),
        Err(ServiceError::AlreadyExists { .. }) => {
            find(app, caller, name).await?.context("the CA was made by another process and is gone")
        }
        Err(error) => Err(error.into()),
    }
}

async fn find(app: &App, caller: &Caller, name: &str) -> anyhow::Result<Option<Ca>> {
    let mut page = PageRequest::default();
    loop {
        let found = ca::list(app, caller, &page).await?;
        if let Some(found) = found.items.into_iter().find(|found| found.ca.name == name) {
            return Ok(Some(found.ca));
        }
        if found.cursor.is_none() {
            return Ok(None);
        }
        page.cursor = found.cursor;
    }
}

async fn root(app: &App, caller: &Caller, mut ca: Ca) -> anyhow::Result<Ca> {
    while let Some(parent) = ca.parent_id {
        ca = ca::find(app, caller.tenant, parent).await?.ca;
    }
    Ok(ca)
}

async fn issue(app: &App, caller: &Caller, issuer: &Ca, wish: &TlsSelfConfig) -> anyhow::Result<Issued> {
    let (ip, dns) = wish.names.iter().cloned().partition(|name| name.parse::<IpAddr>().is_ok());
    let sans = Sans { dns, ip, ..Sans::default() };
    let ttl = Ttl::from_seconds(wish.validity.as_secs());
    Ok(certificates::issue_own(app, caller, issuer.id, sans, ttl).await?)
}

/// The chain without its root, which clients have, and the key.
fn usable(issued: &Issued) -> anyhow::Result<(Vec<X509>, PKey<Private>)> {
    let above = issued.ca_chain.iter().map(String::as_str);
    let pems = std::iter::once(issued.certificate_pem.as_str()).chain(above);
    let mut chain = Vec::new();
    for pem in pems {
        chain.push(X509::from_pem(pem.as_bytes()).context("our own certificate cannot be read")?);
    }
    chain.pop();
    let (key, _) = issued.private_key.as_ref().context("a new certificate has a new key")?;
    Ok((chain, PKey::private_key_from_pem(key.as_bytes()).context("our own key cannot be read")?))
}

fn renew_at(app: &App, issued: &Issued) -> Timestamp {
    let now = app.now();
    now.plus(issued.not_after.since(now) / 3 * 2)
}

/// As browsers and `openssl x509 -fingerprint -sha256` show it.
fn fingerprint(der: &[u8]) -> String {
    let digits = hex(&sha256(der)).to_uppercase();
    let octets: Vec<String> =
        digits.as_bytes().chunks(2).map(|octet| String::from_utf8_lossy(octet).into_owned()).collect();
    octets.join(":")
}
