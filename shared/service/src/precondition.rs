//! Conditional changes (RFC 9110 §13.1.1): a caller names the state of an object that it has seen, and its change is refused
//! when somebody else has changed the object since.

use certmill_x509::{hex, sha256};

use crate::{Caller, ServiceError};

/// The states of an object that a caller's change is meant for: the value of `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(String);

impl IfMatch {
    /// Reads the value of the header: `*`, or entity tags with commas between.
    pub fn of(header: &str) -> Self {
        Self(header.to_owned())
    }

    /// Whether the state with this tag is one of them. Weak tags never are (RFC 9110 §8.8.3.2).
    fn names(&self, tag: &str) -> bool {
        self.0.trim() == "*" || self.0.split(',').any(|named| named.trim() == tag)
    }
}

impl Caller {
    /// Whether the caller's condition holds for the state with this tag, if it has one. The row must be held, or the change
    /// be bound to that state in another way.
    ///
    /// # Errors
    /// [`ServiceError::PreconditionFailed`].
    pub(crate) fn check_state(&self, tag: &str) -> Result<(), ServiceError> {
        match &self.if_match {
            Some(condition) if !condition.names(tag) => {
                Err(ServiceError::PreconditionFailed { tag: tag.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// The entity tag of a state that is told by these texts.
pub(crate) fn tag(state: &[&str]) -> String {
    // Lengths keep apart what commas would not.
    let told: Vec<String> = state.iter().map(|text| format!("{}:{text}", text.len())).collect();
    let digest = hex(&sha256(told.concat().as_bytes()));
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_name_tags() {
        let tag = tag(&["a", "b"]);
        assert_eq!(tag.len(), 34);
        assert_ne!(tag, super::tag(&["ab", ""]));
        for (header, holds) in [
            ("*", true),
            (tag.as_str(), true),
            (&format!("\"x\", {tag}"), true),
            (&format!("W/{tag}"), false),
            ("\"x\"", false),
            ("", false),
        ] {
            assert_eq!(IfMatch::of(header).names(&tag), holds, "{header}");
        }
    }
}
