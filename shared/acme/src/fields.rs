//! The fields of JSON objects that servers send. What is needed is asked for, and an error names it when it is not there in the
//! form that it should have; whatever else an object has may be absent, null or of any form.

use certmill_domain::Timestamp;
use serde_json::{Map, Value};

use crate::AcmeError;

/// An object that a server has sent.
pub(crate) struct Fields<'a> {
    /// What it is, for errors.
    what: &'static str,
    object: &'a Map<String, Value>,
}

/// Reads JSON. The reader's message would quote the answer, which may be anybody's: only where it failed is told.
pub(crate) fn json(body: &[u8], what: &str) -> Result<Value, AcmeError> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        AcmeError::protocol(format!("its {what} is no JSON at {place}"))
    })
}

impl<'a> Fields<'a> {
    /// The fields of a value that has to be an object.
    pub(crate) fn of(value: &'a Value, what: &'static str) -> Result<Self, AcmeError> {
        match value {
            Value::Object(object) => Ok(Self { what, object }),
            _ => Err(AcmeError::protocol(format!("its {what} is no JSON object"))),
        }
    }

    /// A text; none when there is none.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.object.get(name).and_then(Value::as_str)
    }

    /// A text that has to be there.
    pub(crate) fn needed_text(&self, name: &str) -> Result<&'a str, AcmeError> {
        self.text(name).ok_or_else(|| self.missing(name, "text"))
    }

    /// A time in Unix seconds; none when there is none that can be read.
    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        seconds(self.text(name)?)
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.object.get(name) {
            Some(Value::Bool(set)) => *set,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// The entries of a list; none when there is no list.
    pub(crate) fn list(&self, name: &str) -> &'a [Value] {
        self.object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The entries of a list that has to be there, all of them texts.
    pub(crate) fn needed_texts(&self, name: &str) -> Result<Vec<String>, AcmeError> {
        let list = self.object.get(name).and_then(Value::as_array);
        let texts =
            list.and_then(|list| list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect());
        texts.ok_or_else(|| self.missing(name, "list of texts"))
    }

    /// An object; none when there is none.
    pub(crate) fn object(&self, name: &str) -> Option<Fields<'a>> {
        let object = self.object.get(name)?.as_object()?;
        Some(Fields { what: self.what, object })
    }

    /// An object that has to be there.
    pub(crate) fn needed_object(&self, name: &str) -> Result<Fields<'a>, AcmeError> {
        self.object(name).ok_or_else(|| self.missing(name, "object"))
    }

    /// Every field.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.object.iter()
    }

    /// A field, whatever it is.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    fn missing(&self, name: &str, form: &str) -> AcmeError {
        let problem = match self.object.get(name) {
            None | Some(Value::Null) => format!("its {} has no `{name}`", self.what),
            Some(_) => format!("the `{name}` of its {} is no {form}", self.what),
        };
        AcmeError::protocol(problem)
    }
}

/// A time of RFC 3339 in Unix seconds.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    Timestamp::parse_rfc3339(text.trim()).map(Timestamp::unix_seconds)
}
