//! NIST's PKITS with its CRLs: every run of the document, revocation included. What the suite calls
//! a valid path is one whose certificates are all known not to be revoked.

use std::{path::PathBuf, sync::Arc};

use certmill_x509::{
    chain::{Certificate, Options, Path, Paths, PolicyOptions, validate},
    revocation::{Inquiry, ParsedCrl, RevocationStatus},
};

/// 2020-01-01T00:00:00Z.
const AT: i64 = 1_577_836_800;
/// A signer of CRLs whose path needs a CRL of another signer, and so on.
const MAX_DEPTH: usize = 3;

/// Where the answer differs from the document, and why.
const DEVIATIONS: [(&str, &str); 9] = [
    ("4.1.4", DSA),
    ("4.1.5", DSA),
    ("4.14.22", INDIRECT),
    ("4.14.24", INDIRECT),
    ("4.14.25", INDIRECT),
    ("4.14.28", INDIRECT),
    ("4.14.29", INDIRECT),
    ("4.14.30", INDIRECT),
    ("4.14.33", INDIRECT),
];
const DSA: &str = "DSA is not supported";
const INDIRECT: &str = "indirect CRLs are refused, so the status is unknown";

struct Run {
    number: String,
    is_valid: bool,
    target: Vec<u8>,
    candidates: Vec<Vec<u8>>,
    crls: Vec<ParsedCrl>,
    options: Options,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pkits")
}

fn certificate(name: &str) -> Vec<u8> {
    std::fs::read(folder().join("certs").join(format!("{name}.der"))).unwrap()
}

/// None for the one list whose signature was spoilt so much that it is no BIT STRING any more.
fn crl(name: &str) -> Option<ParsedCrl> {
    let der = std::fs::read(folder().join("crls").join(format!("{name}.der"))).unwrap();
    let crl = ParsedCrl::from_der(der);
    assert_eq!(crl.is_err(), name == "BadCRLSignatureCACRL", "{name}: {crl:?}");
    crl.ok()
}

fn list(column: &str) -> Vec<&str> {
    if column == "-" { Vec::new() } else { column.split(',').collect() }
}

fn run(line: &str) -> Run {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, _scope, verdict, target, intermediates, crls, acceptable, flags, _valid] = columns[..]
    else {
        panic!("{line}");
    };
    let acceptable: Vec<_> = list(acceptable).into_iter().map(|oid| oid.parse().unwrap()).collect();
    let policies = PolicyOptions {
        acceptable: (!acceptable.is_empty()).then_some(acceptable),
        require_explicit: flags.contains('E'),
        inhibit_mapping: flags.contains('M'),
        inhibit_any: flags.contains('A'),
    };
    Run {
        number: number.to_owned(),
        is_valid: verdict == "valid",
        target: certificate(target),
        candidates: list(intermediates).into_iter().map(certificate).collect(),
        crls: list(crls).into_iter().filter_map(crl).collect(),
        options: Options { policies, ..Options::at(AT) },
    }
}

fn runs() -> Vec<Run> {
    let table = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
    table.lines().filter(|line| !line.starts_with('#')).map(run).collect()
}

/// A caller of the engine, with everything at hand that it may need.
struct Validator<'a> {
    run: &'a Run,
    anchors: Vec<Arc<Certificate>>,
    bag: Vec<Certificate>,
}

impl<'a> Validator<'a> {
    fn new(run: &'a Run) -> Self {
        let anchor = Certificate::from_der(&certificate("TrustAnchorRootCertificate")).unwrap();
        let read = |der: &Vec<u8>| Certificate::from_der(der).unwrap();
        Self { run, anchors: vec![Arc::new(anchor)], bag: run.candidates.iter().map(read).collect() }
    }

    /// Whether there is a valid path without a revoked certificate; if not, the last reason.
    fn judge(&self) -> Result<(), String> {
        let target = Certificate::from_der(&self.run.target).map_err(|error| error.to_string())?;
        let mut paths = Paths::new(target, &self.run.candidates, &self.anchors, self.run.options.clone());
        let mut reason = None;
        while let Some(verdict) = paths.next_valid() {
            match self.path_status(&verdict.path, &[]) {
                RevocationStatus::Good => return Ok(()),
                other => reason = Some(format!("{other:?}")),
            }
        }
        Err(reason.unwrap_or_else(|| {
            let verdict = validate(&self.run.target, &self.run.candidates, &self.anchors, &self.run.options);
            verdict.errors.iter().map(ToString::to_string).collect()
        }))
    }

    fn path_status(&self, path: &Path, in_question: &[&[u8]]) -> RevocationStatus {
        let mut links = path.certificates.windows(2);
        let first_bad = links.find_map(|link| {
            let [certificate, issuer] = link else { return None };
            match self.status(certificate, issuer, in_question) {
                RevocationStatus::Good => None,
                other => Some(other),
            }
        });
        first_bad.unwrap_or(RevocationStatus::Good)
    }

    fn status(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        in_question: &[&[u8]],
    ) -> RevocationStatus {
        let inquiry = Inquiry::new(certificate, issuer, AT).unwrap();
        let signers: Vec<&Certificate> = inquiry
            .crl_signer_candidates(&self.run.crls, &self.bag)
            .into_iter()
            .filter(|candidate| self.vouches_for(candidate, in_question))
            .collect();
        inquiry.by_crls(&self.run.crls, &signers)
    }

    /// Whether a signer of CRLs is valid and not revoked, without its own help.
    fn vouches_for(&self, signer: &Certificate, in_question: &[&[u8]]) -> bool {
        if in_question.len() >= MAX_DEPTH || in_question.contains(&signer.der()) {
            return false;
        }
        let verdict = validate(signer.der(), &self.run.candidates, &self.anchors, &Options::at(AT));
        let in_question = [in_question, &[signer.der()]].concat();
        verdict.is_valid() && self.path_status(&verdict.path, &in_question) == RevocationStatus::Good
    }
}

#[test]
fn every_run_is_answered_as_the_document_says() {
    let runs = runs();
    assert!(runs.len() > 240);
    let mut complaints = Vec::new();
    for run in &runs {
        let answer = Validator::new(run).judge();
        let deviation = DEVIATIONS.iter().find(|(number, _)| *number == run.number);
        let as_expected = match deviation {
            // Nothing that cannot be processed is guessed at.
            Some((_, INDIRECT)) => answer.as_ref().is_err_and(|reason| reason.contains("indirect")),
            Some(_) => answer.is_ok() != run.is_valid,
            None => answer.is_ok() == run.is_valid,
        };
        if !as_expected {
            complaints.push(format!("{} ({}): {answer:?}", run.number, run.is_valid));
        }
    }
    assert!(complaints.is_empty(), "{} runs differ:\n{}", complaints.len(), complaints.join("\n"));
}
