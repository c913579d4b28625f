//! What a certificate from an ACME server is for: DNS names, wildcards and IP addresses.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use certmill_x509::DnsName;

/// The most names that an order may have; the large CAs allow 100.
const MOST: usize = 100;

/// A DNS name in A-labels and lower case, perhaps a wildcard, or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AcmeIdentifier {
    /// A name such as `www.example.com` or `*.example.com`.
    Dns(String),
    /// An address (RFC 8738).
    Ip(IpAddr),
}

impl AcmeIdentifier {
    /// Whether it is a wildcard.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.starts_with("*."))
    }

    /// The name that is proven to be controlled: a wildcard's without the `*.`.
    pub fn base(&self) -> String {
        match self {
            Self::Dns(name) => name.strip_prefix("*.").unwrap_or(name).to_owned(),
            Self::Ip(address) => address.to_string(),
        }
    }
}

impl fmt::Display for AcmeIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl FromStr for AcmeIdentifier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address));
        }
        let name: DnsName = text.parse().map_err(|error: certmill_x509::X509Error| error.to_string())?;
        let base = name.wildcard_base().unwrap_or(name.as_str());
        if name.is_wildcard() && !name.as_str().starts_with("*.") {
            return Err("has a wildcard beside other characters: CAs only certify *.example.com".into());
        }
        if !base.contains('.') {
            return Err(
                "is no name below a public suffix: CAs only certify names such as www.example.com".into()
            );
        }
        if base.contains('_') {
            return Err("has an underscore, which CAs do not certify".into());
        }
        Ok(Self::Dns(name.as_str().to_owned()))
    }
}

/// The identifiers of one order: sorted, without doubles, and without names that a wildcard among them covers, because
/// CAs refuse such an overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeIdentifiers(Vec<AcmeIdentifier>);

impl AcmeIdentifiers {
    /// Reads the names of a request.
    ///
    /// # Errors
    /// A sentence about what is wrong, naming the name.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, String> {
        let mut all = BTreeSet::new();
        for name in names {
            let name = name.as_ref().trim();
            let shown: String = name.chars().take(64).collect();
            all.insert(name.parse::<AcmeIdentifier>().map_err(|problem| format!("`{shown}`: {problem}"))?);
        }
        if all.is_empty() {
            return Err("needs at least one name".into());
        }
        if all.len() > MOST {
            return Err(format!("has {} names; an order has at most {MOST}", all.len()));
        }
        let covered = |name: &AcmeIdentifier| match name {
            AcmeIdentifier::Dns(name) if !name.starts_with("*.") => name
                .split_once('.')
                .is_some_and(|(_, parent)| all.contains(&AcmeIdentifier::Dns(format!("*.{parent}")))),
            _ => false,
        };
        Ok(Self(all.iter().filter(|name| !covered(name)).cloned().collect()))
    }

    /// The identifiers, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &AcmeIdentifier> {
        self.0.iter()
    }

    /// Their texts, sorted.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Result<Vec<String>, String> {
        AcmeIdentifiers::parse(names).map(|names| names.texts())
    }

    #[test]
    fn names_are_normalised() {
        assert_eq!(
            texts(&["WWW.Example.com.", "bücher.example", "www.example.com", "192.0.2.1", "2001:DB8::1"])
                .unwrap(),
            ["www.example.com", "xn--bcher-kva.example", "192.0.2.1", "2001:db8::1"]
        );
    }

    #[test]
    fn what_a_wildcard_covers_is_left_out() {
        assert_eq!(
            texts(&["example.com", "*.example.com", "www.example.com", "a.www.example.com"]).unwrap(),
            ["*.example.com", "a.www.example.com", "example.com"]
        );
    }

    #[test]
    fn what_no_ca_certifies_is_refused() {
        for (name, problem) in [
            ("localhost", "public suffix"),
            ("*.com", "public suffix"),
            ("a_b.example.com", "underscore"),
            ("a.*.example.com", "a.*.example.com"),
            ("", "``"),
        ] {
            let refusal = texts(&[name]).unwrap_err();
            assert!(refusal.contains(problem), "{name}: {refusal}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("n{n}.example.com")).collect();
        assert!(AcmeIdentifiers::parse(&many).unwrap_err().contains("at most 100"));
        assert!(texts(&[]).unwrap_err().contains("at least one"));
    }
}
