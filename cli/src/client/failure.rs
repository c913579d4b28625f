//! How a call of the API can fail, said as a person would, and which exit code that has.

use std::process::ExitCode;

use certmill_client::CallError;

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
    if let Some(status) = refused_with(error) {
        return exit_code_of(status).into();
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

/// What to do after this error, where the message does not say it.
pub(crate) fn advice(error: &anyhow::Error) -> Option<&'static str> {
    (refused_with(error) == Some(401)).then_some("sign in with `certmill login URL`, or set CERTMILL_TOKEN")
}

/// The status of a refusal of the server.
fn refused_with(error: &anyhow::Error) -> Option<u16> {
    match error.downcast_ref::<CallError>()? {
        CallError::Refused(refusal) => Some(refusal.status()),
        _ => None,
    }
}

const fn exit_code_of(status: u16) -> u8 {
    match status {
        400 | 405 | 415 => USAGE,
        401 => NOT_SIGNED_IN,
        403 => NOT_ALLOWED,
        404 => NOT_FOUND,
        409 | 412 | 413 | 422 => REFUSED,
        _ => 1,
    }
}
