//! Which fields a configuration has: one table for the list in the API, for the document that describes it, and for the check
//! of what was sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::ConfigError;

/// A field of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: FieldType,
    /// Whether it has to be there.
    pub required: bool,
    /// The field in whose presence it may be absent all the same.
    pub unless: Option<&'static str>,
    /// Whether it is a credential: sealed, and never answered.
    pub secret: bool,
    /// What it is, for people.
    pub description: &'static str,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text.
    Text,
    /// One of some texts.
    Choice(&'static [&'static str]),
    /// The URL of an API.
    Url,
    /// A whole number that is not negative.
    Integer,
    /// True or false.
    Boolean,
    /// A list of texts.
    TextList,
    /// JSON: the object itself, or its text.
    Json,
    /// An object with fields of its own.
    Object(&'static [Field]),
}

impl FieldType {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text | Self::Choice(_) => "string",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::TextList => "string_list",
            Self::Json => "json",
            Self::Object(_) => "object",
        }
    }

    /// The texts that it takes, where these are few.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Choice(choices) => choices,
            _ => &[],
        }
    }

    /// The fields of an object.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// What is wrong with a value.
    fn problem(self, value: &Value) -> Option<String> {
        let (is_right, wanted) = match self {
            Self::Text | Self::Choice(_) => (value.is_string(), "must be a text"),
            Self::Url => (value.is_string(), "must be a text, a URL"),
            Self::Integer => {
                (value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()), "must be a whole number")
            }
            Self::Boolean => (value.is_boolean(), "must be true or false"),
            Self::TextList => {
                let is_list = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                (is_list, "must be a list of texts")
            }
            Self::Json => (value.is_string() || value.is_object(), "must be a JSON object, or its text"),
            Self::Object(_) => (value.is_object(), "must be an object"),
        };
        let chosen =
            value.as_str().is_none_or(|text| self.choices().is_empty() || self.choices().contains(&text));
        match (is_right, chosen) {
            (false, _) => Some(wanted.to_owned()),
            (true, false) => Some(format!("must be one of {}", self.choices().join(", "))),
            (true, true) => None,
        }
    }
}

impl Field {
    /// One that has to be there.
    pub(crate) const fn required(name: &'static str, description: &'static str) -> Self {
        Self { name, kind: FieldType::Text, required: true, unless: None, secret: false, description }
    }

    /// One that may be absent.
    pub(crate) const fn optional(name: &'static str, description: &'static str) -> Self {
        Self { required: false, ..Self::required(name, description) }
    }

    /// The same as a credential.
    pub(crate) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The same, taking something else than a text.
    pub(crate) const fn of(self, kind: FieldType) -> Self {
        Self { kind, ..self }
    }

    /// The same, not needed where another field is there.
    pub(crate) const fn unless(self, other: &'static str) -> Self {
        Self { unless: Some(other), ..self }
    }
}

/// How it is found out that a value has arrived.
const PROPAGATION: Field =
    Field::optional("propagation", "How it is found out that a value has arrived.").of(FieldType::Object(&[
        Field::optional(
            "mode",
            "Whom to ask: `authoritative` (every name server of the zone; the default), `majority` of them, `recursive` (the \
             resolvers), `wait` (nobody; a fixed time), or `none` (nobody; the time to settle).",
        )
        .of(FieldType::Choice(&["authoritative", "majority", "recursive", "wait", "none"])),
        Field::optional(
            "nameservers",
            "Name servers to ask in place of the zone's own: IP addresses, with a port where it is not 53. At most 20.",
        )
        .of(FieldType::TextList),
        Field::optional(
            "resolvers",
            "Resolvers that know the zones, where the usual ones do not or know others (split horizon): asked for aliases and \
             name servers, and in the mode `recursive` for the value. At most 8.",
        )
        .of(FieldType::TextList),
        Field::optional("timeout_seconds", "After how many seconds a value that has not arrived will not; 600.")
            .of(FieldType::Integer),
        Field::optional("settle_seconds", "How many seconds a new value is left alone before it is looked for.")
            .of(FieldType::Integer),
        Field::optional("wait_seconds", "The time of the mode `wait`, in seconds; 120.").of(FieldType::Integer),
        Field::optional(
            "min_success",
            "How many servers must have the value: `all` or `majority`, which is the mode `majority`.",
        )
        .of(FieldType::Choice(&["all", "majority"])),
    ]));

