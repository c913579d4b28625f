//! Looking at what a server shows: the dialogue that leads to TLS, and the certificates of its handshake.
//!
//! Whoever asks names the server, so it is connected to by way of the egress policy, and everything that it sends is bounded in time
//! and octets. Its certificates are answered as they are, whatever they are worth: judging them is the caller's matter. Nothing
//! is sent beyond what opens TLS.

mod error;
mod handshake;
mod metered;
mod starttls;

use std::time::Duration;

use certmill_domain::Endpoint;
use certmill_egress::Egress;

pub use error::ProbeError;

/// How long and how much is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For everything together: the name, the connection, the dialogue and the handshake.
    pub timeout: Duration,
    /// Octets that are read.
    pub max_bytes: usize,
}

impl Default for Limits {
    /// 10 s, and 256 KiB: OpenSSL takes 100 KiB of certificates.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), max_bytes: 256 << 10 }
    }
}

/// The certificates that a server shows, in DER: its own first, then what it sends beside it, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its own.
    pub leaf: Vec<u8>,
    /// The others.
    pub chain: Vec<Vec<u8>>,
}

/// Connects to an endpoint and answers what it shows. The server has proved that it has the key of its certificate, and may have
/// asked for a client's certificate afterwards, which is not given.
///
/// # Errors
/// Why no certificate was seen.
pub async fn look(egress: &Egress, endpoint: &Endpoint, limits: Limits) -> Result<Shown, ProbeError> {
    let looking = async {
        let stream = egress.connect(&endpoint.host(), endpoint.port(), limits.timeout).await?;
        let mut stream = metered::Metered::new(stream, limits.max_bytes);
        starttls::begin(&mut stream, endpoint.scheme()).await?;
        handshake::run(stream, endpoint).await
    };
    tokio::time::timeout(limits.timeout, looking)
        .await
        .unwrap_or(Err(ProbeError::TooSlow { limit: limits.timeout }))
}
