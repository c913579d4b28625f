//! Public keys that nothing is issued for.

use crate::{BlockedKeyId, Timestamp};

/// A public key whose private key is, or may be, in wrong hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedKey {
    /// The id of the blocked key.
    pub id: BlockedKeyId,
    /// SHA-256 of the subject public key info, lower-case hex.
    pub spki_sha256: String,
    /// Why it is blocked, and on whose word.
    pub comment: String,
    /// When it was blocked.
    pub created_at: Timestamp,
}
