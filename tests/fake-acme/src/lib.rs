//! An ACME server (RFC 8555) for tests, which misbehaves on demand: what Pebble cannot do, or does only at random.
//!
//! It runs inside of the test process, on a free port of 127.0.0.1, over TLS with an authority of its own. With all
//! [`Knobs`] at rest it is a correct server that validates challenges for real: signatures, nonces, names of the CSR and all
//! the rest are checked. The [`Log`] says what arrived and what was issued.
//!
//! This crate is for tests, so what only a broken machine can cause panics.

mod account;
mod ambient;
mod authority;
mod authorization;
mod certificate;
mod connection;
mod directory;
mod dns;
mod jws;
mod knobs;
mod log;
mod order;
mod problem;
mod renewal;
mod revocation;
mod server;
mod state;
mod validation;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use launch::ServerIdentity;
use poem::{
    Server,
    listener::{Acceptor, Listener, OpensslTlsConfig, TcpListener},
};
use tokio::task::JoinHandle;

use crate::{authority::Authority, connection::Cuttable, server::Service, state::State};
pub use crate::{
    knobs::{Behaviour, CertificateFlaw, Fault, Knobs, Renewal, RetryAfter},
    log::{EarlyRequest, Endpoint, Finalizations, Issued, Log, Request, Revoked},
    problem::Problem,
    state::Status,
};

/// How challenges are validated.
#[derive(Clone, Debug, Default)]
pub enum Validation {
    /// Whatever is submitted is valid.
    #[default]
    AlwaysValid,
    /// For real. Names are not resolved: http-01 and tls-alpn-01 connect to 127.0.0.1.
    Real {
        /// Where http-01 connects.
        http_port: u16,
        /// Where tls-alpn-01 connects.
        tls_port: u16,
        /// The server that dns-01 asks, over TCP; it follows aliases (CNAME) there. Without one dns-01 fails.
        dns_server: Option<SocketAddr>,
    },
}

/// What is fixed for the life of a [`FakeAcme`].
#[derive(Clone, Debug)]
pub struct FakeAcmeOptions {
    /// How challenges are validated.
    pub validation: Validation,
    /// Key identifiers and base64url MAC keys of external accounts; when there are any, an account needs one.
    pub eab_keys: BTreeMap<String, String>,
    /// Whether each external account key makes one account only, as with Google.
    pub eab_single_use: bool,
    /// Profiles: name and description. Without any the server knows no profiles.
    pub profiles: BTreeMap<String, String>,
    /// Number of chains beside the default one.
    pub alternate_chains: u8,
    /// The URL of terms that an account has to agree to.
    pub terms_of_service: Option<String>,
    /// Whether the directory offers renewal information (ARI, RFC 9773).
    pub renewal_info: bool,
}

impl Default for FakeAcmeOptions {
    fn default() -> Self {
        Self {
            validation: Validation::default(),
            eab_keys: BTreeMap::new(),
            eab_single_use: false,
            profiles: BTreeMap::new(),
            alternate_chains: 0,
            terms_of_service: None,
            renewal_info: true,
        }
    }
}

/// A running server. Dropping it closes the port and every connection.
pub struct FakeAcme {
    service: Arc<Service>,
    identity: ServerIdentity,
    accepting: JoinHandle<()>,
}

