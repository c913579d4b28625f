use certmill_x509::{
    ExtendedKeyUsage,
    chain::{Code, Conformance, Options, PolicyOptions},
};

use crate::maker::{
    AKI, AT, BC, CLIENT_AUTH, EKU, INHIBIT_ANY, KU, MAPPINGS, Made, NC, POLICIES, POLICY_CONSTRAINTS, SAN,
    SERVER_AUTH, SKI, Spec, aki, ca_constraints, codes, constraints, dns, email, ip, judge, judge_with, oid,
    oids, policies, seq, tlv, uri, warnings,
};

/// A chain whose leaf or CA is not as it should be, and the only rule that it breaks.
fn broken(code: Code, leaf: impl FnOnce(Spec) -> Spec, ca: impl FnOnce(Spec) -> Spec) -> (Code, Vec<Made>) {
    let root = Spec::ca("root").root();
    let issuer = ca(Spec::ca("ca")).by(&root);
    (code, vec![leaf(Spec::leaf()).by(&issuer), issuer, root])
}

fn same(spec: Spec) -> Spec {
    spec
}

#[test]
fn breaches_that_forbid_a_path() {
    let repeated =
        |spec: Spec| spec.change(|spec| spec.extensions.push((SAN, false, seq(&[dns("leaf.example.com")]))));
    let oid_list = oids(&[SERVER_AUTH]);
    for (code, chain) in [
        broken(Code::DuplicateExtension, repeated, same),
        broken(Code::MalformedExtension, |leaf| leaf.with(EKU, false, seq(&[])), same),
        broken(Code::MalformedExtension, |leaf| leaf.with(KU, true, vec![3, 1, 9]), same),
        broken(Code::MalformedExtension, |leaf| leaf.with(BC, true, vec![0x30]), same),
        broken(Code::MalformedExtension, |leaf| leaf.with(POLICIES, false, oid_list), same),
        broken(Code::UnknownCriticalExtension, |leaf| leaf.with("1.2.3.4", true, vec![5, 0]), same),
        broken(Code::UnknownCriticalExtension, same, |ca| ca.with("1.2.3.4", true, vec![5, 0])),
        broken(Code::NotACa, same, |ca| ca.without(BC).without(KU)),
        broken(Code::KeyUsageLacksCertSign, same, |ca| ca.with(KU, true, vec![3, 2, 1, 2])),
        broken(Code::CaSubjectEmpty, same, |ca| ca.change(|ca| ca.subject.clear())),
    ] {
        let verdict = judge(&chain[0], &[&chain[1]], &[&chain[2]]);
        let mut found = codes(&verdict);
        // The leaf of a CA without a name has an empty issuer.
        found.retain(|found| *found != Code::IssuerEmpty);
        assert_eq!(found, [code], "{code}: {:?}", verdict.errors);
        let options = Options { conformance: Conformance::Report, ..Options::at(AT) };
        assert!(!judge_with(&chain[0], &[&chain[1]], &[&chain[2]], &options).is_valid(), "{code}");
    }
}

