//! Plain connections, for protocols other than HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::{Egress, EgressError, resolver};

/// Addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;

impl Egress {
    /// Connects to a port of `host`, a name or an address without brackets. The policy judges the address that is connected to;
    /// where a name has several, up to four are tried one after the other.
    ///
    /// # Errors
    /// [`EgressError::Denied`], [`EgressError::NoAddress`], [`EgressError::Timeout`], [`EgressError::Unreachable`].
    pub async fn connect(&self, host: &str, port: u16, limit: Duration) -> Result<TcpStream, EgressError> {
        let connected = tokio::time::timeout(limit, self.connect_to_any(host, port, limit / 2)).await;
        connected.unwrap_or_else(|_| Err(EgressError::Timeout { host: host.to_owned(), limit }))
    }

    async fn connect_to_any(
        &self,
        host: &str,
        port: u16,
        limit_each: Duration,
    ) -> Result<TcpStream, EgressError> {
        let mut last = None;
        for address in self.allowed(host, port).await?.into_iter().take(MOST_ADDRESSES) {
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            match tokio::time::timeout(limit_each, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        let host = host.to_owned();
        Err(match last {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => {
                EgressError::Timeout { host, limit: limit_each }
            }
            Some(error) => EgressError::Unreachable { host, reason: error.to_string(), sent: false },
            None => EgressError::NoAddress { host },
        })
    }

    /// The addresses of `host` that may be connected to.
    async fn allowed(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, EgressError> {
        let screen = self.screen(port, false);
        if let Ok(address) = host.parse::<IpAddr>() {
            let denied = |denial| EgressError::Denied { host: host.to_owned(), denial };
            return screen.check(address).map(|()| vec![address]).map_err(denied);
        }
        let addresses = self.clients.look_up(host).await?;
        resolver::screen(&screen, addresses).map_err(|denial| EgressError::denied_by_name(host, denial))
    }
}
