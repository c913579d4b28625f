//! What an error of an ACME server means for the work in hand.

use std::time::Duration;

use certmill_acme::{AcmeError, Problem};
use certmill_domain::Failure;

use super::limits::{Limit, limit};
use crate::App;

/// The shortest and the longest wait after errors that pass by themselves.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(15);
/// The longest wait for a server that is busy or fails, whatever it asks for: asking again costs it one request.
const LONGEST_TOLD: Duration = Duration::from_hours(1);
/// The wait after a rate limit whose end the CA does not name, and the longest one: limits are counted over a week at most,
/// and those of orders per account over hours, so that asking once a day costs little.
const RATE_LIMIT: Duration = Duration::from_hours(1);
pub(super) const LONGEST_LIMIT: Duration = Duration::from_hours(7 * 24);
pub(super) const LONGEST_OF_ACCOUNT: Duration = Duration::from_hours(24);
/// The wait for a person to agree to new terms of service.
const TERMS: Duration = Duration::from_mins(10);
/// A refusal that is not final by its kind is believed when it came so often in a row.
pub(super) const DOUBTS: i64 = 3;
/// Kinds of problems that are about what was sent, and not about a resource that one reply may be wrong about
/// (RFC 8555 section 6.7).
const FINAL: [&str; 9] = [
    "badCSR",
    "badPublicKey",
    "badSignatureAlgorithm",
    "caa",
    "externalAccountRequired",
    "rejectedIdentifier",
    "unsupportedIdentifier",
    "invalidProfile",
    "alreadyReplaced",
];

/// The code of a failure that the CA itself found: the authorization is over there too.
pub(super) const VALIDATION_FAILED: &str = "validation_failed";

/// The code of a challenge whose authorization the CA has lost.
pub(super) const AUTHORIZATION_GONE: &str = "authorization_gone";

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
    /// Nobody, but the fault is noted: one resource has it. When several accounts have met such faults, and nobody has got a
    /// good answer in between, it counts as a fault of the server.
    Resource,
    /// A fault is noted against the server; after several without a good answer in between everybody waits.
    Suspect,
    /// Everybody who works with this server.
    Server,
    /// Everybody who works with this account.
    Account,
    /// Orders of this account for the same names.
    Names,
    /// The same; and the account, when several sets of names are refused without one being taken in between.
    Unclear,
}

/// What was asked for when an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To register an account.
    NewAccount,
    /// To make an order: which is what every order begins with, so that a fault is not one of this order alone.
    NewOrder,
    /// One order, authorization, challenge or certificate.
    Resource,
}

/// A request that met an error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// What it was for.
    pub(super) asked: Asked,
    /// Failures of the same in a row before this one.
    pub(super) failures: i64,
    /// The names of the order.
    pub(super) names: &'a [String],
}

impl Request<'_> {
    /// Whether a refusal may be that of one reply alone.
    fn may_be_wrong(&self) -> bool {
        self.asked == Asked::Resource && self.failures < DOUBTS
    }
}

impl Request<'static> {
    /// The registration of an account, for the first time.
    pub(super) const REGISTRATION: Self = Self { asked: Asked::NewAccount, failures: 0, names: &[] };
}

/// Judges an error of a request.
pub(super) fn judge(app: &App, error: &AcmeError, request: &Request<'_>) -> Judgement {
    match assess(error, request) {
        Assessment::Retry(wait, pause, code) => {
            let after = match wait {
                Wait::Told(after) => after,
                Wait::Growing => backoff(app, request.failures),
            };
            Judgement::Retry { after, pause, failure: failure(code, error) }
        }
        Assessment::AccountRefused => Judgement::AccountRefused(failure("account_refused", error)),
        Assessment::Give(code) => Judgement::Give(failure(code, error)),
    }
}

