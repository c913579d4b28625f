//! Where the rules report what they decide. [`check`](super::check) stops at the first refusal and wants no
//! other word; [`explain`](super::explain) goes on and keeps them all. Both run the same rules.

use std::fmt::Display;

use super::{Violation, printable};

/// What one rule decided about one value of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The field of the role; `ca_validity` for the issuer's own validity, `syntax` for what is legal under
    /// any role.
    pub rule: &'static str,
    /// The field of the request; empty when no field of a request has a say in it.
    pub field: &'static str,
    /// What was judged, control characters escaped and its length bounded; empty when there was nothing.
    pub value: String,
    /// What the rule says.
    pub verdict: Verdict,
    /// Why, as a phrase without a full stop. That of a refusal says what would be allowed, and how near the
    /// value came to it.
    pub reason: String,
}

/// What a rule says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The rule lets it pass, or says what goes into the certificate.
    Permitted,
    /// The rule refuses it.
    Refused,
    /// The rule had nothing to judge in this request.
    NotApplicable,
}

impl Verdict {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// A value and the request's field that it came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) field: &'static str,
    pub(super) text: &'a str,
}

impl<'a> Asked<'a> {
    pub(super) fn new(field: &'static str, text: &'a str) -> Self {
        Self { field, text }
    }

    pub(super) fn refused_by(self, rule: &'static str, allowed: impl Into<String>) -> Violation {
        Violation::new(rule, self.field, self.text, allowed)
    }

    pub(super) fn illegal(self, right: impl Into<String>) -> Violation {
        Violation::syntax(self.field, self.text, right)
    }
}

/// Receives what the rules find. Texts are passed as closures, so that those that are not read are not made.
pub(super) trait Findings {
    /// A rule lets a value of this field of the request pass.
    fn permit_value(
        &mut self,
        rule: &'static str,
        field: &'static str,
        value: impl Display,
        reason: impl FnOnce() -> String,
    );

    /// A rule refuses a value. `misses` say how near it came to what is allowed.
    ///
    /// # Errors
    /// The violation, when it ends the check.
    fn refuse(&mut self, violation: Violation, misses: impl FnOnce() -> Vec<String>)
    -> Result<(), Violation>;

    /// A switch of the role made an entry permit a name.
    fn opened(&mut self, switch: &'static str);

    /// A rule lets a text of the request pass.
    fn permit(&mut self, rule: &'static str, asked: Asked<'_>, reason: impl FnOnce() -> String) {
        self.permit_value(rule, asked.field, asked.text, reason);
    }

    /// Refuses with what was judged, and goes on without it unless that ends the check.
    ///
    /// # Errors
    /// The violation, when it ends the check.
    fn settle<T>(&mut self, judged: Result<T, Violation>) -> Result<Option<T>, Violation> {
        match judged {
            Ok(value) => Ok(Some(value)),
            Err(violation) => self.refuse(violation, Vec::new).map(|()| None),
        }
    }

    /// Both of two things that were judged on their own. No violation is lost: of two, the first is reported
    /// here and the second is left to the caller, unless the first ends the check.
    ///
    /// # Errors
    /// A violation that has not been reported yet.
    fn both<A, B>(&mut self, a: Result<A, Violation>, b: Result<B, Violation>) -> Result<(A, B), Violation> {
        match (a, b) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (Err(first), Err(second)) => {
                self.refuse(first, Vec::new)?;
                Err(second)
            }
            (Err(only), Ok(_)) | (Ok(_), Err(only)) => Err(only),
        }
    }
}

/// The listener of a check: a refusal ends it, and nothing else is heard.
pub(super) struct FirstRefusal;

impl Findings for FirstRefusal {
    fn permit_value(
        &mut self,
        _: &'static str,
        _: &'static str,
        _: impl Display,
        _: impl FnOnce() -> String,
    ) {
    }

    fn refuse(&mut self, violation: Violation, _: impl FnOnce() -> Vec<String>) -> Result<(), Violation> {
        Err(violation)
    }

    fn opened(&mut self, _: &'static str) {}
}

/// The listener of an explanation: it hears everything to the end.
#[derive(Default)]
pub(super) struct Everything {
    findings: Vec<Finding>,
    opened: Vec<(&'static str, usize)>,
}

impl Everything {
    /// A rule that had nothing to judge, unless it did judge something.
    pub(super) fn idle(&mut self, rule: &'static str, field: &'static str, reason: impl Into<String>) {
        if !self.heard(rule) {
            let (value, verdict) = (String::new(), Verdict::NotApplicable);
            self.findings.push(Finding { rule, field, value, verdict, reason: reason.into() });
        }
    }

    /// What was judged, or nothing when it was refused.
    pub(super) fn keep<T>(&mut self, judged: Result<T, Violation>) -> Option<T> {
        judged.map_err(|violation| self.record(violation, Vec::new())).ok()
    }

    /// Whether the rule judged anything.
    pub(super) fn heard(&self, rule: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }

    /// How many names a switch made an entry permit.
    pub(super) fn times_opened(&self, switch: &str) -> usize {
        self.opened.iter().find(|(name, _)| *name == switch).map_or(0, |(_, times)| *times)
    }

    /// The refusals so far.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::Refused)
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    fn record(&mut self, violation: Violation, misses: Vec<String>) {
        let Violation { rule, field, value, allowed } = violation;
        let allowed = if rule == "syntax" { allowed } else { format!("allowed: {allowed}") };
        let reason = std::iter::once(allowed).chain(misses).collect::<Vec<_>>().join("; ");
        self.findings.push(Finding { rule, field, value, verdict: Verdict::Refused, reason });
    }
}

impl Findings for Everything {
    fn permit_value(
        &mut self,
        rule: &'static str,
        field: &'static str,
        value: impl Display,
        reason: impl FnOnce() -> String,
    ) {
        let value = printable(&value.to_string());
        self.findings.push(Finding { rule, field, value, verdict: Verdict::Permitted, reason: reason() });
    }

    fn refuse(
        &mut self,
        violation: Violation,
        misses: impl FnOnce() -> Vec<String>,
    ) -> Result<(), Violation> {
        self.record(violation, misses());
        Ok(())
    }

    fn opened(&mut self, switch: &'static str) {
        match self.opened.iter_mut().find(|(name, _)| *name == switch) {
            Some((_, times)) => *times += 1,
            None => self.opened.push((switch, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(rule: &'static str) -> Violation {
        Violation::new(rule, "ttl", "1s", "something else")
    }

    #[test]
    fn a_check_writes_no_word_that_nobody_reads() {
        let mut check = FirstRefusal;
        check.permit("max_ttl", Asked::new("ttl", "1s"), || panic!("a reason was written"));
        let refused = check.refuse(violation("max_ttl"), || panic!("misses were written"));
        assert_eq!(refused, Err(violation("max_ttl")));
    }

    #[test]
    fn of_two_refusals_a_check_ends_with_the_first_and_an_explanation_has_both() {
        let two = || (Err::<(), _>(violation("first")), Err::<(), _>(violation("second")));
        let (a, b) = two();
        assert_eq!(FirstRefusal.both(a, b), Err(violation("first")));
        let (a, b) = two();
        let mut all = Everything::default();
        let both = all.both(a, b);
        assert_eq!(all.keep(both), None);
        let rules: Vec<_> = all.refusals().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["first", "second"]);
    }
}
