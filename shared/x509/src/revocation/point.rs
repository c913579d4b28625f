//! `DistributionPointName` (RFC 5280 §4.2.1.13), in certificates and in CRLs.

use crate::{
    NameKey, X509Error,
    chain::GeneralName,
    reader::Reader,
    writer::{Writer, tag},
};

use super::extension::malformed;

/// Names within one list; more are not in use, and each is compared with each.
const MAX_NAMES: usize = 50;

/// The name of a distribution point as it stands.
#[derive(Clone, Debug)]
pub(super) enum PointName {
    Full(Vec<GeneralName>),
    /// The contents of a `RelativeDistinguishedName`, below the name of the CRL's issuer.
    Relative(Vec<u8>),
}

/// A name that can be compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ComparableName {
    Directory(NameKey),
    Other(GeneralName),
}

impl PointName {
    /// Reads the CHOICE, which stands alone in `contents`.
    pub(super) fn parse(contents: &[u8]) -> Result<Self, X509Error> {
        let mut choice = Reader::new(contents)?;
        let name = match choice.next_value()? {
            Some((FULL_NAME, names)) => Self::Full(general_names(names)?),
            Some((RELATIVE_NAME, rdn)) => Self::Relative(rdn.to_vec()),
            _ => return Err(malformed("the name of a distribution point is neither full nor relative")),
        };
        choice.finish()?;
        Ok(name)
    }

    /// Its names; `issuer_der` is the name of the CRL's issuer, which a relative name goes on from.
    pub(super) fn comparable(&self, issuer_der: &[u8]) -> Result<Vec<ComparableName>, X509Error> {
        match self {
            Self::Full(names) => names.iter().map(ComparableName::of).collect(),
            Self::Relative(rdn) => {
                let name = below(issuer_der, rdn)?;
                Ok(vec![ComparableName::Directory(NameKey::of_der(&name)?)])
            }
        }
    }
}

impl ComparableName {
    pub(super) fn of(name: &GeneralName) -> Result<Self, X509Error> {
        match name {
            GeneralName::Directory(der) => NameKey::of_der(der).map(Self::Directory),
            other => Ok(Self::Other(other.clone())),
        }
    }
}

const FULL_NAME: u8 = tag::context_constructed(0);
const RELATIVE_NAME: u8 = tag::context_constructed(1);

/// The names of a list, without its header.
pub(super) fn general_names(contents: &[u8]) -> Result<Vec<GeneralName>, X509Error> {
    let mut names = Vec::new();
    let mut list = Reader::new(contents)?;
    while let Some(name) = GeneralName::read(&mut list)? {
        if names.len() == MAX_NAMES {
            return Err(malformed(format!("a distribution point has more than {MAX_NAMES} names")));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err(malformed("a list of names is empty"));
    }
    Ok(names)
}

/// The `Name` of one RDN more.
fn below(name_der: &[u8], rdn: &[u8]) -> Result<Vec<u8>, X509Error> {
    let rdns = super::extension::only(tag::SEQUENCE, name_der)?;
    let mut writer = Writer::with_capacity(rdns.len() + rdn.len() + 16);
    writer.sequence(|name| {
        name.raw(rdns);
        name.nested(tag::SET, |set| set.raw(rdn));
    });
    Ok(writer.finish())
}
