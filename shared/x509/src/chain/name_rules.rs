//! Name constraints (RFC 5280 §4.2.1.10) of every kind that can be applied.

use crate::{NameKey, X509Error, reader::Reader, writer::tag};

use super::{
    budget::{Budget, Exhausted},
    finding::{Code, Flaw, Ruling},
    general_name::GeneralName,
};

/// The number of the tag of an `otherName`.
const OTHER_NAME: u8 = 0;
/// Contents of the OID `id-on-SmtpUTF8Mailbox` (RFC 9598 §3).
const SMTP_UTF8_MAILBOX: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x08\x09";

/// `NameConstraints`: what a CA says of the names below it.
#[derive(Clone, Debug)]
pub(super) struct NameRules {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

/// The base of one subtree.
#[derive(Clone, Debug)]
enum Subtree {
    /// In lower case; empty for every name. Below it, and with `or_itself` the name itself.
    Dns { base: String, or_itself: bool },
    /// One mailbox, in lower case but for the local part.
    Mailbox(String),
    /// The mailboxes of one host, or (`below`) of all hosts of a domain but the domain itself.
    EmailHost { base: String, below: bool },
    /// URIs at one host, or (`below`) at all hosts of a domain but the domain itself.
    UriHost { base: String, below: bool },
    /// Addresses that agree in the bits of the mask.
    Ip { network: Vec<u8>, mask: Vec<u8> },
    /// Names that begin with these RDNs.
    Directory(NameKey),
    /// A kind that is not processed.
    Other(u8),
}

impl NameRules {
    /// # Errors
    /// [`X509Error::Der`] and [`X509Error::InvalidCertificate`] when it, or a base in it, is
    /// malformed.
    pub(super) fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut constraints = Reader::of_sequence(der)?;
        let permitted = subtrees(constraints.optional(tag::context_constructed(0))?)?;
        let excluded = subtrees(constraints.optional(tag::context_constructed(1))?)?;
        constraints.finish()?;
        Ok(Self { permitted, excluded })
    }

    /// Breaches that are seen without looking at the names below.
    pub(super) fn judge(&self, critical: bool, flaws: &mut Vec<Flaw>) {
        if self.permitted.is_empty() && self.excluded.is_empty() {
            flaws.push(Flaw::new(
                Code::NameConstraintsEmpty,
                "its name constraints are empty; there must be a permitted or an excluded subtree",
            ));
        }
        if !critical {
            flaws.push(Flaw::new(
                Code::NameConstraintsNotCritical,
                "its name constraints are not critical, which they must be",
            ));
        }
        let mut all = self.permitted.iter().chain(&self.excluded);
        if all.any(|subtree| matches!(subtree, Subtree::Dns { or_itself: false, .. })) {
            flaws.push(Flaw::new(
                Code::NameConstraintLeadingDot,
                "a constraint on DNS names begins with a dot, to which RFC 5280 gives no meaning; it is read \
                 as \"everything below\"",
            ));
        }
    }

    /// Whether a certificate below may hold this name.
    ///
    /// # Errors
    /// [`Exhausted`] when the budget does not cover the comparisons.
    pub(super) fn check(&self, name: &Subject<'_>, budget: &mut Budget) -> Result<Ruling, Exhausted> {
        budget.comparisons(self.permitted.len() + self.excluded.len())?;
        Ok(self.judge_name(name))
    }

