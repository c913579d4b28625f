//! Collects every wrong field of a body, so that one answer names them all.

use std::collections::BTreeMap;

use certmill_service::ServiceError;
use certmill_service::domain::FieldErrors;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::fault;

/// Fields that one answer tells of.
const MOST: usize = 16;
/// Octets of a body that is looked at again for each wrong field. Of a larger one the first is told.
const LARGEST: usize = 64 << 10;

/// What is wrong with the fields of a body, of which `first` is known already.
///
/// serde stops at the first field that is wrong. So that one is taken out, or given a value that its type takes, and
/// the rest is read again, until nothing is wrong any more.
pub(crate) fn all<T: DeserializeOwned>(body: &[u8], first: (String, String)) -> BTreeMap<String, String> {
    let mut wrong = first.0.clone();
    let mut faults = BTreeMap::from([first]);
    let Some(mut fields @ Value::Object(_)) =
        (body.len() <= LARGEST).then(|| serde_json::from_slice(body).ok()).flatten()
    else {
        return faults;
    };
    // A field that was removed here may be reported as missing once the other errors are mended.
    for _ in 0..4 * MOST {
        if faults.len() >= MOST || !mend::<T>(&mut fields, &wrong) {
            break;
        }
        let Some((field, problem)) = found::<T>(&fields) else { break };
        wrong.clone_from(&field);
        if !faults.keys().any(|told| outermost(told) == outermost(&field)) {
            faults.insert(field, problem);
        }
    }
    faults
}

/// Makes a body that is no longer wrong in this field; `false` when nothing that is tried does.
fn mend<T: DeserializeOwned>(fields: &mut Value, wrong: &str) -> bool {
    let name = outermost(wrong).to_owned();
    fields.as_object_mut().and_then(|fields| fields.remove(&name));
    let is_mended = |fields: &Value| found::<T>(fields).is_none_or(|(field, _)| outermost(&field) != name);
    for value in [Value::Null, json!(""), json!(0), json!(false), json!([]), json!({})] {
        if is_mended(fields) {
            return true;
        }
        fields[name.as_str()] = value;
    }
    is_mended(fields)
}

/// The first field that is wrong.
fn found<T: DeserializeOwned>(fields: &Value) -> Option<(String, String)> {
    let error = serde_path_to_error::deserialize::<_, T>(fields).err()?;
    fault(&error.path().to_string(), &error.into_inner()).ok()
}

/// `tags` of `tags.a`, and `names` of `names[1]`.
fn outermost(field: &str) -> &str {
    field.split(['.', '[']).next().unwrap_or(field)
}

/// What the values of fields were refused for, until all have been looked at.
#[derive(Default)]
pub(crate) struct Noted {
    durations: BTreeMap<String, String>,
    others: BTreeMap<String, String>,
}

impl Noted {
    /// Notes an error that is about fields; any other is given back.
    pub(crate) fn note(&mut self, error: ServiceError) -> Result<(), ServiceError> {
        match error {
            ServiceError::WrongDurations(fields) => self.durations.extend(fields.0),
            ServiceError::Validation(fields) => self.others.extend(fields.0),
            other => return Err(other),
        }
        Ok(())
    }

    /// Everything that was noted, as one error: `invalid_duration` when nothing but durations is wrong.
    pub(crate) fn end(self) -> Result<(), ServiceError> {
        let Self { durations, mut others } = self;
        match (durations.is_empty(), others.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => Err(ServiceError::WrongDurations(FieldErrors(durations))),
            (_, false) => {
                others.extend(durations);
                Err(ServiceError::Validation(FieldErrors(others)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalars::{DurationText, TextList};

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its type matters here")]
    struct Sample {
        name: String,
        size: u32,
        names: TextList,
        ttl: Option<DurationText>,
        tags: BTreeMap<String, String>,
        on: bool,
    }

    fn faults(body: &str) -> Vec<String> {
        let error =
            serde_path_to_error::deserialize::<_, Sample>(&mut serde_json::Deserializer::from_str(body));
        let error = error.err().unwrap();
        let first = fault(&error.path().to_string(), &error.into_inner()).unwrap();
        all::<Sample>(body.as_bytes(), first).into_keys().collect()
    }

    #[test]
    fn every_wrong_field_is_told() {
        let right = r#""name": "x", "size": 1, "names": [], "tags": {}, "on": true"#;
        assert_eq!(faults(&format!(r#"{{{right}, "colour": 1, "shape": {{}}}}"#)), ["colour", "shape"]);
        assert_eq!(faults("{}"), ["name", "names", "on", "size", "tags"]);
        assert_eq!(
            faults(
                r#"{"name": 7, "size": "x", "names": {}, "ttl": [], "tags": {"a": 1}, "on": "yes", "more": 0}"#
            ),
            ["more", "name", "names", "on", "size", "tags.a", "ttl"]
        );
    }

    #[test]
    fn of_a_large_body_the_first_is_told() {
        let long = "x".repeat(LARGEST);
        assert_eq!(faults(&format!(r#"{{"colour": "{long}", "shape": 1}}"#)), ["colour"]);
    }
}
