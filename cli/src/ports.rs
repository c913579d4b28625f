//! The ports of a process, all of them with the limits of `[http]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use certmill_config::{Config, HttpConfig};
use certmill_listen::{Limits, Listener, Room};

use crate::tls::Served;

/// What all listeners of a process share.
pub(crate) struct Ports {
    limits: Limits,
    room: Room,
}

impl Ports {
    /// Raises the limit of open files, on which the number of connections depends.
    pub(crate) fn of(config: &Config) -> Self {
        let room = Room::for_files(certmill_listen::raise_file_limit());
        Self { limits: limits(&config.http, config.shutdown_timeout, room.most()), room }
    }

    /// Opens a port for something beside the API.
    pub(crate) async fn beside(
        &self,
        name: &'static str,
        address: SocketAddr,
        purpose: &str,
    ) -> anyhow::Result<Listener> {
        Listener::bind(name, address, self.limits.beside(), &self.room)
            .await
            .with_context(|| format!("{address} cannot be listened on for {purpose}"))
    }
}

/// The limits of the API's listener, which may have at most `most` connections.
fn limits(http: &HttpConfig, grace: Duration, most: usize) -> Limits {
    let connections = http.max_connections.min(most);
    let per_address = http.max_connections_per_address;
    Limits {
        header_timeout: http.header_timeout,
        idle_timeout: http.idle_timeout,
        handshake_timeout: http.handshake_timeout,
        body_timeout: http.body_timeout,
        body_min_rate: http.body_min_rate,
        write_timeout: http.write_timeout,
        grace,
        connections,
        connections_per_address: per_address.unwrap_or(Limits::default_per_address(connections)),
        ..Limits::default()
    }
}

/// The API's open port.
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    pub(crate) tls: Option<Served>,
    pub(crate) ports: Ports,
}

impl Listening {
    /// Opens the configured port.
    pub(crate) async fn bind(config: &Config, tls: Option<Served>) -> anyhow::Result<Self> {
        let (ports, address) = (Ports::of(config), config.listen);
        let listener = Listener::bind("api", address, ports.limits.clone(), &ports.room)
            .await
            .with_context(|| format!("{address} cannot be listened on"))?;
        Ok(Self { listener, tls, ports })
    }

    /// Where it listens.
    pub(crate) fn base_url(&self) -> String {
        self.url(self.listener.address().ip())
    }

    /// Where clients on this machine find it: an address that stands for all of them is none to go to.
    pub(crate) fn local_url(&self) -> String {
        self.url(match self.listener.address().ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        })
    }

    fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", SocketAddr::new(ip, self.listener.address().port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The listeners' own defaults are what their tests run with.
    #[test]
    fn the_defaults_of_the_settings_are_those_of_the_listeners() {
        let listeners = Limits::default();
        assert_eq!(limits(&HttpConfig::default(), listeners.grace, usize::MAX), listeners);
    }
}
