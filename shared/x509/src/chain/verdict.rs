//! Answers.

use std::sync::Arc;

use crate::ObjectIdentifier;

use super::{
    Certificate,
    finding::{Class, Finding, Place},
};

/// Certificates that follow from each other.
#[derive(Clone, Debug, Default)]
pub struct Path {
    /// The target first, each followed by its issuer; the anchor last, if one was reached.
    pub certificates: Vec<Arc<Certificate>>,
    /// Where each of them was given. The only certificate of a path of one is its anchor.
    pub places: Vec<Place>,
    /// The policies for which it is valid and that are acceptable (RFC 5280 §6.1.6,
    /// `user-constrained-policy-set`): anyPolicy (2.5.29.32.0) for every one. Empty without an
    /// anchor.
    pub policies: Vec<ObjectIdentifier>,
}

impl Path {
    /// The index of the anchor; none when the path ends before one.
    pub fn anchor(&self) -> Option<usize> {
        match self.places.last() {
            Some(Place::Anchor(index)) => Some(*index),
            Some(Place::Target | Place::Candidate(_)) | None => None,
        }
    }

    /// Whether all of its certificates are valid at an instant (Unix seconds).
    pub fn is_valid_at(&self, at: i64) -> bool {
        self.certificates.iter().all(|certificate| certificate.is_valid_at(at))
    }
}

/// What was found out about a target.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The valid path, or the one that came nearest.
    pub path: Path,
    /// Why the path is not valid; nothing when it is.
    pub errors: Vec<Finding>,
    /// What should be better.
    pub warnings: Vec<Finding>,
    /// Whether all certificates of the path are within their validity at the instant.
    pub not_expired: bool,
}

impl Verdict {
    /// Whether the path is valid in every respect.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Whether the path is valid but for the instant.
    pub fn is_chain_valid(&self) -> bool {
        self.path.anchor().is_some() && self.errors.iter().all(|error| error.code.class() == Class::Time)
    }
}