/// What OpenSSL does not make is made by hand, which costs the signature.
#[test]
fn breaches_in_the_frame_are_told() {
    let root = Spec::ca("root").root();
    let leaf = Spec::leaf().by(&root);
    let changed = |from: &[u8], to: &[u8], last: bool| {
        let mut places: Vec<usize> = leaf
            .der
            .windows(from.len())
            .enumerate()
            .filter(|(_, part)| *part == from)
            .map(|(at, _)| at)
            .collect();
        let place = if last { places.pop() } else { places.first().copied() }.unwrap();
        let mut der = leaf.der.clone();
        der.splice(place..place + from.len(), to.iter().copied());
        judge(&Made { spec: leaf.spec.clone(), der }, &[], &[&root])
    };
    let version = [0xA0, 3, 2, 1, 2];
    let ecdsa = |hash| [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, hash];
    let serial = [2, 1, 7, 0x30];
    for (code, verdict) in [
        (Code::ExtensionsNeedVersion3, changed(&version, &[0xA0, 3, 2, 1, 1], false)),
        (Code::UnsupportedVersion, changed(&version, &[0xA0, 3, 2, 1, 3], false)),
        (Code::SignatureAlgorithmMismatch, changed(&ecdsa(2), &ecdsa(3), true)),
        (Code::MalformedCertificate, changed(&serial, &[2, 0, 0x30, 0x30], false)),
        (Code::MalformedCertificate, changed(&version, &[0xA0, 3, 2, 1, 0], false)),
    ] {
        assert!(codes(&verdict).contains(&code), "{code}: {:?}", verdict.errors);
        assert!(!verdict.is_chain_valid());
    }
    // Octets of a serial number: 20 are permitted, and a zero before them for the sign.
    for (magnitude, code) in [
        (vec![0x7F; 20], None),
        ([&[0][..], &[0xFF; 20]].concat(), None),
        (vec![0x7F; 21], Some(Code::SerialNumberTooLong)),
        (vec![0; 2], Some(Code::MalformedCertificate)),
    ] {
        let der = with_serial(&leaf.der, &magnitude);
        let verdict = judge(&Made { spec: leaf.spec.clone(), der }, &[], &[&root]);
        let expected: Vec<Code> = [Code::SignatureInvalid].into_iter().chain(code).collect();
        assert_eq!(codes(&verdict), expected, "{magnitude:?}");
    }
}

/// The certificate with another serial number, lengths corrected.
fn with_serial(der: &[u8], contents: &[u8]) -> Vec<u8> {
    // The headers of both sequences have four octets, version and serial number five and three.
    let (tbs_length, rest) = (usize::from(der[6]) << 8 | usize::from(der[7]), &der[8..]);
    let tbs = [&rest[..5], &tlv(2, contents), &rest[8..tbs_length]].concat();
    tlv(0x30, &[&tlv(0x30, &tbs), &rest[tbs_length..]].concat())
}

