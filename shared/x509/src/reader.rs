//! A cursor over DER. The strict decoding of headers and lengths is the `der` crate's; this type
//! keeps the octets of what it passes, which signatures and fingerprints need unchanged.

use der::{Header, Reader as _, SliceReader, Tag};

use crate::{X509Error, writer::tag};

/// Reads the values of one constructed value, one after the other.
pub(crate) struct Reader<'a> {
    rest: SliceReader<'a>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Result<Self, X509Error> {
        Ok(Self { rest: SliceReader::new(der)? })
    }

    /// The inside of `der`, which must be one SEQUENCE and nothing after it.
    pub(crate) fn of_sequence(der: &'a [u8]) -> Result<Self, X509Error> {
        let mut outer = Self::new(der)?;
        let inner = outer.sequence()?;
        outer.finish()?;
        Ok(inner)
    }

    /// The next value as it stands, header and contents.
    pub(crate) fn raw(&mut self) -> Result<&'a [u8], X509Error> {
        Ok(self.rest.tlv_bytes()?)
    }

    /// Identifier octet and contents of the next value; none at the end.
    pub(crate) fn next_value(&mut self) -> Result<Option<(u8, &'a [u8])>, X509Error> {
        let Some(tag) = self.rest.peek_byte() else {
            return Ok(None);
        };
        let header = Header::peek(&self.rest)?;
        let raw = self.rest.tlv_bytes()?;
        let contents = usize::try_from(header.length())
            .ok()
            .and_then(|length| raw.get(raw.len().checked_sub(length)?..))
            .unwrap_or_default();
        Ok(Some((tag, contents)))
    }

    /// The contents of the next value, which must have this identifier octet.
    pub(crate) fn value(&mut self, tag: u8) -> Result<&'a [u8], X509Error> {
        match self.optional(tag)? {
            Some(contents) => Ok(contents),
            None => Err(der::Error::from(Tag::peek(&self.rest)?.unexpected_error(None)).into()),
        }
    }

    /// The contents of the next value if it has this identifier octet.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, X509Error> {
        if self.rest.peek_byte() == Some(tag) {
            Ok(self.next_value()?.map(|(_, contents)| contents))
        } else {
            Ok(None)
        }
    }

    /// The inside of the next value, which must be a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, X509Error> {
        Reader::new(self.value(tag::SEQUENCE)?)
    }

    /// The magnitude of the next value, which must be a non-negative INTEGER in its shortest form.
    pub(crate) fn unsigned_integer(&mut self) -> Result<&'a [u8], X509Error> {
        Ok(self.rest.decode::<der::asn1::UintRef<'a>>()?.as_bytes())
    }

    /// The octets of the next value, which must be a BIT STRING without unused bits.
    pub(crate) fn bit_string(&mut self) -> Result<&'a [u8], X509Error> {
        let bits = self.rest.decode::<der::asn1::BitStringRef<'a>>()?;
        bits.as_bytes().ok_or_else(|| der::ErrorKind::Value { tag: Tag::BitString }.to_error().into())
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_finished()
    }

    /// Refuses octets that were not read.
    pub(crate) fn finish(self) -> Result<(), X509Error> {
        Ok(self.rest.finish()?)
    }
}

/// One `Extension` (RFC 5280 §4.1): its encoded OID and what the OCTET STRING wraps.
pub(crate) struct RawExtension<'a> {
    pub(crate) oid: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

/// The most extensions of one certificate, request or CRL. Each is compared with those before it.
const MOST_EXTENSIONS: usize = 200;

/// Reads `Extensions`, each at most once (RFC 5280 §4.2).
pub(crate) fn extensions(der: &[u8]) -> Result<Vec<RawExtension<'_>>, X509Error> {
    let mut entries = Reader::of_sequence(der)?;
    let mut extensions: Vec<RawExtension<'_>> = Vec::new();
    while !entries.is_at_end() {
        let mut entry = entries.sequence()?;
        let oid = entry.value(tag::OBJECT_IDENTIFIER)?;
        // DER forbids to write the default FALSE, but some programs do.
        let critical = entry.optional(tag::BOOLEAN)?.is_some_and(|value| value != [0]);
        let value = entry.value(tag::OCTET_STRING)?;
        entry.finish()?;
        if extensions.len() == MOST_EXTENSIONS {
            return Err(X509Error::InvalidCertificate(format!(
                "it has more than {MOST_EXTENSIONS} extensions"
            )));
        }
        if extensions.iter().any(|known| known.oid == oid) {
            return Err(X509Error::InvalidCertificate("an extension occurs twice".into()));
        }
        extensions.push(RawExtension { oid, critical, value });
    }
    Ok(extensions)
}
