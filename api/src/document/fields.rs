//! What fields and parameters of one name have in common wherever they occur: what they mean, their formats and their bounds.
//!
//! A doc comment at a field wins over the text here. The bounds are those that the use cases enforce; a test sends values
//! on both sides of them.

mod ids;

use certmill_service::domain::{CaId, RoleSettings};
use serde_json::{Map, Value};

use self::ids::{IDS, IDS_OF_PATHS, KNOWN_PREFIXES};

/// Where a rule holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Everywhere,
    Requests,
    Answers,
}

/// Names and what is said of them.
const MEANINGS: &[(&[&str], &str)] = &[
    (&["name"], "Its name."),
    (&["limit"], "Rows of a page at most. Large rows may end one earlier."),
    (&["count"], "Whether the answer says how many rows all pages have."),
    (
        &["total"],
        "Only with `count=true`: how many rows all pages have. They are counted up to 10,000; 10,001 stands for more.",
    ),
    (&["cursor"], "The `cursor` of the page before; the first page when absent."),
    (&["has_more"], "Whether another page follows."),
    (&["created_at"], "When it was made."),
    (&["updated_at"], "When it was last changed."),
    (&["completed_at"], "When it ended."),
    (&["validated_at"], "When the CA found it in order."),
    (&["verified_at"], "When its credentials were last proven."),
    (&["revoked_at"], "When it was revoked."),
    (&["valid_from", "not_before"], "From when on it is valid."),
    (&["valid_until", "not_after"], "Until when it is valid."),
    (&["this_update"], "When the CRL was made."),
    (&["next_update"], "When there will be a newer one at the latest."),
    (&["start"], "From when on."),
    (&["end"], "Until when."),
    (&["serial_number"], "Its serial number: lower-case pairs of hexadecimal digits joined by `:`."),
    (&["ca_id"], "The id of the CA."),
    (&["parent_ca_id"], "The CA that signed it; null for a root."),
    (&["certificate_id"], "The id of the certificate."),
    (&["acme_order_id"], "The order at an ACME server that it came from."),
    (&["account_id"], "The ACME account."),
    (&["dns_provider_id"], "The DNS provider for `dns-01`."),
    (&["renewed_from"], "The certificate that it renews."),
    (&["renewed_by"], "The certificate that renews it."),
    (&["revocation_reason", "reason"], "Why."),
    (&["rejection_reason"], "Why it was rejected."),
    (&["certificate_pem"], "The certificate in PEM."),
    (&["csr_pem"], "The CSR in PEM."),
    (&["crl_pem"], "The CRL in PEM."),
    (&["crl_number", "number"], "The number of the CRL (RFC 5280 §5.2.3)."),
    (&["entries"], "How many certificates it lists."),
    (&["key_type"], "The kind of its key."),
    (&["key_size"], "Bits of its key."),
    (&["key_bits"], "Bits of keys; 0 stands for the default of the type."),
    (&["key_usage"], "Key usages, as RFC 5280 §4.2.1.3 has them."),
    (&["ext_key_usage"], "Extended key usages: names or object identifiers."),
    (&["has_private_key"], "Whether its private key is kept here."),
    (&["fingerprint_sha256"], "SHA-256 of the DER, lower-case hex."),
    (&["subject"], "The subject (RFC 4514)."),
    (&["sans"], "Its subject alternative names."),
    (&["common_name"], "Common name of the subject."),
    (&["organization"], "Organization of the subject."),
    (&["organizational_unit"], "Organizational unit of the subject."),
    (&["country"], "Country of the subject, two letters."),
    (&["locality"], "Locality of the subject."),
    (&["province"], "State or province of the subject."),
    (&["email"], "E-mail address."),
    (&["dns"], "Host names."),
    (&["ip"], "IP addresses."),
    (&["uri"], "URIs."),
    (&["tags"], "Labels: keys with values."),
    (&["description"], "A text of the tenant's."),
    (&["code"], "What went wrong, as a word."),
    (&["message"], "What went wrong, as a sentence for people."),
    (&["error", "errors"], "What went wrong; absent or empty when nothing did."),
    (&["warnings"], "What could not be found out, or is odd."),
    (&["path"], "Where it is kept."),
    (&["prefix"], "Those whose paths begin with this."),
    (&["version"], "The number of the version."),
    (&["secret_type"], "The form of its data."),
    (&["zone"], "The zone."),
    (&["zones"], "The zones that it serves."),
    (&["is_active"], "Whether it is used."),
    (&["type"], "Its type."),
    (&["value"], "The value."),
    (&["address"], "Its address."),
    (&["succeeded"], "Whether it worked."),
    (&["steps"], "The steps in their order."),
    (&["elapsed_ms"], "How long it took, in milliseconds."),
    (&["critical"], "Whether it is critical."),
    (&["other"], "Everything else that it asks for."),
    (&["requested_extensions"], "What it asks for beside names."),
    (&["max_path_length"], "How many CAs may follow below it."),
    (
        &["rule"],
        "The rule: a field of the role, or `syntax`, `ca_validity`, `ca_status`, `ca_name_constraints`.",
    ),
    (&["trusted_anchor"], "The trust anchor that the path leads to."),
    (&["provider"], "Whose ACME server it is."),
    (&["environment"], "Which of the provider's servers it is."),
    (&["directory_url"], "The directory of the ACME server (RFC 8555 §7.1.1)."),
    (&["challenge_type"], "The kind of challenge."),
    (&["challenges"], "Its challenges."),
    (&["auto_renew"], "Whether the certificate is renewed on its own."),
    (&["profile"], "The profile that was asked for."),
    (&["preferred_chain"], "The chain that was asked for."),
    (&["url"], "Its URL at the CA."),
    (&["token"], "The token (RFC 8555 §8.1)."),
    (&["key_authorization"], "The key authorization (RFC 8555 §8.1)."),
    (&["allowed_domains"], "Domains and patterns that names may be in."),
    (&["allow_subdomains"], "Whether names below the domains are permitted."),
    (&["allow_bare_domains"], "Whether the domains themselves are permitted."),
    (&["allow_glob_domains"], "Whether `*` in the domains is a glob over the whole name."),
    (&["allow_wildcard_certificates"], "Whether wildcard names are permitted."),
    (&["allow_localhost"], "Whether `localhost` is permitted."),
    (&["allow_any_name"], "Whether any host name is permitted."),
    (&["allow_ip_sans"], "Whether IP addresses are permitted."),
    (&["allowed_ip_sans_cidr"], "The networks that addresses may be in; all when empty."),
    (&["allowed_uri_sans"], "Patterns of URIs that are permitted; none when empty."),
    (&["allowed_other_sans"], "Patterns of other names that are permitted; none when empty."),
    (&["allow_email_sans"], "Whether e-mail addresses are permitted."),
    (&["not_before_duration"], "How far before now certificates begin."),
    (&["server_flag"], "Whether certificates are for servers (serverAuth)."),
    (&["client_flag"], "Whether certificates are for clients (clientAuth)."),
    (&["require_cn"], "Whether requests without a common name are refused."),
    (&["store_private_keys"], "Whether private keys that the service makes are kept, sealed."),
    (&["role"], "The name of the role."),
    (&["id"], "Its id."),
    (
        &[
            "accounts",
            "certificate_authorities",
            "certificates",
            "csrs",
            "deliveries",
            "dns_providers",
            "jobs",
            "logs",
            "orders",
            "roles",
            "secrets",
            "tokens",
            "trust_anchors",
            "webhooks",
        ],
        "The rows of this page.",
    ),
];

