//! Networks of client addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), or one address. IPv4-mapped IPv6 addresses (RFC 4291
/// §2.5.5.2) are the IPv4 addresses that they stand for, here and in [`Self::contains`], so that it does not matter on
/// which kind of socket a client arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether every address of `other` lies in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl fmt::Display for Network {
    /// An address alone without its prefix length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(f);
        }
        self.0.fmt(f)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| {
            format!("`{text}` is no network: write one such as `10.0.0.0/8` or `fd00::/8`, or an IP address")
        })?;
        // `10.1.2.3/8` may be meant as the address or as the network, which are very different.
        if network.addr() != network.network() {
            return Err(format!(
                "`{text}` has bits behind its prefix: write the network `{}` or the address `{}`",
                network.trunc(),
                network.addr()
            ));
        }
        Ok(Self(unmapped(network)))
    }
}

/// The IPv4 network that an IPv4-mapped one stands for.
fn unmapped(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    if let IpNet::V6(v6) = network
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Some(prefix) = v6.prefix_len().checked_sub(MAPPED)
        && let Ok(v4) = Ipv4Net::new(v4, prefix)
    {
        return v4.into();
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_inside_or_outside_however_they_are_written() {
        for (written, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            // The IPv4-compatible form (RFC 4291 §2.5.5.1) is another address than the IPv4 one.
            ("10.0.0.0/8", "10.0.0.1", "::10.0.0.1"),
        ] {
            assert!(network(written).contains(inside.parse().unwrap()), "{inside} in {written}");
            assert!(!network(written).contains(outside.parse().unwrap()), "{outside} in {written}");
        }
    }

    #[test]
    fn networks_are_written_in_one_way() {
        for (written, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::FFFF:192.0.2.7", "192.0.2.7"),
            ("2001:DB8:0::/48", "2001:db8::/48"),
            ("2001:db8::1/128", "2001:db8::1"),
        ] {
            assert_eq!(network(written).to_string(), shown);
            assert_eq!(network(shown), network(written));
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "2001:db8::1/32",
            "10.0.0",
            "a.example",
            "::1%lo",
            "10.0.0.0/8 ",
            "any",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_network_covers_what_lies_in_it() {
        for (wide, narrow, covers) in [
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "11.0.0.0/8", false),
            ("::/0", "10.0.0.0/8", false),
            ("::/0", "2001:db8::/32", true),
            ("10.0.0.0/8", "::ffff:10.1.0.0/112", true),
        ] {
            assert_eq!(network(wide).covers(&network(narrow)), covers, "{wide} {narrow}");
        }
    }
}
