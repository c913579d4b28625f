//! From names to addresses, of which only those are passed on that the policy allows.

use std::{future::Future, io, net::IpAddr, net::SocketAddr, pin::Pin, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Denial, EgressPolicy};

/// The answer of a [`Lookup`].
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a host.
pub trait Lookup: Send + Sync {
    /// The addresses of `host`, in the order in which they are to be tried.
    fn lookup(&self, host: &str) -> Addresses;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

/// What the HTTP client asks for addresses. It connects to nothing else, so there is no moment
/// between check and use in which a name could come to mean another address.
pub(crate) struct Screened {
    pub(crate) screen: Screen,
    pub(crate) lookup: Arc<dyn Lookup>,
}

/// What the addresses of a name are judged by.
#[derive(Clone)]
pub(crate) struct Screen {
    pub(crate) policy: EgressPolicy,
    /// The port, where it matters which one it is.
    pub(crate) port: u16,
    /// Whether credentials are to go there without TLS.
    pub(crate) bare: bool,
}

impl Screen {
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Denial> {
        if self.bare {
            self.policy.check_without_tls(address, self.port)
        } else {
            self.policy.check(address, self.port)
        }
    }
}

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be looked up: {0}")]
pub(crate) struct NoSuchHost(io::Error);

impl Resolve for Screened {
    fn resolve(&self, name: Name) -> Resolving {
        let judge = self.screen.clone();
        let addresses = self.lookup.lookup(name.as_str());
        Box::pin(async move {
            let addresses = addresses.await.map_err(NoSuchHost)?;
            if addresses.is_empty() {
                return Err(NoSuchHost(io::ErrorKind::NotFound.into()).into());
            }
            let allowed = screen(&judge, addresses)?;
            // The client fills in the port of the URL for port 0.
            let allowed: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(allowed)
        })
    }
}

/// The allowed ones among the addresses of a name; the first denial when there is none.
pub(crate) fn screen(judge: &Screen, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Denial> {
    let mut allowed = Vec::with_capacity(addresses.len());
    let mut first_denial = None;
    for address in addresses {
        match judge.check(address) {
            Ok(()) => allowed.push(address),
            Err(denial) => {
                first_denial.get_or_insert(denial);
            }
        }
    }
    match first_denial {
        Some(denial) if allowed.is_empty() => Err(denial),
        Some(_) | None => Ok(allowed),
    }
}