/// A judgement without what depends on chance: with the code of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assessment {
    Retry(Wait, Pause, &'static str),
    AccountRefused,
    Give(&'static str),
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// As long as the CA says, within reason.
    Told(Duration),
    /// Longer with each failure.
    Growing,
}

fn assess(error: &AcmeError, request: &Request<'_>) -> Assessment {
    let is_everybodys = error.is_of_whole_server() || request.asked != Asked::Resource;
    let fault = if is_everybodys { Pause::Suspect } else { Pause::Resource };
    match error {
        AcmeError::Unreachable { .. } if error.is_permanent() => Assessment::Give("egress_denied"),
        AcmeError::Unreachable { .. } | AcmeError::OutcomeUnknown { .. } => {
            Assessment::Retry(Wait::Growing, fault, "ca_unreachable")
        }
        AcmeError::Server { .. } | AcmeError::Busy { .. } => {
            let code = if matches!(error, AcmeError::Busy { .. }) { "ca_busy" } else { "ca_error" };
            match error.retry_after() {
                Some(_) if is_everybodys => Assessment::Retry(told(error), Pause::Server, code),
                _ => Assessment::Retry(told(error), fault, code),
            }
        }
        AcmeError::Problem { problem, .. } => of_problem(error, problem, (request, fault)),
        // A page of something in front of the server, with a status that says that all is well.
        AcmeError::Protocol(_) if request.may_be_wrong() => {
            Assessment::Retry(Wait::Growing, fault, "ca_error")
        }
        _ => Assessment::Give("ca_error"),
    }
}

fn told(error: &AcmeError) -> Wait {
    error.retry_after().map_or(Wait::Growing, |after| Wait::Told(after.min(LONGEST_TOLD)))
}

fn of_problem(error: &AcmeError, problem: &Problem, (request, fault): (&Request<'_>, Pause)) -> Assessment {
    match problem.kind.as_str() {
        // A pause of this kind ends when a person has followed the link in it.
        "rateLimited" if is_paused(problem) => Assessment::Give("paused_by_ca"),
        "rateLimited" => {
            let pause = match limit(problem, request.names) {
                Limit::Account => Pause::Account,
                Limit::Address => Pause::Server,
                // What is counted per order, such as looks at it, says nothing about others.
                Limit::Names | Limit::Unclear if request.asked == Asked::Resource => Pause::Nobody,
                Limit::Names => Pause::Names,
                Limit::Unclear => Pause::Unclear,
            };
            // Whoever met the limit waits no longer than those who wait with it.
            let longest = match pause {
                Pause::Nobody => LONGEST_TOLD,
                Pause::Account | Pause::Server => LONGEST_OF_ACCOUNT,
                _ => LONGEST_LIMIT,
            };
            let after = error.retry_after().unwrap_or(RATE_LIMIT).min(longest);
            Assessment::Retry(Wait::Told(after), pause, "rate_limited")
        }
        "serverInternal" => Assessment::Retry(told(error), fault, "ca_error"),
        "badNonce" => Assessment::Retry(Wait::Growing, Pause::Nobody, "ca_error"),
        "userActionRequired" => Assessment::Retry(Wait::Told(TERMS), Pause::Account, "user_action_required"),
        "accountDoesNotExist" => Assessment::AccountRefused,
        kind if request.may_be_wrong() && !FINAL.contains(&kind) => {
            Assessment::Retry(Wait::Growing, Pause::Nobody, "refused_by_ca")
        }
        _ => Assessment::Give("refused_by_ca"),
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOURS: fn(u64) -> Duration = Duration::from_hours;

    fn server(common: bool, retry_after: Option<Duration>) -> AcmeError {
        AcmeError::Server { status: 500, reason: "boom".to_owned(), retry_after, common }
    }

    fn problem(kind: &str, detail: &str, retry_after: Option<Duration>) -> AcmeError {
        let problem = Problem { kind: kind.to_owned(), detail: detail.to_owned(), ..Problem::default() };
        AcmeError::Problem { problem: Box::new(problem), status: 403, retry_after }
    }

    fn assessed(error: &AcmeError, asked: Asked, failures: i64) -> Assessment {
        assess(error, &Request { asked, failures, names: &["www.example.com".to_owned()] })
    }

    fn pause_of(assessment: Assessment) -> Option<Pause> {
        match assessment {
            Assessment::Retry(_, pause, _) => Some(pause),
            Assessment::AccountRefused | Assessment::Give(_) => None,
        }
    }

    #[test]
    fn a_fault_is_that_of_what_was_asked_for() {
        let minute = Some(Duration::from_mins(1));
        for (common, asked, told, pause) in [
            (false, Asked::Resource, None, Pause::Resource),
            (false, Asked::Resource, minute, Pause::Resource),
            (true, Asked::Resource, None, Pause::Suspect),
            (true, Asked::Resource, minute, Pause::Server),
            (false, Asked::NewOrder, None, Pause::Suspect),
            (false, Asked::NewOrder, minute, Pause::Server),
        ] {
            let assessment = assessed(&server(common, told), asked, 0);
            assert_eq!(pause_of(assessment), Some(pause), "{common} {asked:?} {told:?}");
        }
        let unreachable = AcmeError::Unreachable { reason: String::new(), permanent: false };
        assert_eq!(pause_of(assessed(&unreachable, Asked::Resource, 0)), Some(Pause::Suspect));
        let unanswered = AcmeError::OutcomeUnknown { reason: String::new() };
        assert_eq!(pause_of(assessed(&unanswered, Asked::Resource, 0)), Some(Pause::Resource));
    }

    #[test]
    fn waits_are_bounded_by_what_they_are_for() {
        let wait = |error: &AcmeError, asked| match assessed(error, asked, 0) {
            Assessment::Retry(Wait::Told(after), ..) => after,
            other => panic!("{other:?}"),
        };
        let year = Some(HOURS(365 * 24));
        assert_eq!(wait(&server(false, year), Asked::Resource), HOURS(1));
        assert_eq!(wait(&server(true, year), Asked::NewOrder), HOURS(1));
        assert_eq!(wait(&problem("serverInternal", "boom", year), Asked::NewOrder), HOURS(1));
        assert_eq!(wait(&problem("rateLimited", "later", year), Asked::NewOrder), HOURS(7 * 24));
        assert_eq!(wait(&problem("rateLimited", "later", None), Asked::NewOrder), HOURS(1));
        assert_eq!(wait(&problem("rateLimited", "later", year), Asked::Resource), HOURS(1));
        for detail in ["too many new orders", "too many requests from your IP"] {
            assert_eq!(wait(&problem("rateLimited", detail, year), Asked::NewOrder), HOURS(24), "{detail}");
        }
    }

    #[test]
    fn a_refusal_is_believed_when_it_is_repeated_or_final() {
        for kind in ["malformed", "unauthorized", "somethingNew"] {
            let refusal = problem(kind, "no", None);
            for failures in 0..DOUBTS {
                let assessment = assessed(&refusal, Asked::Resource, failures);
                assert_eq!(pause_of(assessment), Some(Pause::Nobody), "{kind}");
            }
            assert_eq!(assessed(&refusal, Asked::Resource, DOUBTS), Assessment::Give("refused_by_ca"));
            // The order itself is refused, with the names and all that it asks for.
            assert_eq!(assessed(&refusal, Asked::NewOrder, 0), Assessment::Give("refused_by_ca"));
        }
        for kind in FINAL {
            let refusal = problem(kind, "no", None);
            assert_eq!(assessed(&refusal, Asked::Resource, 0), Assessment::Give("refused_by_ca"));
        }
        let garbage = AcmeError::Protocol("a page".to_owned());
        assert_eq!(pause_of(assessed(&garbage, Asked::Resource, 0)), Some(Pause::Resource));
        assert_eq!(assessed(&garbage, Asked::Resource, DOUBTS), Assessment::Give("ca_error"));
        assert_eq!(assessed(&garbage, Asked::NewOrder, 0), Assessment::Give("ca_error"));
    }

    #[test]
    fn a_limit_holds_up_what_it_is_about() {
        for (detail, asked, pause) in [
            ("too many certificates for this exact set", Asked::NewOrder, Pause::Names),
            ("too many failed validations of www.example.com", Asked::NewOrder, Pause::Names),
            ("too many new orders", Asked::NewOrder, Pause::Account),
            ("too many requests from your IP", Asked::NewOrder, Pause::Server),
            ("later", Asked::NewOrder, Pause::Unclear),
            ("later", Asked::Resource, Pause::Nobody),
        ] {
            let assessment = assessed(&problem("rateLimited", detail, None), asked, 0);
            assert_eq!(pause_of(assessment), Some(pause), "{detail}");
        }
        let paused = problem("rateLimited", "Your account is temporarily prevented from …", None);
        assert_eq!(assessed(&paused, Asked::NewOrder, 0), Assessment::Give("paused_by_ca"));
    }
}
