//! Conditional changes (RFC 9110 §13.1.1): a caller names the state of an object that it has seen, and its change is refused
//! when the object was changed since.

use certmill_x509::{hex, sha256};

use crate::{Caller, ServiceError};

/// The states of an object that a caller's change is meant for: the value of `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(String);

impl IfMatch {
    /// Reads the lines of the header: `*`, or entity tags with commas between; none when there is no line. Octets that are no
    /// text stand in no tag of ours, and a condition with them is one that does not hold.
    pub fn of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
        (!lines.is_empty()).then(|| Self(lines.join(",")))
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

    fn of(lines: &[&[u8]]) -> Option<IfMatch> {
        IfMatch::of(lines.iter().copied())
    }

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
            assert_eq!(of(&[header.as_bytes()]).unwrap().names(&tag), holds, "{header}");
        }
        assert!(of(&[b"\"x\"", tag.as_bytes()]).unwrap().names(&tag), "each line counts");
        assert!(!of(&[b"\"\xff\""]).unwrap().names(&tag), "a condition is not lost");
        assert!(of(&[]).is_none());
    }
}
