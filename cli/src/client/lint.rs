//! `certmill lint`: whether a chain in a file, or what a server presents, is to be trusted, and what is wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use certmill_domain::{Clock, SystemClock};
use certmill_x509::ExtendedKeyUsage;
use certmill_x509::chain::{Certificate, Finding, Options, validate};
use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::inspect::certificates;
use super::output::{Column, Mark, Output, text};

pub(super) const EXAMPLE: &str = "\
Examples:
  certmill lint chain.pem --hostname www.example.internal
  certmill lint www.example.internal:443 --root root.pem";

#[derive(Args)]
pub(crate) struct Lint {
    /// File with the certificate and those above it (PEM or DER, `-` for standard input), or HOST:PORT
    what: String,
    /// File with the roots to trust (PEM) [default: the root at the end of what is looked at]
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Host name or IP address that it has to be for [default: that of HOST:PORT]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// serverAuth, clientAuth …
    #[arg(long)]
    purpose: Option<String>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

const FINDINGS: &[Column] = &[
    Column("", |finding| {
        let mark = if finding["severity"] == "error" { Mark::Bad } else { Mark::Warning };
        super::output::Cell::marked(text(finding, "severity"), mark)
    }),
    Column("code", |finding| text(finding, "code").into()),
    Column("certificate", |finding| text(finding, "certificate").into()),
    Column("what", |finding| text(finding, "message").into()),
];

/// Judges by RFC 5280 §6.1 and the rules that it makes for issuers, with the validator of the service. Needs no server and
/// fetches nothing, so that revocation is not looked at.
pub(super) fn lint(lint: Lint) -> anyhow::Result<()> {
    let (given, host) = certificates(&lint.what)?;
    let (target, above) = match given.split_first() {
        Some((target, above)) => (target.clone(), above.to_vec()),
        None => bail!("{} holds no certificate", lint.what),
    };
    let anchors = anchors(lint.root.as_deref(), &given)?;
    let mut options = Options::at(SystemClock.now().unix_micros() / 1_000_000);
    options.name = match lint.hostname.or(host) {
        Some(name) => Some(name.parse().with_context(|| format!("`{name}` is no host name"))?),
        None => None,
    };
    options.purpose = match lint.purpose {
        Some(purpose) => Some(
            ExtendedKeyUsage::from_name(&purpose)
                .map_err(|error| Failure::usage(format!("--purpose: {error}")))?,
        ),
        None => None,
    };
    let verdict = validate(&target, &above, &anchors, &options);
    let told = |severity: &'static str, finding: &Finding| {
        json!({
            "severity": severity, "code": finding.code.as_str(), "message": finding.message,
            "certificate": finding.certificate.as_ref().map(|certificate| certificate.subject.clone()),
        })
    };
    let findings: Vec<Value> = verdict
        .errors
        .iter()
        .map(|finding| told("error", finding))
        .chain(verdict.warnings.iter().map(|finding| told("warning", finding)))
        .collect();
    let out = Output { json: lint.json, quiet: false, yes: false, template: None };
    if !findings.is_empty() || lint.json {
        out.rows(FINDINGS, &findings, false)?;
    }
    if verdict.is_valid() {
        out.note("valid; whether it was revoked was not looked at");
        return Ok(());
    }
    Err(Failure::Refused(format!("{} is not valid", lint.what)).into())
}

/// The roots of the file, or the self-issued certificates of the chain itself.
fn anchors(file: Option<&Path>, given: &[Vec<u8>]) -> anyhow::Result<Vec<Arc<Certificate>>> {
    let Some(file) = file else {
        let own = given.iter().filter_map(|der| Certificate::from_der(der).ok());
        let roots: Vec<_> = own.filter(Certificate::is_self_issued).map(Arc::new).collect();
        if roots.is_empty() {
            return Err(Failure::usage("there is no root in it: give --root FILE"));
        }
        return Ok(roots);
    };
    let (roots, _) = certificates(&file.display().to_string())?;
    let roots: Result<Vec<_>, _> = roots.iter().map(|der| Certificate::from_der(der).map(Arc::new)).collect();
    roots.with_context(|| format!("{} has a certificate that cannot be read", file.display()))
}
