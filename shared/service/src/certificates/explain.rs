//! What a role says about a request, rule by rule, without issuing anything.

use certmill_domain::{Approved, CaStatus, Explanation, Finding, NameRequest, Verdict, Violation, explain};

use super::issue::{IssueRequest, SignRequest, Terms};
use super::issuer_rules::{name_constraint_violation, staple_violation};
use super::judging::judging;
use crate::issuer::Issuer;
use crate::{App, Caller, ServiceError};

/// A request that is not carried out.
pub enum CheckRequest {
    /// As `issue` takes it.
    Issue(IssueRequest),
    /// As `sign` takes it.
    Sign(SignRequest),
}

/// What every rule says, and what would be issued.
pub struct Explained {
    /// The certificate that would be issued; none when a rule refuses.
    pub would_issue: Option<Approved>,
    /// What was decided, rule by rule.
    pub findings: Vec<Finding>,
    /// Type and bits of the CSR's key, which is certified as it is.
    pub csr_key: Option<(&'static str, u32)>,
}

/// Explains what a role, its CA's state and the name constraints above it say about a request.
pub async fn check(
    app: &App,
    caller: &Caller,
    role: &str,
    request: CheckRequest,
) -> Result<Explained, ServiceError> {
    match request {
        CheckRequest::Issue(request) => explain_names(app, caller, role, &request.into_names(), None).await,
        CheckRequest::Sign(request) => {
            let (csr, request) = request.read().await?;
            let key = csr.public_key();
            let key = (key.algorithm_name(), key.bits());
            let terms = Terms::of(app.roles().read(app, caller.tenant, role).await?.role.settings());
            explain_names(app, caller, role, &request.into_names(&csr, terms), Some(key)).await
        }
    }
}

async fn explain_names(
    app: &App,
    caller: &Caller,
    role: &str,
    names: &NameRequest<'_>,
    csr_key: Option<(&'static str, u32)>,
) -> Result<Explained, ServiceError> {
    let role = app.roles().read(app, caller.tenant, role).await?;
    let issuer = app.issuers().present(app, caller.tenant, role.ca_id).await?;
    let ca = crate::ca::find(app, caller.tenant, role.ca_id).await?.ca;
    let explained = judging(app, caller, (&role, &issuer), names, |role, names, issuer, window| {
        let explanation = explain(role, names, window);
        let approved = explanation.approved.as_ref();
        let constraints = name_constraints(approved, issuer);
        let staple = approved.and_then(|approved| staple_violation(approved, issuer)).map(refused);
        (explanation, constraints, staple)
    });
    let (Explanation { mut approved, mut findings }, constraints, staple) = explained.await?;
    if staple.is_some() {
        findings.retain(|finding| finding.rule != "must_staple");
    }
    let of_ca = [ca_status(ca.status(app.now()), &ca.name), constraints];
    let of_ca: Vec<Finding> = staple.into_iter().chain(of_ca).collect();
    if of_ca.iter().any(|finding| finding.verdict == Verdict::Refused) {
        approved = None;
    }
    findings.extend(of_ca);
    Ok(Explained { would_issue: approved, findings, csr_key })
}

fn ca_status(status: CaStatus, name: &str) -> Finding {
    let (verdict, reason) = match status {
        CaStatus::Active => (Verdict::Permitted, format!("the CA `{name}` is active")),
        CaStatus::Pending | CaStatus::Expired | CaStatus::Revoked => {
            let state = status.as_str();
            (Verdict::Refused, format!("the CA `{name}` is {state}: only an active one issues"))
        }
    };
    Finding { rule: "ca_status", field: "", value: status.as_str().to_owned(), verdict, reason }
}

fn name_constraints(approved: Option<&Approved>, issuer: &Issuer) -> Finding {
    let rule = "ca_name_constraints";
    let silent = |verdict, reason: &str| Finding {
        rule,
        field: "",
        value: String::new(),
        verdict,
        reason: reason.to_owned(),
    };
    let Some(approved) = approved else {
        return silent(Verdict::NotApplicable, "they are judged once everything else is permitted");
    };
    match name_constraint_violation(approved, issuer) {
        None => silent(Verdict::Permitted, "the CA and those above it permit every name"),
        Some(violation) => refused(violation),
    }
}

fn refused(violation: Violation) -> Finding {
    Finding {
        rule: violation.rule,
        field: violation.field,
        value: violation.value,
        verdict: Verdict::Refused,
        reason: format!("allowed: {}", violation.allowed),
    }
}
