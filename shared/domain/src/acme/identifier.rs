//! What a certificate from an ACME server is for: DNS names, wildcards and IP addresses.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use certmill_x509::{DnsName, SubjectAltNames};

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
    /// Reads what is stored. It was checked before it was stored, by the rules of that time, and is not judged again by those
    /// of today.
    pub fn stored(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Dns(text.to_owned()), Self::Ip)
    }

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
        let name = DnsName::for_another_ca(text).map_err(|error| error.to_string())?;
        let base = name.wildcard_base().unwrap_or(name.as_str());
        if name.is_wildcard() && !name.as_str().starts_with("*.") {
            return Err("has a wildcard beside other characters: CAs only certify *.example.com".into());
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
    /// Reads the names of a row, as they are.
    pub fn stored<S: AsRef<str>>(names: &[S]) -> Self {
        Self(names.iter().map(|name| AcmeIdentifier::stored(name.as_ref())).collect())
    }

    /// Reads and checks the names of a request.
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

    /// Finds the first name that no public CA certifies; a private one may.
    ///
    /// # Errors
    /// A sentence about what is wrong, naming the name.
    pub fn check_public(&self) -> Result<(), String> {
        let refused = |name: &String, problem: String| {
            let shown: String = name.chars().take(64).collect();
            Err(format!("`{shown}`: {problem}"))
        };
        for name in self.texts() {
            if name.parse::<IpAddr>().is_ok() {
                continue;
            }
            if !name.strip_prefix("*.").unwrap_or(&name).contains('.') {
                let problem =
                    "is no name below a public suffix: public CAs only certify names such as www.example.com";
                return refused(&name, problem.to_owned());
            }
            if let Err(error) = name.parse::<DnsName>() {
                return refused(&name, error.to_string());
            }
        }
        Ok(())
    }

    /// The names as they stand in a CSR.
    ///
    /// # Errors
    /// [`X509Error`](certmill_x509::X509Error) for a name that cannot stand in one.
    pub fn subject_alt_names(&self) -> Result<SubjectAltNames, certmill_x509::X509Error> {
        let mut names = SubjectAltNames::default();
        for identifier in &self.0 {
            match identifier {
                AcmeIdentifier::Dns(name) => names.dns.push(DnsName::for_another_ca(name)?),
                AcmeIdentifier::Ip(address) => names.ip.push(*address),
            }
        }
        Ok(names)
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
    fn what_is_the_ca_s_business_is_left_to_private_ones() {
        let names = |name| AcmeIdentifiers::parse(&[name]).unwrap();
        for (name, problem) in
            [("printer", "public suffix"), ("*.com", "public suffix"), ("xn--i-7iq.ws", "emoji")]
        {
            assert!(names(name).check_public().unwrap_err().contains(problem), "{name}");
            assert_eq!(names(name).texts(), [name]);
        }
        assert!(names("www.example.com").check_public().is_ok() && names("192.0.2.1").check_public().is_ok());
        let sans = names("xn--i-7iq.ws").subject_alt_names().unwrap();
        assert_eq!(sans.dns[0].as_str(), "xn--i-7iq.ws");
    }

    #[test]
    fn what_is_stored_is_not_judged_again() {
        let names = ["*.example.com", "a_b.example.com", "printer", "2001:db8::1"];
        let read = AcmeIdentifiers::stored(&names);
        assert_eq!(read.texts(), names);
        assert!(matches!(read.iter().last(), Some(AcmeIdentifier::Ip(_))));
    }

    #[test]
    fn what_no_ca_certifies_is_refused() {
        for (name, problem) in
            [("a_b.example.com", "underscore"), ("a.*.example.com", "a.*.example.com"), ("", "``")]
        {
            let refusal = texts(&[name]).unwrap_err();
            assert!(refusal.contains(problem), "{name}: {refusal}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("n{n}.example.com")).collect();
        assert!(AcmeIdentifiers::parse(&many).unwrap_err().contains("at most 100"));
        assert!(texts(&[]).unwrap_err().contains("at least one"));
    }
}
