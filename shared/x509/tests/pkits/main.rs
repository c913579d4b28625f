//! NIST's PKITS: every run of the document, as far as paths decide it. What the CRLs add is tested
//! where they are looked at; here such a path must be valid.

#[cfg(test)]
mod runs {
    use std::{
        collections::{BTreeSet, HashMap},
        path::PathBuf,
        sync::Arc,
    };

    use certmill_x509::chain::{Certificate, Class, Code, Options, PolicyOptions, Verdict, validate};

    /// 2020-01-01T00:00:00Z.
    const AT: i64 = 1_577_836_800;

    /// Where the answer differs from the document, or from "valid" of a path whose CRLs decide, and
    /// why.
    const DEVIATIONS: [(&str, Code, &str); 3] = [
        ("4.1.4", Code::UnsupportedKey, "DSA is not supported"),
        ("4.1.5", Code::UnsupportedKey, "DSA is not supported"),
        (
            "4.4.15",
            Code::SerialNumberNegative,
            "a negative serial number is refused by itself; the document has the certificate revoked",
        ),
    ];

    struct Run {
        number: String,
        is_valid: bool,
        needs_crls: bool,
        target: Vec<u8>,
        candidates: Vec<Vec<u8>>,
        policies: PolicyOptions,
        /// None when it does not matter.
        valid_policies: Option<BTreeSet<String>>,
    }

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/pkits")
    }

    fn certificate(name: &str) -> Vec<u8> {
        std::fs::read(folder().join("certs").join(format!("{name}.der"))).unwrap()
    }

    fn list(column: &str) -> Vec<&str> {
        if column == "-" { Vec::new() } else { column.split(',').collect() }
    }

    fn runs() -> Vec<Run> {
        let table = std::fs::read_to_string(folder().join("cases.tsv")).unwrap();
        table.lines().filter(|line| !line.starts_with('#')).map(run).collect()
    }

    fn run(line: &str) -> Run {
        let columns: Vec<&str> = line.split('\t').collect();
        let [number, scope, verdict, target, intermediates, _crls, acceptable, flags, valid] = columns[..]
        else {
            panic!("{line}");
        };
        assert!(["path", "crl"].contains(&scope) && ["valid", "invalid"].contains(&verdict), "{line}");
        let acceptable = list(acceptable).into_iter().map(|oid| oid.parse().unwrap()).collect::<Vec<_>>();
        Run {
            number: number.to_owned(),
            is_valid: verdict == "valid",
            needs_crls: scope == "crl",
            target: certificate(target),
            candidates: list(intermediates).into_iter().map(certificate).collect(),
            policies: PolicyOptions {
                acceptable: (!acceptable.is_empty()).then_some(acceptable),
                require_explicit: flags.contains('E'),
                inhibit_mapping: flags.contains('M'),
                inhibit_any: flags.contains('A'),
            },
            valid_policies: (valid != "?").then(|| list(valid).into_iter().map(str::to_owned).collect()),
        }
    }

    fn answer(run: &Run, candidates: &[Vec<u8>]) -> Verdict {
        let anchor = Certificate::from_der(&certificate("TrustAnchorRootCertificate")).unwrap();
        let options = Options { policies: run.policies.clone(), ..Options::at(AT) };
        validate(&run.target, candidates, &[Arc::new(anchor)], &options)
    }

    fn check(run: &Run, verdict: &Verdict) -> Result<(), String> {
        let shown = || {
            let errors: Vec<String> = verdict.errors.iter().map(ToString::to_string).collect();
            format!("{}: {}", run.number, errors.join("; "))
        };
        if let Some((_, code, _)) = DEVIATIONS.iter().find(|(number, ..)| *number == run.number) {
            let refused = verdict.errors.iter().any(|error| error.code == *code);
            return if refused { Ok(()) } else { Err(format!("{}: not {code}", shown())) };
        }
        if verdict.is_valid() != (run.is_valid || run.needs_crls) {
            return Err(shown());
        }
        let policies: BTreeSet<String> = verdict.path.policies.iter().map(ToString::to_string).collect();
        match &run.valid_policies {
            Some(expected) if *expected != policies => {
                Err(format!("{}: valid for {policies:?}, not for {expected:?}", run.number))
            }
            _ => Ok(()),
        }
    }

    fn complain(complaints: Vec<String>) {
        assert!(complaints.is_empty(), "{} runs differ:\n{}", complaints.len(), complaints.join("\n"));
    }

    #[test]
    fn every_run_is_answered_as_the_document_says() {
        let runs = runs();
        complain(runs.iter().filter_map(|run| check(run, &answer(run, &run.candidates)).err()).collect());
    }

    #[test]
    fn strangers_and_their_order_change_nothing() {
        let runs = runs();
        let mut everything: Vec<Vec<u8>> = runs.iter().flat_map(|run| run.candidates.clone()).collect();
        everything.sort_unstable();
        everything.dedup();
        assert!(everything.len() > 150);
        // With all of the suite's CAs at hand, 4.5.8 is the same: the CA has no certificate for that
        // key that may sign certificates.
        everything.reverse();
        complain(runs.iter().filter_map(|run| check(run, &answer(run, &everything)).err()).collect());
    }

    #[test]
    fn the_table_has_every_test_of_the_document() {
        let runs = runs();
        assert_eq!(runs.len(), 247);
        let mut tests: HashMap<u32, BTreeSet<u32>> = HashMap::new();
        for run in &runs {
            let parts: Vec<u32> = run.number.split('.').map(|part| part.parse().unwrap()).collect();
            assert_eq!(parts[0], 4);
            tests.entry(parts[1]).or_default().insert(parts[2]);
        }
        let counts = [6, 8, 11, 21, 8, 17, 5, 20, 8, 14, 11, 10, 38, 35, 10, 2];
        for (section, count) in (1..).zip(counts) {
            assert_eq!(tests[&section], (1..=count).collect(), "4.{section}");
        }
        assert_eq!(counts.iter().sum::<u32>(), 224);
        for (number, ..) in DEVIATIONS {
            assert!(runs.iter().any(|run| run.number == number), "{number}");
        }
    }

    #[test]
    fn refusals_name_the_rule_and_the_certificate() {
        let runs = runs();
        for (number, code) in [
            ("4.1.2", Code::SignatureInvalid),
            ("4.1.3", Code::SignatureInvalid),
            ("4.2.1", Code::NotYetValid),
            ("4.2.6", Code::Expired),
            ("4.3.1", Code::UnknownIssuer),
            ("4.6.1", Code::NotACa),
            ("4.6.2", Code::NotACa),
            ("4.6.5", Code::PathLengthExceeded),
            ("4.6.9", Code::PathLengthExceeded),
            ("4.6.11", Code::PathLengthExceeded),
            ("4.7.1", Code::KeyUsageLacksCertSign),
            ("4.8.12", Code::NoValidPolicy),
            ("4.10.7", Code::AnyPolicyMapped),
            ("4.13.2", Code::NameNotPermitted),
            ("4.13.7", Code::NameExcluded),
            ("4.13.38", Code::NameNotPermitted),
            ("4.16.2", Code::UnknownCriticalExtension),
        ] {
            let run = runs.iter().find(|run| run.number == number).unwrap();
            let verdict = answer(run, &run.candidates);
            let found = verdict.errors.iter().find(|error| error.code == code);
            assert!(
                found.is_some_and(|error| error.certificate.is_some()),
                "{number}: {:?} {:?}",
                verdict.errors,
                verdict.warnings
            );
            let only_time = code.class() == Class::Time;
            assert_eq!(
                (verdict.is_chain_valid(), verdict.not_expired),
                (only_time, !only_time),
                "{number}: {:?}",
                verdict.errors
            );
        }
    }
}
