//! Certificate signing requests on the desk: `pending → approved → signed`, or `→ rejected`.

use certmill_x509::DistinguishedName;

use crate::{CertificateId, CsrId, Sans, Timestamp};

/// Where a CSR stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrStatus {
    /// Nobody has decided yet.
    Pending,
    /// It may be signed.
    Approved,
    /// It will not be signed.
    Rejected,
    /// It was signed.
    Signed,
}

impl CsrStatus {
    const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Signed];

    /// The word of the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Signed => "signed",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// How a CSR came to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrSource {
    /// The service made it, with a key that stays sealed in the service.
    Generated,
    /// It was brought along; its key is elsewhere.
    Imported,
}

impl CsrSource {
    /// The word of the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Imported => "imported",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Generated, Self::Imported].into_iter().find(|source| source.as_str() == text)
    }
}

/// A CSR on the desk.
#[derive(Debug, Clone)]
pub struct Csr {
    /// Its id.
    pub id: CsrId,
    /// Where it stands.
    pub status: CsrStatus,
    /// How it came here.
    pub source: CsrSource,
    /// The subject that it asks for.
    pub subject: DistinguishedName,
    /// The names that it asks for.
    pub sans: Sans,
    /// `rsa`, `ec` or `ed25519`.
    pub key_type: String,
    /// Bits of the key.
    pub key_size: i64,
    /// The request itself.
    pub der: Vec<u8>,
    /// Whether its private key is kept here. It follows the certificate once that is signed.
    pub has_private_key: bool,
    /// Why it was rejected.
    pub rejection_reason: Option<String>,
    /// The certificate that came out of it.
    pub certificate_id: Option<CertificateId>,
    /// When it came here.
    pub created_at: Timestamp,
    /// When it was approved or rejected.
    pub decided_at: Option<Timestamp>,
}
