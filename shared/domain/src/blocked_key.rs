//! Public keys that nothing is issued for.

use crate::{BlockedKeyId, Timestamp};

/// A public key whose private key is, or may be, in wrong hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedKey {
    /// Its id.
    pub id: BlockedKeyId,
    /// SHA-256 of the subject public key info, lower-case hex.
    pub spki_sha256: String,
    /// Who says so, and why.
    pub comment: String,
    /// When it was blocked.
    pub created_at: Timestamp,
}
