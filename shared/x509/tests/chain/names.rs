use certmill_x509::chain::{Code, Conformance, Options};

use crate::maker::{
    AT, END, NC, SAN, Spec, codes, constraints, directory, dns, email, ip, judge, judge_with, oid, seq, tlv,
    uri,
};

/// What a CA with these constraints makes of a leaf with this alternative name.
fn refusals(permitted: &[Vec<u8>], excluded: &[Vec<u8>], name: &[u8]) -> Vec<Code> {
    let root = Spec::ca("root").with(NC, true, constraints(permitted, excluded)).root();
    let leaf = Spec::leaf().with(SAN, false, seq(&[name.to_vec()])).by(&root);
    // Constraints of anchors and of CAs are the same ones.
    let plain = Spec::ca("plain root").root();
    let ca = Spec::ca("ca").with(NC, true, constraints(permitted, excluded)).by(&plain);
    let below = Spec::leaf().with(SAN, false, seq(&[name.to_vec()])).by(&ca);
    let found = codes(&judge(&leaf, &[], &[&root]));
    assert_eq!(found, codes(&judge(&below, &[&ca], &[&plain])));
    found
}

fn permits(constraint: &[u8], name: &[u8]) -> bool {
    let found = refusals(&[constraint.to_vec()], &[], name);
    assert!(found.is_empty() || found == [Code::NameNotPermitted], "{found:?}");
    found.is_empty()
}

fn excludes(constraint: &[u8], name: &[u8]) -> bool {
    let found = refusals(&[], &[constraint.to_vec()], name);
    assert!(found.is_empty() || found == [Code::NameExcluded], "{found:?}");
    !found.is_empty()
}

#[test]
fn dns_names() {
    // Constraint, name, whether it is permitted, whether it is excluded.
    for (constraint, name, permitted, excluded) in [
        ("example.com", "example.com", true, true),
        ("example.com", "a.b.EXAMPLE.com", true, true),
        ("EXAMPLE.com", "a.example.com", true, true),
        ("example.com", "notexample.com", false, false),
        ("example.com", "example.org", false, false),
        ("a.example.com", "example.com", false, false),
        ("", "anything.example", true, true),
        (".example.com", "a.example.com", true, true),
        // On the careful side in both senses.
        (".example.com", "example.com", false, true),
        ("example.com", "*.example.com", true, true),
        ("example.com", "*.a.example.com", true, true),
        ("a.example.com", "*.example.com", false, true),
        ("a.b.example.com", "*.example.com", false, false),
        (".example.com", "*.example.com", true, true),
        ("com", "*.com", true, true),
    ] {
        assert_eq!(permits(&dns(constraint), &dns(name)), permitted, "permitted {constraint}: {name}");
        assert_eq!(excludes(&dns(constraint), &dns(name)), excluded, "excluded {constraint}: {name}");
    }
}

#[test]
fn addresses() {
    let ten = ip(&[10, 0, 0, 0, 255, 0, 0, 0]);
    let half = ip(&[192, 168, 0, 128, 255, 255, 255, 128]);
    let every = ip(&[0; 8]);
    let six = ip(&[&[0x20, 1, 0xd, 0xb8][..], &[0; 12], &[255; 4], &[0; 12]].concat());
    let own_six = ip(&[&[0x20, 1, 0xd, 0xb8][..], &[7; 12]].concat());
    let other_six = ip(&[&[0x20, 1, 0xd, 0xb9][..], &[7; 12]].concat());
    for (constraint, name, within) in [
        (&ten, &ip(&[10, 200, 3, 4]), true),
        (&ten, &ip(&[11, 0, 0, 1]), false),
        (&half, &ip(&[192, 168, 0, 129]), true),
        (&half, &ip(&[192, 168, 0, 127]), false),
        (&every, &ip(&[1, 2, 3, 4]), true),
        (&every, &own_six, false),
        (&six, &own_six, true),
        (&six, &other_six, false),
        (&six, &ip(&[10, 0, 0, 1]), false),
    ] {
        assert_eq!(permits(constraint, name), within, "{constraint:?} {name:?}");
        assert_eq!(excludes(constraint, name), within, "{constraint:?} {name:?}");
    }
}

