//! Query parameters that an operation does not have, or that stand twice, are refused: a filter with a typing error would
//! otherwise find everything.

use std::collections::BTreeMap;

use certmill_service::ServiceError;
use certmill_service::domain::FieldErrors;

/// Checks a query against the parameters of its operation.
///
/// # Errors
/// `validation_error` with every parameter that is unknown or stands twice.
pub(crate) fn check(parameters: &[String], query: Option<&str>) -> Result<(), ServiceError> {
    let (mut seen, mut faults) = (Vec::new(), BTreeMap::new());
    for (name, _) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !parameters.iter().any(|parameter| *parameter == name) {
            faults.insert(name.to_string(), unknown(parameters));
        } else if seen.contains(&name) {
            faults.insert(name.to_string(), "stands twice: give one value".to_owned());
        }
        seen.push(name);
    }
    if faults.is_empty() { Ok(()) } else { Err(ServiceError::Validation(FieldErrors(faults))) }
}

fn unknown(parameters: &[String]) -> String {
    match parameters {
        [] => "unknown query parameter: this operation takes none".to_owned(),
        names => format!("unknown query parameter: use {}", names.join(", ")),
    }
}
