//! Texts that must not be shown.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use zeroize::Zeroizing;

/// A secret text from the configuration: wiped when dropped, shown as `***`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text that must not be shown.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text.to_owned()))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A URL as it may be shown: without its password and without the values of its query, except
/// `sslmode`, which is worth seeing and never secret.
pub(crate) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    // The last `@`, because a password that was not encoded may hold one.
    let place = match rest.rsplit_once('@') {
        Some((who, place)) => match who.split_once(':') {
            Some((user, _)) => format!("{user}:***@{place}"),
            None => format!("{who}@{place}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map(|query| format!("?{}", redacted_query(query))).unwrap_or_default();
    format!("{scheme}://{place}{query}")
}

fn redacted_query(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some(("sslmode", _)) => pair.to_owned(),
        Some((name, _)) => format!("{name}=***"),
        None => "***".to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("open sesame".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
        assert_eq!(secret.expose(), "open sesame");
    }

    #[test]
    fn urls_are_shown_without_passwords() {
        for (url, shown) in [
            ("postgres://certmill:hunter2@db:5432/certmill", "postgres://certmill:***@db:5432/certmill"),
            ("postgres://certmill:a@b:c?d@db/x", "postgres://certmill:***"),
            ("postgres://certmill:p@ss@db/x", "postgres://certmill:***@db/x"),
            (
                "postgres://db/x?user=me&password=hunter2&sslmode=require",
                "postgres://db/x?user=***&password=***&sslmode=require",
            ),
            ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
            ("redis://cache:6379", "redis://cache:6379"),
            ("sqlite:///var/lib/certmill.db", "sqlite:///var/lib/certmill.db"),
            ("hunter2", "***"),
        ] {
            let redacted = redacted(url);
            assert!(redacted.starts_with(shown), "{redacted}");
            assert!(!redacted.contains("hunter2") && !redacted.contains("ss@"), "{redacted}");
        }
    }
}
