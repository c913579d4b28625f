//! What a caller asks of a path.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{DnsName, EmailAddress, ExtendedKeyUsage, ObjectIdentifier, X509Error};

/// What a path must satisfy beyond RFC 5280.
#[derive(Clone, Debug)]
pub struct Options {
    /// The instant at which everything must be valid, in Unix seconds.
    pub at: i64,
    /// The purpose that the target is to be used for; none for any.
    pub purpose: Option<ExtendedKeyUsage>,
    /// More purposes, all of which it must permit too.
    pub more_purposes: Vec<ExtendedKeyUsage>,
    /// How many intermediate certificates a path may have; none for as many as are followed.
    pub max_depth: Option<usize>,
    /// The name under which the target was reached; none when it does not matter.
    pub name: Option<ExpectedName>,
    /// Certificate policies.
    pub policies: PolicyOptions,
    /// What becomes of [`super::Class::Profile`] findings.
    pub conformance: Conformance,
}

impl Options {
    /// Validity at an instant (Unix seconds), and nothing else.
    pub fn at(at: i64) -> Self {
        Self {
            at,
            purpose: None,
            more_purposes: Vec::new(),
            max_depth: None,
            name: None,
            policies: PolicyOptions::default(),
            conformance: Conformance::Enforce,
        }
    }
}

/// The inputs of RFC 5280 §6.1.1 (c) and (e) to (g).
#[derive(Clone, Debug, Default)]
pub struct PolicyOptions {
    /// The policies that are acceptable; none for any (`user-initial-policy-set`).
    pub acceptable: Option<Vec<ObjectIdentifier>>,
    /// Whether the path must be valid for one of them (`initial-explicit-policy`).
    pub require_explicit: bool,
    /// Whether policy mappings are ignored (`initial-policy-mapping-inhibit`).
    pub inhibit_mapping: bool,
    /// Whether anyPolicy counts for nothing (`initial-any-policy-inhibit`).
    pub inhibit_any: bool,
}

/// What becomes of breaches of the rules that RFC 5280 §4 makes for issuers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Conformance {
    /// They are errors.
    #[default]
    Enforce,
    /// They are warnings.
    Report,
}

/// The name of a service as RFC 9525 §2 has it: a host name or an IP address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpectedName {
    /// A host name, without wildcard.
    Dns(DnsName),
    /// An address.
    Ip(IpAddr),
    /// The sender or receiver of mail (RFC 8398 §3): the local part exactly, the host in any case.
    Email(EmailAddress),
}

/// Reads an IP address (IPv6 with or without brackets) or a host name in any case, Unicode and underscores
/// included.
impl FromStr for ExpectedName {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Ip(address));
        }
        DnsName::connected_to(text).map(Self::Dns)
    }
}

impl fmt::Display for ExpectedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(formatter),
            Self::Ip(address) => address.fmt(formatter),
            Self::Email(address) => address.fmt(formatter),
        }
    }
}
