//! How a call of the API can fail, said as a person would, and which exit code that has.

use std::fmt;
use std::process::ExitCode;

use serde_json::Value;

/// Exit code of a command that was written wrongly, as clap's own.
const USAGE: u8 = 2;
/// Exit code when there is no token, or the server does not take it.
const NOT_SIGNED_IN: u8 = 3;
/// Exit code when the token may not do this.
const NOT_ALLOWED: u8 = 4;
/// Exit code when there is no such thing.
const NOT_FOUND: u8 = 5;
/// Exit code when a rule or the present state is against it.
const REFUSED: u8 = 6;

/// A refusal of the server, from its error body.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    message: String,
    /// Field and what is wrong with it.
    fields: Vec<(String, String)>,
    request_id: Option<String>,
}

impl Refusal {
    /// Reads the error body `{"error": {…}}`; what is not one still has its status.
    pub(super) fn read(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let error = &body["error"];
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        let fields = error["details"]["fields"].as_object().map_or_else(Vec::new, |fields| {
            let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            fields.iter().map(|(field, problem)| (field.clone(), said(problem))).collect()
        });
        Self {
            status,
            message: text("message").unwrap_or_else(|| format!("the server answered with status {status}")),
            fields,
            request_id: text("request_id").or(request_id),
        }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    const fn exit_code(&self) -> u8 {
        match self.status {
            400 | 405 | 415 => USAGE,
            401 => NOT_SIGNED_IN,
            403 => NOT_ALLOWED,
            404 => NOT_FOUND,
            409 | 412 | 413 | 422 => REFUSED,
            _ => 1,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (field, problem) in &self.fields {
            // A single wrong field may be quoted in the message already.
            if !self.message.contains(problem.as_str()) {
                write!(f, "\n  {field}: {problem}")?;
            }
        }
        if self.status == 401 {
            f.write_str("\n  sign in with `certmill login URL`, or set CERTMILL_TOKEN")?;
        }
        match &self.request_id {
            Some(id) => write!(f, "\n  (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// A failure on this side that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No server or no token is known.
    #[error("{0}")]
    NotSignedIn(String),
    /// What was asked for by name is not there.
    #[error("{0}")]
    NotFound(String),
    /// What was written on the command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A rule says no: answers of role checks and validations.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    pub(super) fn usage(text: impl Into<String>) -> anyhow::Error {
        Self::Usage(text.into()).into()
    }

    pub(super) fn not_found(text: impl Into<String>) -> anyhow::Error {
        Self::NotFound(text.into()).into()
    }
}

/// The exit code for an error of a client command: 2 wrong usage, 3 not signed in, 4 not allowed, 5 not found, 6 refused by
/// rules, 1 anything else.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(refusal) = error.downcast_ref::<Refusal>() {
        return refusal.exit_code().into();
    }
    match error.downcast_ref::<Failure>() {
        Some(Failure::Usage(_)) => USAGE,
        Some(Failure::NotSignedIn(_)) => NOT_SIGNED_IN,
        Some(Failure::NotFound(_)) => NOT_FOUND,
        Some(Failure::Refused(_)) => REFUSED,
        None => 1,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_fields_and_request() {
        let body = br#"{"error": {"code": "validation_error", "message": "some fields are wrong",
            "details": {"fields": {"ttl": "too long"}}, "request_id": "req_1"}}"#;
        let refusal = Refusal::read(422, body, None);
        assert_eq!(refusal.to_string(), "some fields are wrong\n  ttl: too long\n  (request req_1)");
        assert_eq!(refusal.status(), 422);
    }

    #[test]
    fn an_answer_of_somebody_else_is_told_by_its_status() {
        let refusal = Refusal::read(502, b"<html>", None);
        assert_eq!(refusal.to_string(), "the server answered with status 502");
    }
}
