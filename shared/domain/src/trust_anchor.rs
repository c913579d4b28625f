//! Trust anchors: CA certificates of others whose chains a tenant takes for good.

use certmill_x509::SerialNumber;

use crate::{Timestamp, TrustAnchorId};

/// A CA certificate that a tenant trusts.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    /// The anchor's id.
    pub id: TrustAnchorId,
    /// What the tenant calls it.
    pub name: String,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its issuer (RFC 4514).
    pub issuer: String,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// SHA-256 of its DER, lower-case hex.
    pub fingerprint_sha256: String,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// The certificate.
    pub der: Vec<u8>,
    /// When it was added.
    pub created_at: Timestamp,
}
