//! A client of ACME servers (RFC 8555), with tls-alpn-01 (RFC 8737, 8738) and renewal information (RFC 9773).
//!
//! Every call is one question or one effect, answers what the server said and keeps what is needed to decide what to do next:
//! problem documents with their status and `Retry-After`, and whether a request that was not answered may have arrived.
//! Nothing waits or polls in here.
//!
//! Orders are placed and finalized through `instant-acme`, over an HTTP client of ours ([`shim`]). It reads answers strictly, so
//! it gets those parts of them that it uses, and what the server said is read here ([`wire`]): leniently where nothing depends
//! on it. Beside it stand calls of our own that are signed with OpenSSL ([`server`]): registering an account whose key is stored
//! already, with an external account (it has no such call); deactivation that is believed only when the server confirms it (it
//! does not look at the answer); orders, authorizations and challenges by their URLs (it reaches the latter only by reading the
//! whole order again); orders that name what they replace (it loses the order's URL when the server does not repeat the name);
//! chains with their alternates; revocation with the certificate's key; renewal information without `Retry-After`.

mod account;
mod budget;
mod chain;
mod error;
mod fields;
mod jws;
mod key;
mod register;
mod renewal;
mod revoke;
mod server;
mod shim;
mod tls_alpn;
mod wire;

use std::sync::Arc;

use certmill_domain::Clock;
use certmill_egress::{Egress, Purpose};
use moka::sync::Cache;

pub use account::{Account, IssuedChain, NewOrder};
pub use error::{AcmeError, Problem};
pub use key::{AccountKey, dns_challenge_value, tls_alpn_digest};
pub use register::{ExternalAccount, Registered, Registration};
pub use renewal::{RenewalInfo, certificate_id};
pub use revoke::Revocation;
use server::Server;
pub use tls_alpn::tls_alpn_certificate;
pub use wire::{Authorization, AuthorizationStatus, Challenge, Directory, Identifier, Order, OrderStatus};

/// Servers of which the directory and some nonces are remembered.
const SERVERS: u64 = 1_000;

/// The way to every ACME server. Cheap to clone.
#[derive(Clone)]
pub struct Acme {
    egress: Egress,
    /// In whose name servers are asked, where that makes a difference.
    tenant: Option<Arc<str>>,
    clock: Arc<dyn Clock>,
    servers: Cache<String, Arc<Server>>,
}

impl Acme {
    /// A client that asks through `egress`.
    pub fn new(egress: Egress, clock: Arc<dyn Clock>) -> Self {
        let egress = egress.for_purpose(Purpose::Acme).with_credentials();
        Self { egress, tenant: None, clock, servers: Cache::new(SERVERS) }
    }

    /// The same in the name of a tenant, for a policy that tells tenants apart: nothing of a server that one of them asks is
    /// there for another.
    #[must_use]
    pub fn for_tenant(&self, name: &str) -> Self {
        Self { egress: self.egress.for_tenant(name), tenant: Some(name.into()), ..self.clone() }
    }

    /// The directory at this URL, which is asked for at most once an hour.
    ///
    /// # Errors
    /// Why the server did not answer with one.
    pub async fn directory(&self, url: &str) -> Result<Arc<Directory>, AcmeError> {
        self.server(url).directory().await
    }

    /// An account that the server knows. Asks nothing.
    pub fn account(&self, directory_url: &str, account_url: &str, key: AccountKey) -> Account {
        Account::new(self.server(directory_url), account_url.to_owned(), key)
    }

    fn server(&self, directory_url: &str) -> Arc<Server> {
        let key = match &self.tenant {
            Some(tenant) => format!("{tenant} {directory_url}"),
            None => directory_url.to_owned(),
        };
        self.servers.get_with_by_ref(&key, || {
            Arc::new(Server::new(self.egress.clone(), Arc::clone(&self.clock), directory_url.to_owned()))
        })
    }
}