#[test]
fn mailboxes_and_uris() {
    for (constraint, name, within) in [
        (email("ann@example.com"), email("ann@EXAMPLE.com"), true),
        (email("ann@example.com"), email("Ann@example.com"), false),
        (email("ann@example.com"), email("bob@example.com"), false),
        (email("example.com"), email("ann@example.com"), true),
        (email("example.com"), email("ann@a.example.com"), false),
        (email(".example.com"), email("ann@a.example.com"), true),
        (email(".example.com"), email("ann@example.com"), false),
        (email(""), email("ann@example.com"), true),
        (uri("example.com"), uri("https://example.com/a?b#c"), true),
        (uri("example.com"), uri("https://me@EXAMPLE.com:8443"), true),
        (uri("example.com"), uri("https://a.example.com/"), false),
        (uri("example.com"), uri("https://evil.example/example.com"), false),
        (uri("example.com"), uri("https://example.com@evil.example/"), false),
        (uri(".example.com"), uri("https://a.b.example.com/"), true),
        (uri(".example.com"), uri("https://example.com/"), false),
        (uri("example.com"), uri("spiffe://example.com/a"), true),
    ] {
        assert_eq!(permits(&constraint, &name), within, "{constraint:?} {name:?}");
        assert_eq!(excludes(&constraint, &name), within, "{constraint:?} {name:?}");
    }
    // A URI without a host name breaks any constraint on URIs.
    for name in ["urn:a:b", "https://10.0.0.1/", "https://[2001:db8::1]/", "https://%65xample.com/"] {
        for (permitted, excluded) in [(vec![uri("example.com")], vec![]), (vec![], vec![uri("example.com")])]
        {
            assert_eq!(
                refusals(&permitted, &excluded, &uri(name)),
                [Code::NameConstraintsUnprocessable],
                "{name}"
            );
        }
    }
}