    fn judge_name(&self, name: &Subject<'_>) -> Ruling {
        let unprocessable = || {
            Flaw::new(
                Code::NameConstraintsUnprocessable,
                format!("{} cannot be compared with the constraints on names of its kind", name.shown()),
            )
        };
        let mut permitted = None;
        for subtree in &self.permitted {
            match subtree.holds(name, Sense::Permitted) {
                Relation::OtherKind => {}
                Relation::Unprocessable => return Err(unprocessable()),
                Relation::Within(within) => permitted = Some(permitted.unwrap_or(false) || within),
            }
        }
        if permitted == Some(false) {
            return Err(Flaw::new(
                Code::NameNotPermitted,
                format!("{} is within none of the permitted subtrees", name.shown()),
            ));
        }
        for subtree in &self.excluded {
            match subtree.holds(name, Sense::Excluded) {
                Relation::OtherKind | Relation::Within(false) => {}
                Relation::Unprocessable => return Err(unprocessable()),
                Relation::Within(true) => {
                    return Err(Flaw::new(
                        Code::NameExcluded,
                        format!("{} is within an excluded subtree", name.shown()),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A name below a constraint.
pub(super) enum Subject<'a> {
    /// The certificate's subject.
    Distinguished(&'a NameKey, String),
    /// An e-mail address in the subject.
    Email(&'a str),
    /// An alternative name.
    Alternative(&'a GeneralName),
}

impl Subject<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Distinguished(_, text) => format!("the subject {text}"),
            Self::Email(text) => format!("the e-mail address {text} of the subject"),
            Self::Alternative(name) => format!("the alternative name {}", name.shown()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    Permitted,
    Excluded,
}

enum Relation {
    OtherKind,
    Within(bool),
    /// The name is of the constraint's kind, and cannot be compared: it counts as a breach in
    /// either sense.
    Unprocessable,
}

impl Subtree {
    fn holds(&self, name: &Subject<'_>, sense: Sense) -> Relation {
        use GeneralName as Name;
        match (self, name) {
            (Self::Dns { base, or_itself }, Subject::Alternative(Name::Dns(name))) => {
                let name = name.to_ascii_lowercase();
                // A dot at the end is not legal, and no way around a constraint either.
                let name = name.strip_suffix('.').unwrap_or(&name);
                Relation::Within(dns_within(name, base, *or_itself, sense))
            }
            (Self::Mailbox(_) | Self::EmailHost { .. }, Subject::Alternative(Name::Email(address))) => {
                self.holds_email(address)
            }
            (Self::Mailbox(_) | Self::EmailHost { .. }, Subject::Email(address)) => self.holds_email(address),
            (
                Self::Mailbox(_) | Self::EmailHost { .. },
                Subject::Alternative(Name::Other(kind, contents)),
            ) => match international_mailbox(*kind, contents) {
                None => Relation::OtherKind,
                Some(Ok(address)) => self.holds_email(&address),
                Some(Err(_)) => Relation::Unprocessable,
            },
            (Self::UriHost { base, below }, Subject::Alternative(Name::Uri(uri))) => match uri_host(uri) {
                Some(host) => Relation::Within(host_within(&host, base, *below)),
                None => Relation::Unprocessable,
            },
            (Self::Ip { network, mask }, Subject::Alternative(Name::Ip(octets))) => {
                Relation::Within(address_within(octets, network, mask))
            }
            (Self::Directory(base), Subject::Distinguished(name, _)) => {
                Relation::Within(name.is_within(base))
            }
            (Self::Directory(base), Subject::Alternative(Name::Directory(der))) => match NameKey::of_der(der)
            {
                Ok(name) => Relation::Within(name.is_within(base)),
                Err(_) => Relation::Unprocessable,
            },
            (Self::Other(kind), Subject::Alternative(Name::Other(name_kind, _))) if kind == name_kind => {
                Relation::Unprocessable
            }
            _ => Relation::OtherKind,
        }
    }

    fn holds_email(&self, address: &str) -> Relation {
        let Some(address) = mailbox(address) else {
            return Relation::Unprocessable;
        };
        match self {
            Self::Mailbox(base) => Relation::Within(address == *base),
            Self::EmailHost { base, below } => {
                let host = address.rsplit_once('@').map_or("", |(_, host)| host);
                Relation::Within(host_within(host, base, *below))
            }
            _ => Relation::OtherKind,
        }
    }
}

/// A wildcard stands for every label. It is permitted when all of these are, and excluded when one
/// of them is.
fn dns_within(name: &str, base: &str, or_itself: bool, sense: Sense) -> bool {
    let excluded = sense == Sense::Excluded;
    if base.is_empty() {
        return true;
    }
    // A dot in front narrows: what it excludes besides is decided for the careful side.
    if (name == base && (or_itself || excluded)) || is_below(name, base) {
        return true;
    }
    let wildcard_parent = name.split_once('.').filter(|(label, _)| label.contains('*')).map(|(_, rest)| rest);
    let base_parent = base.split_once('.').map(|(_, rest)| rest);
    excluded && wildcard_parent.is_some() && wildcard_parent == base_parent
}

fn host_within(host: &str, base: &str, below: bool) -> bool {
    // An empty constraint holds every host.
    base.is_empty() || if below { is_below(host, base) } else { host == base }
}

fn is_below(name: &str, base: &str) -> bool {
    name.strip_suffix(base).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
}

fn address_within(address: &[u8], network: &[u8], mask: &[u8]) -> bool {
    address.len() == network.len()
        && address
            .iter()
            .zip(network)
            .zip(mask)
            .all(|((octet, network), mask)| octet & mask == network & mask)
}

/// The address in an `otherName` of the type for local parts beyond ASCII, to which constraints on `rfc822Name`s apply too (RFC 9598
/// §6); none for a name of another type. A host that is not in A-labels cannot be compared.
fn international_mailbox(kind: u8, contents: &[u8]) -> Option<Result<String, X509Error>> {
    let mut name = Reader::new(contents).ok().filter(|_| kind == OTHER_NAME)?;
    if name.value(tag::OBJECT_IDENTIFIER).ok()? != SMTP_UTF8_MAILBOX {
        return None;
    }
    let address = || {
        let mut value = Reader::new(name.value(tag::context_constructed(0))?)?;
        name.finish()?;
        let text = value.value(tag::UTF8_STRING)?;
        value.finish()?;
        let text = std::str::from_utf8(text).map_err(|_| malformed("it is not UTF-8"))?;
        let is_comparable = text.rsplit_once('@').is_some_and(|(_, host)| host.is_ascii());
        if is_comparable { Ok(text.to_owned()) } else { Err(malformed("its host is not in A-labels")) }
    };
    Some(address())
}

/// An address whose host is in lower case.
fn mailbox(address: &str) -> Option<String> {
    let (local, host) = address.rsplit_once('@')?;
    if local.is_empty() || host.is_empty() {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(format!("{local}@{}", host.strip_suffix('.').unwrap_or(&host)))
}

/// The host name of a URI in lower case; none without an authority, or when it is an address
/// (RFC 5280: such a URI breaks any constraint on URIs).
fn uri_host(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once(':')?;
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let host_and_port = authority.rsplit('@').next()?;
    let host = host_and_port.split(':').next()?.to_ascii_lowercase();
    let host = host.strip_suffix('.').map(ToOwned::to_owned).unwrap_or(host);
    // Percent-encoded hosts would pass by an exclusion.
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    let is_name = !host.is_empty() && host.bytes().all(legal) && host.parse::<std::net::IpAddr>().is_err();
    is_name.then_some(host)
}

fn subtrees(contents: Option<&[u8]>) -> Result<Vec<Subtree>, X509Error> {
    let Some(contents) = contents else {
        return Ok(Vec::new());
    };
    let mut subtrees = Vec::new();
    let mut list = Reader::new(contents)?;
    while !list.is_at_end() {
        let mut subtree = list.sequence()?;
        let base = GeneralName::read(&mut subtree)?.ok_or_else(|| malformed("a subtree has no base"))?;
        // RFC 5280: minimum is 0 (and so left out), maximum absent.
        if !subtree.is_at_end() {
            return Err(malformed("a subtree has a minimum or maximum, which RFC 5280 does not use"));
        }
        subtrees.push(Subtree::new(base)?);
    }
    if subtrees.is_empty() {
        return Err(malformed("a list of subtrees is empty"));
    }
    Ok(subtrees)
}

fn malformed(reason: impl Into<String>) -> X509Error {
    X509Error::InvalidCertificate(reason.into())
}

impl Subtree {
    fn new(base: GeneralName) -> Result<Self, X509Error> {
        Ok(match base {
            GeneralName::Dns(text) => {
                let lower = text.to_ascii_lowercase();
                let (below, base) = domain(&lower)?;
                Self::Dns { base: base.to_owned(), or_itself: !below }
            }
            GeneralName::Email(text) if text.contains('@') => {
                let mailbox = mailbox(&text)
                    .filter(|_| text.parse::<crate::EmailAddress>().is_ok())
                    .ok_or_else(|| malformed("a constraint on e-mail addresses is no address"))?;
                Self::Mailbox(mailbox)
            }
            GeneralName::Email(text) => {
                let lower = text.to_ascii_lowercase();
                let (below, base) = domain(&lower)?;
                Self::EmailHost { base: base.to_owned(), below }
            }
            GeneralName::Uri(text) => {
                let lower = text.to_ascii_lowercase();
                let (below, base) = domain(&lower)?;
                Self::UriHost { base: base.to_owned(), below }
            }
            GeneralName::Ip(octets) => network(&octets)?,
            GeneralName::Directory(der) => Self::Directory(NameKey::of_der(&der)?),
            GeneralName::Other(kind, _) => Self::Other(kind),
        })
    }
}

/// Whether a dot stands in front, and the domain without it. An empty one holds every name.
fn domain(text: &str) -> Result<(bool, &str), X509Error> {
    let (below, base) = text.strip_prefix('.').map_or((false, text), |rest| (true, rest));
    let legal = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    if !text.is_empty() && (base.len() > 253 || !base.split('.').all(legal)) {
        return Err(malformed(format!("the constraint \"{}\" is no domain", text.escape_debug())));
    }
    Ok((below, base))
}

fn network(octets: &[u8]) -> Result<Subtree, X509Error> {
    let half = octets.len() / 2;
    let (network, mask) = octets.split_at(half);
    if !matches!(octets.len(), 8 | 32) {
        return Err(malformed("a constraint on IP addresses has neither 8 nor 32 octets"));
    }
    // RFC 4632 §3.1: ones, then zeros.
    let bits = mask.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
    let ones = mask.iter().map(|octet| octet.count_ones() as usize).sum();
    if bits.take(ones).any(|bit| bit == 0) {
        return Err(malformed("the mask of a constraint on IP addresses has gaps"));
    }
    Ok(Subtree::Ip { network: network.to_vec(), mask: mask.to_vec() })
}