#[test]
fn breaches_of_the_profile_are_errors_or_warnings() {
    let bad_san = |names: Vec<Vec<u8>>| move |leaf: Spec| leaf.with(SAN, false, seq(&names));
    let nameless = |leaf: Spec| leaf.change(|leaf| leaf.subject.clear());
    let no_fields = seq(&[]);
    let access = seq(&[seq(&[oid("1.3.6.1.5.5.7.48.1"), uri("http://ocsp.example/")])]);
    for (code, chain) in [
        broken(Code::SerialNumberZero, |leaf| leaf.change(|leaf| leaf.serial = 0), same),
        broken(Code::SerialNumberNegative, same, |ca| ca.change(|ca| ca.serial = -1)),
        broken(Code::SubjectEmptyWithoutCriticalSan, nameless, same),
        broken(Code::SubjectEmptyWithoutCriticalSan, move |leaf| nameless(leaf).without(SAN), same),
        broken(Code::MalformedSan, bad_san(vec![]), same),
        broken(Code::MalformedSan, bad_san(vec![dns("a b.example")]), same),
        broken(Code::MalformedSan, bad_san(vec![dns("")]), same),
        broken(Code::MalformedSan, bad_san(vec![dns("leaf.example.com.")]), same),
        broken(Code::MalformedSan, bad_san(vec![dns("a.*.example")]), same),
        broken(Code::MalformedSan, bad_san(vec![dns("10.0.0.1")]), same),
        broken(Code::MalformedSan, bad_san(vec![ip(&[1, 2, 3])]), same),
        broken(Code::MalformedSan, bad_san(vec![email("nobody")]), same),
        broken(Code::MalformedSan, bad_san(vec![uri("//relative.example/")]), same),
        broken(Code::CertSignWithoutCa, |leaf| leaf.with(KU, true, vec![3, 2, 2, 4]), same),
        broken(Code::PathLengthWithoutCa, |leaf| leaf.with(BC, true, seq(&[tlv(2, &[0])])), same),
        broken(Code::KeyUsageEmpty, |leaf| leaf.with(KU, true, vec![3, 1, 0]), same),
        broken(Code::AuthorityKeyIdMissing, |leaf| leaf.with(AKI, false, seq(&[])), same),
        broken(Code::SubjectKeyIdMissing, same, |ca| ca.without(SKI)),
        broken(Code::SubjectKeyIdCritical, same, |ca| ca.with(SKI, true, tlv(4, &[1; 20]))),
        broken(
            Code::NameConstraintsWithoutCa,
            |leaf| leaf.with(NC, true, constraints(&[dns("example.com")], &[])),
            same,
        ),
        broken(Code::NameConstraintsNotCritical, same, |ca| {
            ca.with(NC, false, constraints(&[dns("example.com")], &[]))
        }),
        broken(Code::NameConstraintsEmpty, same, |ca| ca.with(NC, true, constraints(&[], &[]))),
        broken(Code::PolicyConstraintsEmpty, same, move |ca| ca.with(POLICY_CONSTRAINTS, true, no_fields)),
        broken(Code::DuplicatePolicy, |leaf| leaf.with(POLICIES, false, policies(&["1.2.3", "1.2.3"])), same),
        broken(Code::InhibitAnyPolicyNotCritical, same, |ca| ca.with(INHIBIT_ANY, false, tlv(2, &[0]))),
        broken(
            Code::AccessInformationCritical,
            move |leaf| leaf.with("1.3.6.1.5.5.7.1.1", true, access),
            same,
        ),
    ] {
        let verdict = judge(&chain[0], &[&chain[1]], &[&chain[2]]);
        assert_eq!(codes(&verdict), [code], "{code}: {:?}", verdict.errors);
        let options = Options { conformance: Conformance::Report, ..Options::at(AT) };
        let verdict = judge_with(&chain[0], &[&chain[1]], &[&chain[2]], &options);
        assert!(verdict.is_valid() && warnings(&verdict).contains(&code), "{code}: {:?}", verdict.errors);
    }
    let root = Spec::ca("root").root();
    let critical = Spec::leaf().with(AKI, true, aki(&root)).by(&root);
    assert_eq!(codes(&judge(&critical, &[], &[&root])), [Code::AuthorityKeyIdCritical]);
    let without = Spec::leaf().anonymously_by(&root);
    assert_eq!(codes(&judge(&without, &[], &[&root])), [Code::AuthorityKeyIdMissing]);
}

#[test]
fn what_pkits_accepts_is_a_warning() {
    for (code, chain) in [
        broken(Code::BasicConstraintsNotCritical, same, |ca| ca.with(BC, false, ca_constraints(None))),
        broken(Code::PolicyConstraintsNotCritical, same, |ca| {
            ca.with(POLICY_CONSTRAINTS, false, seq(&[tlv(0x80, &[9])]))
        }),
        broken(Code::CaKeyUsageMissing, same, |ca| ca.without(KU)),
        broken(Code::NameConstraintLeadingDot, same, |ca| {
            ca.with(NC, true, constraints(&[dns(".example.com")], &[]))
        }),
    ] {
        let verdict = judge(&chain[0], &[&chain[1]], &[&chain[2]]);
        assert!(verdict.is_valid(), "{code}: {:?}", verdict.errors);
        assert_eq!(warnings(&verdict), [code]);
    }
}

#[test]
fn an_empty_subject_with_critical_names_is_right() {
    let root = Spec::ca("root").root();
    let leaf = Spec::leaf().change(|leaf| leaf.subject.clear());
    let leaf = leaf.with(SAN, true, seq(&[dns("leaf.example.com")])).by(&root);
    let verdict = judge(&leaf, &[], &[&root]);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
}

