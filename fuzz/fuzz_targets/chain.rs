//! Paths: a target and candidates, judged under options that the first octets say. Either as they
//! stand, below the anchors of PKITS, or with right signatures by keys that we have.
#![no_main]

use std::{collections::HashSet, sync::Arc};

use certmill_fuzz::{der, mutation, openssl_path, signing, vectors};
use certmill_x509::{
    DnsName, ExtendedKeyUsage, ObjectIdentifier, ParsedCertificate,
    chain::{Certificate, Code, Conformance, Options, Paths, Verdict, validate},
    same_name,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// Octets of options.
const HEAD: usize = 4;
/// More certificates than this only make it slow.
const MOST: usize = 12;

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, policies, asked, number], ders)) = data.split_first_chunk::<HEAD>() else { return };
    let Some(values) = der::values(ders).filter(|values| (1..=MOST).contains(&values.len())) else { return };
    let ders: Vec<Vec<u8>> = values.iter().map(|value| value.raw.to_vec()).collect();
    let options = options(flags, policies, asked);
    if flags & 1 == 0 {
        as_it_stands(&ders, flags, &options);
    } else {
        with_our_keys(&ders, flags, number, &options);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, HEAD)
});

fn options(flags: u8, policies: u8, asked: u8) -> Options {
    let mut options = Options::at(vectors::AT);
    if flags & 4 > 0 {
        options.conformance = Conformance::Report;
    }
    options.policies.require_explicit = policies & 1 > 0;
    options.policies.inhibit_mapping = policies & 2 > 0;
    options.policies.inhibit_any = policies & 4 > 0;
    // The first two test policies of PKITS, and anyPolicy.
    let oids = ["2.16.840.1.101.3.2.1.48.1", "2.16.840.1.101.3.2.1.48.2", "2.5.29.32.0"];
    let wanted = (0..3).filter(|index| policies & (8 << index) > 0).map(|index| oids[index]);
    let acceptable: Vec<_> = wanted.map(|oid| oid.parse().expect("it is an OID")).collect();
    options.policies.acceptable = (!acceptable.is_empty()).then_some(acceptable);
    options.purpose = match asked & 3 {
        0 => None,
        1 => Some(ExtendedKeyUsage::ServerAuth),
        2 => Some(ExtendedKeyUsage::EmailProtection),
        _ => Some(ExtendedKeyUsage::Any),
    };
    let name = match asked >> 2 & 3 {
        0 | 1 => None,
        2 => Some("a.example.com"),
        _ => Some("10.1.1.1"),
    };
    options.name = name.map(|name| name.parse().expect("it is a name"));
    options
}

/// Nobody here can sign for PKITS, so whatever is valid came from there unchanged.
fn as_it_stands(ders: &[Vec<u8>], flags: u8, options: &Options) {
    let anchors = if flags & 2 > 0 { &*vectors::AUTHORITIES } else { &*vectors::ROOT };
    let verdict = judge(ders, anchors, flags, options);
    if verdict.is_chain_valid() {
        let known = |certificate: &Arc<Certificate>| vectors::DERS.contains(certificate.der());
        assert!(verdict.path.certificates.iter().all(known), "a forged path is valid: {verdict:?}");
    }
}

/// The last one is the anchor. One signature may be made wrong, and then nothing valid rests on it.
fn with_our_keys(ders: &[Vec<u8>], flags: u8, number: u8, options: &Options) {
    let mut ders = signing::resigned_chain(ders);
    let Some(anchor) = ders.last().and_then(|der| Certificate::from_der(der).ok()) else { return };
    let mut forged = None;
    if flags & 16 > 0 && ders.len() > 1 {
        let index = usize::from(number) % (ders.len() - 1);
        if let Some(last) = ders[index].last_mut() {
            *last ^= 1 << (number >> 5);
        }
        forged = Some(ders[index].clone());
    }
    let anchors = [Arc::new(anchor)];
    let verdict = judge(&ders, &anchors, flags, options);
    if let Some(forged) = forged.filter(|_| verdict.is_chain_valid()) {
        let trusted = |certificate: &Arc<Certificate>| certificate.der() == forged;
        assert!(!verdict.path.certificates.iter().any(trusted), "a forged path is valid: {verdict:?}");
    }
}

