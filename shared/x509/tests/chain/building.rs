use std::sync::Arc;

use certmill_x509::chain::{Certificate, Code, Options, Paths, Place};

use crate::maker::{AKI, AT, END, Made, START, Spec, codes, judge, judge_with, warnings};

#[test]
fn a_chain_is_found_among_strangers_and_openssl_agrees() {
    let root = Spec::ca("root").root();
    let upper = Spec::ca("upper").by(&root);
    let lower = Spec::ca("lower").by(&upper);
    let leaf = Spec::leaf().by(&lower);
    let stranger = Spec::ca("stranger").root();
    let namesake = Spec::ca("lower").by(&stranger);
    for candidates in [
        vec![&lower, &upper],
        vec![&stranger, &upper, &namesake, &leaf, &root, &lower, &lower],
        vec![&namesake, &lower, &root, &upper],
    ] {
        let verdict = judge(&leaf, &candidates, &[&stranger, &root]);
        assert!(
            verdict.is_valid() && verdict.is_chain_valid() && verdict.not_expired,
            "{:?}",
            verdict.errors
        );
        let ders: Vec<&[u8]> =
            verdict.path.certificates.iter().map(|certificate| certificate.der()).collect();
        assert_eq!(ders, [&leaf.der, &lower.der, &upper.der, &root.der].map(Vec::as_slice));
        assert_eq!((verdict.path.anchor(), verdict.path.places[0]), (Some(1), Place::Target));
        assert_eq!(verdict.warnings, []);
    }
    assert_eq!(codes(&judge(&leaf, &[&lower], &[&root])), [Code::UnknownIssuer]);
    // A namesake with another key id is a stranger, not an issuer whose signature is wrong.
    assert_eq!(codes(&judge(&leaf, &[&namesake], &[&stranger])), [Code::UnknownIssuer]);
    let verdict = judge(&leaf, &[&lower, &upper], &[&stranger]);
    assert_eq!(codes(&verdict), [Code::UnknownIssuer]);
    assert_eq!(verdict.path.certificates.len(), 3);
    assert_eq!(verdict.errors[0].certificate.as_ref().unwrap().subject, "CN=upper");
    assert!(!verdict.is_chain_valid() && verdict.not_expired && verdict.path.anchor().is_none());
    openssl_agrees(&leaf, &[&lower, &upper], &root);
}

