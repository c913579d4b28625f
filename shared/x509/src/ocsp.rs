//! Answering OCSP requests (RFC 6960, in the profile of RFC 5019): reading what is asked, and signing what is so.
//!
//! Asking others, and judging what they answer, is in [`crate::revocation`].

mod query;
mod reply;

pub use query::{CertId, OcspQuery};
pub use reply::{OcspReply, OcspStatus, SingleReply, refusal};

/// Why a request gets no answer (`OCSPResponseStatus`, RFC 6960 §4.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OcspRefusal {
    /// The request cannot be read.
    MalformedRequest,
    /// The responder failed.
    InternalError,
    /// The responder is busy.
    TryLater,
    /// The responder does not speak for this issuer.
    Unauthorized,
}
