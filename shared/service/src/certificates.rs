//! Certificates: issuing, signing, finding, labelling and revoking them.

mod committer;
mod issue;
mod read;
mod revoke;

pub(crate) use committer::Committer;
pub use issue::{IssueRequest, Issued, SignRequest, issue, sign};
pub use read::{CertificateWithChain, Filter, Sort, find, label, list};
pub use revoke::{RevokeRequest, Revoked, revoke};

use certmill_domain::CertificateId;

use crate::{Noun, ServiceError};

/// Reads the id of a certificate; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<CertificateId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Certificate, text))
}
