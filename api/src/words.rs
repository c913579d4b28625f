//! Words of closed vocabularies in bodies, queries and answers. The document lists the words of each; a request with another
//! one is refused where the word is needed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use certmill_service::ServiceError;
use certmill_service::domain::{Stored, Vocabulary};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::scalars::TextList;

/// A word of the vocabulary `T` as it was sent or is answered. It may be none of `T`: what a request says is judged by
/// [`Word::value`], and what a newer version has stored is shown as it is.
pub(crate) struct Word<T> {
    text: Cow<'static, str>,
    of: PhantomData<fn() -> T>,
}

impl<T: Vocabulary> Word<T> {
    /// A word that is answered.
    pub(crate) fn shown(text: &str) -> Self {
        T::of_word(text).map_or_else(|| Self::of(text.to_owned()), Self::from)
    }

    fn of(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), of: PhantomData }
    }

    /// The value.
    ///
    /// # Errors
    /// `validation_error` that names the field and the words that there are.
    pub(crate) fn value(&self, field: &str) -> Result<T, ServiceError> {
        T::of_word(&self.text).ok_or_else(|| {
            let given: String = self.text.chars().take(64).collect();
            ServiceError::field(field, format!("`{given}` is unknown: use {}", or(&words::<T>())))
        })
    }
}

/// Every word of a vocabulary.
pub(crate) fn words<T: Vocabulary>() -> Vec<&'static str> {
    T::VALUES.iter().map(|value| value.word()).collect()
}

/// `a, b or c`.
fn or(words: &[&str]) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => words.concat(),
    }
}

impl<T: Vocabulary> From<T> for Word<T> {
    fn from(value: T) -> Self {
        Self::of(value.word())
    }
}

impl<T: Vocabulary> From<Stored<T>> for Word<T> {
    fn from(stored: Stored<T>) -> Self {
        match stored {
            Stored::Known(value) => value.into(),
            Stored::Unknown(word) => Self::of(word),
        }
    }
}

impl<T> From<Word<T>> for String {
    fn from(word: Word<T>) -> Self {
        word.text.into_owned()
    }
}

impl<T> Deref for Word<T> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<T> Clone for Word<T> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl<T> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::of)
    }
}

impl<T: Vocabulary> Type for Word<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    /// That of the vocabulary's type. A schema of its own, so that generated clients have one type for all fields that it is
    /// the vocabulary of, and can tell null from the words.
    fn name() -> Cow<'static, str> {
        std::any::type_name::<T>().rsplit("::").next().unwrap_or_default().into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |_| {
            let mut schema = MetaSchema::new("string");
            schema.description = Some(T::WHAT);
            schema.enum_items = words::<T>().into_iter().map(Value::from).collect();
            schema
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: Vocabulary> ParseFromJSON for Word<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl<T: Vocabulary> ParseFromParameter for Word<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Ok(Self::of(text.to_owned()))
    }
}

impl<T: Vocabulary> ToJSON for Word<T> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(&*self.text))
    }
}

/// A list of words in a request; one text with commas between is accepted too.
pub(crate) struct WordList<T> {
    /// The words as they were sent.
    pub(crate) list: TextList,
    of: PhantomData<fn() -> T>,
}

impl<'de, T: Vocabulary> Deserialize<'de> for WordList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { list: TextList::deserialize(deserializer)?, of: PhantomData })
    }
}

impl<T: Vocabulary> Type for WordList<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        T::WHAT.into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let mut schema = MetaSchema::new("array");
        schema.items = Some(Box::new(Word::<T>::schema_ref()));
        MetaSchemaRef::Inline(Box::new(schema))
    }

    fn register(registry: &mut Registry) {
        Word::<T>::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: Vocabulary> ParseFromJSON for WordList<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
    }
}

impl<T: Vocabulary> ToJSON for WordList<T> {
    fn to_json(&self) -> Option<Value> {
        serde_json::to_value(&self.list).ok()
    }
}

