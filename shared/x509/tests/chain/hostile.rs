use std::{sync::Arc, time::Instant};

use certmill_x509::chain::{Certificate, Code, Options, validate};
use proptest::prelude::*;

use crate::maker::{
    AT, BC, EKU, MAPPINGS, Made, NC, POLICIES, SAN, SERVER_AUTH, Spec, ca_constraints, codes, constraints,
    directory, dns, email, ip, judge, oid, oids, p256, policies, seq, uri,
};

/// Far more than any of these searches takes, even without optimisation.
const PATIENCE: u64 = 60;

/// Layers of CAs, each of which has certified each of the next layer.
fn mesh(top: &Made, layers: usize, width: usize) -> Vec<Vec<Made>> {
    let mut mesh: Vec<Vec<Made>> = vec![vec![top.clone()]];
    for layer in 0..layers {
        let issuers = mesh.last().unwrap().clone();
        let cas: Vec<Spec> = (0..width).map(|number| Spec::ca(&format!("ca {layer}.{number}"))).collect();
        let layer = cas.iter().flat_map(|ca| issuers.iter().map(|issuer| ca.clone().by(issuer)));
        mesh.push(layer.collect());
    }
    mesh
}

#[test]
fn a_mesh_of_cross_signed_cas_is_given_up_in_time() {
    // 8 CAs with different keys that have all certified each other: 8! simple paths and more.
    let specs: Vec<Spec> = (0..8).map(|number| Spec::ca(&format!("ca {number}"))).collect();
    let roots: Vec<Made> = specs.iter().map(|spec| spec.clone().root()).collect();
    let mut crossed = Vec::new();
    for (number, spec) in specs.iter().enumerate() {
        for issuer in roots.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, issuer)| issuer)
        {
            crossed.push(spec.clone().by(issuer));
        }
    }
    let candidates: Vec<&Made> = crossed.iter().collect();
    let leaf = Spec::leaf().by(&roots[0]);
    let begin = Instant::now();
    // No anchor within reach: nothing is walked for a valid path.
    let stranger = Spec::ca("stranger").root();
    let verdict = judge(&leaf, &candidates, &[&stranger]);
    assert!(codes(&verdict).contains(&Code::UnknownIssuer), "{:?}", verdict.errors);
    // An anchor within reach that permits nothing.
    let anchor = Spec::ca("anchor").with(NC, true, constraints(&[dns("nowhere.example")], &[])).root();
    let entry = specs[7].clone().by(&anchor);
    let with_entry: Vec<&Made> = crossed.iter().chain([&entry]).collect();
    let verdict = judge(&leaf, &with_entry, &[&anchor]);
    assert_eq!(codes(&verdict)[0], Code::PathBudgetExceeded, "{:?}", verdict.errors);
    // A way out is found nevertheless.
    let verdict = judge(&leaf, &with_entry, &[&anchor, &roots[3]]);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
    assert!(begin.elapsed().as_secs() < PATIENCE);
}

#[test]
fn layers_of_namesakes_are_given_up_in_time() {
    // Many CAs of one name, of which the right one is the last.
    let root = Spec::ca("root").root();
    let key = p256();
    let right = Spec::ca_with_key("same", key).by(&root);
    let leaf = Spec::leaf().anonymously_by(&right);
    let wrong: Vec<Made> = (0..300).map(|_| Spec::ca("same").by(&root)).collect();
    let candidates: Vec<&Made> = wrong.iter().chain([&right]).collect();
    let begin = Instant::now();
    let options = Options { conformance: certmill_x509::chain::Conformance::Report, ..Options::at(AT) };
    let verdict = crate::maker::judge_with(&leaf, &candidates, &[&root], &options);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
    assert!(begin.elapsed().as_secs() < PATIENCE);
}

