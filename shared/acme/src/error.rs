//! What can go wrong, by what the caller can do about it.

use std::time::Duration;

use certmill_egress::EgressError;
use serde::Serialize;
use serde_json::Value;

use crate::fields::Fields;

/// Texts of a server are kept up to this length, in characters.
const LONGEST: usize = 1_000;
/// So many subproblems are kept.
const MOST: usize = 100;
const PREFIX: &str = "urn:ietf:params:acme:error:";

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// Nothing was sent: the server's name or address, the connection, TLS, or the egress policy.
    #[error("the ACME server cannot be reached: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
        /// Whether trying again will be of no use, such as for an address that the policy denies.
        permanent: bool,
    },
    /// The request may have arrived and been carried out; no whole answer came back.
    #[error("the ACME server did not answer completely: {reason}")]
    OutcomeUnknown {
        /// Why.
        reason: String,
    },
    /// The server failed, or something in front of it answered in its place.
    #[error("the ACME server failed with status {status}: {reason}")]
    Server {
        /// The status of HTTP.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
        /// When to ask again, if the server says so.
        retry_after: Option<Duration>,
        /// Whether it was asked for what every request needs: its directory or a nonce.
        common: bool,
    },
    /// The server has too much to do.
    #[error("the ACME server is busy")]
    Busy {
        /// When to ask again.
        retry_after: Option<Duration>,
        /// Whether it was asked for what every request needs: its directory or a nonce.
        common: bool,
    },
    /// The server refused, and says why.
    #[error("the ACME server says: {problem}")]
    Problem {
        /// What it says.
        problem: Box<Problem>,
        /// The status of HTTP.
        status: u16,
        /// When to ask again, if the server says so.
        retry_after: Option<Duration>,
    },
    /// An answer breaks the protocol.
    #[error("the ACME server breaks the protocol: {0}")]
    Protocol(String),
    /// The server does not offer what was asked for.
    #[error("the ACME server does not offer {0}")]
    Unsupported(&'static str),
    /// A key or a certificate of ours cannot be used.
    #[error("{0}")]
    Material(String),
}

impl AcmeError {
    /// What the server says, if it says something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// When to ask again, if the server says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. }
            | Self::Busy { retry_after, .. }
            | Self::Problem { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether trying again as it is will be of no use although the server has not refused.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Unreachable { permanent: true, .. })
    }

    /// Whether the fault is that of the server as a whole, and not of the one resource that was asked for: it cannot be
    /// reached, or gives neither its directory nor a nonce.
    pub fn is_of_whole_server(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { permanent: false, .. }
                | Self::Server { common: true, .. }
                | Self::Busy { common: true, .. }
        )
    }

    /// Whether the server has judged the request, so that it can be said to work.
    pub fn is_verdict(&self) -> bool {
        match self {
            Self::Problem { problem, status, .. } => {
                *status < 500 && !["badNonce", "serverInternal"].contains(&problem.kind.as_str())
            }
            _ => false,
        }
    }

    /// The same error, of a request for the directory or a nonce. Such a request changes nothing, so it does not matter
    /// whether it arrived.
    pub(crate) fn of_common(self) -> Self {
        match self {
            Self::OutcomeUnknown { reason } => Self::Unreachable { reason, permanent: false },
            Self::Server { status, reason, retry_after, .. } => {
                Self::Server { status, reason, retry_after, common: true }
            }
            Self::Busy { retry_after, .. } => Self::Busy { retry_after, common: true },
            Self::Problem { problem, retry_after, .. } if problem.kind == "rateLimited" => {
                Self::Busy { retry_after, common: true }
            }
            other => other,
        }
    }

    /// Whether the server refused with a problem of this kind.
    pub fn is_problem(&self, kind: &str) -> bool {
        self.problem().is_some_and(|problem| problem.kind == kind)
    }

    /// An answer breaks the protocol, in a sentence that may quote it.
    pub(crate) fn protocol(sentence: impl AsRef<str>) -> Self {
        Self::Protocol(said(sentence.as_ref()))
    }

    pub(crate) fn crypto(error: openssl::error::ErrorStack) -> Self {
        Self::Material(format!("cryptography failed: {error}"))
    }
}

impl From<EgressError> for AcmeError {
    fn from(error: EgressError) -> Self {
        let reason = error.to_string();
        if error.may_have_been_sent() {
            return Self::OutcomeUnknown { reason };
        }
        let permanent = matches!(error, EgressError::Denied { .. } | EgressError::InvalidUrl(_));
        Self::Unreachable { reason, permanent }
    }
}

/// A text of a server, fit for rows, logs and people: of bounded length, and with a blank in the place of each control
/// character. Databases take no NUL, and terminals obey others.
pub(crate) fn said(text: &str) -> String {
    text.chars().take(LONGEST).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A problem document (RFC 7807, RFC 8555 section 6.7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Problem {
    /// The type: for those of RFC 8555 the last part alone, such as `rateLimited`.
    #[serde(rename = "type", serialize_with = "as_sent")]
    pub kind: String,
    /// What happened, in the server's words.
    pub detail: String,
    /// The status of HTTP that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Which identifier it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where a person can do something about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Its parts, each about one identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subproblems: Vec<Problem>,
}

/// Writes a type as servers send it: those of RFC 8555 with their prefix.
fn as_sent<S: serde::Serializer>(kind: &String, serializer: S) -> Result<S::Ok, S::Error> {
    if kind.contains(':') {
        serializer.serialize_str(kind)
    } else {
        serializer.collect_str(&format_args!("{PREFIX}{kind}"))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail, self.kind)?;
        for part in self.subproblems.iter().take(5) {
            write!(f, "; {}: {} ({})", part.identifier.as_deref().unwrap_or("?"), part.detail, part.kind)?;
        }
        if let Some(instance) = &self.instance {
            write!(f, "; see {instance}")?;
        }
        Ok(())
    }
}

impl Problem {
    /// Reads a problem document, in which nothing is certain; none when it is no object.
    pub(crate) fn read(sent: &Value) -> Option<Self> {
        // A part of a part would be an attempt on our stack.
        let parts = |sent: &Fields<'_>| {
            let parts = sent.list("subproblems").iter().take(MOST);
            parts.filter_map(|part| Self::read_with(part, |_| Vec::new())).collect()
        };
        Self::read_with(sent, parts)
    }

    fn read_with(sent: &Value, parts: impl Fn(&Fields<'_>) -> Vec<Self>) -> Option<Self> {
        let sent = Fields::of(sent, "problem").ok()?;
        let kind = sent.text("type").unwrap_or("about:blank");
        let identifier = sent.object("identifier");
        Some(Self {
            kind: said(kind.strip_prefix(PREFIX).unwrap_or(kind)),
            detail: said(sent.text("detail").unwrap_or("no reason given")),
            status: sent
                .value("status")
                .and_then(Value::as_u64)
                .and_then(|status| u16::try_from(status).ok()),
            identifier: identifier.and_then(|identifier| identifier.text("value")).map(said),
            instance: sent.text("instance").map(said),
            subproblems: parts(&sent),
        })
    }
}
