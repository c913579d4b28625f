//! The rules that had nothing to judge, each with the reason, so that an explanation lists every rule.

use super::findings::Everything;
use super::{NameRequest, RequestedKey, names};
use crate::{Role, RoleSettings};

/// Adds each field of the role, and `ca_validity`, that has no finding yet.
pub(super) fn note(role: &Role, request: &NameRequest<'_>, all: &mut Everything) {
    let settings = role.settings();
    note_domain_rules(role, request, all);
    note_name_rules(role, request, all);
    note_key_rules(settings, all);
    note_validity_rules(all);
    note_contents(request, all);
    belongs_above(settings);
}

/// Names every field, so that the compiler asks where a new one belongs: into one of the functions below.
fn belongs_above(settings: &RoleSettings) {
    let RoleSettings {
        allowed_domains: _,
        allow_subdomains: _,
        allow_bare_domains: _,
        allow_glob_domains: _,
        allow_wildcard_certificates: _,
        allow_localhost: _,
        allow_any_name: _,
        allow_ip_sans: _,
        allowed_ip_sans_cidr: _,
        allowed_uri_sans: _,
        allow_email_sans: _,
        ttl: _,
        max_ttl: _,
        not_before_duration: _,
        key_type: _,
        key_bits: _,
        key_usage: _,
        ext_key_usage: _,
        server_flag: _,
        client_flag: _,
        require_cn: _,
        organization: _,
        organizational_unit: _,
        country: _,
        locality: _,
        province: _,
        store_private_keys: _,
        allow_partial_wildcards: _,
        no_store: _,
        allowed_other_sans: _,
        policy_identifiers: _,
        must_staple: _,
        allow_self_renewal: _,
        not_after: _,
        newer: _,
    } = settings;
}

fn note_domain_rules(role: &Role, request: &NameRequest<'_>, all: &mut Everything) {
    let settings = role.settings();
    let host_judged = all.heard("allow_any_name") || all.heard("allow_localhost");
    let no_host = nothing(role, request, "the request has no legal host name");
    let domains = if host_judged { "the names are permitted without it".to_owned() } else { no_host.clone() };
    all.idle("allowed_domains", "", domains);
    let any_name = "it is off: host names are judged by allowed_domains and allow_localhost".to_owned();
    all.idle("allow_any_name", "", if settings.allow_any_name { no_host } else { any_name });
    for (rule, on, off) in [
        ("allow_bare_domains", settings.allow_bare_domains, "entries of allowed_domains themselves"),
        ("allow_subdomains", settings.allow_subdomains, "names below entries of allowed_domains"),
        ("allow_glob_domains", settings.allow_glob_domains, "names that a `*` in an entry matches"),
        ("allow_localhost", settings.allow_localhost, "`localhost` and `localdomain`"),
    ] {
        let reason = if on {
            "no name is permitted through it".to_owned()
        } else {
            format!("it is off: it does not permit {off}")
        };
        all.idle(rule, "", reason);
    }
}

fn note_name_rules(role: &Role, request: &NameRequest<'_>, all: &mut Everything) {
    let settings = role.settings();
    let no_address = nothing(role, request, "the request has no legal IP address");
    let networks = if settings.allowed_ip_sans_cidr.is_empty() {
        "it is empty: IP addresses of all networks are alike".to_owned()
    } else {
        no_address.clone()
    };
    all.idle(
        "allow_wildcard_certificates",
        "",
        nothing(role, request, "the request has no legal wildcard name"),
    );
    all.idle(
        "allow_partial_wildcards",
        "",
        nothing(role, request, "the request has no legal name with a `*` inside of a label"),
    );
    all.idle("allow_ip_sans", "ip_sans", no_address);
    all.idle("allowed_ip_sans_cidr", "ip_sans", networks);
    all.idle("allowed_uri_sans", "uri_sans", nothing(role, request, "the request has no legal URI"));
    let no_other = nothing(role, request, "the request has no legal other name");
    all.idle("allowed_other_sans", "other_sans", no_other);
    let no_email = nothing(role, request, "the request has no legal e-mail address");
    all.idle("allow_email_sans", "email_sans", no_email);
    all.idle("require_cn", "common_name", "it is off: a request need not have a common name");
}

fn nothing(role: &Role, request: &NameRequest<'_>, reason: &str) -> String {
    if names::are_too_many(role, request) {
        "the lists of names were not judged, since they are too long".to_owned()
    } else {
        reason.to_owned()
    }
}

fn note_key_rules(settings: &RoleSettings, all: &mut Everything) {
    let refused = refusal_of(all, &["key_type", "csr_pem"], "the key");
    let bits =
        refused.clone().unwrap_or_else(|| "the role takes keys of any type and strong size".to_owned());
    all.idle("key_bits", "key_bits", bits);
    let unnamed = "it is empty: the certificate would name no key usage, which permits every use".to_owned();
    let usage = if settings.key_usage.is_empty() { unnamed } else { refused.unwrap_or(unnamed) };
    all.idle("key_usage", "", usage);
}

fn note_validity_rules(all: &mut Everything) {
    all.idle("ttl", "ttl", "the request names its own ttl");
    if let Some(refused) = refusal_of(all, &["ttl"], "the ttl") {
        all.idle("max_ttl", "ttl", refused.clone());
        all.idle("not_after", "ttl", refused.clone());
        all.idle("ca_validity", "ttl", refused.clone());
        all.idle("not_before_duration", "", refused);
    }
    all.idle("not_after", "ttl", "it names no end");
}

/// Why a rule was not reached: what was refused before it.
fn refusal_of(all: &Everything, fields: &[&str], what: &str) -> Option<String> {
    let refused = all.refusals().find(|finding| fields.contains(&finding.field))?;
    Some(format!("it was not reached, since `{}` refuses {what}", refused.rule))
}

fn note_contents(request: &NameRequest<'_>, all: &mut Everything) {
    all.idle("ext_key_usage", "", "it is empty: it adds no extended key usage");
    all.idle("server_flag", "", "it is off: it does not add serverAuth");
    all.idle("client_flag", "", "it is off: it does not add clientAuth");
    let keep = match request.key {
        RequestedKey::Generate { .. } => "it is off: the private key would be shown once and not kept",
        RequestedKey::Csr(_) => "there is no private key to keep: the client has that of its CSR",
    };
    all.idle("store_private_keys", "", keep);
    all.idle("policy_identifiers", "", "it is empty: the certificate would name no policy");
    all.idle("must_staple", "", "it is off: the certificate would demand nothing of its server");
    all.idle("no_store", "", "it is off: the certificate would be kept");
    all.idle("allow_self_renewal", "", "it is off: the certificate could not renew itself without a token");
    for rule in ["organization", "organizational_unit", "country", "locality", "province"] {
        all.idle(rule, "", "it is empty: it adds nothing to the subject");
    }
}
