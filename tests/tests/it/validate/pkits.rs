//! NIST's PKITS through the API: every run of the document, paths and CRLs together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use certmill_x509::pem;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp};

use super::{PATH, codes, trust};
use crate::ca::text;

/// Where the answer is not the document's, and why. The second column is what the answer is instead.
const DEVIATIONS: &[(&str, Outcome, &str)] = &[
    ("4.1.4", Outcome::Refused, "DSA is not supported"),
    ("4.1.5", Outcome::Refused, "DSA is not supported"),
    (
        "4.4.4",
        Outcome::CrlUnreadable,
        "the CRL's signature was spoilt in its count of unused bits, so it is not DER",
    ),
    (
        "4.4.15",
        Outcome::Refused,
        "a negative serial number is refused by itself; the document has it revoked",
    ),
    ("4.14.22", Outcome::Undetermined, INDIRECT),
    ("4.14.23", Outcome::Undetermined, INDIRECT),
    ("4.14.24", Outcome::Undetermined, INDIRECT),
    ("4.14.25", Outcome::Undetermined, INDIRECT),
    ("4.14.28", Outcome::Undetermined, INDIRECT),
    ("4.14.29", Outcome::Undetermined, INDIRECT),
    ("4.14.30", Outcome::Undetermined, INDIRECT),
    ("4.14.31", Outcome::Undetermined, INDIRECT),
    ("4.14.32", Outcome::Undetermined, INDIRECT),
    ("4.14.33", Outcome::Undetermined, INDIRECT),
    ("4.14.34", Outcome::Undetermined, INDIRECT),
];
/// RFC 5280 section 6.3 does not require it.
const INDIRECT: &str = "indirect CRLs are not processed";

/// The document rejects these because the revocation of something on the path cannot be determined. The path is valid,
/// so we answer `valid`, `not_revoked: null`, and this warning: whoever needs certainty asks for `not_revoked: true`.
const UNDETERMINED: &[(&str, &str)] = &[
    ("4.4.1", "no_crl"),
    ("4.4.5", "no_crl"),
    ("4.4.6", "no_crl"),
    ("4.4.8", "unknown_critical_extension"),
    ("4.4.9", "unknown_critical_extension"),
    ("4.4.10", "unknown_critical_extension"),
    ("4.4.11", "crl_stale"),
    ("4.4.12", "crl_stale"),
    ("4.4.21", "crl_signature_invalid"),
    ("4.7.4", "crl_sign_not_permitted"),
    ("4.7.5", "crl_sign_not_permitted"),
    ("4.14.3", "crl_out_of_scope"),
    ("4.14.8", "crl_out_of_scope"),
    ("4.14.9", "crl_out_of_scope"),
    ("4.14.11", "crl_out_of_scope"),
    ("4.14.12", "crl_out_of_scope"),
    ("4.14.14", "crl_out_of_scope"),
    ("4.14.17", "reasons_not_covered"),
    ("4.14.26", "no_crl"),
    ("4.14.27", "no_crl"),
    ("4.14.35", "indirect_crl"),
    ("4.15.1", "delta_without_base"),
    ("4.15.10", "crl_stale"),
];

/// Requests that are under way at the same time.
const AT_ONCE: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// `valid` and certainly not revoked.
    Accepted,
    /// Not `valid`: the path, or something on it is revoked.
    Refused,
    /// `valid` without an answer about revocation.
    Undetermined,
    /// 422: a CRL that was given cannot be read.
    CrlUnreadable,
}

struct Run {
    number: String,
    /// Whether the path alone decides.
    by_path: bool,
    is_valid: bool,
    body: Value,
    /// None when it does not matter.
    policies: Option<BTreeSet<String>>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/pkits")
}

fn read(label: &str, folder_name: &str, names: &str) -> String {
    let der = |name: &str| std::fs::read(folder().join(folder_name).join(format!("{name}.der"))).unwrap();
    list(names).map(|name| pem::encode(label, &der(name))).collect()
}

fn list(column: &str) -> impl Iterator<Item = &str> {
    column.split(',').filter(|entry| *entry != "-")
}

fn run(line: &str) -> Run {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, scope, verdict, target, above, crls, acceptable, flags, policies] = columns[..] else {
        panic!("{line}");
    };
    assert!(["path", "crl"].contains(&scope) && ["valid", "invalid"].contains(&verdict), "{line}");
    let acceptable: Vec<&str> = list(acceptable).collect();
    let mut body = json!({
        "certificate_pem": read(pem::CERTIFICATE, "certs", target),
        "crl_pem": read(pem::X509_CRL, "crls", crls),
        "check_revocation": true,
        "at": "2020-01-01T00:00:00Z",
        "require_explicit_policy": flags.contains('E'),
        "inhibit_policy_mapping": flags.contains('M'),
        "inhibit_any_policy": flags.contains('A'),
    });
    if above != "-" {
        body["chain_pem"] = json!(read(pem::CERTIFICATE, "certs", above));
    }
    if !acceptable.is_empty() {
        body["policies"] = json!(acceptable);
    }
    Run {
        number: number.to_owned(),
        by_path: scope == "path",
        is_valid: verdict == "valid",
        body,
        policies: (policies != "?").then(|| list(policies).map(str::to_owned).collect()),
    }
}

