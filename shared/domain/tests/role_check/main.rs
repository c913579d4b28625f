//! The check of requests against roles.

mod agreement;
mod build;
mod cases;
mod explanation;

use std::collections::BTreeSet;

use build::{ED25519, NOW, P256, RSA_2048, any, cn, domains, example, no_cn, observed, role, strings};
use certmill_domain::{Approved, ApprovedKey, Role, Timestamp};
use certmill_x509::{ExtendedKeyUsage, KeyAlgorithm, KeyUsage};

#[test]
fn every_case_of_the_table_holds() {
    let cases = cases::all();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, case.outcome()))
        .filter(|(case, outcome)| observed(outcome) != case.expected)
        .map(|(case, outcome)| format!("{}: expected {:?}, got {outcome:?}", case.name, case.expected))
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_table_reaches_every_rule() {
    let refusals = cases::all().into_iter().filter_map(|case| case.outcome().err());
    let rules: BTreeSet<&str> = refusals.map(|violation| violation.rule).collect();
    let expected = [
        "allow_email_sans",
        "allow_ip_sans",
        "allow_partial_wildcards",
        "allow_wildcard_certificates",
        "allowed_domains",
        "allowed_ip_sans_cidr",
        "allowed_other_sans",
        "allowed_uri_sans",
        "ca_validity",
        "key_bits",
        "key_type",
        "key_usage",
        "max_ttl",
        "not_after",
        "require_cn",
        "syntax",
    ];
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_refusal_names_field_rule_value_and_what_is_allowed() {
    let message = |role: &build::RoleBuilder, request: build::RequestBuilder| {
        request.check_against(role).expect_err("refused in this test").to_string()
    };
    assert_eq!(
        message(&example().sub().no_localhost(), cn("evil.org")),
        "common_name `evil.org` is refused by `allowed_domains`; allowed: names below `example.com`"
    );
    assert_eq!(
        message(&domains(&["*.a.org"]), cn("localhost").alt(&["a.org"])),
        "alt_names `a.org` is refused by `allowed_domains`; allowed: `*.a.org`, names below `a.org`, `localhost`"
    );
    assert_eq!(
        message(&role().cidr(&["10.0.0.0/8"]), cn("localhost").ip(&["::1"])),
        "ip_sans `::1` is refused by `allowed_ip_sans_cidr`; allowed: addresses in 10.0.0.0/8"
    );
    assert_eq!(
        message(&role(), no_cn()),
        "common_name (empty) is refused by `require_cn`; allowed: requests with a common name"
    );
    assert_eq!(
        message(&role(), cn("localhost").ttl("90d")),
        "ttl `90d` is refused by `max_ttl`; allowed: at most 768h"
    );
    let end = Timestamp::from_unix_seconds(NOW.unix_seconds() + 60);
    assert_eq!(
        message(&role(), cn("localhost").ttl("2m").ca(-1, 60)),
        format!(
            "ttl `2m` is refused by `ca_validity`; allowed: a ttl of at most 60s now, since the CA's validity ends at {end}"
        )
    );
    let long = message(&any(), cn(&format!("{}.org", "x".repeat(62))));
    assert!(long.contains("64 characters") && long.contains("alt_names"), "{long}");
    let address = message(&any(), cn("192.0.2.1"));
    assert!(address.contains("ip_sans"), "{address}");
}

fn approved(role: &build::RoleBuilder, request: build::RequestBuilder) -> Approved {
    request.check_against(role).expect("legal in this test")
}

#[test]
fn times_are_whole_seconds_counted_from_now() {
    let now = NOW.unix_seconds();
    for (backdate, ca_starts_in, start) in
        [("30s", -86_400, -30), ("0s", -86_400, 0), ("1h", -60, -60), ("1h", 0, 0)]
    {
        let role = role().set(|settings| settings.not_before_duration = build::ttl(backdate));
        let approved = approved(&role, cn("localhost").ttl("1h").ca(ca_starts_in, 86_400));
        assert_eq!(approved.not_before(), Timestamp::from_unix_seconds(now + start), "{backdate}");
        assert_eq!(approved.not_after(), Timestamp::from_unix_seconds(now + 3_600), "{backdate}");
    }
}

#[test]
fn the_ttl_is_the_requests_then_the_roles_then_the_lesser_of_768h_and_max_ttl() {
    let lifetime = |role: build::RoleBuilder, request: build::RequestBuilder| {
        approved(&role, request).not_after().unix_seconds() - NOW.unix_seconds()
    };
    assert_eq!(lifetime(role().ttls(Some("2h"), Some("1d")), cn("localhost").ttl("3h")), 3 * 3_600);
    assert_eq!(lifetime(role().ttls(Some("2h"), Some("1d")), cn("localhost")), 2 * 3_600);
    assert_eq!(lifetime(role().ttls(None, Some("1d")), cn("localhost")), 86_400);
    assert_eq!(lifetime(role().ttls(None, Some("1y")), cn("localhost")), 768 * 3_600);
    assert_eq!(lifetime(role(), cn("localhost")), 768 * 3_600);
    // A fixed end, unless the role's own times are shorter.
    let year = 365 * 86_400;
    assert_eq!(lifetime(role().until(year), cn("localhost")), year);
    assert_eq!(lifetime(role().ttls(Some("2h"), None).until(year), cn("localhost")), 2 * 3_600);
    assert_eq!(lifetime(role().ttls(None, Some("1d")).until(year), cn("localhost")), 86_400);
    assert_eq!(lifetime(role().ttls(Some("2h"), None).until(60), cn("localhost")), 60);
    assert_eq!(lifetime(role().until(year), cn("localhost").ttl("1h")), 3_600);
}

#[test]
fn key_usage_is_cut_to_what_the_key_can_do() {
    let signature = KeyUsage::DIGITAL_SIGNATURE;
    let usage = |request: build::RequestBuilder| approved(&role().key("any", 0), request).key_usage();
    for request in [cn("localhost").key_type("rsa"), cn("localhost").csr(&RSA_2048)] {
        assert_eq!(usage(request), signature | KeyUsage::KEY_ENCIPHERMENT);
    }
    for request in [cn("localhost").key_type("ec"), cn("localhost").csr(&P256)] {
        assert_eq!(usage(request), signature | KeyUsage::KEY_AGREEMENT);
    }
    for request in [cn("localhost").key_type("ed25519"), cn("localhost").csr(&ED25519)] {
        assert_eq!(usage(request), signature);
    }
    assert!(approved(&role().usage(&[]), cn("localhost")).key_usage().is_empty());
}

#[test]
fn flags_put_their_purposes_first_and_none_comes_twice() {
    use ExtendedKeyUsage::{ClientAuth, CodeSigning, ServerAuth};
    let purposes = |server: bool, client: bool, named: &[&str]| {
        let role = role().set(|settings| {
            (settings.server_flag, settings.client_flag) = (server, client);
            settings.ext_key_usage = strings(named);
        });
        approved(&role, cn("localhost")).extended_key_usage().to_vec()
    };
    assert_eq!(purposes(true, true, &[]), [ServerAuth, ClientAuth]);
    assert_eq!(purposes(true, true, &["CodeSigning", "ClientAuth"]), [ServerAuth, ClientAuth, CodeSigning]);
    assert_eq!(purposes(false, false, &["codesigning", "1.3.6.1.5.5.7.3.1"]), [CodeSigning, ServerAuth]);
    assert_eq!(purposes(false, false, &[]), []);
}

#[test]
fn the_subject_is_the_canonical_common_name_and_the_roles_attributes() {
    let role = any().set(|settings| {
        settings.organization = strings(&["Example Ltd"]);
        settings.organizational_unit = strings(&["Web", "Mail"]);
        settings.country = strings(&["DE"]);
        settings.locality = strings(&["Berlin"]);
        settings.province = strings(&["BE"]);
    });
    let approved = approved(&role, cn("WWW.Bücher.example."));
    let subject = approved.subject();
    assert_eq!(subject.common_name.as_deref(), Some("www.xn--bcher-kva.example"));
    assert_eq!(subject.organization, ["Example Ltd"]);
    assert_eq!(subject.organizational_unit, ["Web", "Mail"]);
    assert_eq!(subject.country, ["DE"]);
    assert_eq!(subject.locality, ["Berlin"]);
    assert_eq!(subject.province, ["BE"]);
}

#[test]
fn the_key_to_make_is_the_requests_or_the_roles() {
    let key = |role: build::RoleBuilder, request: build::RequestBuilder| approved(&role, request).key();
    let web = || cn("localhost");
    assert_eq!(key(role(), web()), ApprovedKey::Generate(KeyAlgorithm::Rsa2048));
    assert_eq!(key(role().key("rsa", 4096), web()), ApprovedKey::Generate(KeyAlgorithm::Rsa4096));
    assert_eq!(key(role().key("ec", 0), web()), ApprovedKey::Generate(KeyAlgorithm::P256));
    assert_eq!(key(role().key("ec", 521), web()), ApprovedKey::Generate(KeyAlgorithm::P521));
    assert_eq!(key(role().key("any", 0), web().key("ec", 384)), ApprovedKey::Generate(KeyAlgorithm::P384));
    assert_eq!(
        key(role().key("any", 0), web().key_type("ed25519")),
        ApprovedKey::Generate(KeyAlgorithm::Ed25519)
    );
    assert_eq!(key(role(), web().csr(&RSA_2048)), ApprovedKey::FromCsr);
}

#[test]
fn a_private_key_is_stored_only_when_the_role_says_so_and_the_service_has_one() {
    let storing = role().set(|settings| settings.store_private_keys = true);
    assert!(approved(&storing, cn("localhost")).store_private_key());
    assert!(!approved(&storing, cn("localhost").csr(&RSA_2048)).store_private_key());
    assert!(!approved(&role(), cn("localhost")).store_private_key());
}

#[test]
fn a_role_with_wrong_fields_says_what_would_be_right() {
    let settings = role().key("rsa", 1024).cidr(&["10.0.0.0/40", "x"]).0;
    let message = Role::new(settings).expect_err("refused in this test").to_string();
    assert_eq!(
        message,
        "allowed_ip_sans_cidr: `10.0.0.0/40` is not a network: write it like `10.0.0.0/8` or `2001:db8::/32`; \
         `x` is not a network: write it like `10.0.0.0/8` or `2001:db8::/32`; \
         key_bits: 1024 does not fit key_type `rsa`: use 2048, 3072 or 4096, or 0 for the default"
    );
}
