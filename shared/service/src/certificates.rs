//! Certificates: issuing, signing, renewing, importing, finding, labelling and revoking them, and their stored keys.

mod committer;
mod explain;
mod found;
mod import;
mod issue;
mod issuer_rules;
mod itself;
mod judging;
mod later;
mod own;
mod pipeline;
mod private_key;
mod read;
mod renew;
mod revoke;
mod unstored;

pub(crate) use committer::{Committer, Reservation};
pub use explain::{CheckRequest, Explained, check};
pub(crate) use found::{Found, Taken, take_found};
pub use import::{ImportRequest, import};
pub(crate) use import::{material::Material, refuse_odd};
pub use issue::{IssueRequest, SignRequest, issue, sign};
pub(crate) use issue::{csr_error, read_csr};
pub(crate) use itself::ITSELF;
pub use itself::{authenticate, named};
pub use later::Preview;
pub(crate) use later::{AHEAD, revoke_scheduled};
pub use own::issue_own;
pub use pipeline::Issued;
pub(crate) use pipeline::{Approval, Bound, Wanted, key_place, run};
pub use private_key::{Pkcs12Request, StoredKey, pkcs12, private_key};
pub use read::{CertificateChange, CertificateWithChain, Filter, Sort, find, label, list, state};
pub(crate) use renew::{DeskTerms, desk_terms, key_algorithm, not_renewable};
pub use renew::{RenewRequest, Renewed, renew};
pub(crate) use revoke::revoke_own;
pub use revoke::{RevokeRequest, Revoked, revoke};

use certmill_domain::CertificateId;

use crate::{Noun, ServiceError};

/// Reads the id of a certificate; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<CertificateId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Certificate, text))
}
