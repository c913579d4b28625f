//! Certificate signing requests on the desk: `pending → approved → signed`, or `→ rejected`.

use certmill_x509::DistinguishedName;

use crate::word::words;
use crate::{CertificateId, CsrId, Sans, Stored, Timestamp};

words! {
    /// Where a CSR stands.
    CsrStatus("status of a CSR") {
        /// No decision has been made.
        Pending = "pending",
        /// It may be signed.
        Approved = "approved",
        /// It will not be signed.
        Rejected = "rejected",
        /// It was signed.
        Signed = "signed",
    }
}

words! {
    /// How a CSR came to the desk.
    CsrSource("source of CSRs") {
        /// The service made it, with a key that stays sealed in the service.
        Generated = "generated",
        /// It was brought along; its key is elsewhere.
        Imported = "imported",
    }
}

/// A CSR on the desk.
#[derive(Debug, Clone)]
pub struct Csr {
    /// The CSR's id.
    pub id: CsrId,
    /// Where it stands.
    pub status: Stored<CsrStatus>,
    /// How it came here.
    pub source: Stored<CsrSource>,
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
    /// The certificate whose renewal it asks for; subject and names are then those of the certificate.
    pub renewal_of: Option<CertificateId>,
}
