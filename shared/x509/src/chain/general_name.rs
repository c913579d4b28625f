//! `GeneralName` (RFC 5280 §4.2.1.6): names in alternative names, name constraints, distribution
//! points and access descriptions.

use std::net::IpAddr;

use crate::{DnsName, EmailAddress, NameKey, UriName, X509Error, reader::Reader, san, writer::tag};

/// A name of any kind, as it stands in a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GeneralName {
    /// `rfc822Name`.
    Email(String),
    /// `dNSName`.
    Dns(String),
    /// `directoryName`: its DER.
    Directory(Vec<u8>),
    /// `uniformResourceIdentifier`.
    Uri(String),
    /// `iPAddress`: its octets; twice as many in name constraints.
    Ip(Vec<u8>),
    /// Another kind: the number of its tag and its contents.
    Other(u8, Vec<u8>),
}

impl GeneralName {
    /// Reads the next name; none at the end.
    pub(crate) fn read(names: &mut Reader<'_>) -> Result<Option<Self>, X509Error> {
        let Some((identifier, contents)) = names.next_value()? else {
            return Ok(None);
        };
        let name = match identifier {
            EMAIL => Self::Email(ia5_text(contents)?),
            DNS => Self::Dns(ia5_text(contents)?),
            URI => Self::Uri(ia5_text(contents)?),
            IP => Self::Ip(contents.to_vec()),
            DIRECTORY => {
                // The tag is EXPLICIT, since Name is a CHOICE.
                let mut explicit = Reader::new(contents)?;
                let name = explicit.raw()?.to_vec();
                explicit.finish()?;
                NameKey::of_der(&name)?;
                Self::Directory(name)
            }
            OTHER_NAME | X400 | EDI_PARTY | REGISTERED_ID => {
                Self::Other(identifier & 0x1F, contents.to_vec())
            }
            _ => {
                return Err(X509Error::InvalidCertificate("a GeneralName has a tag from 0 to 8".into()));
            }
        };
        Ok(Some(name))
    }

    /// Reads all names of a list, without its header.
    pub(super) fn read_all(contents: &[u8]) -> Result<Vec<Self>, X509Error> {
        let mut names = Vec::new();
        let mut list = Reader::new(contents)?;
        while let Some(name) = Self::read(&mut list)? {
            names.push(name);
        }
        Ok(names)
    }

    /// Why it cannot be an alternative name; none when it can.
    pub(super) fn san_fault(&self) -> Option<String> {
        let fault = match self {
            Self::Email(text) => text.parse::<EmailAddress>().err(),
            Self::Dns(text) => dns_fault(text),
            Self::Uri(text) => text.parse::<UriName>().err(),
            Self::Ip(octets) => san::ip_address(octets).err(),
            Self::Directory(_) | Self::Other(..) => None,
        };
        fault.map(|error| error.to_string())
    }

    /// The text for people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Email(text) | Self::Dns(text) | Self::Uri(text) => text.escape_debug().take(120).collect(),
            Self::Directory(der) => crate::rfc4514_of_der(der).unwrap_or_default(),
            Self::Ip(octets) => match san::ip_address(octets) {
                Ok(address) => address.to_string(),
                Err(_) => format!("an address of {} octets", octets.len()),
            },
            Self::Other(kind, _) => format!("a name of kind {kind}"),
        }
    }
}

/// The address of 4 or 16 octets.
pub(super) fn address(octets: &[u8]) -> Option<IpAddr> {
    san::ip_address(octets).ok()
}

const OTHER_NAME: u8 = tag::context_constructed(0);
const EMAIL: u8 = tag::context(1);
const DNS: u8 = tag::context(2);
const X400: u8 = tag::context_constructed(3);
const DIRECTORY: u8 = tag::context_constructed(4);
const EDI_PARTY: u8 = tag::context_constructed(5);
const URI: u8 = tag::context(6);
const IP: u8 = tag::context(7);
const REGISTERED_ID: u8 = tag::context(8);

fn ia5_text(contents: &[u8]) -> Result<String, X509Error> {
    if !contents.is_ascii() {
        return Err(X509Error::InvalidCertificate(
            "a name holds octets beyond ASCII; international names are written as A-labels".into(),
        ));
    }
    Ok(contents.iter().copied().map(char::from).collect())
}

/// The "preferred name syntax", as it stands: no trailing dot, no mapping.
fn dns_fault(text: &str) -> Option<X509Error> {
    match text.parse::<DnsName>() {
        Ok(name) if name.as_str().eq_ignore_ascii_case(text) => None,
        Ok(name) => {
            Some(X509Error::invalid_name(text, format!("written in its canonical form it is {name}")))
        }
        Err(error) => Some(error),
    }
}