fn openssl_agrees(leaf: &Made, candidates: &[&Made], root: &Made) {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, made: &[&Made]| {
        let text: String = made
            .iter()
            .map(|made| certmill_x509::pem::encode(certmill_x509::pem::CERTIFICATE, &made.der))
            .collect();
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("leaf.pem", &[leaf]);
    write("candidates.pem", candidates);
    write("root.pem", &[root]);
    let output = std::process::Command::new("openssl")
        .args("verify -x509_strict -CAfile root.pem -untrusted candidates.pem -attime".split(' '))
        .args([&AT.to_string(), "leaf.pem"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_search_can_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Paths>();
    is_send::<certmill_x509::chain::Verdict>();
}

#[test]
fn a_better_path_is_taken_and_the_rest_is_offered_later() {
    let first_root = Spec::ca("first root").root();
    let second_root = Spec::ca("second root").root();
    let ca = Spec::ca("ca");
    let leaf = Spec::leaf().by(&ca.clone().by(&first_root));
    let good = ca.clone().by(&first_root);
    let crossed = ca.clone().by(&second_root);
    let expired = ca.clone().valid(START - 10, AT - 1).by(&first_root);
    let no_ca = ca.clone().without("2.5.29.19").by(&second_root);

    for candidates in [vec![&expired, &crossed], vec![&crossed, &no_ca, &expired]] {
        let verdict = judge(&leaf, &candidates, &[&first_root, &second_root]);
        assert!(verdict.is_valid(), "{:?}", verdict.errors);
        assert_eq!(verdict.path.certificates[1].der(), crossed.der);
    }
    let verdict = judge(&leaf, &[&expired, &no_ca], &[&first_root, &second_root]);
    assert_eq!(codes(&verdict), [Code::Expired]);
    assert!(verdict.is_chain_valid() && !verdict.not_expired && !verdict.is_valid());

    let candidates = [&good.der, &crossed.der, &expired.der];
    let target = Certificate::from_der(&leaf.der).unwrap();
    let anchors = [first_root.anchor(), second_root.anchor()];
    let mut paths = Paths::new(target, &candidates, &anchors, Options::at(AT));
    let mut seen = Vec::new();
    while let Some(verdict) = paths.next_valid() {
        assert!(verdict.is_valid());
        seen.push(verdict.path.certificates[1].der().to_vec());
    }
    seen.sort();
    let mut expected = vec![good.der.clone(), crossed.der.clone()];
    expected.sort();
    assert_eq!(seen, expected);
    assert!(paths.next_valid().is_none());
}

#[test]
fn keys_roll_over_in_both_directions() {
    let root = Spec::ca("root").root();
    let old = Spec::ca("ca").by(&root);
    let new_with_old = Spec::ca("ca").by(&old);
    let leaf = Spec::leaf().by(&new_with_old);
    let verdict = judge(&leaf, &[&old, &new_with_old], &[&root]);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
    assert_eq!(verdict.path.certificates.len(), 4);
    // Self-issued certificates do not count for the path length.
    let tight = old.spec.clone().with("2.5.29.19", true, crate::maker::ca_constraints(Some(0))).by(&root);
    assert!(judge(&leaf, &[&tight, &new_with_old], &[&root]).is_valid());
    let below = Spec::ca("below").by(&new_with_old);
    let deeper = Spec::leaf().by(&below);
    let verdict = judge(&deeper, &[&below, &tight, &new_with_old], &[&root]);
    assert_eq!(codes(&verdict), [Code::PathLengthExceeded]);
}

#[test]
fn anchors_are_obeyed() {
    let root = Spec::ca("root");
    let good = root.clone().root();
    let leaf = Spec::leaf().by(&good);
    assert!(judge(&leaf, &[], &[&good]).is_valid());

    let expired = root.clone().valid(START - 20, START - 10).root();
    let verdict = judge(&leaf, &[], &[&expired]);
    assert_eq!(codes(&verdict), [Code::Expired]);
    assert!(verdict.is_chain_valid() && !verdict.not_expired);
    assert!(judge(&leaf, &[], &[&expired, &good]).is_valid());
    assert!(judge(&leaf, &[&expired], &[&good]).is_valid());

    let short = root.clone().with("2.5.29.19", true, crate::maker::ca_constraints(Some(0))).root();
    let ca = Spec::ca("ca").by(&short);
    assert!(judge(&leaf, &[], &[&short]).is_valid());
    assert_eq!(codes(&judge(&Spec::leaf().by(&ca), &[&ca], &[&short])), [Code::PathLengthExceeded]);

    let zero = root.clone().change(|spec| spec.serial = 0).root();
    let verdict = judge(&leaf, &[], &[&zero]);
    assert!(verdict.is_valid() && warnings(&verdict) == [Code::SerialNumberZero]);

    // Old roots of version 1 say nothing of being a CA.
    let bare = root.clone().change(|spec| {
        spec.version = 0;
        spec.extensions.clear();
    });
    assert!(judge(&leaf, &[], &[&bare.clone().root()]).is_valid());
    let bare_ca = bare.change(|spec| spec.subject = vec![("CN", "bare".into())]).anonymously_by(&good);
    let verdict = judge(&Spec::leaf().by(&bare_ca), &[&bare_ca], &[&good]);
    assert!(codes(&verdict).contains(&Code::NotACa), "{:?}", verdict.errors);

    // An anchor need not be self-signed, and nothing above it is looked at.
    let ca = Spec::ca("ca").by(&good);
    let verdict = judge(&Spec::leaf().by(&ca), &[], &[&ca]);
    assert!(verdict.is_valid() && verdict.path.certificates.len() == 2);
}

#[test]
fn a_target_may_be_an_anchor() {
    let root = Spec::ca("root").root();
    let leaf = Spec::leaf().by(&root);
    for made in [&root, &leaf] {
        let verdict = judge(made, &[], &[made]);
        assert!(verdict.is_valid(), "{:?}", verdict.errors);
        assert_eq!((verdict.path.certificates.len(), verdict.path.anchor()), (1, Some(0)));
        let verdict = judge_with(made, &[], &[made], &Options::at(END + 1));
        assert_eq!(codes(&verdict), [Code::Expired]);
    }
    // A namesake could be its issuer, for all that its missing authority key id says.
    assert_eq!(codes(&judge(&root, &[], &[&Spec::ca("root").root()])), [Code::SignatureInvalid]);
    assert_eq!(codes(&judge(&root, &[&root], &[])), [Code::UnknownIssuer]);
    // The next certificate of an anchor, of the same name and key.
    let renewed = root.spec.clone().change(|spec| spec.serial = 8).root();
    let verdict = judge(&renewed, &[], &[&root]);
    assert!(verdict.is_valid() && verdict.path.certificates.len() == 2, "{:?}", verdict.errors);
}

#[test]
fn instants_at_both_ends_are_within_the_validity() {
    let root = Spec::ca("root").valid(START - 1000, END + 1000).root();
    let leaf = Spec::leaf().by(&root);
    for (at, expected) in
        [(START - 1, vec![Code::NotYetValid]), (START, vec![]), (END, vec![]), (END + 1, vec![Code::Expired])]
    {
        let verdict = judge_with(&leaf, &[], &[&root], &Options::at(at));
        assert_eq!(codes(&verdict), expected, "{at}");
        if at == END + 1 {
            let message = "it was valid until 2027-01-01T00:00:00Z, not at 2027-01-01T00:00:01Z";
            assert_eq!(verdict.errors[0].message, message);
        }
        assert!(verdict.is_chain_valid());
    }
    // Another error beside it is told too.
    let wrong = Spec::leaf().valid(START, START + 1).anonymously_by(&root);
    let verdict = judge(&wrong, &[], &[&root]);
    assert_eq!(codes(&verdict), [Code::AuthorityKeyIdMissing, Code::Expired]);
    assert!(!verdict.is_chain_valid() && !verdict.not_expired);
}

#[test]
fn long_paths_end() {
    let root = Spec::ca("root").root();
    let mut issuers = vec![root.clone()];
    for number in 1..20 {
        let ca = Spec::ca(&format!("ca {number}")).by(issuers.last().unwrap());
        issuers.push(ca);
    }
    let candidates: Vec<&Made> = issuers.iter().skip(1).collect();
    // Leaf, 14 CAs and the root are 16.
    let leaf = Spec::leaf().by(&issuers[14]);
    assert!(judge(&leaf, &candidates, &[&root]).is_valid());
    let leaf = Spec::leaf().by(&issuers[15]);
    assert_eq!(codes(&judge(&leaf, &candidates, &[&root])), [Code::PathTooLong]);
}

#[test]
fn candidates_that_cannot_be_read_are_left_aside() {
    let root = Spec::ca("root").root();
    let leaf = Spec::leaf().by(&root);
    let candidates: [&[u8]; 4] = [b"", b"\x30\x03\x02\x01\x01", b"garbage", &leaf.der[..leaf.der.len() - 1]];
    let verdict = certmill_x509::chain::validate(&leaf.der, &candidates, &[root.anchor()], &Options::at(AT));
    assert!(verdict.is_valid());
    assert_eq!(warnings(&verdict), [Code::CandidateIgnored; 4]);
    let none: [&[u8]; 0] = [];
    let anchors: [Arc<Certificate>; 0] = [];
    let verdict = certmill_x509::chain::validate(b"garbage", &none, &anchors, &Options::at(AT));
    assert_eq!(codes(&verdict), [Code::MalformedCertificate]);
    assert!(!verdict.is_valid() && !verdict.is_chain_valid() && !verdict.not_expired);
}

#[test]
fn a_wrong_authority_key_id_only_misleads() {
    let root = Spec::ca("root").root();
    let other = Spec::ca("root").root();
    let misled = Spec::leaf().with(AKI, false, crate::maker::aki(&other)).by(&root);
    assert!(judge(&misled, &[&other], &[&root]).is_valid());
}
