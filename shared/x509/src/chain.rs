//! Finding and judging certification paths (RFC 5280 §6).
//!
//! [`Paths`] searches from one certificate (the target) through an unordered bag of candidates to
//! the trust anchors, depth first with backtracking, and judges every path that it finds by
//! §6.1. [`validate`] does that once and answers a [`Verdict`]; [`Paths::next_valid`] goes on to
//! further valid paths, for callers that learn of revocations in between.
//!
//! What was decided where the RFC leaves it open:
//!
//! - **Anchors** are certificates. Their signatures are not looked at, but what they say is obeyed
//!   (RFC 5937): validity, basic constraints, key usage, purposes, name constraints and the policy
//!   constraints. An expired root is not valid. Their certificate policies do not restrict
//!   anything: they say under which policies the root itself was made.
//! - A target that is itself an anchor is a path of one.
//! - **Policies** follow RFC 9618, whose graph grows with the size of the certificates, not
//!   exponentially like the tree of RFC 5280.
//! - **Purposes**: an extended key usage in a CA certificate restricts everything below it.
//! - Rules that RFC 5280 makes for those who issue, not for those who validate (§4), are *profile*
//!   findings: errors, unless [`Conformance::Report`] is asked for. Where NIST's PKITS demands that
//!   a breach be accepted, it is a warning; see [`Class`].
//! - A validity that does not hold is an error that does not hide others, so that "the chain is
//!   right" and "it is not expired" are separate answers.
//! - **Work is bounded**: by length, steps, signatures and comparisons. A search that meets a bound
//!   without a valid path ends with [`Code::PathBudgetExceeded`].

mod budget;
mod certificate;
mod extensions;
mod finding;
mod general_name;
mod name_rules;
mod options;
mod paths;
mod policies;
mod pool;
mod profile;
mod rules;
mod signature;
mod verdict;
mod walk;

pub use certificate::Certificate;
pub use finding::{CertificateRef, Class, Code, Finding, Place};
pub use general_name::GeneralName;
pub use options::{Conformance, ExpectedName, Options, PolicyOptions};
pub use paths::{Paths, validate};
pub(crate) use signature::is_signed;
pub use verdict::{Path, Verdict};
