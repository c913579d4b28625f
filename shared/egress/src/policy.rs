//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses may be connected to: the public internet, and what the operator allows beyond. Cheap to clone.
///
/// A clone can be for one purpose and one tenant. What the operator has limited to some is for them only; a policy that names
/// none has no part in it.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    allow: Arc<[Allowance]>,
    purpose: Option<Purpose>,
    tenant: Option<Arc<str>>,
}

/// What is connected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// ACME servers.
    Acme,
    /// DNS providers and name servers.
    Dns,
    /// CRLs and OCSP.
    Validation,
    /// Web services that tenants run: DNS providers of the type `webhook`, and receivers of events.
    Webhook,
    /// Servers that are looked at for the certificate that they serve.
    Endpoint,
}

/// A network that the operator allows, for everything and everybody unless it says for what and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The network.
    pub network: IpNet,
    /// What for; anything when empty.
    pub purposes: Vec<Purpose>,
    /// Which ports; any when empty.
    pub ports: Vec<u16>,
    /// The names of the tenants for whom; anybody when empty.
    pub tenants: Vec<String>,
}

impl From<IpNet> for Allowance {
    fn from(network: IpNet) -> Self {
        Self { network, purposes: Vec::new(), ports: Vec::new(), tenants: Vec::new() }
    }
}

/// Why an address may not be connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "its address is {kind}, which the egress policy does not allow; an operator opens networks in `egress.allow`"
)]
pub struct Denial {
    address: IpAddr,
    kind: &'static str,
}

impl Denial {
    /// The address that was judged.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What kind of address it is, such as "a loopback address".
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether it may be connected to by https.
    pub fn is_for_want_of_tls(&self) -> bool {
        self.kind == WITHOUT_TLS
    }
}

impl EgressPolicy {
    /// The public internet only.
    pub fn public_only() -> Self {
        Self::default()
    }

    /// The public internet and these networks. An IPv4 network also allows the IPv6 forms that
    /// embed its addresses (IPv4-mapped, 6to4, NAT64).
    pub fn allowing(allow: Vec<IpNet>) -> Self {
        Self::limited(allow.into_iter().map(Allowance::from).collect())
    }

    /// The public internet and these networks, each for what it says.
    pub fn limited(allow: Vec<Allowance>) -> Self {
        Self { allow: allow.into(), purpose: None, tenant: None }
    }

    /// The same policy for what is connected for this purpose.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { purpose: Some(purpose), ..self.clone() }
    }

    /// The same policy for what is connected in the name of this tenant.
    #[must_use]
    pub fn for_tenant(&self, name: &str) -> Self {
        Self { tenant: Some(name.into()), ..self.clone() }
    }

    /// Whether it depends on the tenant what is allowed.
    pub fn tells_tenants_apart(&self) -> bool {
        self.allow.iter().any(|allowance| !allowance.tenants.is_empty())
    }

    /// Whether it depends on the port what is allowed.
    pub(crate) fn tells_ports_apart(&self) -> bool {
        self.allow.iter().any(|allowance| !allowance.ports.is_empty())
    }

    pub(crate) fn purpose(&self) -> Option<Purpose> {
        self.purpose
    }

    pub(crate) fn tenant(&self) -> Option<&Arc<str>> {
        self.tenant.as_ref()
    }

    /// Whether this port of `address` may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: IpAddr, port: u16) -> Result<(), Denial> {
        if self.lists(address, port) {
            return Ok(());
        }
        let denied = |kind| Err(Denial { address, kind });
        match address {
            IpAddr::V4(v4) => kind_of_v4(v4).map_or(Ok(()), denied),
            IpAddr::V6(v6) => match Embedded::of(v6) {
                Some(Embedded::One(inner)) => self.check_embedded(address, inner, port),
                Some(Embedded::Two(inner, other)) => {
                    self.check_embedded(address, inner, port)?;
                    self.check_embedded(address, other, port)
                }
                None => kind_of_v6(v6).map_or(Ok(()), denied),
            },
        }
    }

    /// Whether credentials may go to this port of `address` without TLS, which they may only where the operator has listed it.
    ///
    /// # Errors
    /// Why not.
    pub fn check_without_tls(&self, address: IpAddr, port: u16) -> Result<(), Denial> {
        self.check(address, port)?;
        let listed = self.lists(address, port)
            || match address {
                IpAddr::V4(_) => false,
                IpAddr::V6(v6) => match Embedded::of(v6) {
                    Some(Embedded::One(inner)) => self.lists(inner.into(), port),
                    Some(Embedded::Two(..)) | None => false,
                },
            };
        if listed { Ok(()) } else { Err(Denial { address, kind: WITHOUT_TLS }) }
    }

    /// Whether the operator has listed it, for this purpose and tenant.
    fn lists(&self, address: IpAddr, port: u16) -> bool {
        self.allow.iter().any(|Allowance { network, purposes, ports, tenants }| {
            let purpose = purposes.is_empty() || self.purpose.is_some_and(|own| purposes.contains(&own));
            let tenant = tenants.is_empty()
                || self.tenant.as_ref().is_some_and(|own| tenants.iter().any(|name| **name == **own));
            let port = ports.is_empty() || ports.contains(&port);
            purpose && tenant && port && network.contains(&address)
        })
    }

    fn check_embedded(&self, address: IpAddr, inner: Ipv4Addr, port: u16) -> Result<(), Denial> {
        self.check(IpAddr::V4(inner), port).map_err(|denial| Denial { address, ..denial })
    }
}

