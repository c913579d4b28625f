//! What is asked (RFC 6960 §4.1).

use openssl::sha;

use crate::{
    SerialNumber, X509Error,
    reader::Reader,
    revocation::{NONCE, SHA1, each_extension, key_octets, only},
    writer::tag,
};

/// Certificates of one request. Each costs a look at the database, and clients ask about one.
const MOST_CERTIFICATES: usize = 8;
/// Octets of a request: that of one certificate has less than 120, a nonce 128 at most.
const LONGEST: usize = 4096;
/// Octets of a nonce (RFC 9654 §2.1).
const NONCES: std::ops::RangeInclusive<usize> = 1..=128;

/// A request that was read. Its signature, if it has one, is not looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OcspQuery {
    /// The certificates that it asks about: at least one.
    pub certificates: Vec<CertId>,
    /// What the answer has to repeat.
    pub nonce: Option<Vec<u8>>,
}

/// A certificate that is asked about (`CertID`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertId {
    /// As it was written, since the answer repeats it.
    der: Vec<u8>,
    hash: Hash,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
    Other,
}

impl OcspQuery {
    /// Reads a request.
    ///
    /// # Errors
    /// [`X509Error::InvalidOcspRequest`] when it is malformed or larger than a responder needs to read: more than 4096
    /// octets, more than 8 certificates, a nonce of other than 1 to 128 octets; or has a critical extension that is not
    /// known.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        if der.len() > LONGEST {
            return Err(malformed("it is longer than 4096 octets"));
        }
        Self::parse(der).map_err(|error| match error {
            X509Error::InvalidOcspRequest(reason) => X509Error::InvalidOcspRequest(reason),
            other => malformed(other.to_string()),
        })
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut request = Reader::of_sequence(der)?;
        let mut tbs = request.sequence()?;
        request.optional(tag::context_constructed(0))?;
        request.finish()?;
        if tbs.optional(tag::context_constructed(0))?.is_some_and(|version| version != [tag::INTEGER, 1, 0]) {
            return Err(malformed("its version is not 1"));
        }
        // The name of the requestor.
        tbs.optional(tag::context_constructed(1))?;
        let mut list = tbs.sequence()?;
        let mut certificates = Vec::new();
        while !list.is_at_end() {
            if certificates.len() == MOST_CERTIFICATES {
                return Err(malformed("it asks about more than 8 certificates"));
            }
            let mut single = list.sequence()?;
            certificates.push(CertId::parse(single.raw()?)?);
            if let Some(extensions) = single.optional(tag::context_constructed(0))? {
                each_extension(extensions, |_, critical, _| refuse_unknown(critical))?;
            }
            single.finish()?;
        }
        if certificates.is_empty() {
            return Err(malformed("it asks about no certificate"));
        }
        let mut nonce = None;
        if let Some(extensions) = tbs.optional(tag::context_constructed(2))? {
            each_extension(extensions, |oid, critical, value| {
                if oid == NONCE {
                    nonce = Some(only(tag::OCTET_STRING, value)?.to_vec());
                    return Ok(());
                }
                refuse_unknown(critical)
            })?;
        }
        tbs.finish()?;
        if nonce.as_ref().is_some_and(|nonce: &Vec<u8>| !NONCES.contains(&nonce.len())) {
            return Err(malformed("its nonce has other than 1 to 128 octets (RFC 9654 section 2.1)"));
        }
        Ok(Self { certificates, nonce })
    }
}

impl CertId {
    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        const SHA2: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
        let mut id = Reader::of_sequence(der)?;
        let mut algorithm = id.sequence()?;
        let oid = algorithm.value(tag::OBJECT_IDENTIFIER)?;
        let hash = match (oid, oid.strip_prefix(SHA2)) {
            (SHA1, _) => Hash::Sha1,
            (_, Some([1])) => Hash::Sha256,
            (_, Some([2])) => Hash::Sha384,
            (_, Some([3])) => Hash::Sha512,
            _ => Hash::Other,
        };
        let name_hash = id.value(tag::OCTET_STRING)?.to_vec();
        let key_hash = id.value(tag::OCTET_STRING)?.to_vec();
        let serial = id.value(tag::INTEGER)?.to_vec();
        id.finish()?;
        Ok(Self { der: der.to_vec(), hash, name_hash, key_hash, serial })
    }

    /// The `CertID` as it was written.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The serial number; none when it is no number that could have been issued.
    pub fn serial_number(&self) -> Option<SerialNumber> {
        let is_negative = self.serial.first().is_none_or(|first| *first >= 0x80);
        if is_negative { None } else { SerialNumber::from_bytes(&self.serial).ok() }
    }

    /// Whether the certificate is one of this issuer, named by its subject and its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`X509Error::Der`] when the latter is none.
    pub fn is_of(&self, subject_der: &[u8], spki_der: &[u8]) -> Result<bool, X509Error> {
        let hash: fn(&[u8]) -> Vec<u8> = match self.hash {
            Hash::Sha1 => |octets| sha::sha1(octets).to_vec(),
            Hash::Sha256 => |octets| sha::sha256(octets).to_vec(),
            Hash::Sha384 => |octets| sha::sha384(octets).to_vec(),
            Hash::Sha512 => |octets| sha::sha512(octets).to_vec(),
            Hash::Other => return Ok(false),
        };
        Ok(self.name_hash == hash(subject_der) && self.key_hash == hash(key_octets(spki_der)?))
    }
}

fn refuse_unknown(critical: bool) -> Result<(), X509Error> {
    if critical { Err(malformed("it has a critical extension that is not known")) } else { Ok(()) }
}

fn malformed(reason: impl Into<String>) -> X509Error {
    X509Error::InvalidOcspRequest(reason.into())
}
