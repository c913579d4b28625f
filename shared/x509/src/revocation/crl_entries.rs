//! The entries of a CRL (RFC 5280 §5.1.2.6 and §5.3), looked at in place: a list may have millions.

use crate::{RevocationReason, X509Error, instant, reader::Reader, writer::tag};

use super::extension::{self, malformed, only, shown};

const REASON_CODE: &[u8] = b"\x55\x1d\x15";
const HOLD_INSTRUCTION: &[u8] = b"\x55\x1d\x17";
const INVALIDITY_DATE: &[u8] = b"\x55\x1d\x18";
const CERTIFICATE_ISSUER: &[u8] = b"\x55\x1d\x1d";

/// What a CRL says of one certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrlEntry {
    /// When it was revoked, in Unix seconds.
    pub revoked_at: i64,
    /// Why; *unspecified* when nothing is said, or a number that RFC 5280 does not have.
    pub reason: RevocationReason,
    /// Since when its key may have been in wrong hands, in Unix seconds.
    pub invalidity_date: Option<i64>,
}

/// What all entries together are.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) count: usize,
    /// Whether one names another issuer of the certificates.
    pub(super) names_issuers: bool,
    /// The first critical extension that is not processed.
    pub(super) unknown_critical: Option<String>,
}

/// Reads every entry of `revokedCertificates` (its contents).
pub(super) fn summarise(contents: &[u8], version: u8) -> Result<Summary, X509Error> {
    let mut summary = Summary::default();
    let mut list = Reader::new(contents)?;
    while !list.is_at_end() {
        let entry = RawEntry::read(&mut list)?;
        if version == 1 && entry.extensions_der.is_some() {
            return Err(malformed("an entry has extensions, which a CRL of version 1 cannot have"));
        }
        entry.check(&mut summary)?;
        summary.count += 1;
    }
    Ok(summary)
}

/// The entry with this serial number (the contents of its INTEGER).
pub(super) fn find(contents: &[u8], serial: &[u8]) -> Option<CrlEntry> {
    let mut list = Reader::new(contents).ok()?;
    while !list.is_at_end() {
        let mut entry = list.sequence().ok()?;
        if entry.value(tag::INTEGER).ok()? == serial {
            return RawEntry::read_rest(serial, entry).ok()?.value().ok();
        }
    }
    None
}

/// Every entry with its serial number (the contents of its INTEGER).
pub(super) fn all(contents: &[u8]) -> impl Iterator<Item = (&[u8], CrlEntry)> {
    // Invariant: the list was read completely when it was parsed.
    let mut list = Reader::new(contents).ok();
    std::iter::from_fn(move || {
        let entry = RawEntry::read(list.as_mut().filter(|list| !list.is_at_end())?).ok()?;
        Some((entry.serial, entry.value().ok()?))
    })
}

struct RawEntry<'a> {
    serial: &'a [u8],
    revoked_at: i64,
    extensions_der: Option<&'a [u8]>,
}

impl<'a> RawEntry<'a> {
    fn read(list: &mut Reader<'a>) -> Result<Self, X509Error> {
        let mut entry = list.sequence()?;
        let serial = entry.value(tag::INTEGER)?;
        Self::read_rest(serial, entry)
    }

    fn read_rest(serial: &'a [u8], mut entry: Reader<'a>) -> Result<Self, X509Error> {
        let (time_tag, time) = entry.next_value()?.unwrap_or_default();
        let revoked_at = instant::parse(time_tag, time)?;
        let extensions_der = if entry.is_at_end() { None } else { Some(entry.raw()?) };
        entry.finish()?;
        Ok(Self { serial, revoked_at, extensions_der })
    }

    fn check(&self, summary: &mut Summary) -> Result<(), X509Error> {
        // Serial numbers are compared octet by octet, so each must be in its one form in DER.
        if let [] | [0, 0..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] = self.serial {
            return Err(malformed("a serial number is no INTEGER in its shortest form"));
        }
        let Some(extensions_der) = self.extensions_der else {
            return Ok(());
        };
        extension::each(extensions_der, |oid, critical, value| {
            match oid {
                REASON_CODE => drop(reason(value)?),
                INVALIDITY_DATE => drop(invalidity_date(value)?),
                CERTIFICATE_ISSUER => summary.names_issuers = true,
                HOLD_INSTRUCTION => {}
                _ if critical && summary.unknown_critical.is_none() => {
                    summary.unknown_critical = Some(shown(oid));
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn value(&self) -> Result<CrlEntry, X509Error> {
        let mut entry = CrlEntry {
            revoked_at: self.revoked_at,
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        };
        if let Some(extensions_der) = self.extensions_der {
            extension::each(extensions_der, |oid, _, value| {
                match oid {
                    REASON_CODE => entry.reason = reason(value)?,
                    INVALIDITY_DATE => entry.invalidity_date = Some(invalidity_date(value)?),
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(entry)
    }
}

/// `CRLReason`, an ENUMERATED.
pub(super) fn reason(der: &[u8]) -> Result<RevocationReason, X509Error> {
    match only(tag::ENUMERATED, der)? {
        [code @ 0..=0x7F] => Ok(RevocationReason::from_code(*code).unwrap_or(RevocationReason::Unspecified)),
        _ => Err(malformed("a reason is no ENUMERATED of one octet")),
    }
}

fn invalidity_date(der: &[u8]) -> Result<i64, X509Error> {
    instant::parse(tag::GENERALIZED_TIME, only(tag::GENERALIZED_TIME, der)?)
}