const TIME: &str = r#"{"format": "date-time"}"#;
const URL: &str = r#"{"format": "uri"}"#;
const DIGEST: &str = r#"{"pattern": "^[0-9a-f]{64}$"}"#;
const DURATION: &str = r#"{"pattern": "^([0-9]+|([0-9]+[smhdwy])+)$"}"#;
const SECRET: &str = r#"{"format": "password", "minLength": 32, "maxLength": 256, "pattern": "^[!-~]+$"}"#;
const NAME: &str = r#"{"minLength": 1, "maxLength": 128}"#;

/// Formats and bounds of texts, numbers and lists by name.
const FACTS: &[(In, &[&str], &str)] = &[
    (
        In::Everywhere,
        &[
            "as_of",
            "at",
            "end",
            "from",
            "lease_until",
            "next_update",
            "not_after",
            "not_before",
            "start",
            "this_update",
            "timestamp",
            "to",
            "valid_from",
            "valid_until",
        ],
        TIME,
    ),
    (In::Answers, &["crl_url", "ca_issuers_url", "directory_url", "account_url", "explanation_url"], URL),
    (
        In::Answers,
        &["fingerprint_sha256", "spki_sha256", "before_sha256", "after_sha256", "previous_hash", "hash"],
        DIGEST,
    ),
    (
        In::Everywhere,
        &["ttl", "max_ttl", "not_before_duration", "expiring_within", "wait", "previous_secret_ttl"],
        DURATION,
    ),
    (In::Answers, &["serial_number"], r#"{"pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){0,19}$"}"#),
    (In::Requests, &["serial_number"], r#"{"pattern": "^[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){0,19}$"}"#),
    (In::Requests, &["limit"], r#"{"minimum": 1, "maximum": 1000, "default": 100}"#),
    (In::Requests, &["count"], r#"{"default": false}"#),
    (In::Requests, &["cursor"], r#"{"pattern": "^[A-Za-z0-9_-]+$"}"#),
    (In::Requests, &["validity_days"], r#"{"minimum": 1, "maximum": 36500}"#),
    (In::Requests, &["max_path_length"], r#"{"minimum": 0}"#),
    (In::Requests, &["crl_shards"], r#"{"minimum": 1, "maximum": 128}"#),
    (In::Requests, &["version"], r#"{"minimum": 1}"#),
    (In::Requests, &["email"], r#"{"format": "email"}"#),
    (In::Requests, &["country"], r#"{"items": {"type": "string", "pattern": "^[A-Za-z]{2}$"}}"#),
    (In::Requests, &["networks"], r#"{"maxItems": 64}"#),
    (In::Requests, &["scopes"], r#"{"minItems": 1, "maxItems": 16}"#),
    (In::Requests, &["domains"], r#"{"minItems": 1, "maxItems": 100}"#),
    (In::Requests, &["zones", "allowed_domains"], r#"{"maxItems": 1000}"#),
    (
        In::Requests,
        &["allowed_ip_sans_cidr", "allowed_uri_sans", "allowed_other_sans"],
        r#"{"maxItems": 1000}"#,
    ),
    (In::Requests, &["alt_names", "ip_sans", "uri_sans", "other_sans"], r#"{"maxItems": 1000}"#),
    (In::Requests, &["policy_identifiers"], r#"{"maxItems": 32}"#),
    (In::Requests, &["policies", "ext_key_usage"], r#"{"maxItems": 100}"#),
    (In::Requests, &["permitted_dns_domains", "excluded_dns_domains"], r#"{"maxItems": 100}"#),
    (In::Requests, &["owners"], r#"{"maxItems": 16, "items": {"type": "string", "format": "email"}}"#),
    (In::Requests, &["tags"], r#"{"maxProperties": 64}"#),
];

/// Fields of one schema with bounds of their own.
const OF_SCHEMAS: &[(&str, &str, &str)] = &[
    ("CreateCaRequest", "name", NAME),
    ("CreateCaRequest", "key_type", r#"{"default": "rsa"}"#),
    ("CreateCaRequest", "renewal_of_desk_certificates", r#"{"default": "admin"}"#),
    ("RevokeCaRequest", "reason", r#"{"default": "unspecified"}"#),
    ("RevokeCertificateRequest", "reason", r#"{"default": "unspecified"}"#),
    ("CreateRoleRequest", "name", r#"{"pattern": "^[A-Za-z0-9._-]{1,128}$"}"#),
    ("CreateCsrRequest", "key_type", r#"{"default": "rsa"}"#),
    ("RejectCsrRequest", "reason", r#"{"minLength": 1, "maxLength": 1024}"#),
    ("SignApprovedCsrRequest", "validity_days", r#"{"default": 365}"#),
    ("UpdateCertificateRequest", "description", r#"{"maxLength": 4096}"#),
    ("UpdateCertificateRequest", "endpoints", r#"{"maxItems": 100}"#),
    ("PrivateKeyRequest", "format", r#"{"default": "pem"}"#),
    ("PrivateKeyRequest", "password", r#"{"format": "password", "minLength": 8, "maxLength": 256}"#),
    ("CreateTokenRequest", "name", NAME),
    ("CreateTrustAnchorRequest", "name", NAME),
    ("CreateDnsProviderRequest", "name", NAME),
    ("CreateDnsProviderRequest", "is_active", r#"{"default": true}"#),
    ("CreateDnsProviderRequest", "verify", r#"{"default": true}"#),
    ("UpdateDnsProviderRequest", "name", NAME),
    ("UpdateDnsProviderRequest", "verify", r#"{"default": true}"#),
    ("RegisterAccountRequest", "name", NAME),
    ("RegisterAccountRequest", "environment", r#"{"default": "production"}"#),
    ("RegisterAccountRequest", "directory_url", r#"{"maxLength": 1024}"#),
    ("OrderRequest", "key_type", r#"{"default": "ec"}"#),
    ("OrderRequest", "auto_renew", r#"{"default": true}"#),
    ("ValidateCertificateRequest", "check_revocation", r#"{"default": false}"#),
    ("ValidateCertificateRequest", "require_explicit_policy", r#"{"default": false}"#),
    ("ValidateCertificateRequest", "inhibit_policy_mapping", r#"{"default": false}"#),
    ("ValidateCertificateRequest", "inhibit_any_policy", r#"{"default": false}"#),
    ("ValidateCertificateRequest", "strict", r#"{"default": true}"#),
    ("DiscoverRequest", "targets", r#"{"minItems": 1, "maxItems": 1000}"#),
    ("CreateWebhookRequest", "name", NAME),
    ("CreateWebhookRequest", "url", r#"{"maxLength": 2048}"#),
    ("CreateWebhookRequest", "events", r#"{"minItems": 1, "maxItems": 64}"#),
    ("CreateWebhookRequest", "format", r#"{"default": "certmill"}"#),
    ("CreateWebhookRequest", "secret", SECRET),
    ("CreateWebhookRequest", "is_active", r#"{"default": true}"#),
    ("UpdateWebhookRequest", "name", NAME),
    ("UpdateWebhookRequest", "url", r#"{"maxLength": 2048}"#),
    ("UpdateWebhookRequest", "events", r#"{"minItems": 1, "maxItems": 64}"#),
    ("UpdateWebhookRequest", "secret", SECRET),
    ("WebhookFiltersRequest", "ca_ids", r#"{"maxItems": 64}"#),
    ("WebhookFiltersRequest", "roles", r#"{"maxItems": 64}"#),
    ("PutSecretRequest", "secret_type", r#"{"default": "json"}"#),
];

/// Completes a property of a schema.
pub(super) fn complete_property(schema: &str, is_request: bool, name: &str, property: &mut Value) {
    let place = if is_request { In::Requests } else { In::Answers };
    describe(name, property);
    add_facts(place, name, property);
    add_id(name, property);
    for (_, _, facts) in OF_SCHEMAS.iter().filter(|(of, field, _)| *of == schema && *field == name) {
        merge(property, facts);
    }
    if schema == "CreateRoleRequest"
        && let Some(default) = role_default(name)
    {
        property["default"] = default;
    }
}

/// Completes a parameter of an operation.
pub(super) fn complete_parameter(path: &str, parameter: &mut Value) {
    let Some(name) = parameter["name"].as_str().map(ToOwned::to_owned) else { return };
    let of_path = IDS_OF_PATHS.iter().find(|(start, _)| name == "id" && path.starts_with(start));
    if let Some((_, prefix)) = of_path {
        parameter["schema"]["pattern"] = id_pattern(&[prefix]).into();
        parameter["description"] = format!("Its id: `{prefix}_…`.").into();
    }
    if name == "path" {
        parameter["schema"]["maxLength"] = 512.into();
    }
    if path.starts_with("/.well-known/") && name == "token" {
        parameter["schema"]["pattern"] = "^[A-Za-z0-9_-]{1,256}$".into();
    }
    if name == "file" {
        let (ending, meaning) = if path.starts_with("/pub/crl/") {
            let meaning = "The id of the CA, for a shard with its number behind a hyphen, `-delta` for a delta CRL, and the ending `.crl`.";
            ("(-[1-9][0-9]{0,2})?(-delta)?\\.crl$", meaning)
        } else {
            ("\\.crt$", "The id of the CA with the ending `.crt`.")
        };
        parameter["schema"]["pattern"] = id_pattern(&[CaId::PREFIX]).replace('$', ending).into();
        parameter["description"] = meaning.into();
    }
    describe(&name, parameter);
    add_facts(In::Requests, &name, &mut parameter["schema"]);
    add_id(&name, &mut parameter["schema"]);
}

fn describe(name: &str, of: &mut Value) {
    let missing = of["description"].as_str().is_none_or(str::is_empty);
    if let Some((_, meaning)) = MEANINGS.iter().find(|(names, _)| missing && names.contains(&name)) {
        of["description"] = (*meaning).into();
    }
}

fn add_facts(place: In, name: &str, schema: &mut Value) {
    if name.ends_with("_at") {
        merge(schema, TIME);
    }
    for (holds, _, facts) in FACTS.iter().filter(|(_, names, _)| names.contains(&name)) {
        if *holds == In::Everywhere || *holds == place {
            merge(schema, facts);
        }
    }
}

/// Adds facts to a schema that they can be true of: `format` and `pattern` are for texts, `minimum` for numbers.
fn merge(schema: &mut Value, facts: &str) {
    let facts: Map<String, Value> = serde_json::from_str(facts).unwrap_or_default();
    let kind = schema["type"].as_str().unwrap_or_default().to_owned();
    for (key, value) in facts {
        let fits = match key.as_str() {
            "format" | "pattern" | "minLength" | "maxLength" => kind == "string" && schema["enum"].is_null(),
            "minimum" | "maximum" => kind == "integer",
            "items" | "minItems" | "maxItems" => kind == "array",
            "maxProperties" => kind == "object",
            _ => true,
        };
        if fits {
            schema[key] = value;
        }
    }
}

/// Ids have patterns: by the field's name, or by the prefixes that its description begins with.
fn add_id(name: &str, schema: &mut Value) {
    if schema["type"] != "string" {
        return;
    }
    if let Some((_, prefix)) = IDS.iter().find(|(names, _)| names.contains(&name)) {
        schema["pattern"] = id_pattern(&[prefix]).into();
    } else if name == "id" {
        let description = schema["description"].as_str().unwrap_or_default();
        let named: Vec<&str> = KNOWN_PREFIXES
            .into_iter()
            .filter(|prefix| description.contains(&format!("`{prefix}_…`")))
            .collect();
        if !named.is_empty() {
            schema["pattern"] = id_pattern(&named).into();
        }
    }
}

/// The pattern of ids with these prefixes: a ULID follows.
fn id_pattern(prefixes: &[&str]) -> String {
    let prefix = match prefixes {
        [one] => (*one).to_owned(),
        several => format!("({})", several.join("|")),
    };
    format!("^{prefix}_[0-7][0-9A-HJKMNP-TV-Z]{{25}}$")
}

/// What a setting of a role is when a request leaves it out.
fn role_default(name: &str) -> Option<Value> {
    let defaults = serde_json::to_value(RoleSettings::default()).unwrap_or_default();
    // The default of `ttl` depends on `max_ttl`.
    defaults.get(name).filter(|value| !value.is_null() && name != "ttl").cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_can_be_read_and_stand_once() {
        for (_, _, facts) in FACTS {
            assert!(serde_json::from_str::<Map<String, Value>>(facts).is_ok(), "{facts}");
        }
        for (schema, field, facts) in OF_SCHEMAS {
            assert!(serde_json::from_str::<Map<String, Value>>(facts).is_ok(), "{schema}.{field}");
        }
        let mut seen = Vec::new();
        for name in MEANINGS.iter().flat_map(|(names, _)| *names) {
            assert!(!seen.contains(name), "{name} stands twice");
            seen.push(*name);
        }
    }

    #[test]
    fn ids_have_the_pattern_of_their_prefix() {
        let mut property =
            json!({ "type": "string", "description": "`ta_…` or `ca_…`; null for the machine's." });
        complete_property("TrustedAnchor", false, "id", &mut property);
        assert_eq!(property["pattern"], "^(ca|ta)_[0-7][0-9A-HJKMNP-TV-Z]{25}$");
        let mut parameter = json!({ "name": "id", "in": "path", "schema": { "type": "string" } });
        complete_parameter("/v1/pki/csr/{id}/sign", &mut parameter);
        assert_eq!(parameter["schema"]["pattern"], "^csr_[0-7][0-9A-HJKMNP-TV-Z]{25}$");
    }
}
