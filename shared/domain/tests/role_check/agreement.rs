//! An explanation never says anything else than the check: over the table, and over random roles and requests.

use std::collections::BTreeSet;

use certmill_domain::{Explanation, Finding, RoleSettings, Timestamp, Verdict};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::build::{
    ED25519, NOW, P256, P384, RSA_2048, RSA_3072, RequestBuilder, RoleBuilder, cn, no_cn, role, strings,
};
use crate::cases;

#[test]
fn an_explanation_agrees_with_the_check_over_the_table() {
    for case in cases::all() {
        agree(&case.role, &case.request).unwrap_or_else(|problem| panic!("{}: {problem}", case.name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn an_explanation_agrees_with_the_check(role in any_role(), request in any_request()) {
        agree(&role, &request).map_err(TestCaseError::fail)?;
    }
}

fn agree(role: &RoleBuilder, request: &RequestBuilder) -> Result<(), String> {
    let explanation = request.explain_against(role);
    same_outcome(role, request, &explanation)?;
    every_rule_is_listed_once_when_idle(&explanation.findings)?;
    each_name_is_judged_as_if_alone(role, request, &explanation.findings)
}

fn same_outcome(
    role: &RoleBuilder,
    request: &RequestBuilder,
    explanation: &Explanation,
) -> Result<(), String> {
    let refused = explanation.findings.iter().find(|finding| finding.verdict == Verdict::Refused);
    let same = match (request.check_against(role), &explanation.approved, refused) {
        (Ok(checked), Some(explained), None) => format!("{checked:?}") == format!("{explained:?}"),
        (Err(violation), None, Some(refused)) => {
            (refused.rule, refused.field, &refused.value)
                == (violation.rule, violation.field, &violation.value)
                && refused.reason.trim_start_matches("allowed: ").starts_with(&violation.allowed)
        }
        _ => false,
    };
    let differ = || format!("check says {:?}, explain says {explanation:?}", request.check_against(role));
    same.then_some(()).ok_or_else(differ)
}

fn every_rule_is_listed_once_when_idle(findings: &[Finding]) -> Result<(), String> {
    // With a value that is stored for each field.
    let fields = RoleSettings {
        allow_partial_wildcards: true,
        no_store: true,
        allowed_other_sans: strings(&["*"]),
        policy_identifiers: strings(&["1.2.3"]),
        must_staple: true,
        allow_self_renewal: true,
        not_after: Some(NOW),
        ..RoleSettings::default()
    };
    let fields = serde_json::to_value(fields).expect("legal in this test");
    let fields: BTreeSet<&str> =
        fields.as_object().expect("legal in this test").keys().map(String::as_str).collect();
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule).collect();
    let missing: Vec<_> = fields.difference(&rules).collect();
    let strange: Vec<_> =
        rules.difference(&fields).filter(|rule| !["syntax", "ca_validity"].contains(*rule)).collect();
    if !missing.is_empty() || !strange.is_empty() {
        return Err(format!("missing {missing:?}, strange {strange:?}"));
    }
    for idle in findings.iter().filter(|finding| finding.verdict == Verdict::NotApplicable) {
        if findings.iter().filter(|finding| finding.rule == idle.rule).count() != 1 {
            return Err(format!("{idle:?} is not the rule's only finding"));
        }
    }
    match findings.iter().find(|finding| finding.reason.is_empty()) {
        Some(silent) => Err(format!("{silent:?} has no reason")),
        None => Ok(()),
    }
}

/// Refusals before it change nothing for a name, and a switch that is said to be missing is enough.
fn each_name_is_judged_as_if_alone(
    role: &RoleBuilder,
    request: &RequestBuilder,
    findings: &[Finding],
) -> Result<(), String> {
    let names = request.single_names();
    if names.len() > 1_000 {
        return Ok(());
    }
    // Only the names are to decide.
    let lenient = role.clone().key("rsa", 0).usage(&[]).cn_optional().ttls(None, None);
    let lenient = lenient.set(|settings| settings.not_after = None);
    for (field, name, alone) in names {
        let verdict = alone.check_against(&lenient);
        let shown = verdict.as_ref().err().map(|violation| violation.value.clone()).unwrap_or(name.clone());
        let refused: Vec<_> = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Refused)
            .filter(|finding| finding.field == field && finding.value == shown)
            .collect();
        let first = refused.first().map(|finding| finding.rule);
        if first != verdict.as_ref().err().map(|violation| violation.rule) {
            return Err(format!("{field} `{name}`: alone {verdict:?}, explained {refused:?}"));
        }
        let [only] = refused.as_slice() else { continue };
        let needed = needed_switches(&only.reason);
        if !needed.is_empty() {
            let opened = needed.iter().fold(lenient.clone(), switch_on);
            if let Err(violation) = alone.check_against(&opened) {
                return Err(format!("`{name}` with {needed:?}: {violation}; explained {}", only.reason));
            }
        }
    }
    Ok(())
}

fn needed_switches(reason: &str) -> Vec<&'static str> {
    let switches = ["allow_bare_domains", "allow_subdomains", "allow_glob_domains", "allow_localhost"];
    let needs: Vec<&str> = reason.split("; ").filter(|part| part.contains(" needs allow_")).collect();
    switches.into_iter().filter(|switch| needs.iter().any(|part| part.contains(switch))).collect()
}

