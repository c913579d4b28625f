//! Telling DER objects apart by their outline, and PKCS #7.

use crate::{X509Error, reader::Reader, writer::tag};

/// `signedData` (RFC 2315 §14).
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// What a DER object seems to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Content {
    Certificate,
    PrivateKey,
    Crl,
    Request,
    Pkcs7,
    Pkcs12,
}

impl Content {
    /// Looks at the first tags only; the parser of the object finds out whether it is one.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let outer = values(der)?;
        match *outer.as_slice() {
            [(tag::OBJECT_IDENTIFIER, SIGNED_DATA), (0xA0, _)] => Some(Self::Pkcs7),
            [(tag::INTEGER, [3]), (tag::SEQUENCE, _), ..] => Some(Self::Pkcs12),
            // PKCS#8, PKCS#1 and SEC 1 begin with a version.
            [(tag::INTEGER, _), (tag::SEQUENCE | tag::INTEGER | tag::OCTET_STRING, _), ..] => {
                Some(Self::PrivateKey)
            }
            // EncryptedPrivateKeyInfo (RFC 5208 §6).
            [(tag::SEQUENCE, _), (tag::OCTET_STRING, _)] => Some(Self::PrivateKey),
            [(tag::SEQUENCE, inner), (tag::SEQUENCE, _), (tag::BIT_STRING, _)] => Self::of_signed(inner),
            _ => None,
        }
    }

    /// By what stands inside of the part that is signed.
    fn of_signed(inner: &[u8]) -> Option<Self> {
        let inner = tags(inner)?;
        match inner.as_slice() {
            [tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, tag::UTC_TIME | tag::GENERALIZED_TIME, ..]
            | [tag::SEQUENCE, tag::SEQUENCE, tag::UTC_TIME | tag::GENERALIZED_TIME, ..] => Some(Self::Crl),
            // Version 1 is left out.
            [0xA0, tag::INTEGER, tag::SEQUENCE, ..]
            | [tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, tag::SEQUENCE, ..] => Some(Self::Certificate),
            [tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE]
            | [tag::INTEGER, tag::SEQUENCE, tag::SEQUENCE, 0xA0] => Some(Self::Request),
            _ => None,
        }
    }
}

/// The most values that are looked at.
const MOST_VALUES: usize = 16;

/// Tags and contents of the values inside of one SEQUENCE that is all there is.
fn values(der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut reader = Reader::of_sequence(der).ok()?;
    let mut values = Vec::new();
    while let Some(value) = reader.next_value().ok()? {
        if values.len() == MOST_VALUES {
            return None;
        }
        values.push(value);
    }
    Some(values)
}

fn tags(contents: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(contents).ok()?;
    let mut tags = Vec::new();
    while let Some((tag, _)) = reader.next_value().ok()? {
        if tags.len() == MOST_VALUES {
            return None;
        }
        tags.push(tag);
    }
    Some(tags)
}

type Ders<'a> = Vec<&'a [u8]>;

/// The certificates and CRLs that a PKCS #7 `SignedData` carries (RFC 2315 §9.1); its signatures, if
/// there are any, are not looked at.
pub(super) fn certificates_of_pkcs7(der: &[u8]) -> Result<(Ders<'_>, Ders<'_>), X509Error> {
    let mut info = Reader::of_sequence(der)?;
    if info.value(tag::OBJECT_IDENTIFIER)? != SIGNED_DATA {
        return Err(X509Error::Pem("the PKCS #7 structure must be SignedData, as in a .p7b file".into()));
    }
    let contents = info.value(tag::context_constructed(0))?;
    info.finish()?;
    let mut signed = Reader::of_sequence(contents)?;
    signed.unsigned_integer()?;
    signed.value(tag::SET)?;
    signed.value(tag::SEQUENCE)?;
    let certificates = signed.optional(tag::context_constructed(0))?.unwrap_or_default();
    let crls = signed.optional(tag::context_constructed(1))?.unwrap_or_default();
    Ok((sequences(certificates)?, sequences(crls)?))
}

/// The elements that are a SEQUENCE; others are old kinds of certificates, which are tagged.
fn sequences(set: &[u8]) -> Result<Ders<'_>, X509Error> {
    let mut set = Reader::new(set)?;
    let mut found = Vec::new();
    while !set.is_at_end() {
        let raw = set.raw()?;
        if raw.first() == Some(&tag::SEQUENCE) {
            found.push(raw);
        }
    }
    Ok(found)
}
