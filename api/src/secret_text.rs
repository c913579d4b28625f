//! Secrets in answers: overwritten when they are dropped, and without `Serialize`, so that none gets into JSON unless the field
//! of an answer names the function that writes it. And the one writer of JSON, whose buffer is overwritten too.

use std::borrow::Cow;
use std::io;

use bytes::Bytes;
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// The room that an answer gets at first, in octets.
const FIRST_ROOM: usize = 2_048;

/// A secret text of an answer.
pub(crate) struct SecretText(Zeroizing<String>);

impl From<Zeroizing<String>> for SecretText {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

/// Writes a secret into the answer that it was made for: `#[serde(serialize_with = "secret_text::answer")]`.
pub(crate) fn answer<S: Serializer>(secret: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&secret.0)
}

/// The same for a secret that may be absent.
#[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
pub(crate) fn answer_some<S: Serializer>(
    secret: &Option<SecretText>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => answer(secret, serializer),
        None => serializer.serialize_none(),
    }
}

/// Secret JSON of an answer.
pub(crate) struct SecretJson(Value);

impl From<Value> for SecretJson {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Drop for SecretJson {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites the texts of a JSON value.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// As [`answer`], for JSON.
pub(crate) fn answer_json<S: Serializer>(secret: &SecretJson, serializer: S) -> Result<S::Ok, S::Error> {
    secret.0.serialize(serializer)
}

/// Described in the document like another type; only the functions above read and write it.
macro_rules! described_as {
    ($type:ty, $like:ty) => {
        impl Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                <$like as Type>::name()
            }

            fn schema_ref() -> MetaSchemaRef {
                <$like as Type>::schema_ref()
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromJSON for $type {
            fn parse_from_json(_value: Option<Value>) -> ParseResult<Self> {
                Err(ParseError::custom("is part of answers only"))
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                None
            }
        }
    };
}

described_as!(SecretText, String);
described_as!(SecretJson, Value);

/// A value as JSON, in a buffer that is overwritten when the connection has taken it, or when it has been outgrown.
pub(crate) fn json<T: Serialize>(value: &T) -> serde_json::Result<Bytes> {
    let mut buffer = Buffer(Zeroizing::new(Vec::with_capacity(FIRST_ROOM)));
    serde_json::to_writer(&mut buffer, value)?;
    Ok(wiped_after_use(buffer.0))
}

/// Octets of an answer, overwritten when the last of those who hold them lets go.
pub(crate) fn wiped_after_use(octets: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(octets)
}

/// A buffer that leaves nothing behind where it moves to more room.
struct Buffer(Zeroizing<Vec<u8>>);

impl io::Write for Buffer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + octets.len();
        if needed > self.0.capacity() {
            let mut roomier = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.0.capacity())));
            roomier.extend_from_slice(&self.0);
            self.0 = roomier;
        }
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn the_writer_writes_what_serde_does() {
        for length in [0, 1, FIRST_ROOM - 9, FIRST_ROOM, 3 * FIRST_ROOM, 100_000] {
            let value = BTreeMap::from([("text", "é\n".repeat(length)), ("more", "x".to_owned())]);
            assert_eq!(json(&value).unwrap(), serde_json::to_vec(&value).unwrap(), "{length}");
        }
    }

    #[test]
    fn texts_of_json_are_overwritten_however_deep_they_are() {
        let mut value = json!({ "a": "secret", "b": [1, { "c": "secret" }], "d": null });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": "", "b": [1, { "c": "" }], "d": null }));
    }
}