#[test]
fn purposes_are_restricted_from_above() {
    let any = "2.5.29.37.0";
    let server = Some(ExtendedKeyUsage::ServerAuth);
    let client = Some(ExtendedKeyUsage::ClientAuth);
    let refused = vec![Code::PurposeNotPermitted];
    for (ca_purposes, leaf_purposes, wanted, expected) in [
        (vec![], vec![], server.clone(), vec![]),
        (vec![], vec![SERVER_AUTH], server.clone(), vec![]),
        (vec![], vec![CLIENT_AUTH], server.clone(), refused.clone()),
        (vec![SERVER_AUTH], vec![], server.clone(), vec![]),
        (vec![CLIENT_AUTH], vec![], server.clone(), refused.clone()),
        (vec![CLIENT_AUTH], vec![SERVER_AUTH], server.clone(), refused.clone()),
        (vec![CLIENT_AUTH], vec![SERVER_AUTH, CLIENT_AUTH], server.clone(), refused.clone()),
        (vec![CLIENT_AUTH], vec![SERVER_AUTH, CLIENT_AUTH], client.clone(), vec![]),
        (vec![any], vec![SERVER_AUTH], server.clone(), vec![]),
        (vec![SERVER_AUTH], vec![any], server.clone(), vec![]),
        (vec![CLIENT_AUTH], vec![any], server.clone(), refused.clone()),
        (vec![CLIENT_AUTH], vec![SERVER_AUTH], None, refused.clone()),
        (vec![CLIENT_AUTH], vec![SERVER_AUTH, CLIENT_AUTH], None, vec![]),
    ] {
        let restrict = |spec: Spec, purposes: &[&str]| {
            if purposes.is_empty() { spec } else { spec.with(EKU, false, oids(purposes)) }
        };
        let root = Spec::ca("root").root();
        let ca = restrict(Spec::ca("ca"), &ca_purposes).by(&root);
        let leaf = restrict(Spec::leaf(), &leaf_purposes).by(&ca);
        let options = Options { purpose: wanted.clone(), ..Options::at(AT) };
        let verdict = judge_with(&leaf, &[&ca], &[&root], &options);
        assert_eq!(codes(&verdict), expected, "{ca_purposes:?} {leaf_purposes:?} {wanted:?}");
    }
    let root = Spec::ca("root").with(EKU, false, oids(&[CLIENT_AUTH])).root();
    let options = Options { purpose: server, ..Options::at(AT) };
    let verdict = judge_with(&Spec::leaf().by(&root), &[], &[&root], &options);
    assert_eq!(codes(&verdict), [Code::PurposeNotPermitted]);
}

#[test]
fn policies_of_anchors_constrain_and_mapped_meshes_stay_small() {
    let required = seq(&[tlv(0x80, &[0])]);
    let root = Spec::ca("root").with(POLICY_CONSTRAINTS, true, required).root();
    assert_eq!(codes(&judge(&Spec::leaf().by(&root), &[], &[&root])), [Code::NoValidPolicy]);
    let leaf = Spec::leaf().with(POLICIES, false, policies(&["1.2.3"])).by(&root);
    assert!(judge(&leaf, &[], &[&root]).is_valid());

    // Each level maps each of ten policies to each of the others: 10^13 nodes as a tree.
    let names: Vec<String> = (1..=10).map(|number| format!("1.2.3.{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pairs = names.iter().flat_map(|from| names.iter().map(move |to| seq(&[oid(from), oid(to)])));
    let mappings = seq(&pairs.collect::<Vec<_>>());
    let root = Spec::ca("root").root();
    let mut issuers = vec![root.clone()];
    for number in 0..13 {
        let ca = Spec::ca(&format!("ca {number}")).with(POLICIES, false, policies(&names)).with(
            MAPPINGS,
            true,
            mappings.clone(),
        );
        issuers.push(ca.by(issuers.last().unwrap()));
    }
    let leaf = Spec::leaf().with(POLICIES, false, policies(&names)).by(issuers.last().unwrap());
    let candidates: Vec<&Made> = issuers.iter().skip(1).collect();
    let policies = PolicyOptions {
        acceptable: Some(vec!["1.2.3.4".parse().unwrap()]),
        require_explicit: true,
        ..PolicyOptions::default()
    };
    let options = Options { policies, ..Options::at(AT) };
    let verdict = judge_with(&leaf, &candidates, &[&root], &options);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
    assert_eq!(verdict.path.policies, ["1.2.3.4".parse().unwrap()]);
}
