//! How many connections there may be, and how long each may take for what.

use std::time::Duration;

/// Limits of a listener. The defaults suit a service on the internet without a proxy in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the connection, or the first octet of a further request, to the end of the request's head.
    pub header_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// How long a request's body may pause; beyond this time it must come at `body_min_rate`.
    pub body_timeout: Duration,
    /// Octets per second that a body comes at, after its first `body_timeout`.
    pub body_min_rate: u32,
    /// How long the writing of an answer may make no progress.
    pub write_timeout: Duration,
    /// How long requests in hand may take once the listener is told to stop.
    pub grace: Duration,
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one IPv4 address or one IPv6 network of 64 bits.
    pub connections_per_address: usize,
    /// Requests at a time on a connection of HTTP/2.
    pub streams: u32,
}

impl Limits {
    /// Three quarters of all: one address takes much, since it may be a load balancer, but never everything.
    pub fn default_per_address(connections: usize) -> usize {
        (connections / 4 * 3).max(1)
    }

    /// The same for a listener beside the main one, which gets a quarter of the connections.
    pub fn beside(&self) -> Self {
        let connections = (self.connections / 4).max(1);
        let per_address = self.connections_per_address.min(Self::default_per_address(connections));
        Self { connections, connections_per_address: per_address, ..self.clone() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            body_min_rate: 4096,
            write_timeout: Duration::from_mins(1),
            grace: Duration::from_secs(30),
            connections: 10_000,
            connections_per_address: Self::default_per_address(10_000),
            streams: 100,
        }
    }
}
