//! Name constraints (RFC 5280 §4.2.1.10).

use crate::{
    DnsName, X509Error,
    writer::{Writer, tag},
};

/// The DNS names under a CA. A constraint is met by its own name and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// When there are any, every DNS name must be within one of these.
    pub permitted_dns: Vec<String>,
    /// No DNS name may be within one of these.
    pub excluded_dns: Vec<String>,
}

impl NameConstraints {
    /// Whether it constrains nothing.
    pub fn is_empty(&self) -> bool {
        self.permitted_dns.is_empty() && self.excluded_dns.is_empty()
    }

    /// The DER of `NameConstraints`, names in canonical form. A dot in front, which people write
    /// for "everything below", is dropped: RFC 5280 gives it no meaning for DNS names.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`] when a constraint is not a host name, or is a wildcard.
    pub fn extension_value_der(&self) -> Result<Vec<u8>, X509Error> {
        let permitted = canonical(&self.permitted_dns)?;
        let excluded = canonical(&self.excluded_dns)?;
        let mut writer = Writer::with_capacity(64);
        writer.sequence(|constraints| {
            for (number, subtrees) in [(0, permitted), (1, excluded)] {
                // `GeneralSubtrees` has at least one.
                if !subtrees.is_empty() {
                    constraints.nested(tag::context_constructed(number), |list| {
                        for name in subtrees {
                            list.sequence(|subtree| {
                                subtree.primitive(tag::context(2), name.as_str().as_bytes());
                            });
                        }
                    });
                }
            }
        });
        Ok(writer.finish())
    }
}

fn canonical(names: &[String]) -> Result<Vec<DnsName>, X509Error> {
    names
        .iter()
        .map(|text| {
            let name: DnsName = text.strip_prefix('.').unwrap_or(text).parse()?;
            if name.is_wildcard() {
                return Err(X509Error::invalid_name(
                    text,
                    "a constraint covers all names below it; leave the \"*.\" out",
                ));
            }
            Ok(name)
        })
        .collect()
}
