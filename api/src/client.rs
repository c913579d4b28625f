//! Where a call comes from.

use std::net::{IpAddr, SocketAddr};

use certmill_service::domain::Network;
use poem::Request;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client. That is the other end of the connection; or, if that is a trusted proxy, the last address of
/// `X-Forwarded-For` that is none: each proxy adds the one that it was called from at the end, and what stands before
/// that was written by the client. Without the header it is the proxy that calls. `None` when it cannot be told.
pub(crate) fn address(request: &Request, trusted: &[Network]) -> Option<IpAddr> {
    let peer = request.remote_addr().as_socket_addr()?.ip().to_canonical();
    let headers = request.headers().get_all(FORWARDED_FOR).iter();
    // A header value that is not ASCII is no address.
    let values: Vec<&str> = headers.map(|value| value.to_str().unwrap_or("?")).collect();
    behind_proxies(peer, &values, trusted)
}

fn behind_proxies(peer: IpAddr, forwarded: &[&str], trusted: &[Network]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    for hop in forwarded.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_trusted(client) {
            break;
        }
        // A trusted proxy wrote something that is no address, so the client is unknown.
        client = hop_address(hop.trim())?;
    }
    Some(client)
}

/// An address, perhaps in brackets and with a port, as some proxies write it.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Option<String> {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        behind_proxies(peer.parse().unwrap(), forwarded, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = ["10.0.0.0/8", "2001:db8::/32"];
        for (peer, forwarded, expected) in [
            // A client that connects directly cannot claim another address.
            ("192.0.2.1", &["10.0.0.1"][..], Some("192.0.2.1")),
            ("192.0.2.1", &[], Some("192.0.2.1")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["192.0.2.1"], Some("192.0.2.1")),
            // The client's own entries stand to the left of the one that the proxy added.
            ("10.0.0.1", &["10.9.9.9, 192.0.2.1"], Some("192.0.2.1")),
            ("10.0.0.1", &["10.9.9.9", "192.0.2.1"], Some("192.0.2.1")),
            ("10.0.0.1", &["garbage, 192.0.2.1"], Some("192.0.2.1")),
            ("10.0.0.1", &["198.51.100.7, 192.0.2.1, 10.0.0.2"], Some("192.0.2.1")),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            // An address that a trusted proxy does not tell is not known.
            ("10.0.0.1", &["192.0.2.1, unknown"], None),
            ("10.0.0.1", &["192.0.2.1,"], None),
            ("10.0.0.1", &[""], None),
            ("10.0.0.1", &["?"], None),
            // However it is written.
            ("10.0.0.1", &["192.0.2.1:4711"], Some("192.0.2.1")),
            ("10.0.0.1", &["[2001:db9::1]:4711"], Some("2001:db9::1")),
            ("10.0.0.1", &["[2001:db9::1]"], Some("2001:db9::1")),
            ("10.0.0.1", &["::ffff:192.0.2.1"], Some("192.0.2.1")),
            ("2001:db8::1", &["2001:db9::1, ::ffff:10.0.0.2"], Some("2001:db9::1")),
        ] {
            assert_eq!(client(peer, forwarded, &proxies).as_deref(), expected, "{peer} {forwarded:?}");
            assert_eq!(client(peer, forwarded, &[]).as_deref(), Some(peer), "{peer} {forwarded:?}");
        }
    }
}