impl FakeAcme {
    /// Starts a server on a free port of 127.0.0.1; it listens when this returns.
    ///
    /// # Panics
    /// When the port or the keys cannot be had.
    pub async fn start(options: FakeAcmeOptions) -> Self {
        let identity = ServerIdentity::new();
        let tls = OpensslTlsConfig::new()
            .cert_from_data(identity.certificate_pem.clone())
            .key_from_data(identity.key_pem.clone());
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .openssl_tls(tls)
            .into_acceptor()
            .await
            .unwrap_or_else(|error| panic!("cannot listen on 127.0.0.1: {error}"));
        let port = acceptor
            .local_addr()
            .iter()
            .find_map(|address| address.as_socket_addr().map(SocketAddr::port))
            .unwrap_or_else(|| panic!("a TCP listener without a port"));
        let service = Arc::new(Service {
            base: format!("https://127.0.0.1:{port}"),
            authority: Authority::new(options.alternate_chains),
            options,
            knobs: Arc::new(Knobs::default()),
            log: Arc::new(Log::default()),
            state: State::default().into(),
            connections: Arc::default(),
        });
        let acceptor = Cuttable::new(acceptor, Arc::clone(&service.connections));
        let endpoint = server::endpoint(Arc::clone(&service));
        let accepting = tokio::spawn(async move {
            // Ends only with the task.
            let _ = Server::new_with_acceptor(acceptor).run(endpoint).await;
        });
        Self { service, identity, accepting }
    }

    /// The directory's URL (RFC 8555 §7.1.1); a client has to trust [`Self::ca_pem`].
    pub fn directory_url(&self) -> String {
        format!("{}/directory", self.service.base)
    }

    /// The authority of the server's TLS certificate, PEM. It has nothing to do with the certificates that are issued.
    pub fn ca_pem(&self) -> &str {
        &self.identity.ca_pem
    }

    /// The root of chain `n`, PEM; 0 is the default one.
    ///
    /// # Panics
    /// When there are fewer chains.
    pub fn root_pem(&self, n: u8) -> String {
        self.service.authority.root_pem(n)
    }

    /// What the server does wrong from now on.
    pub fn knobs(&self) -> Arc<Knobs> {
        Arc::clone(&self.service.knobs)
    }

    /// What the server has seen and done so far.
    pub fn log(&self) -> Arc<Log> {
        Arc::clone(&self.service.log)
    }

    /// Gives every authorization of the name (as `a.example`, of `*.a.example` as well) that is pending or valid this
    /// status, as when it ran out in the middle of an order. Returns how many there were.
    pub fn end_authorizations(&self, name: &str, status: Status) -> usize {
        self.service.state().end_authorizations(name, status)
    }

    /// What has become of the authorizations of the name, oldest first.
    pub fn authorizations_of(&self, name: &str) -> Vec<Status> {
        self.service.state().authorizations_of(name)
    }

    /// Whom the account with this URL wants written to, as it said last.
    pub fn contact_of(&self, url: &str) -> Option<serde_json::Value> {
        self.service.state().account_at(url).map(|account| account.contact.clone())
    }

    /// The thumbprint of the key that the account with this URL signs with.
    pub fn thumbprint_of(&self, url: &str) -> Option<String> {
        self.service.state().account_at(url).map(|account| account.jwk.thumbprint.clone())
    }

    /// Deactivates the account with this URL, as its holder or the authority may do at any time. False when there is none.
    pub fn deactivate_account(&self, url: &str) -> bool {
        self.service.state().set_account_status(url, Some(Status::Deactivated))
    }

    /// Forgets the account with this URL; requests with it then get `accountDoesNotExist`. False when there is none.
    pub fn forget_account(&self, url: &str) -> bool {
        self.service.state().set_account_status(url, None)
    }

    /// Forgets the order with this URL, as after a loss of data; requests for it then get 404. False when there is none.
    pub fn forget_order(&self, url: &str) -> bool {
        self.service.state().forget_order(url)
    }

    /// Forgets the authorizations of a name, which are 404 then. Returns how many there were.
    pub fn forget_authorizations(&self, name: &str) -> usize {
        self.service.state().forget_authorizations(name)
    }

    /// Makes the order with this URL invalid, with the problem as its error. False when there is none.
    pub fn fail_order(&self, url: &str, problem: Problem) -> bool {
        self.service.state().fail_order(url, problem)
    }
}

impl Drop for FakeAcme {
    fn drop(&mut self) {
        self.accepting.abort();
        self.service.connections.cut_all();
    }
}
