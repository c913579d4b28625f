//! What was found, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

use crate::message::clean;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// Something does not work, or soon will not.
    Failure,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    /// What was seen.
    found: String,
    /// What is to be done; absent where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// Everything that was looked at, in its order.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

#[derive(Serialize)]
struct Report<'a> {
    status: Status,
    version: &'static str,
    checks: &'a [Finding],
}

impl Findings {
    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.0.push(Finding { check, status: Status::Ok, found: found.into(), advice: None });
    }

    pub(super) fn warning(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let advice = Some(advice.into());
        self.0.push(Finding { check, status: Status::Warning, found: found.into(), advice });
    }

    pub(super) fn failure(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let advice = Some(advice.into());
        self.0.push(Finding { check, status: Status::Failure, found: found.into(), advice });
    }

    pub(super) fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }

    /// A line for each, and under it what is to be done.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, status, found, advice } in &self.0 {
            // Invariant: writing to a String cannot fail.
            let _ = writeln!(text, "{:<8} {check:<14} {}", status.as_str(), clean(found));
            if let Some(advice) = advice {
                let _ = writeln!(text, "{:23} do: {}", "", clean(advice));
            }
        }
        text
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let status = self.0.iter().map(|finding| finding.status).max().unwrap_or(Status::Ok);
        let report = Report { status, version: env!("CARGO_PKG_VERSION"), checks: &self.0 };
        Ok(serde_json::to_string_pretty(&report)?)
    }
}
