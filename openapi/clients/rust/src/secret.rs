//! What nobody should see in a log.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

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

/// An object with credentials in it, as [`Secret`] is a text: texts in it are overwritten when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SecretJson(Value);

impl SecretJson {
    /// The object itself.
    pub const fn expose(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for SecretJson {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Debug for SecretJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretJson(…)")
    }
}

impl Drop for SecretJson {
    fn drop(&mut self) {
        overwrite(&mut self.0);
    }
}

/// serde_json reads at most 128 levels.
fn overwrite(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(overwrite),
        Value::Object(members) => members.values_mut().for_each(overwrite),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
        let object = SecretJson::from(serde_json::json!({ "token": "cmt_x" }));
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"token":"cmt_x"}"#);
        assert!(!format!("{object:?}").contains("cmt_x"));
    }
}
