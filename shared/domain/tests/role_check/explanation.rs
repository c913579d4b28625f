//! The words of explanations.

use certmill_domain::{Explanation, Finding, Verdict};

use crate::build::{ED25519, P256, RSA_2048, any, cn, domains, example, no_cn, role, sans, strings};

/// The findings of a rule in one line each: field, value, verdict, reason.
fn lines(explanation: &Explanation, rule: &str) -> Vec<String> {
    let line = |finding: &Finding| {
        let Finding { field, value, verdict, reason, .. } = finding;
        format!("{field} `{value}` {}: {reason}", verdict.as_str())
    };
    explanation.findings.iter().filter(|finding| finding.rule == rule).map(line).collect()
}

fn refused(explanation: &Explanation) -> Vec<(&'static str, &str)> {
    let refusals = explanation.findings.iter().filter(|finding| finding.verdict == Verdict::Refused);
    refusals.map(|finding| (finding.rule, finding.value.as_str())).collect()
}

/// What is said against the name besides what would be allowed.
fn misses(entries: &[&str], name: &str) -> String {
    let explanation = cn(name).explain_against(&domains(entries).no_localhost());
    let lines = lines(&explanation, "allowed_domains");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    line.split_once("; ").map_or_else(|| panic!("no miss in {line}"), |(_, misses)| misses.to_owned())
}

#[test]
fn a_permission_names_entry_and_switch() {
    let reason = |role: &crate::build::RoleBuilder, name: &str| {
        let explanation = cn(name).explain_against(role);
        assert!(explanation.approved.is_some(), "{explanation:?}");
        lines(&explanation, "allowed_domains").concat()
    };
    let all = domains(&["example.com", "*.a.org", "foo*.b.org", "ops@c.org"]).sub().bare().glob().emails();
    for (name, expected) in [
        ("WEB.example.com", "`web.example.com` is below `example.com` (allow_subdomains)"),
        ("*.example.com", "`*.example.com` stands for names directly below `example.com` (allow_subdomains)"),
        ("example.com", "`example.com` is an entry itself (allow_bare_domains)"),
        ("x.a.org", "`x.a.org` is below `a.org` (entry `*.a.org`)"),
        ("foo1.b.org", "`foo1.b.org` matches `foo*.b.org` (allow_glob_domains)"),
        ("ops@c.org", "`ops@c.org` is an entry itself (allow_bare_domains)"),
        ("me@web.example.com", "`web.example.com` is below `example.com` (allow_subdomains)"),
    ] {
        assert_eq!(reason(&all, name), format!("common_name `{name}` permitted: {expected}"));
    }
}

#[test]
fn a_refusal_tells_how_near_the_name_came() {
    for (entries, name, expected) in [
        (&["example.com"][..], "example.com", "`example.com` itself needs allow_bare_domains"),
        (&["example.com"], "a.example.com", "a name below `example.com` needs allow_subdomains"),
        (&["f*.a.org"], "foo.a.org", "a name that matches `f*.a.org` needs allow_glob_domains"),
        (&["*.a.org"], "a.org", "`*.a.org` permits names below `a.org`, but not `a.org`"),
        (&["a.b.org"], "b.org", "`b.org` is not below `a.b.org` but reaches above it"),
        (&["a.b.org"], "*.b.org", "`*.b.org` is not below `a.b.org` but reaches above it"),
        (&["b.org"], "evilb.org", "`evilb.org` ends in `b.org`, but without a dot before it is not below it"),
        (&["b.org"], "b.org.evil.net", "`b.org.evil.net` has `b.org` at its start and not at its end"),
        (&["*@a.org"], "a.org", "`*@a.org` is for e-mail addresses only"),
        (&["f*.a.org"], "x.a.org", "`f*.a.org` does not match"),
        (&["b.org"], "c.net", "`c.net` is not within `b.org`"),
        (
            &["z.net", "*.example.com", "example.com"],
            "example.com",
            "`example.com` itself needs allow_bare_domains; `*.example.com` permits names below \
             `example.com`, but not `example.com`; `example.com` is not within `z.net`",
        ),
        (
            &["a.net", "b.net", "c.net", "d.net", "e.net", "f.net", "x.org"],
            "x.org",
            "`x.org` itself needs allow_bare_domains; `x.org` is not within `a.net`; `x.org` is not within \
             `b.net`; `x.org` is not within `c.net`; `x.org` is not within `d.net`; 2 more entries do not match",
        ),
    ] {
        assert_eq!(misses(entries, name), expected, "{entries:?} {name}");
    }
    assert_eq!(misses(&[], "localhost"), "`localhost` needs allow_localhost");
    assert_eq!(
        misses(&[], "a.localhost"),
        "a name below `localhost` needs allow_localhost and allow_subdomains"
    );
    let addresses = domains(&["ops@a.org"]).bare().emails();
    assert_eq!(
        lines(&cn("me@a.org").explain_against(&addresses), "allowed_domains"),
        [
            "common_name `me@a.org` refused: allowed: `ops@a.org`, `localhost`; `ops@a.org` does not match the address"
        ]
    );
}

