//! The extensions of a CRL (RFC 5280 §5.2).

use crate::{X509Error, reader::Reader, writer::tag};

use super::{
    CrlNumber, IssuingDistributionPoint,
    extension::{self, malformed, only, shown},
};

const ISSUER_ALT_NAME: &[u8] = b"\x55\x1d\x12";
const CRL_NUMBER: &[u8] = b"\x55\x1d\x14";
const DELTA_CRL_INDICATOR: &[u8] = b"\x55\x1d\x1b";
const ISSUING_DISTRIBUTION_POINT: &[u8] = b"\x55\x1d\x1c";
const AUTHORITY_KEY_IDENTIFIER: &[u8] = b"\x55\x1d\x23";
const FRESHEST_CRL: &[u8] = b"\x55\x1d\x2e";
const AUTHORITY_INFORMATION_ACCESS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x01";

#[derive(Clone, Debug, Default)]
pub(super) struct CrlExtensions {
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) number: Option<CrlNumber>,
    /// The number of the base, of a delta CRL.
    pub(super) base_number: Option<CrlNumber>,
    pub(super) scope: Option<IssuingDistributionPoint>,
    /// The same as it stands, since two CRLs have the same scope only if it is the same in both.
    pub(super) scope_der: Vec<u8>,
    /// DER of `FreshestCRL`.
    pub(super) freshest_crl: Option<Vec<u8>>,
    pub(super) unknown_critical: Vec<String>,
}

impl CrlExtensions {
    pub(super) fn parse(extensions_der: &[u8]) -> Result<Self, X509Error> {
        let mut parsed = Self::default();
        extension::each(extensions_der, |oid, critical, value| {
            match oid {
                AUTHORITY_KEY_IDENTIFIER => {
                    let mut identifier = Reader::of_sequence(value)?;
                    parsed.authority_key_id = identifier.optional(tag::context(0))?.map(<[u8]>::to_vec);
                }
                CRL_NUMBER => parsed.number = Some(number(value)?),
                DELTA_CRL_INDICATOR => parsed.base_number = Some(number(value)?),
                ISSUING_DISTRIBUTION_POINT => {
                    parsed.scope = Some(IssuingDistributionPoint::parse(value)?);
                    parsed.scope_der = value.to_vec();
                }
                FRESHEST_CRL => parsed.freshest_crl = Some(value.to_vec()),
                // They say nothing that a decision rests on.
                ISSUER_ALT_NAME | AUTHORITY_INFORMATION_ACCESS => drop(only(tag::SEQUENCE, value)?),
                _ if critical => parsed.unknown_critical.push(shown(oid)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(parsed)
    }
}

fn number(der: &[u8]) -> Result<CrlNumber, X509Error> {
    let mut reader = Reader::new(der)?;
    let magnitude = reader.unsigned_integer()?;
    reader.finish()?;
    CrlNumber::new(magnitude).ok_or_else(|| malformed("a CRL number is longer than 20 octets"))
}
