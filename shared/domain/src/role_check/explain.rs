//! The whole of a role check in words, for owners of roles and for clients whose requests are refused.

use super::findings::{Asked, Everything, Finding, Findings};
use super::{Approved, IssuerWindow, NameRequest, RequestedKey, key, names, rest, validity};
use crate::Role;

/// What every rule of a role says about a request.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What would be signed: exactly what [`check`](super::check) gives. `None` when it refuses.
    pub approved: Option<Approved>,
    /// What was decided, in the order of the check: the first that is refused is the violation with which
    /// [`check`](super::check) ends. Every field of the role is the rule of at least one finding, those that
    /// had nothing to judge at the end.
    pub findings: Vec<Finding>,
}

/// Runs all of a [`check`](super::check), past refusals, and tells what each rule says. Where a refusal leaves
/// a later rule without anything to judge, such as the bits of a key of the wrong type, that rule says so.
///
/// Of a list of names beyond the limit none is judged, so the answer is bounded by the limit and not by what
/// was sent. Reads no clock and does no I/O.
pub fn explain(role: &Role, request: &NameRequest<'_>, issuer: &IssuerWindow) -> Explanation {
    let mut all = Everything::default();
    let key = key::judge(role, request.key, &mut all);
    let key = all.keep(key);
    let names = names::judge(role, request, &mut all);
    let names = all.keep(names);
    let validity = validity::judge(role, request.ttl.as_ref(), issuer, &mut all);
    let validity = all.keep(validity);
    let approved = match (key, names, validity) {
        (Some(key), Some(names), Some(validity)) if all.refusals().next().is_none() => {
            Some(super::approve(role, key, names, validity))
        }
        _ => None,
    };
    note_legality(&mut all);
    note_switches(&mut all);
    note_contents(role, request, &mut all);
    rest::note(role, request, &mut all);
    Explanation { approved, findings: all.into_findings() }
}

fn note_legality(all: &mut Everything) {
    if !all.heard("syntax") {
        let reason = || "names, key and ttl are legal under any role".to_owned();
        all.permit("syntax", Asked::new("", ""), reason);
    }
}

/// Switches that open entries are judged through the names: each is told once, and not for every name.
fn note_switches(all: &mut Everything) {
    for switch in ["allow_bare_domains", "allow_subdomains", "allow_glob_domains"] {
        let reason = match all.times_opened(switch) {
            0 => continue,
            1 => "one name is permitted through it".to_owned(),
            times => format!("{times} names are permitted through it"),
        };
        all.permit(switch, Asked::new("", ""), || reason);
    }
}

/// What the role puts into a certificate whatever the request says.
fn note_contents(role: &Role, request: &NameRequest<'_>, all: &mut Everything) {
    let settings = role.settings();
    let subject = "it would be in the certificate's subject";
    let lists = [
        ("ext_key_usage", &settings.ext_key_usage, "it would be in the certificate"),
        ("policy_identifiers", &settings.policy_identifiers, "it would be in the certificate"),
        ("organization", &settings.organization, subject),
        ("organizational_unit", &settings.organizational_unit, subject),
        ("country", &settings.country, subject),
        ("locality", &settings.locality, subject),
        ("province", &settings.province, subject),
    ];
    for (rule, entries, reason) in lists {
        if !entries.is_empty() {
            all.permit_value(rule, "", entries.join(", "), || reason.to_owned());
        }
    }
    let generated = matches!(request.key, RequestedKey::Generate { .. });
    let flags = [
        ("server_flag", settings.server_flag, "the certificate would have the usage serverAuth"),
        ("client_flag", settings.client_flag, "the certificate would have the usage clientAuth"),
        (
            "store_private_keys",
            settings.store_private_keys && generated,
            "the private key would be kept, sealed",
        ),
        (
            "must_staple",
            settings.must_staple,
            "the certificate would demand a stapled OCSP answer of its server",
        ),
        (
            "no_store",
            settings.no_store,
            "of the certificate only its serial number would be kept, until its end",
        ),
        (
            "allow_self_renewal",
            settings.allow_self_renewal,
            "whoever has the certificate's key could renew it without a token",
        ),
    ];
    for (rule, on, reason) in flags {
        if on {
            all.permit(rule, Asked::new("", ""), || reason.to_owned());
        }
    }
}