/// Defines vocabularies of the API: what answers derive from the domain's values, and what requests may ask for.
macro_rules! vocabularies {
    ($($(#[$doc:meta])* $name:ident($what:literal) = $($word:literal)|+;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(&'static str);

        impl Vocabulary for $name {
            const WHAT: &'static str = $what;
            const VALUES: &'static [Self] = &[$(Self($word),)+];

            fn word(self) -> &'static str {
                self.0
            }
        }
    )*};
}

vocabularies! {
    /// Kinds of keys that the service makes.
    KeyType("type of key") = "rsa" | "ec" | "ed25519";
    /// Kinds of keys of certificates from ACME servers.
    AcmeKeyType("type of key for ACME") = "ec" | "rsa";
    /// What RFC 8555 calls an order.
    OrderStatus("status of an ACME order") = "pending" | "ready" | "processing" | "valid" | "invalid";
    /// What RFC 8555 calls a challenge.
    ChallengeStatus("status of an ACME challenge") = "pending" | "processing" | "valid" | "invalid";
    /// How far a challenge is.
    ChallengeProgress("progress of an ACME challenge") =
        "waiting" | "published" | "propagating" | "submitted" | "validated" | "cleaned_up";
    /// Records that challenges publish.
    RecordType("type of a DNS record") = "TXT";
    /// Steps of a test of a DNS provider.
    TestStep("step of a test") = "find_zone" | "add" | "applied" | "propagated" | "remove";
    /// What a name server had in a test.
    Seen("sight of a name server") = "value" | "other_values" | "absent" | "no_route" | "failed";
    /// Orders of the list of certificates.
    CertificateSort("order of certificates") = "created_at" | "not_after";
    /// Orders of the list of events.
    EventOrder("order of events") = "timestamp" | "-timestamp";
    /// Forms of an export.
    ExportFormat("form of an export") = "ndjson" | "csv";
    /// Forms of private keys.
    KeyFormat("form of a private key") = "pem" | "pkcs12";
    /// What follows a revocation.
    CrlUpdate("update of a CRL") = "scheduled" | "by_ca";
    /// Where a trusted anchor is from.
    AnchorKind("source of trust anchors") = "trust_anchor" | "root_ca" | "system";
    /// Stores of trust beside the tenant's own.
    TrustStore("store of trust") = "system";
    /// States of background jobs.
    JobState("state of a job") = "pending" | "running" | "done" | "dead";
    /// Liveness.
    Liveness("liveness") = "ok";
    /// Readiness.
    ReadyStatus("readiness") = "ready" | "degraded" | "not_ready";
    /// Result of one check.
    CheckStatus("result of a check") = "ok" | "degraded" | "failed";
}

impl ExportFormat {
    /// Whether it is the form with a line of names.
    pub(crate) fn is_csv(self) -> bool {
        self.0 == "csv"
    }
}

impl EventOrder {
    /// Whether the newest come first.
    pub(crate) fn is_newest(self) -> bool {
        self.0 == "-timestamp"
    }
}

#[cfg(test)]
mod tests {
    use certmill_service::domain::{ChallengeState, ChallengeType, OrderState};

    use super::*;

    #[test]
    fn what_states_are_called_is_in_the_vocabularies() {
        for state in OrderState::VALUES {
            assert!(OrderStatus::of_word(state.status()).is_some(), "{state}");
        }
        for state in ChallengeState::VALUES {
            assert!(ChallengeStatus::of_word(state.status()).is_some(), "{state}");
        }
    }

    #[test]
    fn a_wrong_word_is_told_the_right_ones() {
        let word: Word<ChallengeType> = serde_json::from_str("\"http\"").unwrap();
        let refusal = word.value("challenge_type").unwrap_err();
        let ServiceError::Validation(fields) = refusal else { panic!("{refusal}") };
        assert_eq!(fields.0["challenge_type"], "`http` is unknown: use http-01, dns-01 or tls-alpn-01");
        assert_eq!(serde_json::to_string(&word).unwrap(), "\"http\"");
    }
}