#[test]
fn distinguished_names_and_addresses_within_them() {
    let refused = |constraint: &[Vec<u8>], subject: &[(&'static str, &str)], names: Option<Vec<u8>>| {
        let root = Spec::ca("root").with(NC, true, constraints(constraint, &[])).root();
        let leaf = Spec::leaf().without(SAN).change(|leaf| {
            leaf.subject =
                subject.iter().map(|(attribute, value)| (*attribute, (*value).to_owned())).collect();
        });
        let leaf = match names {
            Some(name) => leaf.with(SAN, false, seq(&[name])),
            None => leaf,
        };
        codes(&judge(&leaf.by(&root), &[], &[&root]))
    };
    let org = [directory(&[("C", "NL"), ("O", "Org")])];
    assert_eq!(refused(&org, &[("C", "NL"), ("O", "ORG"), ("CN", "a")], None), []);
    assert_eq!(refused(&org, &[("C", "NL"), ("CN", "a")], None), [Code::NameNotPermitted]);
    let inside = directory(&[("C", "NL"), ("O", "org"), ("OU", "x")]);
    let outside = directory(&[("C", "DE")]);
    let own: &[(&'static str, &str)] = &[("C", "NL"), ("O", "Org"), ("CN", "a")];
    assert_eq!(refused(&org, own, Some(inside)), []);
    assert_eq!(refused(&org, own, Some(outside)), [Code::NameNotPermitted]);

    let hosts = [email("example.com")];
    assert_eq!(refused(&hosts, &[("emailAddress", "a@example.com")], None), []);
    assert_eq!(refused(&hosts, &[("emailAddress", "a@example.org")], None), [Code::NameNotPermitted]);
    let right = Some(email("a@example.com"));
    assert_eq!(refused(&hosts, &[("emailAddress", "a@example.org")], right), []);
}

/// An `otherName` of this type.
fn other(kind: &str, value: &[u8]) -> Vec<u8> {
    tlv(0xA0, &[oid(kind), tlv(0xA0, value)].concat())
}

#[test]
fn constraints_on_mailboxes_hold_for_those_beyond_ascii() {
    let mailbox = |address: &str| other("1.3.6.1.5.5.7.8.9", &tlv(0x0C, address.as_bytes()));
    for (constraint, address, within) in [
        ("good.example", "änn@good.example", true),
        ("good.example", "änn@bad.example", false),
        ("good.example", "änn@a.good.example", false),
        (".good.example", "änn@a.good.example", true),
        ("ann@good.example", "änn@good.example", false),
        ("ann@good.example", "ann@good.example", true),
    ] {
        let (constraint, name) = (email(constraint), mailbox(address));
        assert_eq!(permits(&constraint, &name), within, "{address}");
        assert_eq!(excludes(&constraint, &name), within, "{address}");
    }
    // What cannot be compared breaks a constraint in either sense.
    let number = other("1.3.6.1.5.5.7.8.9", &[2, 1, 0]);
    for name in [mailbox("änn@bücher.example"), mailbox("nobody"), number] {
        for (permitted, excluded) in [(vec![email("a.example")], vec![]), (vec![], vec![email("a.example")])]
        {
            let found = refusals(&permitted, &excluded, &name);
            assert_eq!(found, [Code::NameConstraintsUnprocessable], "{name:?}");
        }
    }
    // Another type is a name of another kind.
    let upn = other("1.3.6.1.4.1.311.20.2.3", &tlv(0x0C, b"ann@bad.example"));
    assert_eq!(refusals(&[email("good.example")], &[], &upn), []);
}

#[test]
fn other_kinds_and_malformed_constraints() {
    // registeredID 1.2.3
    let registered = vec![0x88, 2, 0x2a, 3];
    assert_eq!(
        refusals(std::slice::from_ref(&registered), &[], &registered),
        [Code::NameConstraintsUnprocessable]
    );
    assert_eq!(refusals(&[registered], &[], &dns("a.example")), []);
    // A kind without constraint is free.
    assert_eq!(refusals(&[dns("example.com")], &[], &ip(&[1, 2, 3, 4])), []);
    let minimum = [dns("example.com"), vec![0x80, 1, 1]].concat();
    for constraint in [
        dns("*.example.com"),
        dns("a b"),
        dns("."),
        ip(&[10, 0, 0, 0]),
        ip(&[10, 0, 0, 0, 255, 0, 255, 0]),
        email("a@"),
        email("@example.com"),
        uri("https://example.com"),
        minimum,
    ] {
        let found = refusals(std::slice::from_ref(&constraint), &[], &dns("a.example.com"));
        assert_eq!(found, [Code::MalformedExtension], "{constraint:?}");
    }
}

#[test]
fn constraints_add_up_along_the_path() {
    let root = Spec::ca("root").with(NC, true, constraints(&[dns("example.com")], &[])).root();
    let ca = Spec::ca("ca").with(NC, true, constraints(&[dns("a.example.com"), dns("b.org")], &[])).by(&root);
    for (name, expected) in [
        ("x.a.example.com", vec![]),
        ("x.example.com", vec![Code::NameNotPermitted]),
        ("b.org", vec![Code::NameNotPermitted]),
    ] {
        let leaf = Spec::leaf().with(SAN, false, seq(&[dns(name)])).by(&ca);
        assert_eq!(codes(&judge(&leaf, &[&ca], &[&root])), expected, "{name}");
    }
    // A dot at the end is no way around an exclusion, even where the profile is not enforced.
    let root = Spec::ca("root").with(NC, true, constraints(&[], &[dns("example.com")])).root();
    let leaf = Spec::leaf().with(SAN, false, seq(&[dns("a.example.com.")])).by(&root);
    let options = Options { conformance: Conformance::Report, ..Options::at(AT) };
    assert_eq!(codes(&judge_with(&leaf, &[], &[&root], &options)), [Code::NameExcluded]);
}

#[test]
fn expected_names() {
    let root = Spec::ca("root").root();
    let names = [
        dns("a.example.com"),
        dns("*.Wild.example.com"),
        dns("f*.part.example.com"),
        ip(&[10, 0, 0, 1]),
        ip(&[&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat()),
    ];
    let leaf = Spec::leaf().with(SAN, false, seq(&names)).by(&root);
    for (name, matches) in [
        ("a.example.com", true),
        ("A.Example.COM", true),
        ("a.example.com.", true),
        ("b.example.com", false),
        ("x.wild.example.com", true),
        ("x.y.wild.example.com", false),
        ("wild.example.com", false),
        ("foo.part.example.com", false),
        ("foo_bar.wild.example.com", true),
        ("_a.example.com", false),
        ("xn--i-7iq.ws", false),
        ("leaf", false),
        ("10.0.0.1", true),
        ("10.0.0.2", false),
        ("2001:db8::1", true),
        ("[2001:db8::1]", true),
        ("::1", false),
    ] {
        let options = Options { name: Some(name.parse().unwrap()), ..Options::at(AT) };
        let verdict = judge_with(&leaf, &[], &[&root], &options);
        let expected = if matches { vec![] } else { vec![Code::NameMismatch] };
        assert_eq!(codes(&verdict), expected, "{name}");
    }
    for name in ["", "*.example.com", "a b", "a@example.com"] {
        assert!(name.parse::<certmill_x509::chain::ExpectedName>().is_err(), "{name}");
    }
    let options = Options { name: Some("nowhere.example".parse().unwrap()), ..Options::at(END + 1) };
    assert_eq!(codes(&judge_with(&leaf, &[], &[&root], &options)).len(), 3);
}
