//! Texts that nobody should see in a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A private key, a token or a password. Its memory is overwritten when it is dropped, and `{:?}` does not show it; where it is
/// needed, [`Secret::expose`] gives it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sent_but_not_shown() {
        let secret = Secret::from("cmt_x");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""cmt_x""#);
        assert!(!format!("{secret:?}").contains("cmt_x"));
    }
}