#[test]
fn every_refusal_is_found_and_not_only_the_first() {
    let role = example().no_wildcards().cidr(&["10.0.0.0/8"]).no_ip().ttls(None, Some("1d"));
    let request = no_cn()
        .alt(&["*.evil.org", "me@evil.org", "exa mple.com"])
        .ip(&["::1", "x"])
        .uri(&["urn:a:b"])
        .ttl("2d")
        .ca(-1, 60)
        .key("ec", 0);
    let explanation = request.explain_against(&role);
    assert!(explanation.approved.is_none());
    let expected = [
        ("key_type", "ec"),
        ("require_cn", ""),
        ("allow_wildcard_certificates", "*.evil.org"),
        ("allowed_domains", "*.evil.org"),
        ("allow_email_sans", "me@evil.org"),
        ("allowed_domains", "me@evil.org"),
        ("syntax", "exa mple.com"),
        ("allow_ip_sans", "::1"),
        ("allowed_ip_sans_cidr", "::1"),
        ("syntax", "x"),
        ("allowed_uri_sans", "urn:a:b"),
        ("max_ttl", "2d"),
        ("ca_validity", "2d"),
    ];
    assert_eq!(refused(&explanation), expected);
    for (rule, field) in [("key_bits", "key_bits"), ("key_usage", "")] {
        let line = format!("{field} `` not_applicable: it was not reached, since `key_type` refuses the key");
        assert_eq!(lines(&explanation, rule), [line]);
    }
}

#[test]
fn bits_and_usages_are_judged_apart() {
    let role = role().key("any", 0).usage(&["KeyEncipherment"]);
    let explanation = cn("localhost").key("ec", 224).explain_against(&role);
    assert_eq!(refused(&explanation), [("key_bits", "224"), ("key_usage", "ec")]);
}

#[test]
fn a_name_that_is_no_name_is_judged_by_no_other_rule() {
    let explanation = no_cn().alt(&["exa mple.com"]).explain_against(&example().cn_optional());
    assert_eq!(refused(&explanation), [("syntax", "exa mple.com")]);
    let idle = "`` not_applicable: the request has no legal host name";
    assert_eq!(lines(&explanation, "allowed_domains"), [format!(" {idle}")]);
}

#[test]
fn a_common_name_that_is_too_long_is_still_judged() {
    let long = format!("{}.evil.org", "x".repeat(60));
    let explanation = cn(&long).explain_against(&example().sub());
    assert_eq!(refused(&explanation), [("syntax", long.as_str()), ("allowed_domains", &long)]);
    let address = cn("192.0.2.1").explain_against(&example());
    assert_eq!(refused(&address), [("syntax", "192.0.2.1")]);
}

#[test]
fn too_many_names_are_not_gone_through() {
    let names = (0..1_001).map(|n| format!("n{n}.evil.org")).collect();
    let explanation = cn("a.evil.org").alts(names).explain_against(&example());
    assert_eq!(refused(&explanation), [("syntax", "1001 names"), ("allowed_domains", "a.evil.org")]);
    let idle = "the lists of names were not judged, since they are too long";
    assert_eq!(lines(&explanation, "allowed_uri_sans"), [format!("uri_sans `` not_applicable: {idle}")]);
}

#[test]
fn usages_that_the_key_cannot_serve_are_named() {
    let usage = |request: crate::build::RequestBuilder| {
        lines(&request.explain_against(&role().key("any", 0)), "key_usage").concat()
    };
    assert_eq!(
        usage(cn("localhost").key_type("rsa")),
        "key_type `rsa` permitted: the certificate would have DigitalSignature, KeyEncipherment; \
         left out, since rsa keys cannot do it: KeyAgreement"
    );
    assert_eq!(
        usage(cn("localhost").csr(&ED25519)),
        "csr_pem `ed25519` permitted: the certificate would have DigitalSignature; \
         left out, since ed25519 keys cannot do it: KeyEncipherment, KeyAgreement"
    );
    let only = role().key("ec", 0).usage(&["DigitalSignature"]);
    assert_eq!(
        lines(&cn("localhost").csr(&P256).explain_against(&only), "key_usage"),
        ["csr_pem `ec` permitted: the certificate would have DigitalSignature"]
    );
}

