//! Reading CRLs, our own and those of others (RFC 5280 §5).

use std::{fmt, ops::Range};

use crate::{NameKey, PublicKey, X509Error, hex, instant, pem, reader::Reader, rfc4514_of_der, writer::tag};

use super::{
    CrlEntry, IssuingDistributionPoint,
    crl_entries::{self, Summary},
    crl_extensions::CrlExtensions,
    extension::malformed,
    signed::Signed,
};

/// A CRL that was read completely. Its signature was not verified; see
/// [`super::Inquiry::by_crls`]. Entries stay in the DER and are searched for there, so a list of a
/// million needs no more memory than its octets.
#[derive(Clone)]
pub struct ParsedCrl {
    der: Vec<u8>,
    tbs: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    issuer_der: Vec<u8>,
    pub(super) issuer: NameKey,
    version: u8,
    this_update: i64,
    next_update: Option<i64>,
    /// The contents of `revokedCertificates`.
    entries: Range<usize>,
    pub(super) summary: Summary,
    pub(super) extensions: CrlExtensions,
}

/// A CRL number of up to 20 octets (RFC 5280 §5.2.3), ordered by its value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CrlNumber(Vec<u8>);

impl CrlNumber {
    /// From its big-endian magnitude; none when it is longer than 20 octets.
    pub(super) fn new(magnitude: &[u8]) -> Option<Self> {
        let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        (digits.len() <= 20).then(|| Self(digits.to_vec()))
    }

    /// The number, if it is one of 63 bits.
    pub fn to_i64(&self) -> Option<i64> {
        let mut octets = [0; 8];
        octets.get_mut(8_usize.checked_sub(self.0.len())?..)?.copy_from_slice(&self.0);
        i64::try_from(u64::from_be_bytes(octets)).ok()
    }
}

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Hexadecimal, as in `0x0100ff`.
impl fmt::Display for CrlNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0.is_empty() { &[0][..] } else { &self.0 };
        write!(formatter, "0x{}", hex(digits))
    }
}

impl fmt::Debug for CrlNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CrlNumber({self})")
    }
}

impl ParsedCrl {
    /// Reads one CRL in DER and nothing after it, every entry included.
    ///
    /// # Errors
    /// [`X509Error::InvalidCrl`] when it is malformed.
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, X509Error> {
        let der = der.into();
        let fields = Fields::read(&der).map_err(|error| match error {
            X509Error::InvalidCertificate(reason) => X509Error::InvalidCrl(reason),
            other => X509Error::InvalidCrl(format!("it is not X.509 in DER: {other}")),
        })?;
        let within = |part: &[u8]| range_within(&der, part);
        Ok(Self {
            tbs: within(fields.signed.tbs_der),
            algorithm: within(fields.signed.algorithm_der),
            signature: within(fields.signed.signature),
            issuer_der: fields.issuer_der.to_vec(),
            issuer: fields.issuer,
            version: fields.version,
            this_update: fields.this_update,
            next_update: fields.next_update,
            entries: within(fields.entries),
            summary: fields.summary,
            extensions: fields.extensions,
            der,
        })
    }

    /// The CRL as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same, when nothing else is needed any more.
    pub fn into_der(self) -> Vec<u8> {
        self.der
    }

    /// Whether the list was signed with this key.
    ///
    /// # Errors
    /// [`X509Error::UnsupportedKey`] when the algorithm is not supported.
    pub fn is_signed_by(&self, key: &PublicKey) -> Result<bool, X509Error> {
        self.signed().is_by(key)
    }

    /// The serial numbers of its entries, as the contents of their INTEGERs.
    pub fn serial_numbers(&self) -> impl Iterator<Item = &[u8]> {
        // Invariant: the list was read completely when it was parsed.
        let mut list = Reader::new(self.der.get(self.entries.clone()).unwrap_or_default()).ok();
        std::iter::from_fn(move || {
            let list = list.as_mut().filter(|list| !list.is_at_end())?;
            list.sequence().ok()?.value(tag::INTEGER).ok()
        })
    }

    /// 1 or 2.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The issuer's `Name` as it stands.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The issuer as RFC 4514 text.
    pub fn issuer_text(&self) -> String {
        rfc4514_of_der(&self.issuer_der).unwrap_or_default()
    }

    /// When it was made, in Unix seconds.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// By when the next one will have been made, in Unix seconds.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// Its number, which grows from CRL to CRL.
    pub fn number(&self) -> Option<&CrlNumber> {
        self.extensions.number.as_ref()
    }

    /// Of a delta CRL, the number of the CRL that it goes on from (RFC 5280 §5.2.4).
    pub fn base_number(&self) -> Option<&CrlNumber> {
        self.extensions.base_number.as_ref()
    }

