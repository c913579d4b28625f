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
    pub(crate) policy: Arc<EgressPolicy>,
    pub(crate) lookup: Arc<dyn Lookup>,
}

impl Resolve for Screened {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let addresses = self.lookup.lookup(name.as_str());
        Box::pin(async move {
            let addresses = addresses.await?;
            let allowed = screen(&policy, addresses)?;
            // The client fills in the port of the URL for port 0.
            let allowed: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(allowed)
        })
    }
}

/// The allowed ones among the addresses of a name; the first denial when there is none.
fn screen(policy: &EgressPolicy, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Denial> {
    let mut allowed = Vec::with_capacity(addresses.len());
    let mut first_denial = None;
    for address in addresses {
        match policy.check(address) {
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
