//! Certificates as rows: what was issued, to whom, and what became of it.

use std::collections::BTreeMap;

use certmill_x509::{RevocationReason, SerialNumber};

use crate::word::words;
use crate::{AcmeOrderId, CaId, CertificateId, Stored, Timestamp};

words! {
    /// How a certificate came to be here.
    CertificateSource("source of certificates") {
        /// Issued with a key that the service made.
        Issued = "issued",
        /// Signed from a CSR.
        Signed = "signed",
        /// Signed from a CSR that went over the CSR desk.
        Csr = "csr",
        /// Obtained from an ACME server.
        Acme = "acme",
        /// Imported.
        Imported = "imported",
        /// Renewed.
        Renewed = "renewed",
    }
}

/// What state a certificate is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Within its validity and not revoked.
    Active,
    /// Past its end.
    Expired,
    /// Revoked.
    Revoked,
}

impl CertificateStatus {
    /// The word of the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Expired, Self::Revoked].into_iter().find(|status| status.as_str() == text)
    }
}

/// Subject alternative names as text, in the shape the API answers and the database keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sans {
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ip: Vec<String>,
    /// E-mail addresses.
    pub email: Vec<String>,
    /// URIs.
    pub uri: Vec<String>,
    /// Other names, as `oid;UTF8:value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<String>,
}

impl Sans {
    /// Every name, whatever its kind.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        [&self.dns, &self.ip, &self.email, &self.uri, &self.other].into_iter().flatten().map(String::as_str)
    }
}

impl From<&certmill_x509::SubjectAltNames> for Sans {
    fn from(sans: &certmill_x509::SubjectAltNames) -> Self {
        Self {
            dns: sans.dns.iter().map(|name| name.as_str().to_owned()).collect(),
            ip: sans.ip.iter().map(ToString::to_string).collect(),
            email: sans.email.iter().map(|name| name.as_str().to_owned()).collect(),
            uri: sans.uri.iter().map(|name| name.as_str().to_owned()).collect(),
            other: sans.other.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }
}

/// A certificate that the service knows.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate's id.
    pub id: CertificateId,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Common name of its subject, when it has one.
    pub common_name: Option<String>,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its subject alternative names.
    pub sans: Sans,
    /// The CA of ours that issued it.
    pub ca_id: Option<CaId>,
    /// The shard of that CA that it is in; 0 when it names the full list, or is on no list of ours.
    pub crl_shard: u32,
    /// Name of the role under which it was issued.
    pub role: Option<String>,
    /// Where it came from.
    pub source: Stored<CertificateSource>,
    /// `rsa`, `ec` or `ed25519`.
    pub key_type: String,
    /// Bits of its key.
    pub key_size: i64,
    /// SHA-256 of its DER, lower-case hex.
    pub fingerprint_sha256: String,
    /// SHA-256 of its SPKI, lower-case hex.
    pub spki_sha256: String,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity (inclusive).
    pub not_after: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    pub revocation_reason: Option<Stored<RevocationReason>>,
    /// The private key, sealed, when the role has it stored.
    pub has_private_key: bool,
    /// The certificate that this one renews.
    pub renewed_from: Option<CertificateId>,
    /// The certificate that renews this one.
    pub renewed_by: Option<CertificateId>,
    /// The order that it came from.
    pub acme_order_id: Option<AcmeOrderId>,
    /// The owner's labels.
    pub tags: BTreeMap<String, String>,
    /// The owner's words.
    pub description: String,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The certificate itself.
    pub der: Vec<u8>,
}

impl Certificate {
    /// Its state at `now`.
    pub fn status(&self, now: Timestamp) -> CertificateStatus {
        if self.revoked_at.is_some() {
            CertificateStatus::Revoked
        } else if now > self.not_after {
            CertificateStatus::Expired
        } else {
            CertificateStatus::Active
        }
    }
}
