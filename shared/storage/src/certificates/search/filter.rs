//! What a search looks for.

use certmill_domain::{CaId, CertificateSource, CertificateStatus, Timestamp};
use certmill_x509::SerialNumber;

/// What to look for. Every field that is set narrows the result.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Issued by this CA.
    pub ca_id: Option<CaId>,
    /// Issued under the role of this name.
    pub role: Option<String>,
    /// In this state at `now`.
    pub status: Option<CertificateStatus>,
    /// Of this origin.
    pub source: Option<CertificateSource>,
    /// Common name contains this text, whatever the case of its ASCII letters.
    pub common_name: Option<String>,
    /// Has this subject alternative name; `*.suffix` finds every name below the suffix and that wildcard.
    pub san: Option<String>,
    /// Has this serial number.
    pub serial_number: Option<SerialNumber>,
    /// Has this fingerprint (SHA-256, lower-case hex).
    pub fingerprint_sha256: Option<String>,
    /// Carries this tag.
    pub tag: Option<(String, String)>,
    /// Ends between now and then, and has not ended.
    pub expires_before: Option<Timestamp>,
    /// Revoked ones too.
    pub include_revoked: bool,
}

impl Filter {
    /// What both find; nothing when they set the same field.
    pub fn and(&self, other: &Self) -> Option<Self> {
        Self::joined(self.clone(), other.clone()).ok()
    }

    fn joined(one: Self, other: Self) -> Result<Self, Overlap> {
        Ok(Self {
            ca_id: either(one.ca_id, other.ca_id)?,
            role: either(one.role, other.role)?,
            status: either(one.status, other.status)?,
            source: either(one.source, other.source)?,
            common_name: either(one.common_name, other.common_name)?,
            san: either(one.san, other.san)?,
            serial_number: either(one.serial_number, other.serial_number)?,
            fingerprint_sha256: either(one.fingerprint_sha256, other.fingerprint_sha256)?,
            tag: either(one.tag, other.tag)?,
            expires_before: either(one.expires_before, other.expires_before)?,
            include_revoked: one.include_revoked || other.include_revoked,
        })
    }
}

/// Two filters set the same field.
struct Overlap;

fn either<T>(one: Option<T>, other: Option<T>) -> Result<Option<T>, Overlap> {
    match (one, other) {
        (Some(_), Some(_)) => Err(Overlap),
        (one, other) => Ok(one.or(other)),
    }
}
