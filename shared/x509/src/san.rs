//! Subject alternative names (RFC 5280 §4.2.1.6).

use std::{
    collections::HashSet,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use crate::{
    DnsName, OtherName, X509Error,
    reader::Reader,
    writer::{Writer, tag},
};

const OTHER_NAME: u8 = tag::context_constructed(0);
const RFC822_NAME: u8 = tag::context(1);
const DNS_NAME: u8 = tag::context(2);
const URI: u8 = tag::context(6);
const IP_ADDRESS: u8 = tag::context(7);

/// An e-mail address (`rfc822Name`): ASCII, its domain in lower case and A-labels. The part before
/// the `@` is kept as it was written, since only its own host knows whether case matters (RFC 5321
/// §2.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host after the `@`.
    pub fn host(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, host)| host)
    }
}

impl FromStr for EmailAddress {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let refuse = |reason: &str| X509Error::invalid_name(text, reason);
        let (local, host) =
            text.rsplit_once('@').ok_or_else(|| refuse("an e-mail address has the form name@example.com"))?;
        // RFC 5321 §4.1.2 "Dot-string" and §4.5.3.1.1; quoted forms are not taken.
        let atoms_legal = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_octet));
        if !atoms_legal || local.len() > 64 {
            return Err(refuse(
                "the part before the @ has 1 to 64 ASCII letters, digits or !#$%&'*+-/=?^_`{|}~, \
                 with single dots inside",
            ));
        }
        let host: DnsName = host.parse().map_err(|error| match error {
            X509Error::InvalidName { reason, .. } => refuse(&format!("its host is wrong: {reason}")),
            other => other,
        })?;
        if host.is_wildcard() {
            return Err(refuse("the host of an e-mail address cannot be a wildcard"));
        }
        let address = format!("{local}@{host}");
        // RFC 5321 §4.5.3.1.3: a path of 256 characters with its two brackets.
        if address.len() > 254 {
            return Err(refuse("an e-mail address has at most 254 characters"));
        }
        Ok(Self(address))
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An octet of an atom (RFC 5322 §3.2.3).
pub(crate) const fn is_atom_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=')
        || matches!(octet, b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// An absolute URI (`uniformResourceIdentifier`, RFC 3986), ASCII, as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UriName(String);

impl UriName {
    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UriName {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        check_uri(text).map_err(|reason| X509Error::invalid_name(text, reason))?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UriName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

const MAX_URI: usize = 2048;

fn check_uri(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_URI {
        return Err("a URI has at most 2048 characters");
    }
    let (_, rest) = text
        .split_once(':')
        .filter(|(scheme, _)| is_scheme(scheme))
        .ok_or("a URI begins with its scheme, as in spiffe://example.org/service")?;
    if rest.is_empty() {
        return Err("nothing follows the scheme");
    }
    if !text.bytes().all(is_uri_octet) {
        return Err("a URI is ASCII without spaces; write other characters as %XX (RFC 3986 section 2.1)");
    }
    let escapes_legal = rest
        .split('%')
        .skip(1)
        .all(|escape| escape.len() >= 2 && escape.bytes().take(2).all(|digit| digit.is_ascii_hexdigit()));
    if !escapes_legal {
        return Err("each % is followed by two hexadecimal digits (RFC 3986 section 2.1)");
    }
    // RFC 5280 §4.2.1.6: a URI with an authority names a host.
    let authority = rest.strip_prefix("//").map(|after| after.split(['/', '?', '#']).next().unwrap_or(""));
    let host = authority.map(|authority| authority.rsplit('@').next().unwrap_or(""));
    if host.is_some_and(|host| host.is_empty() || host.starts_with(':')) {
        return Err("a host must follow the // (RFC 5280 section 4.2.1.6)");
    }
    Ok(())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
}

/// Reserved and unreserved characters and `%` (RFC 3986 §2).
const fn is_uri_octet(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(octet, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// The subject alternative names of a certificate or a request, each kind in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// Host names and wildcards.
    pub dns: Vec<DnsName>,
    /// IP addresses.
    pub ip: Vec<IpAddr>,
    /// E-mail addresses.
    pub email: Vec<EmailAddress>,
    /// URIs.
    pub uri: Vec<UriName>,
    /// Names of other types, as texts.
    pub other: Vec<OtherName>,
}

impl SubjectAltNames {
    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many names there are, of all kinds.
    pub fn len(&self) -> usize {
        self.dns.len() + self.ip.len() + self.email.len() + self.uri.len() + self.other.len()
    }

    /// Drops repeated names; the first of each stays where it is.
    pub fn dedup(&mut self) {
        keep_first(&mut self.dns);
        keep_first(&mut self.ip);
        keep_first(&mut self.email);
        keep_first(&mut self.uri);
        keep_first(&mut self.other);
    }

    /// The DER of `GeneralNames`, what the extension's OCTET STRING wraps: DNS names, then IP
    /// addresses, e-mail addresses, URIs, other names.
    pub fn extension_value_der(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(32 * self.len() + 8);
        self.write(&mut writer);
        writer.finish()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.sequence(|names| {
            for name in &self.dns {
                names.primitive(DNS_NAME, name.as_str().as_bytes());
            }
            for address in &self.ip {
                match address {
                    IpAddr::V4(address) => names.primitive(IP_ADDRESS, &address.octets()),
                    IpAddr::V6(address) => names.primitive(IP_ADDRESS, &address.octets()),
                }
            }
            for address in &self.email {
                names.primitive(RFC822_NAME, address.as_str().as_bytes());
            }
            for uri in &self.uri {
                names.primitive(URI, uri.as_str().as_bytes());
            }
            for name in &self.other {
                name.write(names);
            }
        });
    }

    /// Reads `GeneralNames`, DNS names by `dns_name`. Every name that this type cannot hold (other kinds, illegal texts)
    /// goes to `refused`, which ends the reading with an error or passes the name over.
    pub(crate) fn parse(
        general_names: &[u8],
        dns_name: DnsNameReader,
        mut refused: impl FnMut(X509Error) -> Result<(), X509Error>,
    ) -> Result<Self, X509Error> {
        let mut names = Self::default();
        let mut entries = Reader::of_sequence(general_names)?;
        while let Some((tag, contents)) = entries.next_value()? {
            if let Err(error) = names.push_general_name(tag, contents, dns_name) {
                refused(error)?;
            }
        }
        Ok(names)
    }

    /// Adds one `GeneralName`, given by its identifier octet and contents.
    pub(crate) fn push_general_name(
        &mut self,
        tag: u8,
        contents: &[u8],
        dns_name: DnsNameReader,
    ) -> Result<(), X509Error> {
        let text = || {
            let text = String::from_utf8_lossy(contents);
            if contents.is_ascii() {
                Ok(text)
            } else {
                Err(X509Error::invalid_name(&text, "it must be ASCII (IA5String)"))
            }
        };
        match tag {
            DNS_NAME => self.dns.push(dns_name(&text()?)?),
            RFC822_NAME => self.email.push(text()?.parse()?),
            URI => self.uri.push(text()?.parse()?),
            OTHER_NAME => self.other.push(OtherName::parse(contents)?),
            IP_ADDRESS => self.ip.push(ip_address(contents)?),
            _ => {
                return Err(X509Error::InvalidName {
                    value: "subject alternative name".into(),
                    reason: "only DNS names, IP addresses, e-mail addresses, URIs and other names with a UTF8String are \
                             supported"
                        .into(),
                });
            }
        }
        Ok(())
    }
}

/// How strictly a DNS name is read: as one that is to be certified here, or as one that another CA has certified.
pub(crate) type DnsNameReader = fn(&str) -> Result<DnsName, X509Error>;

pub(crate) fn ip_address(octets: &[u8]) -> Result<IpAddr, X509Error> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| IpAddr::from(Ipv6Addr::from(octets))))
        .map_err(|_| X509Error::InvalidName {
            value: "IP address".into(),
            reason: format!("it has {} octets; an address has 4 or 16", octets.len()),
        })
}

fn keep_first<T: Clone + Eq + Hash>(names: &mut Vec<T>) {
    // Most certificates have one or two names.
    if names.len() > 1 {
        let mut seen = HashSet::with_capacity(names.len());
        names.retain(|name| seen.insert(name.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_checked_and_their_host_is_canonical() {
        for (text, canonical) in [
            ("Ann@Example.COM", "Ann@example.com"),
            ("a.b+c@bücher.example", "a.b+c@xn--bcher-kva.example"),
            ("!#$%&'*+-/=?^_`{|}~@a.example", "!#$%&'*+-/=?^_`{|}~@a.example"),
            ("root@localhost", "root@localhost"),
        ] {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), canonical);
        }
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@example.com",
            "a@b@example.com",
            "a b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "ü@example.com",
            "\"a\"@example.com",
            "a(b)@example.com",
            "a@*.example.com",
            "a@10.0.0.1",
            "a@-x.com",
            "a\0@example.com",
            "a,b@example.com",
            "<a@example.com>",
        ] {
            assert!(matches!(text.parse::<EmailAddress>(), Err(X509Error::InvalidName { .. })), "{text}");
        }
        assert!(format!("{}@example.com", "a".repeat(65)).parse::<EmailAddress>().is_err());
        assert_eq!("a@B.example".parse::<EmailAddress>().unwrap().host(), "b.example");
    }

    #[test]
    fn uris_are_absolute_and_ascii() {
        for text in [
            "spiffe://example.org/ns/a/sa/b",
            "https://user@example.org:8443/a?b=c#d",
            "urn:uuid:f81d4fae-7dec-11d0",
            "https://[2001:db8::1]/",
            "mailto:a@example.org",
            "a+b-c.d:x",
            "https://example.org/%C3%BC",
        ] {
            assert_eq!(text.parse::<UriName>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "example.org",
            "/a/b",
            "//example.org/a",
            ":x",
            "1a://example.org",
            "https:",
            "https://",
            "https:///a",
            "https://:443/",
            "https://user@/",
            "https://example.org/a b",
            "https://example.org/ü",
            "https://example.org/%g0",
            "https://example.org/%a",
            "https://example.org/<x>",
            "https://example.org/\0",
            "é:x",
            "h ttp://a",
        ] {
            assert!(matches!(text.parse::<UriName>(), Err(X509Error::InvalidName { .. })), "{text}");
        }
        assert!(format!("x:{}", "a".repeat(2047)).parse::<UriName>().is_err());
    }

    #[test]
    fn general_names_round_trip_and_repeats_are_dropped() {
        let mut names = SubjectAltNames {
            dns: ["b.example", "a.example", "B.example"].map(|name| name.parse().unwrap()).into(),
            ip: ["10.0.0.1", "2001:db8::1", "10.0.0.1"].map(|name| name.parse().unwrap()).into(),
            email: vec!["a@example.com".parse().unwrap(); 2],
            uri: vec!["urn:a:b".parse().unwrap(); 3],
            other: vec!["1.2.3;UTF8:ä".parse().unwrap(); 2],
        };
        assert_eq!(names.len(), 13);
        names.dedup();
        assert_eq!(names.dns.iter().map(DnsName::as_str).collect::<Vec<_>>(), ["b.example", "a.example"]);
        assert_eq!(names.len(), 7);
        let der = names.extension_value_der();
        assert_eq!(SubjectAltNames::parse(&der, str::parse, Err).unwrap(), names);
        assert!(SubjectAltNames::default().is_empty());
    }

    #[test]
    fn names_that_cannot_be_held_are_handed_to_the_caller() {
        // registeredID 1.2.3, a DNS name with an underscore, an address of 5 octets, a good name.
        let der = b"\x30\x16\x88\x02\x2a\x03\x82\x03a_b\x87\x05abcde\x82\x04good";
        assert!(SubjectAltNames::parse(der, str::parse, Err).is_err());
        let mut refusals = 0;
        let names = SubjectAltNames::parse(der, str::parse, |_| {
            refusals += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!((names.len(), refusals), (1, 3));
    }
}
