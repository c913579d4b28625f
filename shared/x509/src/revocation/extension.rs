//! The extensions of CRLs, of their entries, and of OCSP responses.

use crate::{ObjectIdentifier, X509Error, reader::Reader, writer::tag};

/// More are not in use. The bound keeps the search for repeats short, since these lists come from
/// strangers and are read before any signature is checked.
const MAX_EXTENSIONS: usize = 50;

/// Reads `Extensions` and hands each on: the contents of its OID, whether it is critical, and what
/// the OCTET STRING wraps. Each occurs at most once (RFC 5280 §4.2).
pub(crate) fn each<'a>(
    extensions_der: &'a [u8],
    mut take: impl FnMut(&'a [u8], bool, &'a [u8]) -> Result<(), X509Error>,
) -> Result<(), X509Error> {
    let mut list = Reader::of_sequence(extensions_der)?;
    let mut seen: Vec<&[u8]> = Vec::new();
    while !list.is_at_end() {
        let mut extension = list.sequence()?;
        let oid = extension.value(tag::OBJECT_IDENTIFIER)?;
        let critical = boolean(extension.optional(tag::BOOLEAN)?)?;
        let value = extension.value(tag::OCTET_STRING)?;
        extension.finish()?;
        if seen.contains(&oid) {
            return Err(malformed(format!("the extension {} occurs twice", shown(oid))));
        }
        // Most entries of a CRL have one extension, and a CRL may have a million entries.
        if !(list.is_at_end() && seen.is_empty()) {
            if seen.len() == MAX_EXTENSIONS {
                return Err(malformed(format!("there are more than {MAX_EXTENSIONS} extensions")));
            }
            seen.push(oid);
        }
        take(oid, critical, value)?;
    }
    Ok(())
}

/// BOOLEAN DEFAULT FALSE. DER forbids to write the default, but some programs do.
pub(super) fn boolean(contents: Option<&[u8]>) -> Result<bool, X509Error> {
    match contents {
        None | Some([0]) => Ok(false),
        Some([0xFF]) => Ok(true),
        Some(_) => Err(malformed("a BOOLEAN is neither 00 nor FF")),
    }
}

/// The contents of one value with this identifier octet that fills `der`.
pub(crate) fn only(identifier: u8, der: &[u8]) -> Result<&[u8], X509Error> {
    let mut reader = Reader::new(der)?;
    let contents = reader.value(identifier)?;
    reader.finish()?;
    Ok(contents)
}

/// An OID for people.
pub(super) fn shown(oid: &[u8]) -> String {
    ObjectIdentifier::from_contents(oid).map_or_else(|_| "with a malformed OID".into(), |oid| oid.to_string())
}

/// A fault of the structure that is being read. The readers of CRLs and OCSP responses put it into
/// their own words.
pub(super) fn malformed(reason: impl Into<String>) -> X509Error {
    X509Error::InvalidCertificate(reason.into())
}
