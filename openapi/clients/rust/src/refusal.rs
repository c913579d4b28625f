//! How a call can fail.

use std::fmt;

use serde_json::Value;

/// A refusal of the service, from its error body.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    code: Option<String>,
    message: String,
    fields: Vec<(String, String)>,
    request_id: Option<String>,
}

impl Refusal {
    /// Reads the error body `{"error": {…}}`. One that is not such a body still has its status, and the request's id from its header.
    pub fn read(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let error = &body["error"];
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        let fields = error["details"]["fields"].as_object().map_or_else(Vec::new, |fields| {
            let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            fields.iter().map(|(field, problem)| (field.clone(), said(problem))).collect()
        });
        Self {
            status,
            code: text("code"),
            message: text("message").unwrap_or_else(|| format!("the server answered with status {status}")),
            fields,
            request_id: text("request_id").or(request_id),
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The error code that clients branch on, such as `role_violation`. `None` when something else than the service answered.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// What was wrong, in a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Fields, each with what is wrong with it.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The request, as in the service's logs.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
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
        match &self.request_id {
            Some(id) => write!(f, "\n  (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why a call has no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No answer came: no connection, no TLS, or no time left.
    #[error("{origin} does not answer")]
    NoAnswer {
        /// Scheme, host and port.
        origin: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The connection ended within the answer.
    #[error("the answer broke off")]
    BrokenOff(#[source] reqwest::Error),
    /// The answer is longer than this many octets.
    #[error("the answer is longer than {0} octets")]
    TooLong(usize),
    /// The answer is not JSON.
    #[error("the server did not answer with JSON: is it a certmill?")]
    NotJson(#[source] serde_json::Error),
    /// Nothing can have this name: in a path it would mean another object.
    #[error("nothing is named `{0}`")]
    Unnamable(String),
    /// The answer to a list has no rows under this key.
    #[error("the server's list has no `{0}`: is it a certmill of this version?")]
    NotAList(String),
}

impl CallError {
    /// Whether the connection broke before an answer came. One that never came about is not meant.
    pub(crate) fn is_broken_connection(&self) -> bool {
        match self {
            Self::NoAnswer { source, .. } | Self::BrokenOff(source) => {
                !source.is_connect() && !source.is_timeout()
            }
            _ => false,
        }
    }

    /// Whether the same call may succeed later: no answer came, or one that says so.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.status, 429 | 502 | 503 | 504),
            Self::NoAnswer { .. } | Self::BrokenOff(_) => true,
            Self::TooLong(_) | Self::NotJson(_) | Self::Unnamable(_) | Self::NotAList(_) => false,
        }
    }
}

/// Why a connection cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is not a URL of HTTP or HTTPS.
    #[error("`{0}` is not an http or https URL")]
    Url(String),
    /// The token cannot be sent in a header.
    #[error("the token has characters that no token has")]
    Token,
    /// A certificate can be shown in TLS only.
    #[error("a certificate can be shown over https only: give an https URL, or a token")]
    NotHttps,
    /// The certificate that is to be shown, or its key, cannot be used.
    #[error("the certificate cannot be used, or its key does not belong to it")]
    Certificate(#[source] reqwest::Error),
    /// The CA certificates cannot be read, or there is none.
    #[error("the CA certificates of the server cannot be read")]
    CaCertificate(#[source] Option<reqwest::Error>),
    /// The address has a name or a password in it.
    #[error("a name or password in the URL is not used: give the token by CERTMILL_TOKEN or a file")]
    Credentials,
    /// TLS cannot be set up.
    #[error("no connection can be set up")]
    Http(#[source] reqwest::Error),
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
        assert_eq!((refusal.status(), refusal.code()), (422, Some("validation_error")));
    }

    #[test]
    fn an_answer_of_somebody_else_is_told_by_its_status() {
        let refusal = Refusal::read(502, b"<html>", None);
        assert_eq!(refusal.to_string(), "the server answered with status 502");
        assert!(refusal.code().is_none());
    }
}
