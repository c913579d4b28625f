//! Secrets that other objects refer to by path: credentials of DNS providers, keys of external accounts.

use std::fmt;
use std::str::FromStr;

use crate::word::words;
use crate::{Stored, Timestamp};

/// Where a secret is: up to 10 levels of lower-case letters, digits, `-` and `_`, with `/` between them, at most 512
/// characters together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPath(String);

const LONGEST: usize = 512;
const LEVELS: usize = 10;

impl SecretPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let is_level = |level: &str| !level.is_empty() && level.bytes().all(legal);
        if text.len() <= LONGEST && text.split('/').count() <= LEVELS && text.split('/').all(is_level) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "must be a path such as dns/cloudflare: up to {LEVELS} levels of a-z, 0-9, - and _ with / between them, at most \
             {LONGEST} characters"
        ))
    }
}

impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// What the data of a secret is.
    SecretType("type of secret") {
        /// Any JSON object.
        Json = "json",
        /// One text, as `value`.
        Text = "text",
        /// A certificate in PEM as `certificate`, and `private_key` and `chain` where there are such.
        Certificate = "certificate",
    }
}

/// A secret, without its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where it is.
    pub path: SecretPath,
    /// What its data is.
    pub secret_type: Stored<SecretType>,
    /// The number of its newest version, counted from 1.
    pub version: i64,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_form() {
        for good in ["a", "dns/cloudflare", "a/b/c/d/e/f/g/h/i/j", "x-1_y/0", &"a".repeat(512)] {
            assert_eq!(good.parse::<SecretPath>().unwrap().as_str(), good);
        }
        let (long, deep) = ("a".repeat(513), ["a"; 11].join("/"));
        for bad in
            ["", "/", "/a", "a/", "a//b", "A", "a.b", "a b", "ä", "..", "a/../b", "a%2fb", &long, &deep]
        {
            assert!(bad.parse::<SecretPath>().is_err(), "{bad}");
        }
    }
}