    /// The key id of the signer, if there is one.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_deref()
    }

    /// What it covers; none for everything.
    pub fn scope(&self) -> Option<&IssuingDistributionPoint> {
        self.extensions.scope.as_ref()
    }

    /// The DER of `FreshestCRL` (RFC 5280 §5.2.6), if there is one.
    pub fn freshest_crl_der(&self) -> Option<&[u8]> {
        self.extensions.freshest_crl.as_deref()
    }

    /// Critical extensions that are not processed, of the CRL and of its entries, as dotted OIDs.
    /// Such a CRL is no evidence.
    pub fn unknown_critical_extensions(&self) -> impl Iterator<Item = &str> {
        let of_list = self.extensions.unknown_critical.iter();
        of_list.chain(&self.summary.unknown_critical).map(String::as_str)
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.summary.count
    }

    /// Its entries, each with the contents of its serial number's INTEGER.
    pub fn listed(&self) -> impl Iterator<Item = (&[u8], CrlEntry)> {
        crl_entries::all(self.part(&self.entries))
    }

    /// The entry of the certificate with this serial number: the contents of its INTEGER, two's
    /// complement. On an indirect CRL it may be about another issuer's certificate.
    pub fn find(&self, serial_octets: &[u8]) -> Option<CrlEntry> {
        crl_entries::find(self.part(&self.entries), serial_octets)
    }

    /// What was signed, and the signature.
    pub(super) fn signed(&self) -> Signed<'_> {
        Signed {
            tbs_der: self.part(&self.tbs),
            algorithm_der: self.part(&self.algorithm),
            signature: self.part(&self.signature),
        }
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        // Invariant: the ranges were measured in these octets.
        self.der.get(range.clone()).unwrap_or_default()
    }
}

/// What the CRL is; its entries and the rest are in [`ParsedCrl::der`].
impl fmt::Debug for ParsedCrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ParsedCrl")
            .field("issuer", &self.issuer_text())
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("number", &self.number())
            .field("entries", &self.entries())
            .finish_non_exhaustive()
    }
}

/// Reads the CRLs of a file: one in DER, or PEM blocks (`X509 CRL`) among other text.
///
/// # Errors
/// [`X509Error::InvalidCrl`] when one is malformed, [`X509Error::Pem`] when it is neither.
pub fn read_crls(octets: &[u8]) -> Result<Vec<ParsedCrl>, X509Error> {
    if octets.first() == Some(&tag::SEQUENCE) {
        return Ok(vec![ParsedCrl::from_der(octets)?]);
    }
    let text = String::from_utf8_lossy(octets);
    pem::decode_all(pem::X509_CRL, &text)?.into_iter().map(ParsedCrl::from_der).collect()
}

/// Where `part`, a slice of `whole`, stands in it.
fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start + part.len()
}

struct Fields<'a> {
    signed: Signed<'a>,
    version: u8,
    issuer_der: &'a [u8],
    issuer: NameKey,
    this_update: i64,
    next_update: Option<i64>,
    entries: &'a [u8],
    summary: Summary,
    extensions: CrlExtensions,
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> Result<Self, X509Error> {
        let signed = Signed::parse(der)?;
        let mut tbs = Reader::of_sequence(signed.tbs_der)?;
        let version = match tbs.optional(tag::INTEGER)? {
            None => 1,
            Some([1]) => 2,
            Some(_) => return Err(malformed("its version is neither 1 nor 2")),
        };
        if tbs.raw()? != signed.algorithm_der {
            return Err(malformed("its two signature algorithms differ (RFC 5280 section 5.1.1.2)"));
        }
        let issuer_der = tbs.raw()?;
        let issuer = NameKey::of_der(issuer_der)?;
        if issuer.is_empty() {
            return Err(malformed("its issuer is empty (RFC 5280 section 5.1.2.3)"));
        }
        let (time_tag, time) = tbs.next_value()?.unwrap_or_default();
        let this_update = instant::parse(time_tag, time)?;
        let mut next_update = None;
        for time_tag in [tag::UTC_TIME, tag::GENERALIZED_TIME] {
            if let (None, Some(time)) = (next_update, tbs.optional(time_tag)?) {
                next_update = Some(instant::parse(time_tag, time)?);
            }
        }
        // An empty list should be left out (§5.1.2.6), but many write one.
        let entries = tbs.optional(tag::SEQUENCE)?.unwrap_or_default();
        let extensions = tbs.optional(tag::context_constructed(0))?;
        tbs.finish()?;
        if version == 1 && extensions.is_some() {
            return Err(malformed("it has extensions, which a CRL of version 1 cannot have"));
        }
        Ok(Self {
            signed,
            version,
            issuer_der,
            issuer,
            this_update,
            next_update,
            entries,
            summary: crl_entries::summarise(entries, version)?,
            extensions: extensions.map(CrlExtensions::parse).transpose()?.unwrap_or_default(),
        })
    }
}
