//! Whether a certificate was revoked: reading evidence (CRLs, OCSP responses) and judging it.
//!
//! An [`Inquiry`] asks about one certificate of a path whose validity the caller has established.
//! [`Inquiry::by_crls`] follows RFC 5280 §6.3 and [`Inquiry::by_ocsp`] RFC 6960 §3.2; fetching is
//! the caller's business, for which [`RevocationSources`] reads the addresses. No answer is ever
//! guessed: whatever cannot be used is a [`Doubt`], and without evidence for every reason the
//! status is [`RevocationStatus::Unknown`].
//!
//! What was decided where the RFCs leave it open:
//!
//! - **CRLs** are direct: issued by the certificate's issuer, for its own certificates. Indirect
//!   ones are refused. Delta CRLs are combined with their base (§5.2.4); the base alone is as good
//!   until its own next update.
//! - **Who signs**: the key of the issuer's certificate in the path, or another key of the same
//!   name whose certificate the *caller* has validated to the same anchor; see
//!   [`Inquiry::crl_signer_candidates`].
//! - **Age** keeps evidence from saying *good*, and never from saying *revoked*: a revocation is
//!   final (RFC 5280 §5.3.1), so whoever holds back what is fresh does not undo it. Too old is a
//!   CRL without a next update, or after it. The instant may lie five minutes before this update,
//!   for clocks that differ; OCSP responses have that at both ends. Only *certificateHold* is
//!   lifted by fresher evidence.
//! - Of several CRLs of the same scope and signer the newest counts. A delta CRL that lists the
//!   certificate condemns it without its base, too. Of several scopes or signers
//!   each counts, and one that lists the certificate suffices.
//! - An OCSP response is signed by the issuer's key, or by a certificate with the purpose
//!   OCSPSigning that this key has signed. A list of locally trusted responders does not exist.

mod crl;
mod crl_check;
mod crl_entries;
mod crl_evidence;
mod crl_extensions;
mod crl_sources;
mod doubt;
mod extension;
mod inquiry;
mod ocsp_check;
mod ocsp_request;
mod ocsp_response;
mod point;
mod reasons;
mod scope;
mod signed;

pub use crl::{CrlNumber, ParsedCrl, read_crls};
pub use crl_entries::CrlEntry;
pub use crl_sources::RevocationSources;
pub use doubt::{Doubt, DoubtCode, RevocationStatus};
pub use inquiry::Inquiry;
pub use ocsp_check::OcspSigners;
pub use ocsp_request::OcspRequest;
pub use ocsp_response::{OcspResponse, OcspResponseStatus};
pub use reasons::ReasonSet;
pub use scope::IssuingDistributionPoint;

pub(crate) use extension::{each as each_extension, only};
pub(crate) use ocsp_request::{NONCE, SHA1, key_octets};