fn runs() -> Vec<Run> {
    let table = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
    table.lines().filter(|line| !line.starts_with('#')).map(run).collect()
}

fn outcome(answer: &Value) -> Outcome {
    if let Some(error) = answer.get("error") {
        assert!(error["details"]["fields"]["crl_pem"].is_string(), "{error}");
        return Outcome::CrlUnreadable;
    }
    match (answer["valid"].as_bool().unwrap(), answer["not_revoked"].as_bool()) {
        (true, Some(true)) => Outcome::Accepted,
        (true, None) => Outcome::Undetermined,
        (false, _) => Outcome::Refused,
        (true, Some(false)) => panic!("valid although revoked: {answer}"),
    }
}

/// What is wrong with an answer, if anything.
fn complaint(run: &Run, answer: &Value) -> Option<String> {
    let got = outcome(answer);
    let (errors, warnings) = (codes(&answer["errors"]), codes(&answer["warnings"]));
    let told = format!("{}: {got:?}, errors {errors:?}, warnings {warnings:?}", run.number);
    if let Some((_, expected, reason)) = DEVIATIONS.iter().find(|(number, ..)| *number == run.number) {
        return (got != *expected).then(|| format!("{told}; but the table of deviations says: {reason}"));
    }
    if let Some((_, code)) = UNDETERMINED.iter().find(|(number, _)| *number == run.number) {
        let as_listed =
            got == Outcome::Undetermined && !run.is_valid && errors.is_empty() && warnings.contains(*code);
        return (!as_listed).then(|| format!("{told}; but it is listed as undetermined by {code}"));
    }
    let expected = if run.is_valid { Outcome::Accepted } else { Outcome::Refused };
    // A revocation must be what refuses it, and nothing else, when the path alone is valid.
    let for_its_reason = run.is_valid
        || if run.by_path {
            answer["chain_valid"] == json!(false) || answer["not_expired"] == json!(false)
        } else {
            answer["not_revoked"] == json!(false) && errors == BTreeSet::from(["revoked".to_owned()])
        };
    if got != expected || !for_its_reason {
        return Some(told);
    }
    let policies: BTreeSet<String> =
        answer["policies"].as_array().unwrap().iter().map(|oid| text(oid).to_owned()).collect();
    match &run.policies {
        Some(wanted) if run.is_valid && *wanted != policies => {
            Some(format!("{told}; valid for {policies:?}, not for {wanted:?}"))
        }
        _ => None,
    }
}

async fn judge(mode: Mode, runs: Vec<Run>) {
    let app = TestApp::without_worker(mode).await;
    trust(&app, "PKITS", &read(pem::CERTIFICATE, "certs", "TrustAnchorRootCertificate")).await;
    let mut complaints = Vec::new();
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for batch in runs.chunks(AT_ONCE) {
        let calls = batch.iter().map(|run| (PATH.to_owned(), run.body.clone())).collect();
        for (run, answer) in batch.iter().zip(app.post_at_once(calls).await) {
            assert!(
                [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY].contains(&answer.status),
                "{}: {}",
                run.number,
                answer.text()
            );
            let answer = answer.json();
            *counts.entry(outcome(&answer)).or_default() += 1;
            complaints.extend(complaint(run, &answer));
        }
    }
    println!(
        "PKITS {mode:?}: {} runs, {counts:?}, {} of them deviate, {} are undetermined as they should",
        runs.len(),
        DEVIATIONS.len(),
        UNDETERMINED.len()
    );
    assert!(complaints.is_empty(), "{} runs differ:\n{}", complaints.len(), complaints.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_run_is_answered_as_the_document_says() {
    let runs = runs();
    assert_eq!(runs.len(), 247);
    let listed =
        DEVIATIONS.iter().map(|(number, ..)| number).chain(UNDETERMINED.iter().map(|(number, _)| number));
    for number in listed {
        assert_eq!(
            runs.iter().filter(|run| run.number == *number).count(),
            1,
            "{number} is listed, but no run"
        );
    }
    judge(Mode::Embedded, runs).await;
}

/// The rows of the fleet hold nothing but the anchor, so the sections in which CRLs decide will do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_with_crls_are_answered_alike_in_a_fleet() {
    judge(Mode::Fleet, runs().into_iter().filter(|run| !run.by_path).collect()).await;
}