const TTL: Field =
    Field::optional("ttl", "The time to live of new records, in seconds.").of(FieldType::Integer);
const TIMEOUT: Field =
    Field::optional("timeout_seconds", "How long a call may take, in seconds: 1 to 60; 20.")
        .of(FieldType::Integer);

/// What every type takes.
pub(crate) const COMMON: &[Field] = &[PROPAGATION];

/// What every type over HTTP takes.
pub(crate) const HTTP: &[Field] = &[
    Field::optional("base_url", "Where the API is, if not at the vendor's own address.").of(FieldType::Url),
    TTL,
    TIMEOUT,
    PROPAGATION,
];

/// The same where the API is somebody's own.
pub(crate) const HTTP_ELSEWHERE: &[Field] = &[
    Field::required("base_url", "Where the API is: https://dns.example.com.").of(FieldType::Url),
    TTL,
    TIMEOUT,
    PROPAGATION,
];

/// Everything that is wrong with the fields of `config` by their table: unknown, missing and of the wrong type, all at once.
pub(crate) fn check(fields: &[Field], config: &Value) -> Result<(), ConfigError> {
    let Value::Object(sent) = config else {
        return Err(ConfigError::field("config", "must be a JSON object"));
    };
    let mut wrong = BTreeMap::new();
    collect(fields, sent, "", &mut wrong);
    if wrong.is_empty() { Ok(()) } else { Err(ConfigError::Fields(wrong)) }
}

fn collect(fields: &[Field], sent: &Map<String, Value>, above: &str, wrong: &mut BTreeMap<String, String>) {
    for (name, value) in sent {
        let path = format!("{above}{}", shortened(name));
        match fields.iter().find(|field| field.name == name) {
            None => {
                wrong.insert(path, format!("unknown field: {} are known", names(fields)));
            }
            // As if it were not there.
            Some(_) if value.is_null() => {}
            Some(field) => match (field.kind.problem(value), value) {
                (Some(problem), _) => {
                    wrong.insert(path, problem);
                }
                (None, Value::Object(inner)) if !field.kind.fields().is_empty() => {
                    collect(field.kind.fields(), inner, &format!("{path}."), wrong);
                }
                (None, _) => {}
            },
        }
    }
    let is_there = |name: &str| sent.get(name).is_some_and(|value| !value.is_null());
    for field in fields.iter().filter(|field| field.required && !is_there(field.name)) {
        if !field.unless.is_some_and(is_there) {
            wrong.insert(format!("{above}{}", field.name), format!("missing field: {}", field.description));
        }
    }
}

fn names(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    names.join(", ")
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("token", "A token.").secret().unless("ambient"),
        Field::required("account", "An account."),
        Field::optional("ambient", "Where from.").of(FieldType::Choice(&["a", "b"])),
        Field::optional("private", "Whether.").of(FieldType::Boolean),
        TTL,
        PROPAGATION,
    ];

    fn wrong(config: Value) -> Vec<String> {
        match check(FIELDS, &config) {
            Ok(()) => Vec::new(),
            Err(ConfigError::Fields(fields)) => {
                fields.into_iter().map(|(field, problem)| format!("{field}: {problem}")).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let found = wrong(json!({
            "tokn": "x", "private": "yes", "ttl": -1, "propagation": { "mode": "never", "modus": 1 }
        }));
        let starts = [
            "account: missing field: An account.",
            "private: must be true or false",
            "propagation.mode: must be one of authoritative",
            "propagation.modus: unknown field: mode, nameservers",
            "token: missing field: A token.",
            "tokn: unknown field: token, account",
            "ttl: must be a whole number",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn a_field_can_stand_in_for_another() {
        assert!(wrong(json!({ "account": "a", "ambient": "b" })).is_empty());
        assert!(wrong(json!({ "account": "a", "token": "t", "ttl": null })).is_empty());
        assert_eq!(wrong(json!({ "account": null, "token": "t" })), ["account: missing field: An account."]);
        assert_eq!(wrong(json!([])), ["config: must be a JSON object"]);
    }
}
