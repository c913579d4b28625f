//! Error documents (RFC 8555 §6.7).

use serde_json::{Value, json};

use crate::knobs::RetryAfter;

const URN: &str = "urn:ietf:params:acme:error:";

/// An error answer of the server, or the error inside of an order or a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) location: Option<String>,
    pub(crate) terms: Option<String>,
}

impl Problem {
    /// An error of ACME's own; the kind without its URN, as `rejectedIdentifier`.
    pub fn new(status: u16, kind: &str, detail: &str) -> Self {
        let body = json!({ "type": format!("{URN}{kind}"), "detail": detail, "status": status });
        Self { status, body, retry_after: None, location: None, terms: None }
    }

    /// 429 `rateLimited`, with a Retry-After header or without.
    pub fn rate_limited(retry_after: Option<RetryAfter>) -> Self {
        let detail =
            "too many new orders for this account, retry later: see the authority's page about rate limits";
        Self { retry_after, ..Self::new(429, "rateLimited", detail) }
    }

    /// 429 `rateLimited` as Let's Encrypt answers for names whose orders failed too often: no time helps, only a person who
    /// follows the link.
    pub fn paused(unpause_url: &str) -> Self {
        let detail = format!(
            "Your account is temporarily prevented from requesting certificates for a.example and possibly others. \
             Please visit: {unpause_url}"
        );
        Self::new(429, "rateLimited", &detail)
    }

    /// The same with a Retry-After header.
    #[must_use]
    pub fn retry_after(self, retry_after: RetryAfter) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// 500 `serverInternal`.
    pub fn server_internal() -> Self {
        Self::new(500, "serverInternal", "the server has made a mistake")
    }

    /// 409 `alreadyReplaced` (RFC 9773 §5).
    pub fn already_replaced() -> Self {
        Self::new(409, "alreadyReplaced", "the certificate has been replaced already")
    }

    /// 403 `userActionRequired`: the terms have changed, and a person has to agree to the new ones (RFC 8555 §7.3.3).
    pub fn user_action_required(terms: &str, instance: &str) -> Self {
        let mut problem = Self::new(403, "userActionRequired", "the terms of service have changed");
        problem.body["instance"] = json!(instance);
        Self { terms: Some(terms.to_owned()), ..problem }
    }

    /// Adds one subproblem (RFC 8555 §6.7.1) about an identifier, which is a DNS name.
    pub fn with_subproblem(mut self, kind: &str, name: &str, detail: &str) -> Self {
        let subproblem = json!({
            "type": format!("{URN}{kind}"),
            "detail": detail,
            "identifier": { "type": "dns", "value": name },
        });
        match self.body.get_mut("subproblems").and_then(Value::as_array_mut) {
            Some(subproblems) => subproblems.push(subproblem),
            None => self.body["subproblems"] = json!([subproblem]),
        }
        self
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        Self::new(400, "malformed", detail)
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(403, "unauthorized", detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "malformed", "there is nothing here")
    }
}
