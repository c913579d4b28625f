//! What an error of an ACME server means for the work in hand.

use std::time::Duration;

use certmill_acme::{AcmeError, Problem};
use certmill_domain::Failure;

use crate::App;

/// The shortest and the longest wait after errors that pass by themselves.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(15);
/// The wait after a rate limit whose end the CA does not name.
const RATE_LIMIT: Duration = Duration::from_hours(1);
/// The wait for a person to agree to new terms of service.
const TERMS: Duration = Duration::from_mins(10);

/// The code of a failure that the CA itself found: the authorization is over there too.
pub(super) const VALIDATION_FAILED: &str = "validation_failed";

/// What to do.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Try again after this time.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Who else is to wait.
        pause: Pause,
        /// Why.
        failure: Failure,
    },
    /// The CA does not know the account, or refuses it.
    AccountRefused(Failure),
    /// It will not work as it is.
    Give(Failure),
}

/// Who else waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// Nobody.
    Nobody,
    /// A fault is noted against the server; after several in a row everybody waits.
    Suspect,
    /// Everybody who works with this server.
    Server,
    /// Everybody who works with this account.
    Account,
}

/// Judges an error after `failures` in a row before it.
pub(super) fn judge(app: &App, error: &AcmeError, failures: i64) -> Judgement {
    let retry = |after, pause, code: &str| Judgement::Retry { after, pause, failure: failure(code, error) };
    let told = error.retry_after();
    match error {
        AcmeError::Unreachable { .. } if error.is_permanent() => {
            Judgement::Give(failure("egress_denied", error))
        }
        AcmeError::Unreachable { .. } | AcmeError::OutcomeUnknown { .. } => {
            retry(backoff(app, failures), Pause::Suspect, "ca_unreachable")
        }
        AcmeError::Server { .. } => match told {
            Some(after) => retry(after, Pause::Server, "ca_error"),
            None => retry(backoff(app, failures), Pause::Suspect, "ca_error"),
        },
        AcmeError::Busy { .. } => {
            retry(told.unwrap_or_else(|| backoff(app, failures)), Pause::Server, "ca_busy")
        }
        AcmeError::Problem { problem, .. } => of_problem(app, error, problem, failures),
        other => Judgement::Give(failure("ca_error", other)),
    }
}

fn of_problem(app: &App, error: &AcmeError, problem: &Problem, failures: i64) -> Judgement {
    let told = error.retry_after();
    let retry = |after, pause, code: &str| Judgement::Retry { after, pause, failure: failure(code, error) };
    match problem.kind.as_str() {
        // A pause of this kind ends when a person has followed the link in it.
        "rateLimited" if is_paused(problem) => Judgement::Give(failure("paused_by_ca", error)),
        "rateLimited" => retry(told.unwrap_or(RATE_LIMIT), Pause::Account, "rate_limited"),
        "serverInternal" => retry(told.unwrap_or_else(|| backoff(app, failures)), Pause::Suspect, "ca_error"),
        "badNonce" => retry(backoff(app, failures), Pause::Nobody, "ca_error"),
        "userActionRequired" => retry(TERMS, Pause::Account, "user_action_required"),
        "accountDoesNotExist" => Judgement::AccountRefused(failure("account_refused", error)),
        _ => Judgement::Give(failure("refused_by_ca", error)),
    }
}

fn is_paused(problem: &Problem) -> bool {
    let detail = problem.detail.to_ascii_lowercase();
    ["paused", "unpause", "temporarily prevented"].iter().any(|word| detail.contains(word))
}

/// What went wrong, with what the CA said.
pub(super) fn failure(code: &str, error: &AcmeError) -> Failure {
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
        upstream: error.problem().and_then(|problem| serde_json::to_value(problem).ok()),
    }
}

/// What a CA said about an order or a challenge.
pub(super) fn problem_failure(code: &str, sentence: &str, problem: Option<&Problem>) -> Failure {
    let message = match problem {
        Some(problem) => format!("{sentence}: {problem}"),
        None => sentence.to_owned(),
    };
    let upstream = problem.and_then(|problem| serde_json::to_value(problem).ok());
    Failure { code: code.to_owned(), message, upstream }
}

/// 2 s, 4 s, 8 s … up to 15 min, and up to a fifth more or less.
pub(super) fn backoff(app: &App, failures: i64) -> Duration {
    let exponent = u32::try_from(failures.clamp(0, 9)).unwrap_or(9);
    let base = SHORTEST.saturating_mul(2_u32.saturating_pow(exponent)).min(LONGEST);
    jittered(app, base)
}

/// Up to a fifth more or less.
pub(super) fn jittered(app: &App, base: Duration) -> Duration {
    base.mul_f64(0.8 + 0.4 * chance(app))
}

/// A random number from 0 to 1.
pub(super) fn chance(app: &App) -> f64 {
    let mut random = [0; 4];
    app.entropy().fill(&mut random);
    f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX)
}