#[test]
fn what_would_be_issued_is_there_with_where_it_comes_from() {
    let role = example().sub().cidr(&["10.0.0.0/8"]).uris(&["urn:*"]).emails().set(|settings| {
        settings.organization = strings(&["Example Ltd"]);
        settings.ext_key_usage = strings(&["CodeSigning", "1.3.6.1.4.1.311.20.2.2"]);
        settings.store_private_keys = true;
        settings.client_flag = false;
    });
    let request = cn("a.example.com")
        .alt(&["b.example.com", "x.localhost"])
        .ip(&["10.0.0.1"])
        .uri(&["URN:a"])
        .ca(-10, 1 << 30);
    let explanation = request.explain_against(&role);
    let approved = explanation.approved.as_ref().expect("legal in this test");
    assert_eq!(sans(approved), "dns:a.example.com dns:b.example.com dns:x.localhost ip:10.0.0.1 uri:URN:a");
    for (rule, expected) in [
        ("allow_subdomains", " `` permitted: 3 names are permitted through it"),
        (
            "allow_bare_domains",
            " `` not_applicable: it is off: it does not permit entries of allowed_domains themselves",
        ),
        (
            "allow_localhost",
            "alt_names `x.localhost` permitted: `x.localhost` is below `localhost` (allow_subdomains)",
        ),
        ("allow_email_sans", "email_sans `` not_applicable: the request has no legal e-mail address"),
        ("allowed_ip_sans_cidr", "ip_sans `10.0.0.1` permitted: `10.0.0.1` lies in 10.0.0.0/8"),
        ("allowed_uri_sans", "uri_sans `URN:a` permitted: `urn:a` matches `urn:*`"),
        ("require_cn", "common_name `a.example.com` permitted: the request has a common name"),
        ("key_type", "key_type `rsa` permitted: the request names no type, so the role's is taken: rsa"),
        ("key_bits", "key_bits `2048` permitted: the role has rsa keys of 2048 bits made"),
        ("ttl", "ttl `768h` permitted: the request names no ttl, so the role's is taken"),
        ("max_ttl", "ttl `768h` permitted: 768h is within the longest validity of 768h"),
        (
            "not_before_duration",
            " `30s` permitted: the certificate would be valid from 2025-12-31T23:59:50Z, where the CA's own \
             validity begins",
        ),
        ("organization", " `Example Ltd` permitted: it would be in the certificate's subject"),
        ("ext_key_usage", " `CodeSigning, 1.3.6.1.4.1.311.20.2.2` permitted: it would be in the certificate"),
        ("server_flag", " `` permitted: the certificate would have the usage serverAuth"),
        ("client_flag", " `` not_applicable: it is off: it does not add clientAuth"),
        ("store_private_keys", " `` permitted: the private key would be kept, sealed"),
        ("syntax", " `` permitted: names, key and ttl are legal under any role"),
    ] {
        assert_eq!(lines(&explanation, rule), [expected], "{rule}");
    }
}

#[test]
fn a_refused_address_or_uri_tells_what_is_odd() {
    let role = role().cidr(&["10.0.0.0/8"]).uris(&["spiffe://example.com/ns/*"]);
    let request = cn("localhost").ip(&["::1", "::ffff:11.0.0.1"]).uri(&["spiffe://example.com/NS/a"]);
    let explanation = request.explain_against(&role);
    assert_eq!(
        lines(&explanation, "allowed_ip_sans_cidr"),
        [
            "ip_sans `::1` refused: allowed: addresses in 10.0.0.0/8; no network of the list is an IPv6 network",
            "ip_sans `::ffff:11.0.0.1` refused: allowed: addresses in 10.0.0.0/8; an IPv4-mapped address is \
             judged as `11.0.0.1`",
        ]
    );
    assert_eq!(
        lines(&explanation, "allowed_uri_sans"),
        [
            "uri_sans `spiffe://example.com/NS/a` refused: allowed: URIs that match `spiffe://example.com/ns/*`; \
             `spiffe://example.com/ns/*` would match if case did not count, as it does behind a URI's host"
        ]
    );
    let none = cn("a.org").uri(&["urn:a"]).csr(&RSA_2048).explain_against(&any());
    assert_eq!(
        lines(&none, "allowed_uri_sans"),
        ["uri_sans `urn:a` refused: allowed: none; allowed_uri_sans is empty"]
    );
    assert_eq!(
        lines(&none, "store_private_keys"),
        [" `` not_applicable: there is no private key to keep: the client has that of its CSR"]
    );
}
