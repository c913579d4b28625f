//! The section `[http]`: what connections may take, on every listener.

use std::time::Duration;

use serde::Deserialize;

use crate::settings::Span;

/// Limits of connections, the same for every listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// For the head of a request.
    pub header_timeout: Duration,
    /// Between two requests on a connection.
    pub idle_timeout: Duration,
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// How long a body may pause.
    pub body_timeout: Duration,
    /// Octets per second of a body that takes longer than `body_timeout`.
    pub body_min_rate: u32,
    /// How long a client may read nothing of an answer.
    pub write_timeout: Duration,
    /// Connections to the API at a time.
    pub max_connections: usize,
    /// Those of one address; absent = three quarters of `max_connections`.
    pub max_connections_per_address: Option<usize>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            body_min_rate: 4096,
            write_timeout: Duration::from_mins(1),
            max_connections: 10_000,
            max_connections_per_address: None,
        }
    }
}

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpSettings {
    header_timeout: Option<Span>,
    idle_timeout: Option<Span>,
    handshake_timeout: Option<Span>,
    body_timeout: Option<Span>,
    body_min_rate: Option<u32>,
    write_timeout: Option<Span>,
    max_connections: Option<usize>,
    max_connections_per_address: Option<usize>,
}

impl HttpSettings {
    pub(crate) fn or(self, default: HttpConfig) -> HttpConfig {
        let span = |written: Option<Span>, default: Duration| written.map_or(default, |span| span.0);
        HttpConfig {
            header_timeout: span(self.header_timeout, default.header_timeout),
            idle_timeout: span(self.idle_timeout, default.idle_timeout),
            handshake_timeout: span(self.handshake_timeout, default.handshake_timeout),
            body_timeout: span(self.body_timeout, default.body_timeout),
            body_min_rate: self.body_min_rate.unwrap_or(default.body_min_rate),
            write_timeout: span(self.write_timeout, default.write_timeout),
            max_connections: self.max_connections.unwrap_or(default.max_connections),
            max_connections_per_address: self.max_connections_per_address,
        }
    }
}

impl HttpConfig {
    /// The first limit that is 0, which would let no connection in.
    pub(crate) fn zero(&self) -> Option<&'static str> {
        let numbers = [
            ("http.body_min_rate", u64::from(self.body_min_rate)),
            ("http.max_connections", self.max_connections as u64),
            ("http.max_connections_per_address", self.max_connections_per_address.unwrap_or(1) as u64),
        ];
        numbers.into_iter().find(|(_, number)| *number == 0).map(|(key, _)| key)
    }
}