#[test]
fn names_times_constraints_are_given_up_in_time() {
    let many = |kind: fn(&str) -> Vec<u8>, suffix: &str| -> Vec<Vec<u8>> {
        (0..2000).map(|number| kind(&format!("n{number}.{suffix}"))).collect()
    };
    let root = Spec::ca("root").with(NC, true, constraints(&many(dns, "example.com"), &[])).root();
    let leaf = Spec::leaf().with(SAN, false, seq(&many(dns, "example.org"))).by(&root);
    let begin = Instant::now();
    let verdict = judge(&leaf, &[], &[&root]);
    assert_eq!(codes(&verdict)[0], Code::NameNotPermitted, "{:?}", verdict.errors[0]);
    assert!(verdict.errors.len() <= 10);
    let inside = Spec::leaf().with(SAN, false, seq(&many(dns, "example.com"))).by(&root);
    assert_eq!(codes(&judge(&inside, &[], &[&root])), [Code::PathBudgetExceeded]);
    assert!(begin.elapsed().as_secs() < PATIENCE);
}

#[test]
fn layered_meshes_end() {
    let root = Spec::ca("root").root();
    let layers = mesh(&root, 3, 3);
    let all: Vec<&Made> = layers.iter().flatten().collect();
    let leaf = Spec::leaf().by(layers.last().unwrap().last().unwrap());
    let verdict = judge(&leaf, &all, &[&root]);
    assert!(verdict.is_valid(), "{:?}", verdict.errors);
    assert_eq!(verdict.path.certificates.len(), 5);
}

/// A chain in which every extension occurs.
fn rich_chain() -> [Made; 3] {
    let names =
        [dns("example.com"), email("example.com"), uri(".example.com"), ip(&[10, 0, 0, 0, 255, 0, 0, 0])];
    let subtrees = constraints(&names, &[directory(&[("O", "Nobody")])]);
    let root = Spec::ca("root").with(NC, true, subtrees).root();
    let ca = Spec::ca("ca")
        .with(BC, true, ca_constraints(Some(0)))
        .with(POLICIES, false, policies(&["1.2.3", "2.5.29.32.0"]))
        .with(MAPPINGS, true, seq(&[seq(&[oid("1.2.3"), oid("1.2.4")])]))
        .with("2.5.29.36", true, seq(&[vec![0x80, 1, 0]]))
        .with("2.5.29.54", true, vec![2, 1, 3])
        .by(&root);
    let leaf = Spec::leaf()
        .with(SAN, false, seq(&[dns("a.example.com"), ip(&[10, 1, 1, 1]), email("a@example.com")]))
        .with(POLICIES, false, policies(&["1.2.4"]))
        .with(EKU, false, oids(&[SERVER_AUTH]))
        .by(&ca);
    [leaf, ca, root]
}

/// What is asked of a mutated chain.
fn survive(target: &[u8], candidates: &[Vec<u8>], anchor: &[u8]) -> bool {
    let mut options = Options::at(AT);
    options.name = Some("a.example.com".parse().unwrap());
    options.policies.require_explicit = true;
    let anchors: Vec<Arc<Certificate>> = Certificate::from_der(anchor).into_iter().map(Arc::new).collect();
    let verdict = validate(target, candidates, &anchors, &options);
    let shown = format!("{verdict:?}");
    assert!(verdict.is_valid() || !verdict.errors.is_empty(), "{shown}");
    verdict.is_valid()
}

#[test]
fn mutated_certificates_are_refused_without_panic() {
    let [leaf, ca, root] = rich_chain();
    assert!(survive(&leaf.der, std::slice::from_ref(&ca.der), &root.der));
    let mutation = (0..3_usize, any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let strategy = prop::collection::vec(mutation, 1..4);
    let mut runner = prop::test_runner::TestRunner::new(ProptestConfig::with_cases(2000));
    runner
        .run(&strategy, |mutations| {
            let mut chain = [leaf.der.clone(), ca.der.clone(), root.der.clone()];
            for (which, place, octet, kind) in mutations {
                let der = &mut chain[which];
                if der.is_empty() {
                    continue;
                }
                let index = place.index(der.len());
                match kind {
                    0 => der[index] = octet,
                    1 => der.truncate(index),
                    2 => der.insert(index, octet),
                    _ => {
                        der.remove(index);
                    }
                }
            }
            let signed_parts_are_whole = chain[0] == leaf.der && chain[1] == ca.der;
            let valid = survive(&chain[0], &chain[1..2], &chain[2]);
            // Only the anchor's own signature is nobody's business.
            prop_assert!(!valid || signed_parts_are_whole);
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Certificate::from_der(&octets).is_err());
        prop_assert!(!certmill_x509::same_name(&octets, b"\x30"));
    }
}
