//! What CRLs and OCSP responses have in common with certificates: octets and a signature on them.

use crate::{PublicKey, X509Error, chain::is_signed, reader::Reader};

/// `SIGNED{…}` (RFC 5280 §4.1.1).
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) tbs_der: &'a [u8],
    pub(super) algorithm_der: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads one that fills `der`.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, X509Error> {
        let mut outer = Reader::of_sequence(der)?;
        let signed = Self::read(&mut outer)?;
        outer.finish()?;
        Ok(signed)
    }

    /// Reads the three fields.
    pub(super) fn read(outer: &mut Reader<'a>) -> Result<Self, X509Error> {
        Ok(Self { tbs_der: outer.raw()?, algorithm_der: outer.raw()?, signature: outer.bit_string()? })
    }

    /// Whether `key` made the signature.
    ///
    /// # Errors
    /// [`X509Error::UnsupportedKey`] when the algorithm is not supported, or stands on a broken
    /// hash.
    pub(super) fn is_by(&self, key: &PublicKey) -> Result<bool, X509Error> {
        is_signed(self.algorithm_der, self.tbs_der, self.signature, key)
    }
}