fn switch_on(role: RoleBuilder, switch: &&'static str) -> RoleBuilder {
    role.set(|settings| match *switch {
        "allow_bare_domains" => settings.allow_bare_domains = true,
        "allow_subdomains" => settings.allow_subdomains = true,
        "allow_glob_domains" => settings.allow_glob_domains = true,
        "allow_localhost" => settings.allow_localhost = true,
        other => panic!("{other} is not a switch of this test"),
    })
}

fn any_role() -> impl Strategy<Value = RoleBuilder> {
    let domains = ["example.com", "a.example.com", "*.a.org", "foo*.a.org", "*@a.org", "ops@b.org", "com"];
    let networks = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"];
    let uris = ["spiffe://example.com/ns/*", "urn:*"];
    let usages = ["DigitalSignature", "KeyEncipherment", "KeyAgreement"];
    let keys = [("rsa", 0), ("rsa", 3072), ("ec", 0), ("ec", 384), ("ed25519", 0), ("any", 0)];
    let lists = (
        subsequence(domains.to_vec(), 0..=domains.len()),
        subsequence(networks.to_vec(), 0..=networks.len()),
        subsequence(uris.to_vec(), 0..=uris.len()),
        subsequence(usages.to_vec(), 0..=usages.len()),
    );
    let times = (select(vec![None, Some("1h")]), select(vec![None, Some("1d"), Some("90d")]));
    let others = ["*", "1.2.3;UTF8:*", "1.2.3;UTF8:a@b.org"];
    let more = (
        subsequence(others.to_vec(), 0..=others.len()),
        select(vec![None, None, Some(0), Some(3_600), Some(9_999_999)]),
    );
    let rest = (any::<bool>(), any::<bool>(), any::<bool>(), more);
    (
        lists,
        prop::array::uniform8(any::<bool>()),
        prop::bool::weighted(0.2),
        select(keys.to_vec()),
        times,
        rest,
    )
        .prop_map(
            |((domains, networks, uris, usages), on, any_name, (key_type, bits), (ttl, max), rest)| {
                let usages = if key_type == "any" { usages } else { vec!["DigitalSignature"] };
                role().cidr(&networks).uris(&uris).usage(&usages).key(key_type, bits).ttls(ttl, max).set(
                    |settings| {
                        settings.allowed_domains = strings(&domains);
                        settings.allow_any_name = any_name;
                        let [bare, sub, glob, wild, local, ip, email, cn] = on;
                        (settings.allow_bare_domains, settings.allow_subdomains) = (bare, sub);
                        (settings.allow_glob_domains, settings.allow_wildcard_certificates) = (glob, wild);
                        (settings.allow_localhost, settings.allow_ip_sans) = (local, ip);
                        (settings.allow_email_sans, settings.require_cn) = (email, cn);
                        (settings.server_flag, settings.store_private_keys) = (rest.0, rest.1);
                        (settings.allowed_other_sans, settings.must_staple) = (strings(&rest.3.0), rest.1);
                        settings.policy_identifiers = if rest.0 { strings(&["1.2.3"]) } else { Vec::new() };
                        let later = |seconds| Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds);
                        settings.not_after = rest.3.1.map(later);
                        settings.organization = if rest.2 { strings(&["Example Ltd"]) } else { Vec::new() };
                    },
                )
            },
        )
}

