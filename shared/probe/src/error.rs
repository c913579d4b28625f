//! Why no certificate was seen.

use std::time::Duration;

use certmill_egress::EgressError;

/// Why no certificate was seen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no connection.
    #[error(transparent)]
    NotConnected(#[from] EgressError),
    /// The time limit passed first.
    #[error("it did not show a certificate within {} s", .limit.as_secs())]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
    /// The server sends without end.
    #[error("it sent more than {max_bytes} octets before the handshake was over")]
    TooMuch {
        /// The limit.
        max_bytes: usize,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(std::io::ErrorKind),
    /// The server closed the connection.
    #[error("it closed the connection before the handshake was over")]
    Closed,
    /// The server does not speak the protocol of the endpoint.
    #[error("it does not speak {protocol}: {problem}")]
    Protocol {
        /// The protocol, such as `SMTP`.
        protocol: &'static str,
        /// What it did instead.
        problem: String,
    },
    /// The server speaks the protocol and refuses TLS.
    #[error("it does not offer TLS: {0}")]
    NoTls(String),
    /// The handshake failed before the server had shown a certificate and proved that it has the key.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] openssl::error::ErrorStack),
}
