//! The names of a certificate in the one form that the server gives each, so that what is there is told from what is wanted
//! by what it means and not by how it was written.

use std::net::IpAddr;

use anyhow::Context;
use certmill_x509::{DnsName, EmailAddress, UriName};

/// A name that is asked for or stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// Small letters, A-labels, without a dot at the end.
    Dns(String),
    Email(String),
    Uri(String),
    /// IPv4 where it is one, also if it was written as IPv6.
    Ip(IpAddr),
}

/// Each of these names once, in their order.
///
/// # Errors
/// The first that is no name, and why.
pub(super) fn canonical(names: &[String]) -> anyhow::Result<Vec<Name>> {
    let mut wanted = Vec::with_capacity(names.len());
    for text in names {
        let name = one(text).with_context(|| format!("names: `{text}` is not a name"))?;
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    Ok(wanted)
}

fn one(text: &str) -> anyhow::Result<Name> {
    Ok(if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Name::Ip(address.to_canonical())
    } else if text.contains("://") || text.starts_with("urn:") {
        Name::Uri(text.parse::<UriName>()?.to_string())
    } else if text.contains('@') {
        Name::Email(text.parse::<EmailAddress>()?.to_string())
    } else {
        Name::Dns(text.parse::<DnsName>()?.to_string())
    })
}

/// A DNS name of a certificate; one that is none of ours is kept as it is.
pub(super) fn dns(text: &str) -> Name {
    Name::Dns(text.parse::<DnsName>().map_or_else(|_| text.to_owned(), |name| name.to_string()))
}

/// An e-mail address of a certificate.
pub(super) fn email(text: &str) -> Name {
    Name::Email(text.parse::<EmailAddress>().map_or_else(|_| text.to_owned(), |name| name.to_string()))
}

/// The address that stands in a certificate.
pub(super) fn ip(octets: &[u8]) -> Option<Name> {
    let address = match octets.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
        _ => return None,
    };
    Some(Name::Ip(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_form() {
        let names = |texts: &[&str]| {
            canonical(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(
            names(&[
                "Bücher.example.",
                "xn--bcher-kva.example",
                "[2001:DB8:0::1]",
                "2001:db8::1",
                "::ffff:10.0.0.1",
                "10.0.0.1"
            ]),
            [
                Name::Dns("xn--bcher-kva.example".to_owned()),
                Name::Ip("2001:db8::1".parse().unwrap()),
                Name::Ip("10.0.0.1".parse().unwrap()),
            ]
        );
        assert_eq!(names(&["A@Example.com"]), [email("A@example.com")]);
        for text in ["a,DNS:b", "a b", "", "a..b", "a@", "a\0b"] {
            let error = canonical(&[text.to_owned()]).unwrap_err();
            assert!(format!("{error:#}").contains("is not a name"), "{text}");
        }
    }
}
