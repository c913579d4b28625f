//! Certificate authorities.

use std::time::Duration;

use certmill_x509::{KeyAlgorithm, RevocationReason, SerialNumber};

use crate::word::words;
use crate::{CaId, Owners, Stored, Timestamp, UnknownWord};

words! {
    /// Whether a CA signed itself or was signed by another of the tenant's CAs.
    CaKind("type of CA") {
        /// Self-signed.
        Root = "root",
        /// Signed by its parent.
        Intermediate = "intermediate",
    }
}

words! {
    /// What becomes of the wish to renew, with another key, what a person approved at the CSR desk.
    DeskRenewal("way to renew desk certificates") {
        /// It needs the scope of those who approve.
        Admin = "admin",
        /// It goes to the desk and waits for a person.
        Desk = "desk",
    }
}

words! {
    /// Who signs the OCSP answers about what a CA has issued (RFC 6960 §2.2).
    OcspSigner("signer of OCSP answers") {
        /// The CA.
        Ca = "ca",
        /// A responder with a short-lived certificate of the CA (RFC 6960 §4.2.2.2).
        Delegated = "delegated",
    }
}

/// What state a CA is in at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaStatus {
    /// Its certificate is to come from a CA elsewhere; until then it issues nothing.
    Pending,
    /// It may issue.
    Active,
    /// It was revoked; it signs nothing but its CRL.
    Revoked,
    /// Its certificate has ended.
    Expired,
}

impl CaStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// A certificate authority. Its private key is not part of it.
#[derive(Debug, Clone)]
pub struct Ca {
    /// Its id.
    pub id: CaId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// The common name of its subject.
    pub common_name: String,
    /// Root or intermediate.
    pub kind: Stored<CaKind>,
    /// The CA that signed it, for an intermediate.
    pub parent_id: Option<CaId>,
    /// `rsa`, `ec` or `ed25519`.
    pub key_type: String,
    /// Bits of its key.
    pub key_size: u32,
    /// The serial number of its certificate.
    pub serial_number: SerialNumber,
    /// Start of its certificate's validity.
    pub not_before: Timestamp,
    /// End of its certificate's validity (inclusive, RFC 5280 §4.1.2.5).
    pub not_after: Timestamp,
    /// How many CA certificates may follow below it; `None` is no limit.
    pub path_length: Option<u8>,
    /// Its certificate; empty until somebody has signed it.
    pub certificate_der: Vec<u8>,
    /// Set when its certificate or its key comes from elsewhere.
    pub foreign: Option<ForeignCa>,
    /// Certificates issued so far, sub-CAs not counted.
    pub certificates_issued: i64,
    /// Set once it is revoked.
    pub revocation: Option<CaRevocation>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How its certificates that a person approved are renewed with another key.
    pub renewal_of_desk_certificates: Stored<DeskRenewal>,
    /// Whether its certificates name the OCSP responder.
    pub ocsp: bool,
    /// Who signs OCSP answers about what it has issued.
    pub ocsp_signer: Stored<OcspSigner>,
    /// How long its lists are good; as configured when none.
    pub crl_validity: Option<Duration>,
    /// By how much the next list comes before the end of the present one; a third of `crl_validity` when none.
    pub crl_overlap: Option<Duration>,
    /// Into how many shards what it issues is divided, each with a list of its own; 1 when there is the full list only.
    pub crl_shards: u32,
    /// How long its delta CRLs are good; none when it has none.
    pub delta_crl_validity: Option<Duration>,
    /// Whether it signs by RSASSA-PSS; its key is RSA then.
    pub use_pss: bool,
    /// Who is told by mail what happens to it, and to its certificates where nobody else is.
    pub owners: Owners,
}

impl Ca {
    /// Its key.
    ///
    /// # Errors
    /// [`UnknownWord`] when this version cannot sign with it.
    pub fn key_algorithm(&self) -> Result<KeyAlgorithm, UnknownWord> {
        KeyAlgorithm::from_type_and_size(&self.key_type, self.key_size)
            .ok_or_else(|| UnknownWord::new("key", format!("{} {}", self.key_type, self.key_size)))
    }

    /// Its state at `now`. A revoked CA stays revoked after its end.
    pub fn status(&self, now: Timestamp) -> CaStatus {
        if self.revocation.is_some() {
            CaStatus::Revoked
        } else if self.certificate_der.is_empty() {
            CaStatus::Pending
        } else if now > self.not_after {
            CaStatus::Expired
        } else {
            CaStatus::Active
        }
    }
}

/// What there is of a CA whose certificate or key comes from elsewhere.
#[derive(Debug, Clone)]
pub struct ForeignCa {
    /// The request for its certificate, when its key was made here.
    pub csr_der: Option<Vec<u8>>,
    /// The certificates above it, one after the other; none when it is a root, or below a CA that is here.
    pub above_der: Option<Vec<u8>>,
    /// SHA-256 of its key (`SubjectPublicKeyInfo`), lower-case hex.
    pub spki_sha256: String,
}

/// The revocation of a CA, and how far the revocation of everything under it has come.
#[derive(Debug, Clone)]
pub struct CaRevocation {
    /// Why.
    pub reason: Stored<RevocationReason>,
    /// When.
    pub revoked_at: Timestamp,
    /// Certificates revoked so far in consequence.
    pub certificates_revoked: i64,
    /// Certificates that were to be revoked in consequence.
    pub certificates_total: i64,
    /// When the last of them was done.
    pub completed_at: Option<Timestamp>,
}