fn any_request() -> impl Strategy<Value = RequestBuilder> {
    let hosts = [
        "example.com",
        "web.example.com",
        "A.EXAMPLE.com",
        "x.a.example.com",
        "*.example.com",
        "f*.a.example.com",
        "evilexample.com",
        "example.com.evil.org",
        "a.org",
        "x.a.org",
        "*.a.org",
        "foo1.a.org",
        "foo*.a.org",
        "localhost",
        "b.localhost",
        "*.localdomain",
        "com",
        "org",
        "bücher.example",
        "exa mple.com",
        "*.*.a.org",
        "",
    ];
    let emails = ["me@example.com", "me@a.org", "OPS@b.org", "me@x.a.org", "root@localhost", "me@*.a.org"];
    let addresses = ["10.1.2.3", "::ffff:10.1.2.3", "11.0.0.1", "192.0.2.7", "2001:db8::1", "::1"];
    let uris = ["spiffe://EXAMPLE.com/ns/a", "spiffe://example.com/NS/a", "urn:a:b", "https://a.org/", "a b"];
    let all = || [hosts.as_slice(), &emails, &addresses].concat();
    let names = |pool: Vec<&'static str>| prop::collection::vec(select(pool), 0..4);
    let lists = (
        names(all()),
        names([addresses.as_slice(), &["10.0.0.0/8"]].concat()),
        names(uris.to_vec()),
        names([emails.as_slice(), &["a.org"]].concat()),
        names(vec!["1.2.3;UTF8:a@b.org", "1.2.3;utf8:x", "1.2.4;UTF8:x", "a@b.org", "1.2.3;UTF8:"]),
    );
    let ttls = [None, None, Some("1s"), Some("2h"), Some("1d"), Some("2d"), Some("91d"), Some("0")];
    let windows = [(-86_400, 315_360_000), (-86_400, 315_360_000), (-10, 86_400), (-86_400, 0), (1, 86_400)];
    (prop::option::of(select(all())), lists, select(ttls.to_vec()), select(windows.to_vec()), any_key())
        .prop_map(|(common_name, (alt, ip, uri, email, other), ttl, (starts_in, ends_in), key)| {
            let request =
                common_name.map_or_else(no_cn, cn).alt(&alt).ip(&ip).uri(&uri).email(&email).other(&other);
            let request = request.ca(starts_in, ends_in);
            key(match ttl {
                Some(ttl) => request.ttl(ttl),
                None => request,
            })
        })
}

fn any_key() -> impl Strategy<Value = fn(RequestBuilder) -> RequestBuilder> {
    let keys: [fn(RequestBuilder) -> RequestBuilder; 13] = [
        |request| request,
        |request| request,
        |request| request.key_type("rsa"),
        |request| request.key_type("ec"),
        |request| request.key_type("any"),
        |request| request.bits(3072),
        |request| request.key("ec", 224),
        |request| request.key("ed25519", 0),
        |request| request.csr(&RSA_2048),
        |request| request.csr(&RSA_3072),
        |request| request.csr(&P256),
        |request| request.csr(&P384),
        |request| request.csr(&ED25519),
    ];
    select(keys.to_vec())
}