/// What an address is called to which credentials go by https only.
const WITHOUT_TLS: &str = "one that is spoken to by https only";

/// IPv4 addresses that an IPv6 address leads to.
enum Embedded {
    One(Ipv4Addr),
    Two(Ipv4Addr, Ipv4Addr),
}

impl Embedded {
    fn of(address: Ipv6Addr) -> Option<Self> {
        let v4 = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Ipv4Addr::new(a, b, c, d)
        };
        match address.segments() {
            // IPv4-mapped (RFC 4291 §2.5.5.2), and NAT64's well-known prefix (RFC 6052 §2.1).
            [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => {
                Some(Self::One(v4(high, low)))
            }
            // 6to4 (RFC 3056 §2).
            [0x2002, high, low, ..] => Some(Self::One(v4(high, low))),
            // Teredo (RFC 4380 §4): the server, and the client with its bits inverted.
            [0x2001, 0, server_high, server_low, _, _, client_high, client_low] => {
                Some(Self::Two(v4(server_high, server_low), v4(!client_high, !client_low)))
            }
            _ => None,
        }
    }
}

const fn net4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn net6(segments: [u16; 3], prefix: u8) -> Ipv6Net {
    let [a, b, c] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The IANA registry of special-purpose IPv4 addresses (RFC 6890), and multicast.
const SPECIAL_V4: [(Ipv4Net, &str); 15] = [
    (net4(0, 0, 0, 0, 8), "an unspecified address"),
    (net4(10, 0, 0, 0, 8), "a private address"),
    (net4(100, 64, 0, 0, 10), "a shared address (carrier-grade NAT)"),
    (net4(127, 0, 0, 0, 8), "a loopback address"),
    (net4(169, 254, 0, 0, 16), "a link-local address"),
    (net4(172, 16, 0, 0, 12), "a private address"),
    (net4(192, 0, 0, 0, 24), "an address for protocols"),
    (net4(192, 0, 2, 0, 24), "an address for documentation"),
    (net4(192, 88, 99, 0, 24), "an address of 6to4 relays"),
    (net4(192, 168, 0, 0, 16), "a private address"),
    (net4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (net4(198, 51, 100, 0, 24), "an address for documentation"),
    (net4(203, 0, 113, 0, 24), "an address for documentation"),
    (net4(224, 0, 0, 0, 4), "a multicast address"),
    (net4(240, 0, 0, 0, 4), "a reserved or broadcast address"),
];

/// What can be told apart among IPv6 addresses; everything else outside of 2000::/3 is denied too.
const SPECIAL_V6: [(Ipv6Net, &str); 9] = [
    (net6([0x2001, 0, 0], 23), "an address for protocols"),
    (net6([0x2001, 0xDB8, 0], 32), "an address for documentation"),
    (net6([0x3FFF, 0, 0], 20), "an address for documentation"),
    (net6([0x64, 0xFF9B, 1], 48), "an address of a private NAT64"),
    (net6([0xFC00, 0, 0], 7), "a private address (unique local)"),
    (net6([0xFE80, 0, 0], 10), "a link-local address"),
    (net6([0xFEC0, 0, 0], 10), "a private address (site-local)"),
    (net6([0xFF00, 0, 0], 8), "a multicast address"),
    (net6([0, 0, 0], 96), "an IPv4-compatible address"),
];

const GLOBAL_UNICAST: Ipv6Net = net6([0x2000, 0, 0], 3);

fn kind_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind)
}

