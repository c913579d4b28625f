//! DNS providers for tests: each vendor's API over HTTP in the form that the vendor documents, on zones in memory that a name
//! server of the same process serves over UDP and TCP. What is sent is checked as the vendor checks it, credentials and
//! signatures included, and a [`Fault`] makes the API fail.
//!
//! This crate is for tests, so what only a broken machine can cause panics.

#![expect(clippy::missing_panics_doc, reason = "said above")]

mod http;
mod lab;
mod name_server;
pub mod vendors;
mod zones;

use std::net::SocketAddr;
use std::sync::Arc;

pub use http::{Fault, FrontEnd, Reply, Request};
pub use lab::Lab;
pub use name_server::{NameServer, txt_values};
pub use zones::{Record, RecordSet, State, Zone, Zones};

/// A vendor's API and the name server of its zones. Both end when it is dropped.
pub struct FakeDns {
    zones: Zones,
    api: http::Api,
    name_server: NameServer,
}

impl FakeDns {
    /// Starts both on free ports of 127.0.0.1.
    pub async fn start(front_end: impl FrontEnd, zones: Zones) -> Self {
        let name_server = NameServer::start(vec![zones.clone()]).await;
        let api = http::Api::start(Arc::new(front_end), zones.clone()).await;
        Self { zones, api, name_server }
    }

    /// What the URLs of the API begin with.
    pub fn url(&self) -> String {
        self.api.url()
    }

    /// Where the zones are served.
    pub fn name_server(&self) -> SocketAddr {
        self.name_server.address()
    }

    /// The zones.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    /// The next request that the fault is meant for meets it; those wait in the order in which they came.
    pub fn fail(&self, fault: Fault) {
        self.api.fail(fault);
    }

    /// Method, path and query of every request, in order.
    pub fn requests(&self) -> Vec<String> {
        self.api.requests()
    }
}
