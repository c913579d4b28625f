//! Field types that accept what people write: lists as arrays or comma-separated text, durations as text or seconds,
//! names by kind or all together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use certmill_service::ServiceError;
use certmill_service::domain::{FieldErrors, Sans, Ttl};
use certmill_service::x509::DistinguishedName;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Implements poem-openapi's traits for a type that serde reads and writes.
macro_rules! openapi_type {
    ($type:ty, $name:literal, $schema:expr) => {
        impl Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl ParseFromJSON for $type {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default()).map_err(ParseError::custom)
            }
        }

        impl ToJSON for $type {
            fn to_json(&self) -> Option<Value> {
                serde_json::to_value(self).ok()
            }
        }
    };
}

fn string_schema() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
}

fn string_array() -> MetaSchema {
    let mut schema = MetaSchema::new("array");
    schema.items = Some(Box::new(string_schema()));
    schema
}

/// Entries of any list of texts. Most lists have a lower bound of their own where they are judged.
const MOST_ENTRIES: usize = 10_000;

fn too_many<E: serde::de::Error>() -> E {
    E::custom(format_args!("has more entries than {MOST_ENTRIES}, which are the most of any list"))
}

/// A list of texts; a comma-separated text is accepted too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TextList(pub(crate) Vec<String>);

// The document names the array alone: generators make unwieldy types of a union, and a client needs one form.
openapi_type!(TextList, "TextList", string_array());

impl<'de> Deserialize<'de> for TextList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = TextList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of strings, or one string with commas between")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TextList, E> {
                // Spelled out, because `Type` has an `is_empty` of its own that would answer for `&str`.
                let parts = text.split(',').map(str::trim).filter(|part| !str::is_empty(part));
                let list: Vec<String> = parts.take(MOST_ENTRIES + 1).map(ToOwned::to_owned).collect();
                if list.len() > MOST_ENTRIES { Err(too_many()) } else { Ok(TextList(list)) }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<TextList, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = array.next_element()? {
                    if list.len() == MOST_ENTRIES {
                        return Err(too_many());
                    }
                    list.push(text);
                }
                Ok(TextList(list))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A duration as it was sent; [`DurationText::parse`] judges it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DurationText(String);

impl DurationText {
    /// The duration, or `invalid_duration` that names the field.
    pub(crate) fn parse(&self, field: &str) -> Result<Ttl, ServiceError> {
        duration(field, &self.0)
    }
}

/// Reads a duration in a field or parameter.
pub(crate) fn duration(field: &str, text: &str) -> Result<Ttl, ServiceError> {
    text.parse::<Ttl>().map_err(|error| {
        ServiceError::WrongDurations(FieldErrors(BTreeMap::from([(field.to_owned(), error.to_string())])))
    })
}

openapi_type!(DurationText, "Duration", {
    let mut schema = MetaSchema::new("string");
    schema.description = Some(
        "Whole numbers with a unit of s, m, h, d, w or y, such as `90d` or `1d12h`; a bare number means seconds.",
    );
    schema.example = Some("90d".into());
    schema
});

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = DurationText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"90d\", or a number of seconds")
            }

            fn visit_str<E>(self, text: &str) -> Result<DurationText, E> {
                Ok(DurationText(text.to_owned()))
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<DurationText, E> {
                Ok(DurationText(seconds.to_string()))
            }

            fn visit_i64<E>(self, seconds: i64) -> Result<DurationText, E> {
                Ok(DurationText(seconds.to_string()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Subject alternative names: by kind, or as a list in which each name tells its own kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SanInput(pub(crate) Sans);

// As with lists, the document names one form of several.
openapi_type!(SanInput, "SubjectAlternativeNames", {
    let mut schema = MetaSchema::new("object");
    schema.properties = ["dns", "ip", "email", "uri", "other"]
        .map(|kind| (kind, MetaSchemaRef::Inline(Box::new(string_array()))))
        .to_vec();
    schema.description = Some("By kind. One list of names of any kind is taken too.");
    schema
});

impl<'de> Deserialize<'de> for SanInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields, default)]
        struct ByKind {
            dns: TextList,
            ip: TextList,
            email: TextList,
            uri: TextList,
            other: TextList,
        }
        let value = Value::deserialize(deserializer)?;
        if value.is_object() {
            let kinds = ByKind::deserialize(value).map_err(serde::de::Error::custom)?;
            let (dns, ip) = (kinds.dns.0, kinds.ip.0);
            let (uri, other) = (kinds.uri.0, kinds.other.0);
            return Ok(Self(Sans { dns, ip, email: kinds.email.0, uri, other }));
        }
        let names = TextList::deserialize(value).map_err(|_| {
            serde::de::Error::custom("expected {dns[], ip[], email[], uri[], other[]}, an array of strings, or one string with commas between")
        })?;
        // Host names, e-mail and IP addresses are told apart where they are checked; only a URI looks like neither.
        let (uri, dns) =
            names.0.into_iter().partition(|name| name.contains("://") || name.starts_with("urn:"));
        Ok(Self(Sans { dns, uri, ..Sans::default() }))
    }
}

/// A subject: by attribute, or an RFC 4514 string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SubjectInput(pub(crate) DistinguishedName);

impl Serialize for SubjectInput {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

openapi_type!(SubjectInput, "Subject", {
    let attributes =
        ["common_name", "organization", "organizational_unit", "country", "locality", "province", "email"];
    let mut schema = MetaSchema::new("object");
    schema.properties = attributes.map(|attribute| (attribute, string_schema())).to_vec();
    schema.description =
        Some("By attribute. An RFC 4514 string such as `CN=web.example.com,O=Example` is taken too.");
    schema
});

impl<'de> Deserialize<'de> for SubjectInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(deny_unknown_fields, default)]
        struct ByAttribute {
            common_name: Option<String>,
            organization: Values,
            organizational_unit: Values,
            country: Values,
            locality: Values,
            province: Values,
            email: Option<String>,
        }
        use serde::de::Error;
        let value = Value::deserialize(deserializer)?;
        if let Value::String(text) = &value {
            return text.parse().map(Self).map_err(D::Error::custom);
        }
        if !value.is_object() {
            return Err(D::Error::custom(
                "expected an object such as {\"common_name\": \"web.example.com\"}, or an RFC 4514 string",
            ));
        }
        let by = ByAttribute::deserialize(value).map_err(D::Error::custom)?;
        Ok(Self(DistinguishedName {
            common_name: by.common_name,
            organization: by.organization.0,
            organizational_unit: by.organizational_unit.0,
            country: by.country.0,
            locality: by.locality.0,
            province: by.province.0,
            email: by.email,
        }))
    }
}

/// One value, which may have commas in it, or several.
#[derive(Default)]
struct Values(Vec<String>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::default()),
            Value::String(text) => Ok(Self(vec![text])),
            several => {
                let TextList(values) = TextList::deserialize(several).map_err(serde::de::Error::custom)?;
                Ok(Self(values))
            }
        }
    }
}
