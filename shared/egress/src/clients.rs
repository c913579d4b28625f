//! The HTTP clients behind an [`crate::Egress`].

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, redirect, tls};

use crate::{
    EgressError, Purpose,
    resolver::{self, Lookup, Screen, Screened},
};

const MAX_HEADERS: usize = 64;

/// Clients of the same settings. Addresses are judged when a client resolves a name, and a client keeps connections, so
/// there is one for each way to judge: one in all, unless the policy tells tenants or ports apart.
pub(crate) struct Clients {
    lookup: Arc<dyn Lookup>,
    trusted: Vec<reqwest::Certificate>,
    kept: usize,
    made: Mutex<HashMap<Way, Client>>,
}

/// What decides how addresses are judged, as far as it makes a difference.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way {
    purpose: Option<Purpose>,
    tenant: Option<Arc<str>>,
    port: Option<u16>,
    bare: bool,
}

/// The most clients that are kept.
const MOST_CLIENTS: usize = 256;

impl Clients {
    pub(crate) fn new(lookup: Arc<dyn Lookup>, trusted: Vec<reqwest::Certificate>, kept: usize) -> Self {
        Self { lookup, trusted, kept, made: Mutex::default() }
    }

    /// The client that judges like this.
    pub(crate) fn client(&self, screen: Screen) -> Result<Client, EgressError> {
        let policy = &screen.policy;
        let way = Way {
            purpose: policy.purpose(),
            tenant: policy.tenant().filter(|_| policy.tells_tenants_apart()).cloned(),
            port: policy.tells_ports_apart().then_some(screen.port),
            bare: screen.bare,
        };
        // The map is consistent between any two statements, so a poisoned lock can be used.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&way) {
            return Ok(client.clone());
        }
        if made.len() >= MOST_CLIENTS {
            made.clear();
        }
        let client = self.build(screen)?;
        made.insert(way, client.clone());
        Ok(client)
    }

    /// Whether a name has an address that may be connected to.
    pub(crate) async fn addresses(&self, screen: &Screen, host: &str) -> Result<(), EgressError> {
        let addresses = self.look_up(host).await?;
        resolver::screen(screen, addresses)
            .map(drop)
            .map_err(|denial| EgressError::denied_by_name(host, denial))
    }

    /// The addresses of a name, not judged yet.
    pub(crate) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let no_address = || EgressError::NoAddress { host: host.to_owned() };
        let addresses = self.lookup.lookup(host).await.map_err(|_| no_address())?;
        if addresses.is_empty() { Err(no_address()) } else { Ok(addresses) }
    }

    fn build(&self, screen: Screen) -> Result<Client, EgressError> {
        Client::builder()
            .tls_certs_merge(self.trusted.clone())
            .dns_resolver(Screened { screen, lookup: Arc::clone(&self.lookup) })
            // Redirects are followed below, each hop judged like a first request.
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_max_headers(MAX_HEADERS)
            .tls_version_min(tls::Version::TLS_1_2)
            .pool_max_idle_per_host(self.kept)
            .pool_idle_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("certmill/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(setup)
    }
}

/// Why a client could not be made.
pub(crate) fn setup(error: reqwest::Error) -> EgressError {
    EgressError::Setup(error.to_string())
}