fn judge(ders: &[Vec<u8>], anchors: &[Arc<Certificate>], flags: u8, options: &Options) -> Verdict {
    let (target, candidates) = ders.split_first().expect("there is one at least");
    let verdict = validate(target, candidates, anchors, options);
    check(&verdict, anchors, options);
    if flags & 8 > 0 {
        let backwards: Vec<&Vec<u8>> = candidates.iter().rev().collect();
        let other = validate(target, &backwards, anchors, options);
        check(&other, anchors, options);
        if ![&verdict, &other].into_iter().any(was_given_up) {
            assert_eq!(verdict.is_valid(), other.is_valid(), "order matters: {verdict:?} {other:?}");
        }
    }
    if flags & 32 > 0
        && let Ok(certificate) = Certificate::from_der(target)
    {
        all_paths(Paths::new(certificate, candidates, anchors, options.clone()), anchors, options);
    }
    verdict
}

fn all_paths(mut paths: Paths, anchors: &[Arc<Certificate>], options: &Options) {
    let mut seen = HashSet::new();
    while let Some(verdict) = paths.next_valid().filter(|_| seen.len() < 50) {
        assert!(verdict.is_valid());
        check(&verdict, anchors, options);
        assert!(seen.insert(format!("{:?}", verdict.path.places)), "a path came twice: {verdict:?}");
    }
}

fn was_given_up(verdict: &Verdict) -> bool {
    verdict.errors.iter().any(|error| error.code == Code::PathBudgetExceeded)
}

fn check(verdict: &Verdict, anchors: &[Arc<Certificate>], options: &Options) {
    let _ = format!("{verdict:?}");
    for finding in verdict.errors.iter().chain(&verdict.warnings) {
        assert!(!finding.message.is_empty() && !finding.code.as_str().is_empty());
        assert!(!finding.message.chars().any(char::is_control), "{:?}", finding.message);
    }
    let path = &verdict.path;
    assert_eq!(path.certificates.len(), path.places.len());
    assert!(path.certificates.len() <= 16);
    // There is no path when not even the target can be read.
    assert_eq!(verdict.not_expired, !path.certificates.is_empty() && path.is_valid_at(options.at));
    if !verdict.is_valid() {
        return;
    }
    assert!(verdict.is_chain_valid() && verdict.not_expired);
    let anchor = path.anchor().and_then(|index| anchors.get(index)).expect("a valid path has an anchor");
    assert_eq!(path.certificates.last().map(|last| last.der()), Some(anchor.der()));
    let acceptable = options.policies.acceptable.as_deref().unwrap_or_default();
    assert!(!options.policies.require_explicit || !path.policies.is_empty());
    assert!(acceptable.is_empty() || path.policies.iter().all(|policy| is_within(policy, acceptable)));
    for pair in path.certificates.windows(2) {
        check_link(&pair[0], &pair[1]);
    }
    openssl_path::agrees(verdict, options);
}

fn is_within(policy: &ObjectIdentifier, acceptable: &[ObjectIdentifier]) -> bool {
    let any = "2.5.29.32.0";
    acceptable.iter().any(|known| known == policy || known.to_string() == any)
}

/// What must hold between two certificates of a valid path, by the other reading of certificates.
fn check_link(child: &Certificate, issuer: &Certificate) {
    assert!(same_name(child.issuer_der(), issuer.subject_der()) && issuer.is_ca());
    let (Ok(child), Ok(issuer)) =
        (ParsedCertificate::from_der(child.der()), ParsedCertificate::from_der(issuer.der()))
    else {
        return;
    };
    assert!(issuer.is_ca());
    assert!(issuer.key_usage().is_none_or(|usage| usage.names().contains(&"CertSign")));
    let key = issuer.public_key().expect("its signature was verified");
    child.verify_signed_by(&key).expect("it is in a valid path");
    if let Some(constraints) = issuer.name_constraints() {
        let permitted = |name: &DnsName| constraints.permits_dns(name);
        assert!(child.subject_alt_names().dns.iter().all(permitted) || child.is_self_issued());
    }
}
