//! Words of closed vocabularies: enums that the API and the database write as words.
//!
//! A row may have been written by a newer version, with a word that this one does not know. What is read is therefore a
//! [`Stored`] word, which is shown as it is; only code that decides something asks for the value, and is refused.

use std::fmt;

use certmill_x509::RevocationReason;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{CaStatus, CertificateStatus, Verdict};

/// An enum whose values are words.
pub trait Vocabulary: Copy + PartialEq + fmt::Debug + 'static {
    /// What a value is, such as `state of an ACME order`.
    const WHAT: &'static str;
    /// Every value.
    const VALUES: &'static [Self];

    /// The value as the API and the database write it.
    fn word(self) -> &'static str;

    /// The value that is written so.
    fn of_word(text: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|value| value.word() == text)
    }
}

/// A word as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stored<T> {
    /// A value of this version.
    Known(T),
    /// A word that this version does not have.
    Unknown(String),
}

impl<T: Vocabulary> Stored<T> {
    /// Reads a word; there is none that cannot be read.
    pub fn read(text: &str) -> Self {
        T::of_word(text).map_or_else(|| Self::Unknown(text.to_owned()), Self::Known)
    }

    /// The word, known or not.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => value.word(),
            Self::Unknown(word) => word,
        }
    }

    /// The value, for a decision.
    ///
    /// # Errors
    /// [`UnknownWord`] when this version does not have it.
    pub fn known(&self) -> Result<T, UnknownWord> {
        match self {
            Self::Known(value) => Ok(*value),
            Self::Unknown(word) => Err(UnknownWord::new(T::WHAT, word)),
        }
    }
}

impl<T> From<T> for Stored<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Vocabulary> PartialEq<T> for Stored<T> {
    fn eq(&self, other: &T) -> bool {
        matches!(self, Self::Known(value) if value == other)
    }
}

impl<T: Vocabulary> fmt::Display for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T: Vocabulary> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Stored<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|word| Self::read(&word))
    }
}

/// A decision depends on a word that this version does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is no {what} that this version of certmill knows: it was written by a newer version of certmill, which has to \
     do this"
)]
pub struct UnknownWord {
    /// What it is a word for.
    pub what: &'static str,
    /// The word.
    pub word: String,
}

impl UnknownWord {
    /// This word for this.
    pub fn new(what: &'static str, word: impl Into<String>) -> Self {
        Self { what, word: word.into() }
    }
}

/// The database has the number of RFC 5280 instead, which stands for an unknown reason where that is shown.
impl Vocabulary for RevocationReason {
    const WHAT: &'static str = "revocation reason";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// Implements [`Vocabulary`] for enums that are derived and never stored.
macro_rules! derived {
    ($($name:ident($what:literal) = $($variant:ident)|+;)*) => {$(
        impl Vocabulary for $name {
            const WHAT: &'static str = $what;
            const VALUES: &'static [Self] = &[$(Self::$variant,)+];

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    )*};
}

derived! {
    CaStatus("status of a CA") = Pending | Active | Revoked | Expired;
    CertificateStatus("status of a certificate") = Active | Expired | Revoked;
    Verdict("verdict of a rule") = Permitted | Refused | NotApplicable;
}

/// Defines an enum whose variants are words of the API and the database.
macro_rules! words {
    (
        $(#[$meta:meta])* $name:ident($what:literal) { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word of the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Reads the word of a request. What is stored is read as [`Stored`](crate::Stored).
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::Vocabulary for $name {
            const WHAT: &'static str = $what;
            const VALUES: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrderState, RoleKeyType};

    #[test]
    fn a_known_word_is_its_value() {
        let stored = Stored::<OrderState>::read("finalizing");
        assert_eq!(stored, OrderState::Finalizing);
        assert_eq!(stored.known(), Ok(OrderState::Finalizing));
        assert_eq!(stored.as_str(), "finalizing");
    }

    #[test]
    fn an_unknown_word_stays_as_it_is_and_decides_nothing() {
        let stored = Stored::<OrderState>::read("Parked ");
        assert_eq!(stored.to_string(), "Parked ");
        assert!(OrderState::ALL.iter().all(|state| stored != *state));
        let refusal = stored.known().unwrap_err().to_string();
        assert!(refusal.contains("`Parked ` is no state of an ACME order"), "{refusal}");
        assert!(refusal.contains("written by a newer version of certmill"), "{refusal}");
    }

    #[test]
    fn json_is_written_as_it_was_read() {
        for text in [r#""ec""#, r#""ml-dsa""#] {
            let stored: Stored<RoleKeyType> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&stored).unwrap(), text);
        }
    }
}