fn kind_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("an unspecified address");
    }
    if address.is_loopback() {
        return Some("a loopback address");
    }
    let special = SPECIAL_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, kind)| *kind);
    special.or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some("a reserved address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &EgressPolicy, address: &str) -> Option<&'static str> {
        policy.check(address.parse().unwrap(), 443).err().map(|denial| denial.kind())
    }

    #[test]
    fn only_the_public_internet_is_allowed() {
        let policy = EgressPolicy::public_only();
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(verdict(&policy, address), None, "{address}");
        }
        for (address, kind) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.127.255.255", "carrier"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.2.1", "documentation"),
            ("192.168.255.255", "private"),
            ("198.51.100.7", "documentation"),
            ("198.19.0.1", "benchmarks"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.250", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::7f00:1", "compatible"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b:1::1", "NAT64"),
            ("2002:7f00:1::", "loopback"),
            ("2002:a9fe:a9fe::1", "link-local"),
            ("2001:0:0a00:1::", "private"),
            // A public server, and a client of 10.0.0.1, inverted.
            ("2001:0:808:808:0:0:f5ff:fffe", "private"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("fc00::1", "unique local"),
            ("fd12:3456::1", "unique local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
            ("4000::1", "reserved"),
        ] {
            let found = verdict(&policy, address).unwrap_or_default();
            assert!(found.contains(kind), "{address}: {found}");
        }
    }

    #[test]
    fn operators_allow_networks() {
        let policy =
            EgressPolicy::allowing(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::", "fd00:1::9"] {
            assert_eq!(verdict(&policy, address), None, "{address}");
        }
        for address in ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::9", "127.0.0.1"] {
            assert!(verdict(&policy, address).is_some(), "{address}");
        }
    }

    #[test]
    fn an_allowance_is_for_its_purposes_ports_and_tenants_only() {
        let policy = EgressPolicy::limited(vec![Allowance {
            purposes: vec![Purpose::Acme],
            ports: vec![443],
            tenants: vec!["team-a".to_owned()],
            ..Allowance::from("10.0.0.0/8".parse::<IpNet>().unwrap())
        }]);
        let allows =
            |policy: &EgressPolicy, address: &str, port| policy.check(address.parse().unwrap(), port).is_ok();
        let own = policy.for_purpose(Purpose::Acme).for_tenant("team-a");
        assert!(allows(&own, "10.1.2.3", 443) && allows(&own, "::ffff:10.1.2.3", 443));
        assert!(
            !allows(&own, "10.1.2.3", 80) && !allows(&own, "11.0.0.1".replace("11", "127").as_str(), 443)
        );
        for other in [
            policy.clone(),
            policy.for_tenant("team-a"),
            policy.for_purpose(Purpose::Acme),
            policy.for_purpose(Purpose::Acme).for_tenant("team-b"),
            policy.for_purpose(Purpose::Validation).for_tenant("team-a"),
        ] {
            assert!(!allows(&other, "10.1.2.3", 443), "{other:?}");
            assert!(allows(&other, "8.8.8.8", 443), "{other:?}");
        }
    }

    #[test]
    fn credentials_go_without_tls_only_to_what_is_listed() {
        let policy = EgressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
        let verdict = |address: &str| policy.check_without_tls(address.parse().unwrap(), 80);
        assert!(verdict("127.0.0.1").is_ok() && verdict("::ffff:127.0.0.1").is_ok());
        assert!(verdict("8.8.8.8").unwrap_err().is_for_want_of_tls());
        assert!(!verdict("10.0.0.1").unwrap_err().is_for_want_of_tls());
    }
}
